/* SPDX-License-Identifier: MIT */
/*
 * Buddy allocator over the frames of a domain (1.8).
 *
 * It hands out addresses, never handles: the caller claims the slot, and the slot's word decides
 * (M-6). So the allocator stands outside the trusted core: whatever it does wrong can make an
 * allocation fail, and cannot make two owners. The head of each free chunk is a unique frame of
 * kind FRAME_FREE in the list of its order; the other frames of the chunk are UNUSED. There is no
 * bitmap: "is my buddy free at this order" is a look at its slot. A frame that somebody claims by
 * its address inside a free chunk is left out when the chunk is split, and comes back when it is
 * given.
 *
 * Above the free lists each thread has frames at hand, on shelves (mm/frame_shelf.h). They count as
 * free, and come down again before the allocator says that it has nothing left.
 *
 * Every function may be called by several threads at once, but not by an interrupt handler that may
 * have interrupted one of them: -EDEADLK.
 */
#ifndef MM_ALLOCATOR_H
#define MM_ALLOCATOR_H

#include <stdint.h>

#include "mm/frame_shelf.h"
#include "mm/lock.h"
#include "mm/types.h"

#define ALLOCATOR_ORDERS 31 /* the largest chunk has 2^30 frames, 4 TiB */

struct phys_domain;

struct free_list {
	uint32_t head; /* frame number, or SLOT_NONE */
	uint32_t nr_chunks;
};

struct frame_allocator {
	lock_t lock;
	_Atomic uint64_t nr_free; /* frames in free chunks; changes under the lock only */
	uint64_t nr_managed;	  /* frames ever added */
	struct free_list free[ALLOCATOR_ORDERS];
	struct frame_cache caches[FRAME_CACHES]; /* by port_thread() - 1 */
};

void allocator_init(struct frame_allocator *allocator);

/*
 * Gives [paddr, paddr + nr_frames * 4096) to the allocator for the first time. The frames must be
 * UNUSED; each one's slot is looked at.
 * -EINVAL misaligned or empty, -ERANGE outside the domain, -EEXIST if a frame is in use or free
 *   already (nothing is added then).
 */
int allocator_add(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames);

/*
 * Takes `nr_frames` contiguous frames whose address is a multiple of `align` bytes (a power of two,
 * at least 4096) from the smallest chunk that is as long as both, and puts the rest of the chunk
 * back. What lies on shelves is fetched before it says no. The frames are UNUSED; the caller claims
 * them.
 * -EINVAL, or -ENOMEM if no chunk is large enough, though several together might be: a pool that is
 *   no power of two consists of several.
 */
int allocator_take(struct phys_domain *domain, uint64_t nr_frames, uint64_t align, paddr_t *paddr);

/*
 * Gives back any part of what was taken (8.2). The frames must be UNUSED. Buddies merge.
 * -EINVAL, -ERANGE as above; -EEXIST if a frame is in use or free already (nothing is given back
 *   then).
 */
int allocator_give(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames);

/*
 * Frames that allocator_take() can still hand out, in chunks of any size: those in the free lists
 * and those on shelves. Exact when no other thread is in here.
 */
uint64_t allocator_free_frames(const struct phys_domain *domain);

enum fill_source {
	FILL_FROM_CHUNKS,
	FILL_FROM_ALL, /* and, if there is none, from the shelves of all threads */
};

/*
 * Between the calling thread's own shelf and the free lists, in one hold of the lock.
 *
 * allocator_fill() puts up to `nr_frames` (at most SHELF_HALF) more on the shelf, from the smallest
 * chunks there are, as far as there is room: -ENOMEM if there was no frame. allocator_empty() takes
 * the `nr_frames` off that have been there longest. Both: -EDEADLK.
 */
int allocator_fill(struct phys_domain *domain, struct frame_shelf *shelf, uint32_t nr_frames,
		   enum fill_source source);
int allocator_empty(struct phys_domain *domain, struct frame_shelf *shelf, uint32_t nr_frames);

/* Brings down what is on the shelves of all threads; says how many frames. */
uint64_t allocator_drain(struct phys_domain *domain);

/*
 * Takes a frame off the zeroed shelves that somebody has claimed by its address and is about to
 * release: its bytes are not 0 any more. The slot is BUSY. The allocator has it nowhere then.
 */
void allocator_forget(struct phys_domain *domain, paddr_t paddr);

#endif
