/* SPDX-License-Identifier: MIT */
/*
 * Shows: taking a page out gives what it mapped, with its references, to the fragment, and dropping
 *   that gives them back; every other page and reference is as it was
 * Rules: AX-8 INV-A3 INV-T5 INV-X6 C-7 C-11 T-5 BUG-7
 * Layer: steps
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Sources: mm/cursor_move.c mm/cursor_change.c mm/cursor_map.c
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
 * Unwind: 26
 * Covers: cursor_take_next cursor_take fragment_of_leaf
 * Unreached: cursor_take_next int found = cursor->mode == CURSOR_MUTATE ?
 * Unreached: cursor_take_next cursor_place(cursor, begin);
 * Unreached: cursor_take_next return error;
 * Limit: 900
 */
#include "tests/proof/step_tree.h"

static void take(unsigned first, unsigned nr)
{
	struct page before = page_before(first);
	struct pt_fragment fragment;
	int found = cursor_take_next(&cursor, PAGE_SIZE, &fragment);

	prove(others_are_same(first, found == 1 ? nr : 0) && no_reference_has_changed());
	if (found <= 0) {
		prove(found == 0 ? !before.present : found == -ENOMEM && before.present);
		prove(cursor_is_at(found == 0 ? first + 1 : first) && tree_is_sound());
		return;
	}
	prove(before.present && page_now(first).bits == 0 && cursor_is_at(first + 1));
	prove(fragment.kind == FRAGMENT_LEAF && fragment.pages == 1 && fragment.domain == &domain);
	prove(fragment.start.value == page_address(first) && fragment.len == PAGE_SIZE);
	prove(mapping_is_of(&fragment.leaf, first));
	fragment_drop(&fragment);
	prove(tree_is_sound());
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, take);
	return 0;
}
