/* SPDX-License-Identifier: MIT */
/*
 * Single frames, fast: from and to the calling thread's shelves, and the allocator behind them.
 * Users of the engine want mm/frame.h.
 *
 * A thread that port_thread() gives a number above FRAME_CACHES, has no shelves and goes to the
 * allocator each time; everything works the same.
 */
#ifndef MM_FRAME_CACHE_H
#define MM_FRAME_CACHE_H

#include "mm/domain.h"

static inline struct frame_cache *frame_cache_of(struct phys_domain *domain, uint32_t thread)
{
	return thread <= FRAME_CACHES ? &domain->allocator.caches[thread - 1] : NULL;
}

/*
 * Takes a free frame: its slot is BUSY and HOME_TAKEN, the caller's to publish. Its bytes are
 * anything. -ENOMEM, -EDEADLK (in an interrupt handler).
 */
int frame_cache_take(struct phys_domain *domain, struct slot **slot);

/*
 * The same, with all bytes 0: taken from the zeroed shelf as long as there is one there, and
 * cleared now otherwise. Where others can write to free frames it is always cleared now.
 */
int frame_cache_take_zeroed(struct phys_domain *domain, struct slot **slot);

/*
 * Gives a frame back that is BUSY and HOME_TAKEN: UNUSED when this returns true. False if the
 * thread has no shelves; nothing has happened then.
 */
bool frame_cache_put(struct phys_domain *domain, struct slot *slot);

void frame_cache_fill(struct phys_domain *domain, uint32_t thread, uint32_t nr_frames);

/* The shelf from which a node is taken first. */
static inline struct frame_shelf *frame_cache_node_shelf(struct phys_domain *domain,
							 struct frame_cache *cache)
{
	return domain->private_memory ? &cache->zeroed : &cache->plain;
}

/*
 * Sees to it that the next `nr_frames` (at most SHELF_HALF count) calls of
 * frame_cache_take_zeroed() by this thread find a frame at hand: called before locks are taken, so
 * that nothing is allocated, or zeroed, while others wait. Does what it can: when memory is out,
 * those calls say so.
 */
static inline void frame_cache_prepare(struct phys_domain *domain, uint32_t thread,
				       uint64_t nr_frames)
{
	struct frame_cache *cache = frame_cache_of(domain, thread);
	uint32_t nr = nr_frames < SHELF_HALF ? (uint32_t)nr_frames : SHELF_HALF;

	if (cache && shelf_nr(frame_cache_node_shelf(domain, cache)) < nr)
		frame_cache_fill(domain, thread, nr);
}

/* All bytes of a frame become 0. */
void frame_clear(const struct phys_domain *domain, const struct slot *slot);

#endif
