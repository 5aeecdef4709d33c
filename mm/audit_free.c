/* SPDX-License-Identifier: MIT */
/*
 * The audit of free frames: chunks in their lists, and frames that threads have at hand.
 */
#include "mm/audit_private.h"

/*
 * Somebody has claimed the frame by its address while it was the allocator's (M-6): it is his, and
 * the chunk or the shelf that has it will find out. Not so if the allocator has given it out.
 */
static bool frame_was_claimed(const struct slot *slot)
{
	uint32_t state = slot_state(slot);

	return (slot_state_is_shared(state) || state == SLOT_UNIQUE) &&
	       slot_kind(slot) != FRAME_NONE && slot_kind(slot) != FRAME_FREE &&
	       slot->home != HOME_TAKEN;
}

static int audit_chunk(const struct audit *audit, uint64_t head, unsigned order)
{
	struct phys_domain *domain = audit->domain;
	uint64_t nr_frames = UINT64_C(1) << order;
	uint32_t type = slot_type(&domain->slots[head]);
	int error;

	audit->report->chunks++;
	if (!is_aligned(head, nr_frames) || nr_frames > domain->nr_frames - head)
		return audit_expect(audit, false, "GAP-9",
				    "a free chunk is aligned and in the domain", head, order, 0);
	error = audit_expect(audit, type == SLOT_TYPE(FRAME_FREE, order, 0), "GAP-9",
			     "a free chunk's head says its order", head,
			     SLOT_TYPE(FRAME_FREE, order, 0), type);
	for (uint64_t number = head; number < head + nr_frames && error == 0; number++) {
		uint32_t state = slot_state(&domain->slots[number]);
		uint32_t wanted = number == head ? SLOT_UNIQUE : SLOT_UNUSED;

		if (number != head && frame_was_claimed(&domain->slots[number]))
			continue;
		error = audit_expect(audit, state == wanted, "GAP-9",
				     "a free frame is unused, its chunk's head unique", number,
				     wanted, state);
		if (error == 0)
			error = audit_expect(
				audit, audit->scratch[number] == 0, "INV-A1",
				"a free frame is in one chunk, and nothing refers to it", number, 0,
				audit->scratch[number]);
		audit->scratch[number] = AUDIT_FREE;
	}
	return error;
}

int audit_free_lists(const struct audit *audit)
{
	const struct frame_allocator *allocator = &audit->domain->allocator;
	uint64_t total = 0;
	int error = 0;

	for (unsigned order = 0; order < ALLOCATOR_ORDERS && error == 0; order++) {
		uint32_t head = allocator->free[order].head;
		uint32_t left = allocator->free[order].nr_chunks;

		for (; head < audit->domain->nr_frames && left > 0 && error == 0; left--) {
			error = audit_chunk(audit, head, order);
			total += UINT64_C(1) << order;
			head = audit->domain->slots[head].next;
		}
		if (error == 0)
			error = audit_expect(audit, left == 0 && head == SLOT_NONE, "GAP-9",
					     "a free list is as long as its count", 0, 0, left);
	}
	if (error == 0)
		error = audit_expect(audit, total == allocator->nr_free, "INV-X5",
				     "the free lists hold as many frames as the allocator counts",
				     0, allocator->nr_free, total);
	return error;
}

static bool frame_is_zero(const struct phys_domain *domain, uint32_t number)
{
	const uint64_t *words = domain_pointer(domain, PADDR((uint64_t)number << PAGE_SHIFT));
	uint64_t bits = 0;

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		bits |= words[i];
	return bits == 0;
}

/* Frames at hand: unused, in one place only, and zero where they are said to be. */
static int audit_shelf(const struct audit *audit, const struct frame_shelf *shelf, bool zeroed)
{
	struct phys_domain *domain = audit->domain;
	int error = 0;

	for (uint32_t place = 0, nr = shelf_nr(shelf); place < nr && error == 0; place++) {
		uint32_t number = shelf_read(shelf, place) - 1;
		uint32_t state;

		if (number == SLOT_NONE || frame_was_claimed(&domain->slots[number]))
			continue;
		state = slot_state(&domain->slots[number]);
		error = audit_expect(audit, state == SLOT_UNUSED, "GAP-9",
				     "a frame at hand is unused", number, SLOT_UNUSED, state);
		if (error == 0)
			error = audit_expect(
				audit, audit->scratch[number] == 0, "INV-A1",
				"a free frame is in one place, and nothing refers to it", number, 0,
				audit->scratch[number]);
		if (error == 0 && zeroed)
			error = audit_expect(audit, frame_is_zero(domain, number), "P-7",
					     "a frame at hand for nodes is all 0", number, 0, 1);
		audit->scratch[number] = AUDIT_FREE;
	}
	return error;
}

int audit_shelves(const struct audit *audit)
{
	const struct frame_cache *caches = audit->domain->allocator.caches;
	int error = 0;

	for (unsigned i = 0; i < FRAME_CACHES && error == 0; i++) {
		error = audit_shelf(audit, &caches[i].plain, false);
		if (error == 0)
			error = audit_shelf(audit, &caches[i].zeroed, true);
	}
	return error;
}
