/* SPDX-License-Identifier: MIT */
/*
 * The audit. Three passes: trees and the queues of removed nodes count references into `scratch`,
 * the free lists mark their frames there, and the slots are compared with what was found.
 */
#include "mm/audit_private.h"

static int violation(const struct audit *audit, const struct audit_violation *violation)
{
	audit->report->violation = *violation;
	return -EUCLEAN;
}

int audit_expect(const struct audit *audit, bool holds, const char *rule, const char *text,
		 uint64_t number, uint64_t expected, uint64_t found)
{
	const struct slot *slot = &audit->domain->slots[number];
	bool node = slot_kind(slot) == FRAME_NODE;

	if (holds)
		return 0;
	return violation(audit, &(struct audit_violation){
					.rule = rule,
					.text = text,
					.paddr = PADDR(number << PAGE_SHIFT),
					.level = node ? slot_level(slot) : 0,
					.index = NODE_ENTRIES,
					.expected = expected,
					.found = found,
				});
}

int audit_broken_entry(const struct audit *audit, const char *rule, const char *text,
		       struct pt_node node, unsigned index)
{
	return violation(audit, &(struct audit_violation){
					.rule = rule,
					.text = text,
					.paddr = node_paddr(audit->domain, node),
					.level = node_level(node),
					.index = index,
					.found = node_read(node, index).raw,
				});
}

int audit_reference_found(const struct audit *audit, uint64_t number)
{
	const struct slot *slot = &audit->domain->slots[number];
	uint32_t found = ++audit->scratch[number];
	const char *rule = "INV-A1";

	if (slot_state_is_shared(slot_state(slot)))
		rule = "INV-A3";
	else if (slot_state(slot) == SLOT_UNIQUE && slot_kind(slot) != FRAME_FREE)
		rule = "INV-M2";
	return audit_expect(audit, found <= slot_count(slot), rule,
			    "nothing refers to a frame more often than it counts", number,
			    slot_count(slot), found);
}

static int audit_shared(const struct audit *audit, uint64_t number, uint32_t found, uint32_t held)
{
	const struct slot *slot = &audit->domain->slots[number];
	bool reserved = slot_kind(slot) == FRAME_RESERVED;
	int error;

	error = audit_expect(
		audit,
		slot_kind(slot) != FRAME_NONE && slot_kind(slot) != FRAME_FREE && slot->list == 0,
		"INV-M3", "a shared frame has a kind and is on no list", number, 0, slot->list);
	if (error == 0)
		error = audit_expect(
			audit,
			slot_count(slot) == found + held || (reserved && slot_count(slot) > found),
			"INV-A3",
			"references are handles, segments, leaves, parents, queues and roots",
			number, found + held, slot_count(slot));
	return error;
}

static int audit_slot(const struct audit *audit, uint64_t number)
{
	const struct slot *slot = &audit->domain->slots[number];
	uint32_t state = slot_state(slot);
	uint32_t found = audit->scratch[number];
	uint32_t held = audit->held ? audit->held(audit->context, PADDR(number << PAGE_SHIFT)) : 0;

	audit->report->frames++;
	if (found == AUDIT_FREE && held == 0)
		return 0;
	if (slot_state_is_shared(state))
		return audit_shared(audit, number, found, held);
	if (state == SLOT_UNUSED || found == AUDIT_FREE)
		return audit_expect(
			audit,
			found == 0 && held == 0 && slot_kind(slot) == FRAME_NONE && slot->list == 0,
			"INV-A1", "an unused frame has no kind, no list, and nothing refers to it",
			number, 0, found + held);
	if (state == SLOT_UNIQUE)
		return audit_expect(
			audit,
			found == 0 && slot_kind(slot) != FRAME_NONE &&
				slot_kind(slot) != FRAME_FREE,
			"INV-M2",
			"a unique frame has a kind, no leaf, and is on its list if it is free",
			number, 0, found);
	if (state == SLOT_BUSY)
		return audit_expect(audit, false, "INV-M5",
				    "at rest no frame is under construction", number, 0, state);
	return audit_expect(audit, false, "INV-M4", "no count lies in the forbidden band", number,
			    0, state);
}

int mm_audit(struct phys_domain *domain, uint32_t *scratch, audit_held_t held, void *context,
	     struct audit_report *report)
{
	const struct audit audit = { domain, scratch, held, context, report };
	uint64_t corrupt = atomic_load_explicit(&domain->nr_corrupt, memory_order_relaxed);
	int error;

	*report = (struct audit_report){ .frames = 0 };
	for (uint64_t number = 0; number < domain->nr_frames; number++)
		scratch[number] = 0;
	error = audit_tables(&audit);
	if (error == 0)
		error = audit_deferred(&audit);
	if (error == 0)
		error = audit_queues(&audit);
	if (error == 0)
		error = audit_free_lists(&audit);
	if (error == 0)
		error = audit_shelves(&audit);
	for (uint64_t number = 0; number < domain->nr_frames && error == 0; number++)
		error = audit_slot(&audit, number);
	if (error == 0)
		error = audit_expect(&audit, corrupt == 0, "INV-R4",
				     "no table claimed a reference that its frame did not have", 0,
				     0, corrupt);
	return error;
}
