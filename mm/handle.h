/* SPDX-License-Identifier: MIT */
/*
 * What the files that make and end handles share. Users of the engine want mm/frame.h.
 */
#ifndef MM_HANDLE_H
#define MM_HANDLE_H

#include "mm/frame.h"

/*
 * A frame has no owner left and its slot is BUSY: what it owns is dropped by its kind, then it is
 * UNUSED (S-7). True if the allocator is still to be told, which it is only now (S-8).
 */
bool frame_teardown(struct phys_domain *domain, struct slot *slot);

/*
 * The same, and the frame goes where it belongs: a pooled one that the allocator has given out to
 * the thread's own shelf.
 */
void frame_end(struct phys_domain *domain, struct slot *slot);

/*
 * Tells the allocator of frames that are UNUSED now; an empty run is fine. Those that somebody has
 * claimed meanwhile are his, and those that it believes to be free already are where they belong
 * (M-6).
 */
void frames_give_back(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames);

/* May a caller ask for frames of this kind? Not for none, and not for the allocator's own. */
static inline bool frame_kind_is_claimable(enum frame_kind kind)
{
	return kind > FRAME_NONE && kind < FRAME_KINDS && kind != FRAME_FREE;
}

/*
 * May it be had other than one by one and shared? Not a node: its bytes are entries, which own what
 * they point to.
 */
static inline bool frame_kind_is_plain(enum frame_kind kind)
{
	return frame_kind_is_claimable(kind) && kind != FRAME_NODE;
}

/*
 * Slot of a unique handle. NULL if it is empty, or a stale copy of one that a list has swallowed or
 * that has gone back to the allocator: those frames are unique too, but not the caller's.
 */
static inline struct slot *unique_frame_slot(const struct unique_frame *frame)
{
	struct slot *slot = frame->domain ? domain_slot_at(frame->domain, frame->paddr) : NULL;

	if (slot && (slot_kind(slot) == FRAME_FREE ||
		     atomic_load_explicit(&slot->list, memory_order_relaxed) != 0))
		return NULL;
	return slot;
}

#endif
