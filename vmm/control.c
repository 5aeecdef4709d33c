/* SPDX-License-Identifier: MIT */
/*
 * Connections of the control socket: lines in, lines out. See control.h.
 */
#include "vmm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/control_private.h"
#include "vmm/refuse.h"
#include "vmm/signals.h"

void control_hold(struct vm *vm, struct control_connection *connection, bool hold)
{
	if (hold && !connection->holds)
		vm->holds++;
	if (!hold && connection->holds)
		vm->holds--;
	connection->holds = hold;
}

static void connection_close(struct vm *vm, struct control_connection *connection)
{
	control_hold(vm, connection, false);
	peer_close(&connection->peer);
	connection->used = 0;
}

/* One line: what json_dumps() makes has no newline in it. */
static int reply(struct control_connection *connection, json_t *object, int pass_fd)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	size_t len = text ? strlen(text) : 0;

	json_decref(object);
	if (text)
		text[len++] = '\n'; /* in the place of the final NUL, which nobody needs */
	return peer_send(&connection->peer, text, len, pass_fd);
}

static json_t *reply_of(const struct control_call *call, int result)
{
	json_t *object, *id = json_object_get(call->request, "id");

	if (result)
		object = json_pack("{s:s}", "error", call->error.text);
	else
		object = json_pack("{s:O}", "result", call->result);
	if (id)
		json_object_set(object, "id", id);
	return object;
}

/* -E*: the connection is of no more use. */
static int line_handle(struct vm *vm, struct control_connection *connection, size_t len)
{
	struct control_call call = { .vm = vm, .from = connection, .pass_fd = -1 };
	json_t *request = json_loadb(connection->line, len, JSON_REJECT_DUPLICATES, NULL);
	int result;

	call.request = request;
	call.result = json_object();
	if (json_is_object(request))
		result = control_call(&call);
	else
		result = refuse(&call.error, -EINVAL, "not a JSON object on one line");
	result = reply(connection, reply_of(&call, result), call.pass_fd);
	json_decref(call.result);
	json_decref(request);
	return result == -EAGAIN ? 0 : result;
}

/* Carries out the lines that are there, until one of the replies is not taken. */
static int lines_handle(struct vm *vm, struct control_connection *connection)
{
	int result = 0;

	while (!result && !peer_is_busy(&connection->peer)) {
		char *end = memchr(connection->line, '\n', connection->used);
		size_t len;

		if (!end)
			return connection->used < CONTROL_LINE_MAX ? 0 : -EMSGSIZE;
		len = (size_t)(end - connection->line);
		result = line_handle(vm, connection, len);
		connection->used -= len + 1;
		memmove(connection->line, end + 1, connection->used);
	}
	return result;
}

/* Does what can be done now. -E*: the connection is over. */
static int connection_serve(struct vm *vm, struct control_connection *connection)
{
	int result = peer_flush(&connection->peer);

	while (!result) {
		ssize_t count;

		result = lines_handle(vm, connection);
		if (result || peer_is_busy(&connection->peer))
			return result;
		count = peer_receive(&connection->peer, connection->line + connection->used,
				     CONTROL_LINE_MAX - connection->used);
		if (count < 0)
			return count == -EAGAIN ? 0 : (int)count;
		connection->used += (size_t)count;
	}
	return result == -EAGAIN ? 0 : result;
}

static struct control_connection *connection_free(struct control *control)
{
	for (unsigned i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
		if (control->connections[i].peer.fd < 0)
			return &control->connections[i];
	return NULL;
}

/* A peer for whom there is no room is told so, as far as he listens. */
static void connection_refuse(int fd)
{
	static const char text[] = "{\"error\":\"too many connections\"}\n";

	if (send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		/* he does not */
	}
	close(fd);
}

static void connections_accept(struct control *control)
{
	int fd;

	while ((fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct control_connection *connection = connection_free(control);

		if (!connection || signals_attend(fd)) {
			connection_refuse(fd);
			continue;
		}
		peer_init(&connection->peer, fd);
		connection->used = 0;
	}
}

void control_serve(struct vm *vm)
{
	struct control *control = vm->control;

	if (!control)
		return;
	connections_accept(control);
	for (unsigned i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
		struct control_connection *connection = &control->connections[i];

		if (connection->peer.fd >= 0 && connection_serve(vm, connection))
			connection_close(vm, connection);
	}
}

int control_begin(struct vm *vm)
{
	int result;

	if (!vm->control)
		return 0;
	result = signals_attend(vm->control->fd);
	if (!result)
		control_serve(vm);
	return result;
}

void control_close(struct vm *vm)
{
	struct control *control = vm->control;

	if (!control)
		return;
	unlink(control->path);
	close(control->fd);
	for (unsigned i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
		connection_close(vm, &control->connections[i]);
	if (control->paused)
		vm->holds--;
	free(control);
	vm->control = NULL;
}

static int path_choose(struct control *control, const struct control_options *options)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	snprintf(control->name, sizeof(control->name), "%s", options->name ? options->name : "");
	if (!options->path)
		return control_path_of(options->name ? options->name : pid, true, control->path);
	if (strlen(options->path) >= sizeof(control->path))
		return -ENAMETOOLONG;
	strcpy(control->path, options->path);
	return 0;
}

int control_open(struct vm *vm, const struct control_options *options, struct image_error *error)
{
	struct control *control = malloc(sizeof(*control));
	int result;

	if (!control)
		return refuse(error, -ENOMEM, "no memory");
	*control = (struct control){ .image = options->image, .start_ns = clock_now() };
	for (unsigned i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
		peer_init(&control->connections[i].peer, -1);
	result = path_choose(control, options);
	if (!result)
		result = control->fd = control_listen(control->path);
	if (result >= 0) {
		vm->control = control;
		return 0;
	}
	free(control);
	return refuse(error, result, "the control socket%s%s: %s", options->path ? " " : "",
		      options->path ? options->path : "",
		      result == -EADDRINUSE ? "another VM has that name" : strerror(-result));
}
