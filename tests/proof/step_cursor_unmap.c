/* SPDX-License-Identifier: MIT */
/*
 * Shows: unmapping a page takes away what it maps, whatever maps it, counts it, gives the
 *   references back after the flush, and leaves every other page and every other reference as it
 *   was
 * Rules: AX-8 INV-A3 INV-T5 INV-T13 INV-X6 C-9 C-11 T-2 T-5
 * Layer: steps
 * Assumes: run_put() and the allocator are as their headers say
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Sources: mm/cursor_move.c mm/cursor_change.c mm/cursor_map.c mm/cursor_mark.c mm/cursor_range.c
 *   mm/cursor_unmap.c mm/entry.c mm/format.c mm/node.c mm/slot.c
 *   tests/proof/port.c tests/proof/step_tree.c tests/proof/step_tree_after.c
 *   tests/proof/step_tree_seams.c tests/proof/step_tree_allocator.c
 * Hooks: tree
 * Geometry: 2 entries a node, 3 levels, leaves of each, 4 frames that are mapped; the last page of
 *   a root entry, any shape of what maps it, the cursor in each node above it; x86-64 that software
 *   walks, the guard the root or the page's node, and EPT that hardware walks, the guard as high as
 *   there is a node below the root
 * Options: --object-bits 14
 * Defines: MM_INDEX_BITS=1 MEMORY_RUNS_OUT=1 BATCH_MAX=2 FIRST=3 NR=1
 * Cases: TABLE X86_64_SOFTWARE EPT_HARDWARE
 * Cases: PATH PATH_EMPTY PATH_STATUS PATH_LEAF PATH_NODE_EMPTY PATH_NODE_STATUS PATH_NODE_LEAF
 *   PATH_PAGE_EMPTY PATH_PAGE_STATUS PATH_PAGE_LEAF
 * Cases: MARKED false true
 * Unwind: 26 unmap_flush.0:3 unmap_flush.1:3
 * Covers: cursor_unmap unmap_page
 * Unreached: unmap_page flush->flush(flush->context,
 * Unreached: unmap_page if (pte_is_tracked(pte) && frames_are_owned(
 * Limit: 900
 */
#include "tests/proof/step_tree.h"

/* Before the flush everything that leaves still has its references (T-5). */
static vaddr_t flushed;
static uint64_t flushed_len;

static void flush(void *context, vaddr_t start, uint64_t len)
{
	(void)context;
	prove(flushed_len == 0 && no_reference_has_changed());
	flushed = start;
	flushed_len = len;
}

static void unmap(unsigned first, unsigned nr)
{
	const struct range_flush range_flush = { flush, NULL };
	struct page before = page_before(first);
	uint64_t pages;
	int error;

	error = cursor_unmap(&cursor, PAGE_SIZE, &range_flush, &pages);
	prove(tree_is_sound());
	if (error) {
		prove(error == -ENOMEM && others_are_same(0, 0) && flushed_len == 0);
		prove(cursor_is_at(first));
		return;
	}
	prove(others_are_same(first, nr) && !page_now(first).present && page_now(first).bits == 0);
	prove(pages == before.present);
	prove(cursor_is_at(first + nr));
	if (before.present)
		prove(flushed.value == page_address(first) && flushed_len == PAGE_SIZE);
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, unmap);
	return 0;
}
