/* SPDX-License-Identifier: MIT */
/*
 * Shows: what lies wholly in a range comes out as one piece, whatever it is: a large leaf, or a
 *   sub-tree, of which each node is stray then, waits for a grace period with all that it owns, and
 *   is counted by its pages; every other page and reference is as it was
 * Rules: AX-8 INV-A3 INV-T4 INV-T5 INV-T9 INV-X1 INV-X6 C-7 C-9 L-5 T-2 T-5 BUG-7
 * Layer: steps
 * Assumes: run_put() and the allocator are as their headers say; node_drop shows what the nodes
 *   give up after the grace period
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Sources: mm/cursor_move.c mm/cursor_change.c mm/cursor_map.c mm/cursor_mark.c mm/cursor_range.c
 *   mm/cursor_unmap.c mm/entry.c mm/format.c mm/node.c mm/slot.c
 *   tests/proof/port.c tests/proof/step_tree.c tests/proof/step_tree_after.c
 *   tests/proof/step_tree_seams.c tests/proof/step_tree_allocator.c
 * Hooks: tree
 * Geometry: 2 entries a node, 3 levels, leaves of each, 4 frames that are mapped; the last two
 *   pages of a root entry, any shape of what maps them, but for nodes with a status, so that a
 *   sub-tree is one node; the guard is the root, the cursor in each node above the first page
 * Options: --object-bits 14
 * Defines: MM_INDEX_BITS=1 MEMORY_RUNS_OUT=1 BATCH_MAX=2 FIRST=2 NR=2 DEFERRED_MAX=1 GUARDS=8
 *   TABLE=X86_64_SOFTWARE
 * Cases: PATH PATH_EMPTY PATH_STATUS PATH_LEAF PATH_NODE_EMPTY PATH_NODE_STATUS PATH_NODE_LEAF
 *   PATH_PAGE_EMPTY PATH_PAGE_LEAF
 * Cases: STEP unmap take
 * Unwind: 26 unmap_flush.0:3 unmap_flush.1:3
 * Covers: unmap_subtree fragment_of_subtree subtree_pages subtree_mark_stray fragment_drop
 * Unreached: subtree_mark_stray pte_t pte = node_read(
 * Unreached: subtree_mark_stray if (pte_kind(
 * Unreached: subtree_mark_stray node_child(
 * Unreached: subtree_mark_stray cursor_has_locked(
 * Unreached: subtree_mark_stray subtree_mark_stray(
 * Unreached: subtree_mark_stray }
 * Unreached: subtree_pages if (!cursor_has_locked(
 * Unreached: subtree_pages error = node_child(
 * Unreached: subtree_pages if (error == 0)
 * Unreached: subtree_pages error = subtree_pages(
 * Unreached: subtree_pages if (error)
 * Unreached: subtree_pages return error;
 * Unreached: subtree_pages }
 * Unreached: unmap_subtree return error;
 * Unreached: unmap_subtree else if (fragment.leaf.tracked)
 * Unreached: unmap_subtree unmap_frames(
 * Limit: 600
 */
#include "tests/proof/step_tree.h"

/* Do the pages have a node of their own? */
#define IS_NODE (PATH >> 8 != 0)

static unsigned pages_mapped(void)
{
	return (unsigned)page_before(FIRST).present + page_before(FIRST + 1).present;
}

static bool flushed;

/* Before the flush everything that leaves still has its references (T-5), and no node waits yet. */
static void flush(void *context, vaddr_t start, uint64_t len)
{
	(void)context;
	prove(!flushed && start.value == page_address(FIRST) && len == NR * PAGE_SIZE);
	prove(no_reference_has_changed() && domain.deferred == SLOT_NONE);
	flushed = true;
}

static int unmap(void)
{
	const struct range_flush range_flush = { flush, NULL };
	uint64_t pages;
	int error = cursor_unmap(&cursor, NR * PAGE_SIZE, &range_flush, &pages);

	prove(error || pages == pages_mapped());
	prove(error ? !flushed : flushed || pages == 0);
	return error;
}

static int take(void)
{
	struct pt_fragment fragment;
	int found = cursor_take_next(&cursor, NR * PAGE_SIZE, &fragment);

	prove(no_reference_has_changed() && domain.deferred == SLOT_NONE);
	if (found <= 0) {
		prove(found < 0 || pages_mapped() == 0);
		return found;
	}
	prove(fragment.kind == (IS_NODE ? FRAGMENT_SUBTREE : FRAGMENT_LEAF));
	prove(fragment.domain == &domain && fragment.pages == pages_mapped());
	prove(fragment.start.value == page_address(FIRST) && fragment.len == NR * PAGE_SIZE);
	if (IS_NODE)
		prove(fragment.node.slot->stray && fragment.node.slot->lock.holders == THREAD);
	else
		prove(mapping_is_of(&fragment.leaf, FIRST));
	fragment_drop(&fragment);
	return 0;
}

static void remove_all(unsigned first, unsigned nr)
{
	int error = STEP();

	prove(tree_is_sound());
	if (error) {
		prove(error == -ENOMEM && others_are_same(0, 0) && cursor_is_at(first));
		return;
	}
	prove(others_are_same(first, nr) && cursor_is_at(first + nr));
	prove((domain.deferred != SLOT_NONE) == IS_NODE);
	prove(!IS_NODE || no_reference_has_changed());
	for (unsigned page = first; page < first + nr; page++)
		prove(!page_now(page).present &&
		      (page_now(page).bits == 0 || !page_before(page).present));
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, remove_all);
	return 0;
}
