/* SPDX-License-Identifier: MIT */
/*
 * Shelves: a thread's own supply of single free frames, at hand without a lock (1.8).
 *
 * A frame on a shelf is UNUSED, and the claim of its slot decides who gets it, as everywhere (M-6).
 * That is also what makes a shelf safe without a lock:
 *
 *   its thread  puts a frame in a place while the slot is still BUSY, and takes one by claiming the
 *               slot and then looking whether the place still names it;
 *   any other   clears a place under the allocator's lock only, and only while it has the slot of
 *               the frame BUSY itself.
 *
 * So a place that names a frame whose slot one has claimed oneself does not change, and two threads
 * never both believe that a frame is theirs. Who loses such a race, or finds on his shelf a frame
 * that somebody has claimed by its address, clears the place and hands the frame to
 * allocator_give(), which looks under its lock where the frame belongs: nothing is lost, and
 * nothing is there twice.
 */
#ifndef MM_FRAME_SHELF_H
#define MM_FRAME_SHELF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SHELF_PLACES 64u
#define SHELF_HALF \
	(SHELF_PLACES / 2) /* what is moved at a time between a shelf and the allocator */

struct frame_shelf {
	_Atomic uint32_t nr;		       /* places in use; those from here on are empty */
	_Atomic uint32_t places[SHELF_PLACES]; /* frame number + 1; 0 is empty */
};

static inline uint32_t shelf_nr(const struct frame_shelf *shelf)
{
	return atomic_load_explicit(&shelf->nr, memory_order_relaxed);
}

static inline void shelf_set_nr(struct frame_shelf *shelf, uint32_t nr)
{
	atomic_store_explicit(&shelf->nr, nr, memory_order_relaxed);
}

static inline uint32_t shelf_read(const struct frame_shelf *shelf, uint32_t place)
{
	return atomic_load_explicit(&shelf->places[place], memory_order_relaxed);
}

static inline void shelf_write(struct frame_shelf *shelf, uint32_t place, uint32_t entry)
{
	atomic_store_explicit(&shelf->places[place], entry, memory_order_relaxed);
}

/*
 * By the shelf's thread: a frame, BUSY, goes on the shelf. The caller releases the slot after that;
 * until then nobody else can take the frame (S-8 the other way round: whose the shelf is, is here).
 * False if the shelf is full.
 */
static inline bool shelf_push(struct frame_shelf *shelf, uint32_t number)
{
	uint32_t nr = shelf_nr(shelf);

	if (nr == SHELF_PLACES)
		return false;
	shelf_write(shelf, nr, number + 1);
	shelf_set_nr(shelf, nr + 1);
	return true;
}

/* What one thread has at hand. */
struct frame_cache {
	struct frame_shelf plain; /* bytes are anything */
	/* bytes are 0; only where nobody else can write to free frames */
	struct frame_shelf zeroed;
	unsigned char padding[120]; /* two threads' caches have no cache line in common */
};

_Static_assert(sizeof(struct frame_cache) % 128 == 0, "a whole number of cache line pairs");

/* Threads with a cache, by port_thread(): the others go to the allocator for each frame. */
#define FRAME_CACHES 16u

#endif
