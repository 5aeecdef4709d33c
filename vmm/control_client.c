/* SPDX-License-Identifier: MIT */
/*
 * Requests and replies: see control_client.h.
 */
#include "vmm/control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "vmm/control_place.h"
#include "vmm/refuse.h"

#define REPLY_MAX (UINT64_C(1) << 30)
#define ROOM_FIRST 65536

void control_client_init(struct control_client *client, int fd)
{
	*client = (struct control_client){ .fd = fd, .passed_fd = -1 };
}

int control_client_open(struct control_client *client, const char *vm, struct image_error *error)
{
	int fd = control_find(vm, error);

	if (fd < 0)
		return fd;
	control_client_init(client, fd);
	return 0;
}

void control_client_close(struct control_client *client)
{
	if (client->passed_fd >= 0)
		close(client->passed_fd);
	close(client->fd);
	free(client->line);
}

static int send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (sent > 0) {
			bytes += sent;
			len -= (size_t)sent;
		}
	}
	return 0;
}

static int request_send(struct control_client *client, json_t *request)
{
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	int result;

	json_decref(request);
	if (!text)
		return -ENOMEM;
	result = send_all(client->fd, text, strlen(text));
	if (!result)
		result = send_all(client->fd, "\n", 1);
	free(text);
	return result;
}

static int room_make(struct control_client *client)
{
	size_t room = client->room ? 2 * client->room : ROOM_FIRST;
	char *line;

	if (client->used < client->room)
		return 0;
	if (room > REPLY_MAX)
		return -EMSGSIZE;
	line = realloc(client->line, room);
	if (!line)
		return -ENOMEM;
	client->line = line;
	client->room = room;
	return 0;
}

static void descriptor_take(struct control_client *client, struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);

	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(int)))
		return;
	if (client->passed_fd >= 0)
		close(client->passed_fd);
	memcpy(&client->passed_fd, CMSG_DATA(header), sizeof(int));
}

static int receive_some(struct control_client *client)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec bytes;
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t count;
	int result = room_make(client);

	if (result)
		return result;
	bytes.iov_base = client->line + client->used;
	bytes.iov_len = client->room - client->used;
	do
		count = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (count == 0)
		return -ECONNRESET;
	descriptor_take(client, &message);
	client->used += (size_t)count;
	return 0;
}

static int reply_receive(struct control_client *client, json_t **reply)
{
	size_t looked = 0, len;
	char *end;
	int result;

	while (!(end = client->used > looked ?
			       memchr(client->line + looked, '\n', client->used - looked) :
			       NULL)) {
		looked = client->used;
		result = receive_some(client);
		if (result)
			return result;
	}
	len = (size_t)(end - client->line);
	*reply = json_loadb(client->line, len, 0, NULL);
	client->used -= len + 1;
	memmove(client->line, end + 1, client->used);
	return json_is_object(*reply) ? 0 : -EPROTO;
}

static int refuse_number(struct image_error *error, int result)
{
	if (result == -ETIMEDOUT)
		return refuse(error, result, "the VM does not answer");
	if (result == -ECONNRESET || result == -EPIPE)
		return refuse(error, result, "the VM has ended");
	return refuse(error, result, "the VM's control socket: %s", strerror(-result));
}

int control_client_call(struct control_client *client, json_t *request, unsigned seconds,
			json_t **result, struct image_error *error)
{
	const struct timeval patience = { .tv_sec = seconds };
	json_t *reply = NULL;
	int code;

	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	code = request_send(client, request);
	if (!code)
		code = reply_receive(client, &reply);
	*result = json_incref(json_object_get(reply, "result"));
	if (code)
		code = refuse_number(error, code);
	else if (!*result)
		code = refuse(error, -EREMOTEIO, "%s",
			      json_string_value(json_object_get(reply, "error")) ?:
				      "the VM's control socket speaks another language");
	json_decref(reply);
	return code;
}
