/* SPDX-License-Identifier: MIT */
/*
 * Handles of frames: who holds one owns what it stands for (1.5).
 *
 *   struct frame         one shared reference
 *   struct frame_ref     none: borrows somebody else's for as long as that one is kept
 *   struct unique_frame  the whole frame
 *   struct segment       one shared reference on each frame of a contiguous run
 *
 * Every get has one put, or one into_raw that hands the reference to a page-table entry. A function
 * that consumes a handle clears it on success, so that a second use is refused with -EINVAL instead
 * of being taken for a reference.
 */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include "mm/domain.h"

struct frame {
	struct phys_domain *domain; /* NULL: an empty handle */
	paddr_t paddr;
};

struct frame_ref {
	const struct phys_domain *domain;
	paddr_t paddr;
};

struct unique_frame {
	struct phys_domain *domain;
	paddr_t paddr;
};

struct segment {
	struct phys_domain *domain;
	paddr_t paddr;
	uint64_t nr_frames;
};

/*
 * What a kind says of its frames (1.4):
 *
 *   untyped  plain bytes, which may be mapped and copied; other kinds are the engine's own
 *   pooled   the frame goes to the allocator when its last owner goes, wherever it came from; one
 *            of another kind is only UNUSED then
 *   on_drop  what its bytes own is given up, once, after the last reference has gone and before the
 *            frame is UNUSED. Nobody else can have the frame meanwhile; the bytes may be read, the
 *            address must not be kept. A node drops its children; plain bytes own nothing. A new
 *            kind that owns something gets a case in drop_content() of mm/frame.c.
 */
static inline bool frame_kind_is_untyped(enum frame_kind kind)
{
	return kind == FRAME_DATA || kind == FRAME_GUEST;
}

static inline bool frame_kind_is_pooled(enum frame_kind kind)
{
	return kind == FRAME_DATA || kind == FRAME_NODE;
}

/* "data", "node", ...: for reports. */
const char *frame_kind_name(enum frame_kind kind);

/*
 * An unused frame becomes a shared one with one reference, the caller's (S-1). Its bytes are what
 * they were. Kinds to ask for are all but none and FRAME_FREE. *frame is untouched on error, here
 * and everywhere below.
 * -EINVAL misaligned or not a kind to ask for, -ERANGE, -EEXIST in use, -EBUSY unique, -EAGAIN
 *   busy.
 */
int frame_from_unused(struct phys_domain *domain, paddr_t paddr, enum frame_kind kind,
		      struct frame *frame);

/*
 * One more reference on a frame that others hold (S-2). -EINVAL, -ERANGE, -ENOENT, -EBUSY, -EAGAIN,
 * -EOVERFLOW.
 */
int frame_from_in_use(struct phys_domain *domain, paddr_t paddr, struct frame *frame);

/*
 * Allocates one frame (1.8), as a rule from what this thread has at hand. `zeroed` clears its bytes
 * before anybody else can get it. A frame that the allocator offers and somebody owns is passed
 * over (M-6).
 * -EINVAL not a kind to ask for; -ENOMEM.
 */
int frame_alloc(struct phys_domain *domain, enum frame_kind kind, bool zeroed, struct frame *frame);

/*
 * A second reference beside the caller's (S-3). -EINVAL empty handle, -EOVERFLOW; *copy is then
 * untouched.
 */
int frame_clone(const struct frame *frame, struct frame *copy);

/*
 * Gives the reference up and clears the handle (S-4). With the last one the frame is torn down by
 * its kind, its slot becomes UNUSED (S-7), and only then does the allocator get it (S-8). -EINVAL
 * if the handle owns nothing.
 */
int frame_put(struct frame *frame);

/*
 * The reference leaves the handle and lives on as an address, in a page-table entry for example.
 * PADDR_NONE if the handle is empty.
 */
paddr_t frame_into_raw(struct frame *frame);

/* Back from frame_into_raw(), exactly once. */
struct frame frame_from_raw(struct phys_domain *domain, paddr_t paddr);

/* A look without a reference; the count does not change. */
struct frame_ref frame_borrow(const struct frame *frame);

/* Handles, leaves and roots that hold it at this moment (S-12). */
uint32_t frame_reference_count(const struct frame *frame);

enum frame_kind frame_kind_of(const struct frame *frame);

/*
 * An unused frame becomes the caller's alone (S-1). Errors as frame_from_unused(); -EINVAL also for
 * a node, whose bytes are entries that own what they point to.
 */
int unique_frame_from_unused(struct phys_domain *domain, paddr_t paddr, enum frame_kind kind,
			     struct unique_frame *frame);

