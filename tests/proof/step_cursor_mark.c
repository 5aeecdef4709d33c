/* SPDX-License-Identifier: MIT */
/*
 * Shows: marking a page gives it the status if it maps nothing, and leaves it if it maps something;
 *   every other page is as it was
 * Rules: INV-T5 INV-T13 INV-X6 3.8
 * Layer: steps
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Sources: mm/cursor_move.c mm/cursor_map.c mm/cursor_mark.c
 *   mm/entry.c mm/format.c mm/node.c mm/slot.c tests/proof/port.c tests/proof/step_tree.c
 *   tests/proof/step_tree_after.c tests/proof/step_tree_seams.c
 *   tests/proof/step_tree_allocator.c
 * Hooks: tree
 * Geometry: 2 entries a node, 3 levels, leaves of each, 4 frames that are mapped; the last page of
 *   a root entry, any shape of what maps it, the cursor in each node above it; x86-64 that software
 *   walks, the guard the root or the page's node, and EPT that hardware walks, the guard as high as
 *   there is a node below the root
 * Options: --object-bits 14
 * Defines: MM_INDEX_BITS=1 MEMORY_RUNS_OUT=1 FIRST=3 NR=1
 * Cases: TABLE X86_64_SOFTWARE EPT_HARDWARE
 * Cases: PATH PATH_EMPTY PATH_STATUS PATH_LEAF PATH_NODE_EMPTY PATH_NODE_STATUS PATH_NODE_LEAF
 *   PATH_PAGE_EMPTY PATH_PAGE_STATUS PATH_PAGE_LEAF
 * Cases: STATUS 0 2
 * Unwind: 26
 * Covers: cursor_mark mark_entries
 * Unreached: cursor_mark return error;
 * Unreached: cursor_mark return -EINVAL;
 * Limit: 900
 */
#include "tests/proof/step_tree.h"

static void mark(unsigned first, unsigned nr)
{
	struct page before = page_before(first), now;
	int error = cursor_mark(&cursor, PAGE_SIZE, STATUS);

	now = page_now(first);
	prove(tree_is_sound() && no_reference_has_changed());
	prove(others_are_same(first, error || before.present ? 0 : nr));
	if (error)
		prove(error == -ENOMEM && cursor_is_at(first));
	else if (!before.present)
		prove(!now.present && now.bits == pte_of_status(STATUS).raw);
	if (error == 0)
		prove(cursor_is_at(first + 1) && (STATUS == 0 || table.marked));
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, mark);
	return 0;
}
