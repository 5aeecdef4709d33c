/* SPDX-License-Identifier: MIT */
/*
 * Somebody at the other end of a stream socket, for whom nobody waits: what he does not take now
 * stays here until he does, and he gets nothing more to take before.
 */
#ifndef VMM_PEER_H
#define VMM_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct peer {
	int fd;	   /* does not block; -1: there is nobody */
	char *out; /* what he has not taken yet, NULL: nothing */
	size_t out_len;
	size_t out_done;
	int pass_fd; /* goes with the first byte of `out`; -1: none */
};

/* The peer behind `fd`, which is the peer's from now on. */
void peer_init(struct peer *peer, int fd);

/* Nobody any more; what he has not taken is thrown away. */
void peer_close(struct peer *peer);

/*
 * Gives him `len` bytes, and a descriptor with the first (-1: none; Unix sockets only). Both are
 * the peer's from now on, whatever happens: `bytes` is to be freed with free(). Errors as
 * peer_flush(); -EBUSY if he has not taken what he was given before, -ENOMEM if `bytes` is NULL.
 */
int peer_send(struct peer *peer, char *bytes, size_t len, int pass_fd);

/* What he has not taken yet: 0 he has it all, -EAGAIN he has not; -E* he is gone. */
int peer_flush(struct peer *peer);

/* Is something left that he has not taken? */
bool peer_is_busy(const struct peer *peer);

/* What he sends: how many bytes, or -EAGAIN none now; -ENODATA he has ended; -E* he is gone. */
ssize_t peer_receive(struct peer *peer, void *bytes, size_t len);

#endif
