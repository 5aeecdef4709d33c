/* SPDX-License-Identifier: MIT */
/* The tree after a step: whether it is sound, and what has become of its pages. */
#include "tests/proof/step_tree_private.h"

/* Nodes that a step may take out. */
#ifndef DEFERRED_MAX
#define DEFERRED_MAX 0
#endif

/* The entry of the tree, as it is now, that says what a page is; its first page is *first. */
static unsigned entry_now(unsigned page, unsigned *first)
{
	unsigned entry = page / 4;

	*first = page / 4 * 4;
	for (unsigned level = 3; level > 1; level--) {
		pte_t pte = { entries[entry], shapes[entry] };

		if (shapes[entry] >= SHAPE_HIDDEN || pte_kind(format, pte, level) != PTE_NODE)
			break;
		entry = (unsigned)pte_frame(pte.raw) % FRAMES * 2 +
			(level == 3 ? page / 2 % 2 : page % 2);
		*first = level == 3 ? page / 2 * 2 : page;
	}
	return entry;
}

struct page page_now(unsigned page)
{
	unsigned first;
	unsigned entry = entry_now(page, &first);
	uint64_t raw = entries[entry];
	enum shape shape = shapes[entry] < SHAPE_HIDDEN ? shapes[entry] : SHAPE_UNKNOWN;
	pte_t pte = { raw, shape, tracked[entry] };

	if (!pte_is_present(format, pte))
		return (struct page){ .bits = raw };
	return (struct page){ true, pte_is_tracked(pte),
			      (raw & format->address) + ((uint64_t)(page - first) << PAGE_SHIFT),
			      raw & ~format->address & ~format->huge };
}

bool cursor_is_at(unsigned page)
{
	uint64_t at = page_address(page);
	bool inside = at < cursor.end;
	bool sound = cursor.at == at && at <= cursor.end && cursor.level >= 1 &&
		     cursor.level <= cursor.guard_level;

	for (unsigned level = cursor.guard_level; inside && level > cursor.level; level--) {
		const struct pt_node *node = &cursor.path[level];
		uint64_t raw = node->entries[pte_index(at, level)];

		sound = sound && pte_frame(raw) < PLACES + 1 &&
			cursor.path[level - 1].slot == &slots[pte_frame(raw) % FRAMES] &&
			cursor.path[level - 1].entries ==
				&entries[pte_frame(raw) % FRAMES * NODE_ENTRIES];
	}
	return sound && (inside || cursor.level == cursor.guard_level);
}

prop_t page_prop(const struct page *page)
{
	return pte_prop(format, (pte_t){ page->bits, SHAPE_UNKNOWN });
}

prop_t any_sayable_prop(void)
{
	prop_t prop = PROP(nondet_u32());
	uint64_t bits;

	assume((format_leaf_bits)(format, 1, prop, false, &bits) == 0);
	return prop;
}

void assume_held(unsigned number)
{
	assume(held[number - DATA] > 0);
}

void frame_passes_to_leaf(unsigned number)
{
	for (unsigned i = 0; i < FRAMES - DATA; i++)
		held[i] -= DATA + i == number;
}

struct page page_before(unsigned page)
{
	return pages_before[page];
}

bool mapping_is_of(const struct pt_mapping *mapping, unsigned page)
{
	const struct page *before = &pages_before[page];
	uint64_t offset = page_address(page) - mapping->start.value;

	return mapping->present && before->present && mapping->tracked == before->tracked &&
	       mapping->paddr.value + offset == before->address &&
	       mapping->prop.bits == page_prop(before).bits;
}

bool page_has_lost(unsigned page, uint32_t clear)
{
	const struct page *before = &pages_before[page];
	struct page now = page_now(page);

	return now.present && now.tracked == before->tracked && now.address == before->address &&
	       page_prop(&now).bits == (page_prop(before).bits & ~clear);
}

bool page_is_same(unsigned page)
{
	struct page now = page_now(page);

	return now.present == pages_before[page].present &&
	       now.tracked == pages_before[page].tracked &&
	       now.address == pages_before[page].address && now.bits == pages_before[page].bits;
}