/*
 * Gives it up: torn down, UNUSED, to the allocator if its kind is pooled (S-9). -EINVAL, here and
 * below, if the handle is empty or a stale copy: the frame is not unique, on a list, or the
 * allocator's.
 */
int unique_frame_put(struct unique_frame *frame);

/* Like put, but the allocator is not told: for who keeps account of the frame itself (S-10). */
int unique_frame_reset_as_unused(struct unique_frame *frame);

/* The same frame for another use; unique all the while (S-11). -EINVAL also for kinds as above. */
int unique_frame_repurpose(struct unique_frame *frame, enum frame_kind kind);

/* UNIQUE -> one shared reference (S-5). Consumes. */
int frame_from_unique(struct unique_frame *unique, struct frame *frame);

/*
 * The only shared reference -> UNIQUE (S-6). Consumes on success; -EBUSY if clones, leaves or
 * segments hold it too, -EINVAL empty or a node.
 */
int unique_frame_from_shared(struct frame *frame, struct unique_frame *unique);

/*
 * Claims each frame of a run with one reference (1.6). All or nothing: nobody can refer to one
 * before all are claimed. Errors as frame_from_unused(); -EINVAL also for an empty run or nodes.
 */
int segment_from_unused(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames,
			enum frame_kind kind, struct segment *segment);

/*
 * Allocates a run, contiguous and aligned to `align` bytes: allocator_take() and
 * segment_from_unused(). Errors as frame_alloc(); -EINVAL also as those two.
 */
int segment_alloc(struct phys_domain *domain, uint64_t nr_frames, uint64_t align,
		  enum frame_kind kind, struct segment *segment);

/* Bytes of a segment. */
static inline uint64_t segment_size(const struct segment *segment)
{
	return segment->nr_frames << PAGE_SHIFT;
}

/*
 * A second reference beside the caller's on each frame. -EINVAL empty handle or stale copy,
 * -EOVERFLOW: no count has changed then.
 */
int segment_clone(const struct segment *segment, struct segment *copy);

/*
 * Cuts a segment in two at `offset` bytes; no count changes. Consumes. -EINVAL misaligned or an
 * empty handle, -ERANGE unless 0 < offset < size.
 */
int segment_split(struct segment *segment, uint64_t offset, struct segment *low,
		  struct segment *high);

/*
 * Another segment of the bytes [start, end) of this one, with one more reference on each of those
 * frames. It may be empty: it has no frames then, and is put as others are. -EINVAL misaligned, an
 * empty handle or a stale copy; -ERANGE unless start <= end <= size, whatever they are (BUG-3);
 * -EOVERFLOW.
 */
int segment_slice(const struct segment *segment, uint64_t start, uint64_t end,
		  struct segment *slice);

/*
 * Takes the first frame off the segment: its reference is *frame's then, and no count changes. The
 * handle is cleared with its last frame. -ENOENT if there is none.
 */
int segment_next(struct segment *segment, struct frame *frame);

/* A frame as a segment of one. Consumes. -EINVAL empty handle or a node. */
int segment_from_frame(struct frame *frame, struct segment *segment);

/*
 * Typed use of a handle that can be of any kind: 0 if it is of this one, -EINVAL if not or empty. A
 * segment's frames are of one kind, as they were claimed: the first is looked at, and all of them
 * where MM_DEBUG is defined (1.6).
 */
int frame_check_kind(const struct frame *frame, enum frame_kind kind);
int segment_check_kind(const struct segment *segment, enum frame_kind kind);

/*
 * Gives up one reference on each frame and clears the handle. -EINVAL empty; -EUCLEAN if the handle
 * was stale and frames had no reference left: the others are given up all the same.
 */
int segment_put(struct segment *segment);

/* The references live on as addresses, one on each frame. PADDR_NONE if the handle is empty. */
paddr_t segment_into_raw(struct segment *segment);

/* Back from segment_into_raw(), exactly once for each frame. */
struct segment segment_from_raw(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames);

/*
 * One reference more, or less, on each frame of a run that tables refer to: what the leaves of a
 * huge page own (5.4). run_get undoes itself on error and then nothing has changed; run_put goes on
 * past a frame that owns nothing, counts it in domain->nr_corrupt, and returns -EUCLEAN at the end:
 * a hostile table cannot make it stop half way. Only frames of untyped kinds are touched.
 * Both: -EINVAL misaligned or empty, -ERANGE; run_get: -EINVAL another kind, -ENOENT an unused
 *   frame, which its first owner has to claim, -EBUSY, -EAGAIN, -EOVERFLOW.
 */
int run_get(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames);
int run_put(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames);

#endif
