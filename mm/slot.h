/* SPDX-License-Identifier: MIT */
/*
 * The slot: one record for each 4 KiB frame of a domain, and the state machine of its word (section
 * 1.3 of the design).
 *
 *              claim                    publish
 *   UNUSED ------------> BUSY ---------------------> SHARED(1..MAX)   get, inc: +1    put: -1
 *     ^                   |                            |     ^
 *     |                   +----> UNIQUE <--- to_unique-+     |
 *     |                            |  |  to_shared           |
 *     |                            |  +----------------------+
 *     +------ release --- BUSY <---+-- put of the last, abandon of the unique
 *
 * The word is the authority on who owns a frame (M-6): whatever an allocator believes, only one
 * thread gets from UNUSED to BUSY. A refused transition changes nothing and says why; there is no
 * abort.
 *
 * Upstream's values (-1 unused, 0 busy, n shared, -2 unique) stand here one higher, so that memory
 * which is all zero is a domain whose frames are all unused: a slot array costs nothing until its
 * frames are used.
 */
#ifndef MM_SLOT_H
#define MM_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "mm/errno.h"
#include "mm/lock.h"

#define SLOT_UNUSED UINT32_C(0)
#define SLOT_BUSY \
	UINT32_C(1) /* a count of 0: under construction or destruction by one thread (S-13) */
#define SLOT_SHARED_MAX \
	UINT32_C(0x7fffffff) /* the highest count; above it lies the empty band of INV-M4 */
#define SLOT_UNIQUE UINT32_C(0xffffffff)

#define SLOT_NONE UINT32_MAX /* no frame: the end of a chain of frame numbers */

/*
 * What a frame is used for. Says what is done with it when its last reference goes; see
 * frame_kind_is_*().
 */
enum frame_kind {
	FRAME_NONE, /* unused */
	FRAME_DATA, /* plain bytes, from the allocator: guest memory behind a host table */
	FRAME_NODE, /* a page-table node */
	FRAME_FREE, /* head of a free chunk: the allocator's own */
	/* plain bytes that the guest manages: not the allocator's, only counted while mapped */
	FRAME_GUEST,
	FRAME_RESERVED, /* claimed at start and kept for ever (M-4) */
	FRAME_KINDS
};

/* Where the allocator has a frame. */
enum frame_home {
	/* claimed by its address; or unused: in a free chunk, on a shelf, or no one's */
	HOME_UNKNOWN,
	HOME_TAKEN,  /* in use, and the allocator has given it out: it has it nowhere */
	HOME_ZEROED, /* on a shelf of zeroed frames, or was, and has been claimed by its address */
};

/*
 * Zero is a valid slot: unused. Fields other than `state` may be touched by the frame's owners
 * only, as said beside each.
 */
struct slot {
	_Atomic uint32_t state;
	_Atomic uint32_t type; /* SLOT_TYPE(); written while BUSY or UNIQUE */
	/* frame number; list links of a unique frame, or `next` of a removed node that waits */
	uint32_t next;
	union {
		uint32_t prev;
		/* node: the one whose entry points to it; see SLOT_NODE_TYPE() */
		_Atomic uint32_t parent;
		/* removed node: since when it waits for observers; see mm/flush_queue.h */
		_Atomic uint32_t epoch;
	};
	union {
		lock_t lock; /* node: its lock, of which the next three are part */
		struct {
			uint32_t unlisted; /* unique frame: 0 */
			/*
			 * id of the list that holds this unique frame, 0 for none; written under
			 * that list's lock. A lock that nobody waits for is 0 here, too.
			 */
			_Atomic uint32_t list;
		};
	};
	uint32_t locked_next; /* node: the one that the same changing cursor locked before it */
	uint16_t nr_children; /* node: entries that are not absent, or have a status (INV-T5) */
	bool stray  : 1;      /* node: unlinked from its tree (L-5) */
	bool marked : 1;      /* node: entries may have a status: children that map nothing */
	uint8_t home;	      /* enum frame_home; written while BUSY */
};

_Static_assert(sizeof(struct slot) == 32,
	       "two slots to a cache line, 0.8 % of the memory they describe");

static inline uint32_t slot_state(const struct slot *slot)
{
	return atomic_load_explicit(&slot->state, memory_order_relaxed);
}

static inline bool slot_state_is_shared(uint32_t state)
{
	return state - SLOT_BUSY - 1 < SLOT_SHARED_MAX;
}

/* References held, 0 if the frame is not shared. A snapshot (S-12). */
static inline uint32_t slot_count(const struct slot *slot)
{
	uint32_t state = slot_state(slot);

	return slot_state_is_shared(state) ? state - SLOT_BUSY : 0;
}

/*
 * What a frame is, in one word, so that one comparison confirms a node: its kind; the level of a
 * node, or the order of a free chunk; the format of a node (enum pt_format_id).
 */
