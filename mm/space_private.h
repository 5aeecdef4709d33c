/* SPDX-License-Identifier: MIT */
/*
 * What the files of the space share.
 */
#ifndef MM_SPACE_PRIVATE_H
#define MM_SPACE_PRIVATE_H

#include "mm/space.h"

/* Do those who keep translations of the space say themselves when they have forgotten them? */
static inline bool space_is_observed(const struct vm_space *space)
{
	return space->operations && !space->operations->flush;
}

/*
 * -EAGAIN if the space is observed and its observers are too far behind for another operation that
 * they will have to pass.
 */
int space_check_queue(struct vm_space *space);

/*
 * Makes room for large leaves in the next `len` bytes, where nothing is mapped: nodes of earlier
 * times that map nothing any more take the place of one (C-12). Observers may have those cached:
 * they leave like everything else. The cursor ends where it was, in the guard. -EEXIST something is
 * mapped; -EUCLEAN.
 */
int space_make_room(struct vm_space *space, struct cursor *cursor, uint64_t len);

/* Ends an operation that removed something or took rights away, once its cursor is closed. */
void space_settle(struct vm_space *space);

/* A space's flush as a cursor calls it: the context of space_flush_range(). */
struct space_flush {
	struct vm_space *space;
	prop_t rights; /* what translations may at most be after it */
};

void space_flush_range(void *context, vaddr_t start, uint64_t len);

#endif
