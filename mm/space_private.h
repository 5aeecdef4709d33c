/* SPDX-License-Identifier: MIT */
/*
 * What the files of the space share.
 */
#ifndef MM_SPACE_PRIVATE_H
#define MM_SPACE_PRIVATE_H

#include "mm/space.h"

/* A space's flush as a cursor calls it: the context of space_flush_range(). */
struct space_flush {
	struct vm_space *space;
	prop_t rights; /* what translations may at most be after it */
};

void space_flush_range(void *context, vaddr_t start, uint64_t len);

#endif
