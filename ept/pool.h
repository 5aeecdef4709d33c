/* SPDX-License-Identifier: MIT */
/*
 * The pool: the host memory of all guests of this process, one memfd mapped once, and the domain of
 * its frames. Physical address in this domain = offset in the memfd.
 */
#ifndef EPT_POOL_H
#define EPT_POOL_H

#include "mm/domain.h"

struct host_pool {
	int fd; /* memfd, sealed against a change of size */
	void *memory;
	struct slot *slots;
	uint64_t len; /* bytes */
	struct phys_domain domain;
};

/*
 * How long a pool must be for a VM with this much RAM: the RAM, the nodes of a host table that has
 * 4 KiB leaves everywhere, and some more.
 */
uint64_t host_pool_len_for(uint64_t ram_len);

/*
 * A pool of at least `len` bytes, all of it free. Nothing is populated: a frame costs host memory
 * when it is first touched, a slot when its frame is first used. -EINVAL len 0 or absurd, -ENOMEM,
 * -EMFILE and what else the kernel says.
 */
int host_pool_create(struct host_pool *pool, uint64_t len);

/* Gives everything back to the host. No table may live in the pool any more. */
void host_pool_destroy(struct host_pool *pool);

#endif
