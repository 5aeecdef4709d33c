/* SPDX-License-Identifier: MIT */
/*
 * Shows: mapping a page puts the leaf where nothing is, and the references of it are the leaf's;
 *   what maps something is not replaced; every other page is as it was
 * Rules: AX-7 INV-A3 INV-T5 INV-T13 C-6 C-9 C-10 C-14
 * Layer: steps
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Assumes: the leaf maps one frame, always the same, or one address outside: where it lies decides
 *   nothing
 * Sources: mm/cursor_move.c mm/cursor_map.c mm/entry.c mm/format.c mm/node.c mm/slot.c
 *   tests/proof/port.c tests/proof/step_tree.c tests/proof/step_tree_after.c
 *   tests/proof/step_tree_seams.c tests/proof/step_tree_allocator.c
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
 * Cases: LEAF LEAF_TRACKED LEAF_AGAIN LEAF_UNTRACKED
 * Unwind: 26
 * Covers: cursor_map map_any put_leaf step_behind
 * Unreached: map_any if (level == 0 || !is_encoded(
 * Unreached: cursor_map return error ? error : put_leaf(
 * Limit: 900
 */
#include "tests/proof/step_tree.h"

enum { LEAF_TRACKED, LEAF_AGAIN, LEAF_UNTRACKED };

#define TRACKED (LEAF != LEAF_UNTRACKED)

/* The leaf before was like this one: what cursor_map() has left then. */
static void encoded_before(prop_t prop)
{
	uint64_t size = TRACKED ? domain.nr_frames << PAGE_SHIFT : UINT64_MAX;

	cursor.encoded.level = 1;
	cursor.encoded.prop = prop;
	cursor.encoded.tracked = TRACKED;
	cursor.encoded.limit = size - PAGE_SIZE;
	if (cursor.encoded.limit > table.format->address)
		cursor.encoded.limit = table.format->address;
	assume((format_leaf_bits)(table.format, 1, prop, TRACKED, &cursor.encoded.bits) == 0);
}

static void map(unsigned first, unsigned nr)
{
	struct page before = page_before(first), now;
	prop_t prop = any_sayable_prop();
	const unsigned frame = DATA + 1;
	const uint64_t address = TRACKED ? page_address(frame) : UINT64_C(1) << 40;
	int error;

	assume_held(frame);
	if (LEAF == LEAF_AGAIN)
		encoded_before(prop);
	error = cursor_map(&cursor, PADDR(address), 1, prop, TRACKED);
	if (error == 0 && TRACKED)
		frame_passes_to_leaf(frame);
	prove(tree_is_sound() && no_reference_has_changed());
	prove(others_are_same(first, error ? 0 : nr));
	if (error) {
		prove(before.present ? error == -EEXIST : error == -ENOMEM);
		prove(cursor_is_at(first));
		return;
	}
	now = page_now(first);
	prove(!before.present && cursor_is_at(first + 1));
	prove(now.present && now.tracked == TRACKED && now.address == address);
	prove(page_prop(&now).bits == prop.bits);
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, map);
	return 0;
}
