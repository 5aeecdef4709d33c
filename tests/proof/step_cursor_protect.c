/* SPDX-License-Identifier: MIT */
/*
 * Shows: protecting a page changes its properties as told, nothing else of it and no other page;
 *   a large leaf is split for it, with the same mappings
 * Rules: AX-6 P-3 P-4 P-12 INV-X6 C-8 C-11 GAP-3
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
 * Covers: cursor_protect_next entry_protect
 * Unreached: cursor_protect_next int found = cursor->mode == CURSOR_MUTATE ?
 * Unreached: cursor_protect_next cursor_place(cursor, begin);
 * Unreached: cursor_protect_next return error;
 * Unreached: entry_protect return -EINVAL;
 * Unreached: entry_protect if (entry_kind(entry) != PTE_LEAF)
 * Unreached: entry_protect return error;
 * Unreached: entry_protect } while (!entry_store(entry, new));
 * Limit: 900
 */
#include "tests/proof/step_tree.h"

static void protect(unsigned first, unsigned nr)
{
	/* Can be said of every leaf. */
	const struct prop_change change = { .clear = nondet_u32() & (PROP_WRITE | PROP_ACCESSED |
								     PROP_DIRTY | PROP_SOFT) };
	struct page before = page_before(first);
	struct pt_mapping mapping;
	int found = cursor_protect_next(&cursor, PAGE_SIZE, change, &mapping);

	prove(tree_is_sound() && no_reference_has_changed());
	prove(others_are_same(first, found == 1 ? nr : 0));
	if (found < 0) {
		prove(found == -ENOMEM && before.present && cursor_is_at(first));
		return;
	}
	prove(found == before.present && cursor_is_at(first + 1));
	if (!found)
		return;
	prove(page_has_lost(first, change.clear));
	prove(mapping.start.value == page_address(first) && mapping.len == PAGE_SIZE);
	prove(mapping_is_of(&mapping, first));
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, protect);
	return 0;
}
