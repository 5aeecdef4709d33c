/* SPDX-License-Identifier: MIT */
/*
 * Shows: unmapping two pages of a node takes away what they map, counts it, gives the references of
 *   each back after its flush, in runs or one by one, and leaves every other page and reference as
 *   it was
 * Rules: AX-8 INV-A3 INV-T5 INV-T13 INV-X6 C-9 C-11 T-2 T-5 T-6
 * Layer: steps
 * Assumes: run_put() and the allocator are as their headers say
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Sources: mm/cursor_move.c mm/cursor_change.c mm/cursor_map.c mm/cursor_mark.c mm/cursor_range.c
 *   mm/cursor_unmap.c mm/entry.c mm/format.c mm/node.c mm/slot.c
 *   tests/proof/port.c tests/proof/step_tree.c tests/proof/step_tree_after.c
 *   tests/proof/step_tree_seams.c tests/proof/step_tree_allocator.c
 * Hooks: tree
 * Geometry: 2 entries a node, 3 levels, 4 frames that are mapped; the last two pages of a root
 *   entry, in a node that is the cursor's guard; any shape of both; a batch of one run, and
 *   of two where there may be statuses
 * Options: --object-bits 14
 * Defines: MM_INDEX_BITS=1 MEMORY_RUNS_OUT=0 FIRST=2 NR=2 GUARDS=2 TREE_KNOWS_TRACKED=true
 *   MARKED=BATCH_MAX==2 TABLE=X86_64_SOFTWARE
 * Cases: PATH PATH_PAGE_EMPTY PATH_PAGE_STATUS PATH_PAGE_LEAF
 * Cases: BATCH_MAX 1 2
 * Unwind: 26 unmap_flush.0:3 unmap_flush.1:3
 * Covers: cursor_unmap unmap_flush unmap_removed unmap_frames unmap_run unmap_leaves unmap_step
 * Unreached: unmap_flush unmap->flush->flush(unmap->flush->context,
 * Unreached: unmap_flush node_defer(domain,
 * Unreached: unmap_flush for (unsigned i = 0; i < unmap->nr_nodes; i++)
 * Unreached: unmap_frames if (!frames_are_owned(
 * Unreached: unmap_run nr = table->walker == TABLE_WALKED_BY_HARDWARE ?
 * Unreached: unmap_step if (nr > 0 &&
 * Unreached: unmap_step } else if (nr > 0) {
 * Unreached: unmap_step return done ? done : -EUCLEAN;
 * Unreached: cursor_unmap return error;
 * Unreached: cursor_unmap return unmap_page(
 * Limit: 300
 */
#include "tests/proof/step_tree.h"

static unsigned flushed; /* pages of the range that the flushes so far have covered, or passed */

/* Before its flush everything that leaves still has its references (T-5). */
static void flush(void *context, vaddr_t start, uint64_t len)
{
	(void)context;
	prove(len > 0 && start.value >= page_address(FIRST + flushed));
	prove(references_are_without(FIRST, flushed));
	for (unsigned page = FIRST; page < FIRST + NR; page++)
		if (page_address(page) < start.value)
			prove(page < FIRST + flushed || !page_before(page).present);
	flushed = (unsigned)((start.value + len) >> PAGE_SHIFT) - FIRST;
	prove(flushed <= NR);
}

static void unmap(unsigned first, unsigned nr)
{
	const struct range_flush range_flush = { flush, NULL };
	uint64_t pages, before = 0;

	prove(cursor_unmap(&cursor, NR * PAGE_SIZE, &range_flush, &pages) == 0);
	prove(tree_is_sound() && others_are_same(first, nr) && cursor_is_at(first + nr));
	for (unsigned page = first; page < first + nr; page++) {
		prove(!page_now(page).present && page_now(page).bits == 0);
		before += page_before(page).present;
		prove(!page_before(page).present || page < first + flushed);
	}
	prove(pages == before);
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, unmap);
	return 0;
}
