/* SPDX-License-Identifier: MIT */
/*
 * The connection to gdb: bytes in, packets out. See gdb.h.
 */
#include "vmm/gdb.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/gdb_private.h"
#include "vmm/kvm.h"
#include "vmm/refuse.h"
#include "vmm/signals.h"

#define SAY_PART 4096 /* bytes of text in one packet */
#define STEP_FLAGS 7  /* QEMU's default: neither interrupts nor timers while stepping */

/* Queued behind what the peer has not taken yet. Without memory it is lost, and gdb asks again. */
static void queue(struct gdb *gdb, const char *bytes, size_t len)
{
	char *out = realloc(gdb->out, gdb->out_len + len);

	if (!out)
		return;
	memcpy(out + gdb->out_len, bytes, len);
	gdb->out = out;
	gdb->out_len += len;
}

/* -EAGAIN: something is left. */
static int flush(struct gdb *gdb)
{
	int result = peer_flush(&gdb->peer);

	if (!result && gdb->out) {
		result = peer_send(&gdb->peer, gdb->out, gdb->out_len, -1);
		gdb->out = NULL;
		gdb->out_len = 0;
	}
	return result;
}

void gdb_send(struct gdb *gdb)
{
	char *frame = malloc(GDB_FRAME_MAX);

	if (!frame)
		return;
	if (gdb->reply.full) {
		gdb->reply.full = false;
		gdb->reply.len = 0;
		gdb_reply_text(&gdb->reply, "E16");
	}
	free(gdb->sent);
	gdb->sent = frame;
	gdb->sent_len = gdb_frame(&gdb->reply, frame);
	queue(gdb, frame, gdb->sent_len);
	flush(gdb); /* who is gone is noticed when he is served next */
}

void gdb_say(struct gdb *gdb, const char *text, size_t len)
{
	while (len > 0) {
		size_t part = len < SAY_PART ? len : SAY_PART;

		gdb->reply.len = 0;
		gdb_reply_text(&gdb->reply, "O");
		gdb_reply_hex(&gdb->reply, text, part);
		gdb_send(gdb);
		text += part;
		len -= part;
	}
}

static void acknowledge(struct gdb *gdb, bool good)
{
	if (!gdb->no_ack)
		queue(gdb, good ? "+" : "-", 1);
}

static void event_handle(struct gdb *gdb, enum gdb_event event)
{
	switch (event) {
	case GDB_NOTHING:
		break;
	case GDB_BAD:
		acknowledge(gdb, false);
		break;
	case GDB_TOO_LONG:
		acknowledge(gdb, true);
		gdb->reply.len = 0;
		gdb_reply_text(&gdb->reply, "E16");
		gdb_send(gdb);
		break;
	case GDB_PACKET:
		acknowledge(gdb, true);
		gdb_packet(gdb);
		break;
	case GDB_INTERRUPT:
		if (gdb->resumed)
			gdb_stop(gdb, GDB_SIGINT, "%s", "");
		break;
	case GDB_REPEAT:
		if (!gdb->no_ack && gdb->sent)
			queue(gdb, gdb->sent, gdb->sent_len);
		break;
	}
}

/* The bytes that are here, until one makes a reply that is not taken. */
static int bytes_handle(struct gdb *gdb)
{
	int result = 0;

	while (!result && gdb->in_done < gdb->in_len && !gdb->leave) {
		event_handle(gdb, gdb_reader_take(&gdb->reader, (uint8_t)gdb->in[gdb->in_done++]));
		result = flush(gdb);
	}
	return result;
}

static int connection_serve(struct gdb *gdb)
{
	int result = flush(gdb);

	while (!result) {
		ssize_t count;

		result = bytes_handle(gdb);
		if (result || gdb->leave)
			break;
		count = peer_receive(&gdb->peer, gdb->in, sizeof(gdb->in));
		if (count < 0)
			return (int)count;
		gdb->in_done = 0;
		gdb->in_len = (size_t)count;
	}
	return result ? result : -ENODATA;
}

static void connection_end(struct gdb *gdb)
{
	gdb_detach(gdb);
	peer_close(&gdb->peer);
	free(gdb->out);
	free(gdb->sent);
	gdb->out = gdb->sent = NULL;
	gdb->out_len = gdb->sent_len = 0;
	gdb->in_len = gdb->in_done = 0;
	gdb->reader.state = GDB_OUTSIDE;
}

/* gdb expects to find the guest stopped. */
static void connection_begin(struct gdb *gdb, int fd)
{
	const int yes = 1;

	if (!gdb->path[0])
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	peer_init(&gdb->peer, fd);
	gdb->no_ack = false;
	gdb->leave = false;
	gdb->step_flags = STEP_FLAGS;
	gdb->warned = false;
	gdb_stop(gdb, GDB_SIGTRAP, "%s", "");
}

/* One gdb at a time: others find that nobody talks to them. */
static void connections_accept(struct gdb *gdb)
{
	int fd;

	while ((fd = accept4(gdb->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (gdb->peer.fd >= 0 || signals_attend(fd))
			close(fd);
		else
			connection_begin(gdb, fd);
	}
}

static void peer_serve(struct gdb *gdb)
{
	if (gdb->peer.fd >= 0 && connection_serve(gdb) != -EAGAIN)
		connection_end(gdb);
}

/* Who has gone makes room for who has come. */
void gdb_serve(struct vm *vm)
{
	struct gdb *gdb = vm->gdb;

	if (!gdb)
		return;
	peer_serve(gdb);
	connections_accept(gdb);
	peer_serve(gdb);
}

int gdb_begin(struct vm *vm)
{
	struct gdb *gdb = vm->gdb;
	int result;

	if (!gdb)
		return 0;
	result = signals_attend(gdb->fd);
	if (result)
		return result;
	if (gdb->options.wait)
		gdb_stop(gdb, GDB_SIGTRAP, "%s", "");
	gdb_serve(vm);
	return 0;
}

void gdb_close(struct vm *vm)
{
	struct gdb *gdb = vm->gdb;

	if (!gdb)
		return;
	if (gdb->peer.fd >= 0)
		flush(gdb);
	connection_end(gdb);
	if (gdb->path[0])
		unlink(gdb->path);
	close(gdb->fd);
	free(gdb);
	vm->gdb = NULL;
}

static int port_listen(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result;

	if (fd < 0)
		return -errno;
	/* A port whose last connection was a moment ago is not taken. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0)
		return fd;
	result = -errno;
	close(fd);
	return result;
}

int gdb_open(struct vm *vm, const struct gdb_options *options, struct image_error *error)
{
	struct gdb *gdb = calloc(1, sizeof(*gdb));

	if (!gdb)
		return refuse(error, -ENOMEM, "no memory");
	gdb->vm = vm;
	gdb->options = *options;
	gdb->emulated = kvm_emulates_ring_0();
	peer_init(&gdb->peer, -1);
	if (options->port)
		gdb->fd = port_listen(options->port);
	else
		gdb->fd = control_listen(options->path);
	if (gdb->fd < 0) {
		int result = gdb->fd;

		free(gdb);
		return refuse(error, result, "--gdb: cannot listen there: %s", strerror(-result));
	}
	if (!options->port)
		strcpy(gdb->path, options->path);
	vm->gdb = gdb;
	return 0;
}
