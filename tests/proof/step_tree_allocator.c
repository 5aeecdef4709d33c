/* SPDX-License-Identifier: MIT */
/* For steps of cursors: the allocator, and the references of runs, as their headers have it. */
#include "mm/frame_cache.h"
#include "tests/proof/step_tree_private.h"

static const struct slot unused;

int frame_cache_take_zeroed(struct phys_domain *of, struct slot **slot)
{
	(void)of;
	if (nodes_left == 0)
		return -ENOMEM;
	nodes_left--;
	nodes_made++;
	for (unsigned number = PLACES; number > 0; number--)
		if (slots[number].state == SLOT_UNUSED) {
			slots[number].state = SLOT_BUSY;
			*slot = &slots[number];
			return 0;
		}
	prove(false);
	return -ENOMEM;
}

int run_put(struct phys_domain *of, paddr_t paddr, uint64_t nr_frames)
{
	uint64_t first = paddr.value >> PAGE_SHIFT;

	prove(of == &domain && is_aligned(paddr.value, PAGE_SIZE));
	prove(first >= DATA && nr_frames > 0 && nr_frames <= FRAMES - first);
	for (unsigned number = DATA; number < FRAMES; number++)
		if (number - first < nr_frames) {
			prove(slot_count(&slots[number]) > 0);
			slots[number].state--;
			if (slots[number].state == SLOT_BUSY)
				slots[number] = unused;
		}
	return 0;
}

int frame_put(struct frame *frame)
{
	struct slot *slot = domain_slot_at(&domain, frame->paddr);

	prove(slot->state == SLOT_BUSY + 1 && slot->nr_children == 0);
	*slot = unused;
	return 0;
}

#pragma CPROVER check pop
