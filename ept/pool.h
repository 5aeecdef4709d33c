/* SPDX-License-Identifier: MIT */
/*
 * The pool: the host memory of all guests of this process, one memfd mapped once, and the domain of
 * its frames. Physical address in this domain = offset in the memfd.
 *
 * Physical 0 is at a multiple of 1 GiB in host addresses too (2 MiB in a short pool), and the
 * allocator's chunks are aligned to their size: so a chunk is as well aligned as a large leaf, and
 * a large host page, must be. Whether the host gives large pages is its own decision
 * (/sys/kernel/mm/transparent_hugepage/shmem_enabled).
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
 * Bytes of a pool for a VM with `ram_len` bytes of RAM, at most 2^46: the RAM, and the host table's
 * nodes even if every leaf of it is of 4 KiB.
 */
uint64_t host_pool_len_for(uint64_t ram_len);

/*
 * A pool of at least `len` bytes, all of it free. No frame is populated: it costs host memory when
 * it is first touched. Slots are, 32 bytes for each frame. -EINVAL len 0 or more than 2^32 - 1
 * frames, -ENOMEM, -EMFILE and what else the kernel says. The pool must not move in memory.
 */
int host_pool_create(struct host_pool *pool, uint64_t len);

/* Gives everything back to the host. No table may live in the pool any more. */
void host_pool_destroy(struct host_pool *pool);

/*
 * Makes a run of frames, which nobody else uses, read as zeros, by giving the memory behind it back
 * to the host. Nothing is written and nothing populated: a run of any length that was never touched
 * costs one system call. What the kernel says; the bytes are then what they were, or zeros.
 */
int host_pool_clear(struct host_pool *pool, paddr_t paddr, uint64_t len);

#endif
