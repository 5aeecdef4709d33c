/* SPDX-License-Identifier: MIT */
/*
 * Shows: from the first of two pages of a node to the end, each that is mapped is found, in order,
 *   and can be taken out; the fragment has what it mapped with its references, and every other page
 *   and reference is as it was
 * Rules: AX-5 AX-8 INV-A3 INV-C1 INV-C2 INV-T5 INV-X6 C-3 C-7 C-9 T-5
 * Layer: steps
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Sources: mm/cursor_move.c mm/cursor_change.c mm/cursor_map.c
 *   mm/entry.c mm/format.c mm/node.c mm/slot.c tests/proof/port.c tests/proof/step_tree.c
 *   tests/proof/step_tree_after.c tests/proof/step_tree_seams.c
 *   tests/proof/step_tree_allocator.c
 * Hooks: tree
 * Geometry: 2 entries a node, 3 levels, 4 frames that are mapped; the last two pages of a root
 *   entry, in a node that is the cursor's guard; any shape of both
 * Options: --object-bits 14
 * Defines: MM_INDEX_BITS=1 MEMORY_RUNS_OUT=0 FIRST=2 NR=2 GUARDS=2 MARKED=true
 *   TABLE=X86_64_SOFTWARE
 * Cases: PATH PATH_PAGE_EMPTY PATH_PAGE_STATUS PATH_PAGE_LEAF
 * Unwind: 26
 * Covers: cursor_find_next cursor_take_next cursor_take fragment_of_leaf fragment_drop
 * Unreached: cursor_take_next int found = cursor->mode == CURSOR_MUTATE ?
 * Unreached: cursor_take_next cursor_place(cursor, begin);
 * Unreached: cursor_take_next return error;
 * Unreached: fragment_drop node_defer(fragment->domain,
 * Limit: 300
 */
#include "tests/proof/step_tree.h"

/* The first page of [page, end) that is mapped; `end` if none is. */
static unsigned next_mapped(unsigned page, unsigned end)
{
	while (page < end && !page_before(page).present)
		page++;
	return page;
}

static void prove_taken(struct pt_fragment *fragment, unsigned page)
{
	prove(fragment->kind == FRAGMENT_LEAF && fragment->pages == 1);
	prove(fragment->domain == &domain && fragment->len == PAGE_SIZE);
	prove(fragment->start.value == page_address(page));
	prove(mapping_is_of(&fragment->leaf, page));
	prove(page_now(page).bits == 0 && !page_now(page).present);
}

static void take(unsigned first, unsigned nr)
{
	unsigned end = first + nr;

	for (unsigned page = first, next; page < end; page = next + 1) {
		struct pt_fragment fragment;
		int found;

		next = next_mapped(page, end);
		found = cursor_find_next(&cursor, page_address(end) - cursor.at);
		prove(found == (next < end) && cursor_is_at(next));
		prove(cursor_jump(&cursor, VADDR(page_address(page))) == 0 && cursor_is_at(page));
		found = cursor_take_next(&cursor, page_address(end) - cursor.at, &fragment);
		prove(found == (next < end));
		if (!found)
			break;
		prove(cursor_is_at(next + 1) && references_are_without(first, page - first));
		prove_taken(&fragment, next);
		fragment_drop(&fragment);
	}
	prove(others_are_same(first, nr) && cursor_is_at(end) && tree_is_sound());
	for (unsigned page = first; page < end; page++)
		prove(page_before(page).present || page_is_same(page));
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, take);
	return 0;
}