#define SLOT_TYPE(kind, level, format) \
	((uint32_t)(kind) | (uint32_t)(level) << 8 | (uint32_t)(format) << 16)

/*
 * The type of a node also says which entry of its parent points to it. A guest that rewrites its
 * tables cannot lead us to a node by any other entry than that one: whatever it writes, what we
 * follow is a tree, and locks are taken in its order (L-3).
 */
#define SLOT_INDEX_SHIFT 20
#define SLOT_NODE_TYPE(level, format, index) \
	(SLOT_TYPE(FRAME_NODE, level, format) | (uint32_t)(index) << SLOT_INDEX_SHIFT)
#define SLOT_UNLINKED 0xfffu /* as an index: no entry */

static inline uint32_t slot_type(const struct slot *slot)
{
	return atomic_load_explicit(&slot->type, memory_order_relaxed);
}

static inline void slot_set_type(struct slot *slot, uint32_t type)
{
	atomic_store_explicit(&slot->type, type, memory_order_relaxed);
}

static inline enum frame_kind slot_kind(const struct slot *slot)
{
	return (enum frame_kind)(slot_type(slot) & 0xff);
}

static inline unsigned slot_level(const struct slot *slot)
{
	return slot_type(slot) >> 8 & 0xff;
}

static inline unsigned slot_format(const struct slot *slot)
{
	return slot_type(slot) >> 16 & 0xf;
}

/* Why a frame in this state cannot be had by who owns nothing of it. */
static inline int slot_refusal(uint32_t state, int if_in_use)
{
	if (state == SLOT_UNIQUE)
		return -EBUSY;
	return state == SLOT_BUSY ? -EAGAIN : if_in_use;
}

/*
 * UNUSED -> BUSY: the caller alone may write the slot until it publishes or releases it (S-1).
 * -EEXIST, -EBUSY, -EAGAIN.
 */
static inline int slot_claim(struct slot *slot)
{
	uint32_t state = SLOT_UNUSED;

	/* Acquire: the teardown that left the frame unused is over. */
	if (atomic_compare_exchange_strong_explicit(&slot->state, &state, SLOT_BUSY,
						    memory_order_acquire, memory_order_relaxed))
		return 0;
	return slot_refusal(state, -EEXIST);
}

/* BUSY -> SHARED 1. Release: who gets the slot later sees what was written while BUSY (S-1). */
static inline void slot_publish_shared(struct slot *slot)
{
	atomic_store_explicit(&slot->state, SLOT_BUSY + 1, memory_order_release);
}

/* BUSY -> UNIQUE. Relaxed: nobody can derive a handle from UNIQUE (S-1). */
void slot_publish_unique(struct slot *slot);

/*
 * One more reference for somebody who holds none (S-2). -ENOENT unused, -EBUSY unique, -EAGAIN
 * busy, -EOVERFLOW.
 */
int slot_get(struct slot *slot);

/*
 * One more reference for somebody who holds one (S-3). -EINVAL if the slot is not shared,
 * -EOVERFLOW.
 */
int slot_inc(struct slot *slot);

/*
 * One reference less (S-4). 1 if it was the last: the slot is BUSY and the caller's to tear down; 0
 * if not; -EINVAL.
 */
static inline int slot_put(struct slot *slot)
{
	uint32_t state = slot_state(slot);

	do {
		if (!slot_state_is_shared(state))
			return -EINVAL;
	} while (!atomic_compare_exchange_weak_explicit(
		&slot->state, &state, state - 1, memory_order_release, memory_order_relaxed));
	if (state - 1 != SLOT_BUSY)
		return 0;
	/*
	 * All users' accesses come before the teardown. An acquire load at the end of the chain of
	 * releases does what a fence would, and ThreadSanitizer, which knows no fences, follows it.
	 */
	(void)atomic_load_explicit(&slot->state, memory_order_acquire);
	return 1;
}

/* SHARED 1 -> UNIQUE (S-6). -EBUSY if others hold it too, -EINVAL if it is not shared. */
int slot_to_unique(struct slot *slot);

/* UNIQUE -> SHARED 1 (S-5). -EINVAL if it is not unique. */
int slot_to_shared(struct slot *slot);

/*
 * UNIQUE -> BUSY: the owner gives it up and tears it down (S-9, S-10). -EINVAL if it is not unique.
 */
int slot_abandon(struct slot *slot);

/* BUSY -> UNUSED, kind none (S-7). Before the allocator learns of it (S-8). */
static inline void slot_release(struct slot *slot)
{
	slot_set_type(slot, SLOT_TYPE(FRAME_NONE, 0, 0));
	/* Release: pairs with slot_claim(). */
	atomic_store_explicit(&slot->state, SLOT_UNUSED, memory_order_release);
}

#endif
