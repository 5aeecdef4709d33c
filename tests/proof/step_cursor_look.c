/* SPDX-License-Identifier: MIT */
/*
 * Shows: querying, finding and jumping say what the table maps and go where they say, and change
 *   nothing
 * Rules: AX-4 AX-5 INV-C1 INV-C2 INV-C3 INV-T13 BUG-1 BUG-2 GAP-6 C-1 C-2 C-3 C-5
 * Layer: steps
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Sources: mm/cursor_move.c mm/cursor_map.c mm/entry.c mm/format.c mm/node.c mm/slot.c
 *   tests/proof/port.c tests/proof/step_tree.c tests/proof/step_tree_after.c
 *   tests/proof/step_tree_seams.c tests/proof/step_tree_allocator.c
 * Hooks: tree
 * Geometry: 2 entries a node, 3 levels, leaves of each, 4 frames that are mapped; the last page of
 *   a root entry, any shape of what maps it, the cursor in each node above it; x86-64 that software
 *   walks, the guard the root or the page's node, and EPT that hardware walks, the guard as high as
 *   there is a node below the root
 * Options: --object-bits 14
 * Defines: MM_INDEX_BITS=1 MEMORY_RUNS_OUT=0 FIRST=3 NR=1
 * Cases: TABLE X86_64_SOFTWARE EPT_HARDWARE
 * Cases: PATH PATH_EMPTY PATH_STATUS PATH_LEAF PATH_NODE_EMPTY PATH_NODE_STATUS PATH_NODE_LEAF
 *   PATH_PAGE_EMPTY PATH_PAGE_STATUS PATH_PAGE_LEAF
 * Cases: STEP query find query_next jump
 * Unwind: 26
 * Covers: cursor_query cursor_find_next cursor_query_find cursor_jump cursor_place
 * Unreached: cursor_query return -ERANGE;
 * Unreached: cursor_query return error ? error : mapping_read(
 * Unreached: cursor_query_find cursor_place(cursor, cursor->end);
 * Unreached: cursor_query_find cursor_place(cursor, begin);
 * Unreached: cursor_query_find return error;
 * Except: cursor_jump wraps what lies before the range is further than the range is long
 * Limit: 900
 */
#include "tests/proof/step_tree.h"

static void query(unsigned first)
{
	struct page before = page_before(first);
	struct pt_mapping mapping = { 0 };
	uint64_t offset;

	prove(cursor_query(&cursor, &mapping) == 0 && cursor_is_at(first));
	offset = page_address(first) - mapping.start.value;
	prove(offset < mapping.len && mapping.len == level_size(mapping.level));
	prove(mapping.present == before.present);
	if (mapping.present)
		prove(mapping_is_of(&mapping, first));
	else
		prove(pte_of_status(mapping.status).raw == before.bits);
}

static void find(unsigned first)
{
	int found = cursor_find_next(&cursor, PAGE_SIZE);

	prove(found == page_before(first).present);
	prove(cursor_is_at(found ? first : first + 1));
}

static void query_next(unsigned first)
{
	struct pt_mapping mapping;
	int found = cursor_query_next(&cursor, PAGE_SIZE, &mapping);

	prove(found == page_before(first).present && cursor_is_at(first + 1));
	if (found)
		prove(mapping_is_of(&mapping, first));
}

/* To where the cursor has been before, and back: the path leads there again. */
static void jump(unsigned first)
{
	const unsigned other = first ^ (unsigned)(((cursor.end - cursor.start) >> PAGE_SHIFT) - 1);
	struct pt_mapping mapping;

	prove(cursor_query(&cursor, &mapping) == 0);
	prove(cursor_jump(&cursor, VADDR(page_address(PAGES))) == -ERANGE && cursor_is_at(first));
	prove(cursor_jump(&cursor, VADDR(1)) == -EINVAL && cursor_is_at(first));
	prove(cursor_jump(&cursor, VADDR(page_address(other))) == 0 && cursor_is_at(other));
	prove(cursor_jump(&cursor, VADDR(page_address(first))) == 0 && cursor_is_at(first));
}

static void look(unsigned first, unsigned nr)
{
	(void)nr;
	STEP(first);
	prove(tree_is_sound() && others_are_same(0, 0) && nodes_made == 0);
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, look);
	return 0;
}
