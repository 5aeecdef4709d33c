/* SPDX-License-Identifier: MIT */
/*
 * Shows: marking two pages of a node gives the status to each of them that maps nothing, and leaves
 *   what maps something and every other page
 * Rules: INV-T5 INV-T13 INV-X6 3.8
 * Layer: steps
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Sources: mm/cursor_move.c mm/cursor_map.c mm/cursor_mark.c
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
 * Cases: STATUS 0 2
 * Unwind: 26
 * Covers: cursor_mark mark_entries
 * Unreached: cursor_mark return error;
 * Unreached: cursor_mark return -EINVAL;
 * Limit: 300
 */
#include "tests/proof/step_tree.h"

static void mark(unsigned first, unsigned nr)
{
	prove(cursor_mark(&cursor, NR * PAGE_SIZE, STATUS) == 0);
	prove(tree_is_sound() && no_reference_has_changed() && cursor_is_at(first + nr));
	prove(others_are_same(first, nr) && (STATUS == 0 || table.marked));
	for (unsigned page = first; page < first + nr; page++) {
		struct page now = page_now(page);

		if (page_before(page).present)
			prove(page_is_same(page));
		else
			prove(!now.present && now.bits == pte_of_status(STATUS).raw);
	}
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, mark);
	return 0;
}
