/* SPDX-License-Identifier: MIT */
/*
 * Shows: orders of chunks are exact: the smallest that holds a number of frames, and the largest
 *   that fits at a frame; a buddy is its buddy's buddy
 * Rules: M-6
 * Layer: laws
 * Sources:
 * Geometry: any frame number, any number of frames
 * Unwind: 32
 * Covers: order_at_least order_that_fits chunk_size
 * Limit: 60
 * Quick: yes
 */
#include "mm/allocator.c"
#include "tests/proof/proof.h"

static void at_least(void)
{
	uint64_t nr_frames;
	unsigned order = order_at_least(nr_frames);

	prove(order <= ALLOCATOR_ORDERS);
	prove(order == ALLOCATOR_ORDERS || chunk_size(order) >= nr_frames);
	prove(order == 0 || chunk_size(order - 1) < nr_frames);
}

/* As run_free() calls it: what is taken never goes beyond the run, so the run is used up. */
static void that_fits(void)
{
	uint64_t number, nr_frames;

	assume(nr_frames > 0 && number < SLOT_NONE && nr_frames <= SLOT_NONE - number);
	unsigned order = order_that_fits(number, nr_frames);

	prove(order < ALLOCATOR_ORDERS);
	prove(is_aligned(number, chunk_size(order)) && chunk_size(order) <= nr_frames);
	if (order + 1 < ALLOCATOR_ORDERS)
		prove(!is_aligned(number, chunk_size(order + 1)) ||
		      chunk_size(order + 1) > nr_frames);
}

static void buddy(void)
{
	uint32_t number;
	unsigned order;

	assume(order < ALLOCATOR_ORDERS - 1 && is_aligned(number, chunk_size(order)));
	uint32_t other = number ^ chunk_size(order);

	prove(is_aligned(other, chunk_size(order)) && (other ^ chunk_size(order)) == number);
	/* The two together are the chunk of the next order that chunk_free() makes of them. */
	prove(is_aligned(number & other, chunk_size(order + 1)));
	prove((number & other) == (number < other ? number : other));
}

int main(void)
{
	at_least();
	that_fits();
	buddy();
	return 0;
}
