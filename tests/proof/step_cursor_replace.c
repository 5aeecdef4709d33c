/* SPDX-License-Identifier: MIT */
/*
 * Shows: replacing a page puts the leaf there and gives what was there, with its references, to the
 *   fragment; every other page and reference is as it was
 * Rules: AX-7 AX-8 F-6 INV-A3 INV-T5 INV-X6 C-11 P-9 T-5
 * Layer: steps
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Assumes: the new leaf maps one frame, always the same: where it lies decides nothing
 * Sources: mm/cursor_move.c mm/cursor_change.c mm/cursor_map.c mm/cursor_replace.c
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
 * Covers: cursor_replace reach_through
 * Limit: 900
 */
#include "tests/proof/step_tree.h"

static void replace(unsigned first, unsigned nr)
{
	struct page before = page_before(first), now;
	prop_t prop = any_sayable_prop();
	const unsigned frame = DATA + 1;
	uint64_t address = page_address(frame);
	struct pt_fragment fragment;
	int error;

	assume_held(frame);
	error = cursor_replace(&cursor, PADDR(address), 1, prop, true, &fragment);

	prove(no_reference_has_changed() && others_are_same(first, error ? 0 : nr));
	if (error) {
		prove(error == -ENOMEM && cursor_is_at(first) && tree_is_sound());
		return;
	}
	frame_passes_to_leaf(frame);
	now = page_now(first);
	prove(now.present && now.tracked && now.address == address && cursor_is_at(first + 1));
	prove(page_prop(&now).bits == prop.bits);
	prove(fragment.kind == (before.present ? FRAGMENT_LEAF : FRAGMENT_NONE));
	if (before.present)
		prove(mapping_is_of(&fragment.leaf, first));
	else
		prove(pte_of_status(fragment.leaf.status).raw == before.bits);
	fragment_drop(&fragment);
	prove(tree_is_sound());
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, replace);
	return 0;
}