bool others_are_same(unsigned first, unsigned nr)
{
	bool same = true;

	for (unsigned page = 0; page < PAGES; page++)
		if (page - first >= nr)
			same = page_is_same(page) && same;
	return same;
}

bool no_reference_has_changed(void)
{
	return slots[DATA].state == states_before[0] && slots[DATA + 1].state == states_before[1] &&
	       slots[DATA + 2].state == states_before[2] &&
	       slots[DATA + 3].state == states_before[3];
}

bool references_are_without(unsigned first, unsigned nr)
{
	uint32_t count[FRAMES - DATA] = { 0 };
	bool are = true;

	for (unsigned page = first; page < first + nr; page++)
		if (pages_before[page].tracked)
			count_leaf(count, pages_before[page].address | PTE_TRACKED, 1);
	for (unsigned i = 0; i < FRAMES - DATA; i++) {
		uint32_t now = slots[DATA + i].state == SLOT_UNUSED ? SLOT_BUSY :
								      slots[DATA + i].state;

		are = are && now + count[i] == (states_before[i] == SLOT_UNUSED ? SLOT_BUSY :
										  states_before[i]);
	}
	return are;
}

static bool is_node(unsigned number)
{
	return (slots[number].type & 0xff) == FRAME_NODE;
}

/* One entry leads to it, the one that its slot names (INV-T9); none to the root. */
static bool node_is_linked(unsigned number)
{
	unsigned index = slots[number].type >> SLOT_INDEX_SHIFT;
	unsigned entry = slots[number].parent * NODE_ENTRIES + index;

	if (number == ROOT)
		return index == SLOT_UNLINKED;
	return index < NODE_ENTRIES && entry < ENTRIES &&
	       (entries[entry] & ~bits_of_walks()) ==
		       (pte_node(format, PADDR(page_address(number))).raw & ~bits_of_walks());
}

/* Times that it is among the nodes that wait for a grace period. */
static unsigned times_deferred(unsigned number)
{
	uint32_t next = domain.deferred;
	unsigned times = 0;

	for (unsigned i = 0; i < DEFERRED_MAX && next < FRAMES; i++) {
		times += next == number;
		next = slots[next].next;
	}
	prove(next == SLOT_NONE);
	return times;
}

/* Linked by what is as stray as itself, or taken out. */
static bool node_has_place(unsigned number)
{
	const struct slot *slot = &slots[number];

	if (node_is_linked(number))
		return slot->stray == (number != ROOT && slots[slot->parent % FRAMES].stray) &&
		       times_deferred(number) == 0;
	return slot->type >> SLOT_INDEX_SHIFT == SLOT_UNLINKED && slot->stray &&
	       times_deferred(number) == 1;
}

static bool node_is_sound(unsigned number, uint32_t *count)
{
	const struct slot *slot = &slots[number];
	unsigned level = slot->type >> 8 & 0xff;
	unsigned children = 0, any = 0;

	for (unsigned entry = 2 * number; entry < 2 * number + 2; entry++) {
		enum shape shape = shapes[entry];

		any += shape == SHAPE_HIDDEN_ANY;
		if (shape == SHAPE_HIDDEN_CHILD || shape == SHAPE_OTHERS ||
		    (shape < SHAPE_HIDDEN && entries[entry] != 0))
			children++;
		if (shape < SHAPE_HIDDEN && shape != SHAPE_NODE && entries[entry] != 0 &&
		    entries[entry] != pte_of_status(1).raw)
			count_leaf(count, entries[entry], level);
	}
	return slot->state == SLOT_BUSY + 1 && node_has_place(number) &&
	       slot->nr_children - children <= any && slot->lock.holders == HOLDER_AFTER(number);
}

bool tree_is_sound(void)
{
	uint32_t count[FRAMES - DATA] = { held[0], held[1], held[2], held[3] };
	bool sound = true;

	for (unsigned number = 0; number < DATA; number++)
		if (is_node(number))
			sound = node_is_sound(number, count) && sound;
		else
			sound = slots[number].state == SLOT_UNUSED && sound;
	for (unsigned i = 0; i < FRAMES - DATA; i++)
		sound = slots[DATA + i].state == (count[i] ? SLOT_BUSY + count[i] : SLOT_UNUSED) &&
			sound;
	return sound;
}

#pragma CPROVER check pop
