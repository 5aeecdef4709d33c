/* SPDX-License-Identifier: MIT */
/*
 * Talking without waiting: see peer.h.
 */
#include "vmm/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void out_clear(struct peer *peer)
{
	free(peer->out);
	if (peer->pass_fd >= 0)
		close(peer->pass_fd);
	peer->out = NULL;
	peer->out_len = 0;
	peer->out_done = 0;
	peer->pass_fd = -1;
}

void peer_init(struct peer *peer, int fd)
{
	*peer = (struct peer){ .fd = fd, .pass_fd = -1 };
}

void peer_close(struct peer *peer)
{
	out_clear(peer);
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
}

bool peer_is_busy(const struct peer *peer)
{
	return peer->out != NULL;
}

static ssize_t send_some(const struct peer *peer)
{
	struct iovec bytes = {
		.iov_base = peer->out + peer->out_done,
		.iov_len = peer->out_len - peer->out_done,
	};
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
	struct cmsghdr *header;

	if (peer->pass_fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &peer->pass_fd, sizeof(int));
	}
	return sendmsg(peer->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int peer_flush(struct peer *peer)
{
	while (peer->out_done < peer->out_len) {
		ssize_t sent = send_some(peer);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		peer->out_done += (size_t)sent;
		if (peer->pass_fd >= 0)
			close(peer->pass_fd);
		peer->pass_fd = -1;
	}
	out_clear(peer);
	return 0;
}

int peer_send(struct peer *peer, char *bytes, size_t len, int pass_fd)
{
	if (!bytes || peer_is_busy(peer)) {
		free(bytes);
		if (pass_fd >= 0)
			close(pass_fd);
		return bytes ? -EBUSY : -ENOMEM;
	}
	peer->out = bytes;
	peer->out_len = len;
	peer->out_done = 0;
	peer->pass_fd = pass_fd;
	return peer_flush(peer);
}

ssize_t peer_receive(struct peer *peer, void *bytes, size_t len)
{
	ssize_t count;

	do
		count = recv(peer->fd, bytes, len, MSG_DONTWAIT);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return count ? count : -ENODATA;
}
