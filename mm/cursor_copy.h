/* SPDX-License-Identifier: MIT */
/*
 * Copy-on-write: what one range maps is mapped by another, too, and neither may write to it any
 * more (C-13).
 */
#ifndef MM_CURSOR_COPY_H
#define MM_CURSOR_COPY_H

#include "mm/cursor.h"

/* A range that an open cursor covers. */
struct copy_side {
	struct cursor *cursor;
	vaddr_t start;
};

/*
 * Leaves that lose their right to write get PROP_SOFT on both sides: a write fault can then tell
 * them from leaves that never had it. Without it PROP_SOFT is copied like any other property.
 */
#define COPY_MARK UINT32_C(1)
/* -EOPNOTSUPP if there is an untracked leaf, instead of a copy of it. */
#define COPY_TRACKED_ONLY UINT32_C(2)
/* -EBUSY if a tracked leaf has PROP_WRITE, instead of taking it away. */
#define COPY_PROTECTED UINT32_C(4)
#define COPY_FLAGS (COPY_MARK | COPY_TRACKED_ONLY | COPY_PROTECTED)

/*
 * Copies what [from, from+len) maps to [to, to+len), in which nothing may be mapped or marked with
 * a status. *pages (may be NULL) counts the 4 KiB pages.
 *
 * A tracked leaf: each of its frames gets one reference more, which the copy owns, and both leaves
 * have no PROP_WRITE. An untracked one stands for memory that nobody counts, a device's say: it is
 * copied as it is, PROP_WRITE included. No copy has been accessed yet: its PROP_ACCESSED and
 * PROP_DIRTY are clear. A large leaf stays one where the destination's alignment and guard allow
 * it, else its copy is as large as they allow; one that reaches over an end of `from` is split
 * first. What is absent and marked with a status is marked so in the copy (3.8).
 *
 * The order in which others can see it:
 *   1. references are taken, and the destination's leaves own them, but grant nothing yet
 *      everything that can fail is behind us
 *   2. the source's leaves lose PROP_WRITE, and are flushed
 *   3. the destination's leaves get their rights
 * So whoever can read the copy reads what no one can change any more, and the source never loses a
 * right for a copy that fails.
 *
 * `flush` is called for each contiguous run of leaves that lost PROP_WRITE; see cursor_protect().
 * The destination needs none: hardware does not cache what is not present.
 *
 * Both cursors are open for CURSOR_MUTATE and end where they were. They are of two tables of one
 * domain, opened in ascending order of page_table_root() so that two threads which copy in opposite
 * directions cannot wait for each other; or they are one and the same, whose range holds both. Two
 * cursors of one thread on one table could wait for a third party that waits for the first of them.
 *
 * All or nothing: on error nothing has changed but that leaves at the ends of `from` may be split,
 * and nodes made for the destination stay, empty.
 * -EINVAL misaligned, another mode or flag, overlapping ranges, tables of two domains, two cursors
 *   on one table; -ERANGE a range that its cursor does not cover; -EEXIST; -EBUSY; -EOPNOTSUPP the
 *   destination's format cannot say a property; -EOVERFLOW a frame has no reference left to give;
 *   -ENOMEM.
 * -EUCLEAN; then, if it is a guest that changes the source behind us, PROP_WRITE may be lost, and
 *   the destination is half made: what it maps owns its references.
 */
int cursor_copy(struct copy_side from, struct copy_side to, uint64_t len, uint32_t flags,
		const struct range_flush *flush, uint64_t *pages);

#endif
