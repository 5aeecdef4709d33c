/* SPDX-License-Identifier: MIT */
/*
 * What the two files of the allocator share: chunks (mm/allocator.c) and shelves
 * (mm/allocator_shelves.c). All of it is called under the allocator's lock.
 */
#ifndef MM_ALLOCATOR_PRIVATE_H
#define MM_ALLOCATOR_PRIVATE_H

#include "mm/allocator.h"
#include "mm/domain.h"

/* A chunk becomes free and merges with its buddy, the two with theirs, as long as that is free. */
void chunk_free(struct phys_domain *domain, uint32_t number, unsigned order);

/*
 * Takes up to `nr_frames` from the start of the smallest chunk of at least `order`; the others stay
 * free. Returns how many, 0 if there is no such chunk.
 */
uint64_t chunk_take(struct phys_domain *domain, uint64_t nr_frames, unsigned order,
		    uint64_t *number);

/* Does a place of any shelf name one of the frames [number, end)? */
bool shelves_name(const struct frame_allocator *allocator, uint64_t number, uint64_t end);

/* Frees what lies on all shelves. Returns how many frames that were. */
uint64_t shelves_drain(struct phys_domain *domain);

#endif
