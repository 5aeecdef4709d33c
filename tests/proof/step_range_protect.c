/* SPDX-License-Identifier: MIT */
/*
 * Shows: protecting two pages of a node changes the properties of each leaf as told, and nothing
 *   else; or, if one of them cannot be said, nothing at all; each run of leaves is flushed once
 * Rules: AX-6 P-3 P-4 P-12 INV-X6 C-8 GAP-3 T-1
 * Layer: steps
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Sources: mm/cursor_move.c mm/cursor_change.c mm/cursor_map.c mm/cursor_range.c
 *   mm/entry.c mm/format.c mm/node.c mm/slot.c tests/proof/port.c tests/proof/step_tree.c
 *   tests/proof/step_tree_after.c tests/proof/step_tree_seams.c
 *   tests/proof/step_tree_allocator.c
 * Hooks: tree
 * Geometry: 2 entries a node, 3 levels; the last two pages of a root entry, in a node that is the
 *   cursor's guard; any shape of both; leaves that may be accessed and written, and are else always
 *   the same: to be read, the first tracked and the second not; a change that every leaf can have,
 *   and one that only those can have which are not written
 * Options: --object-bits 14
 * Defines: MM_INDEX_BITS=1 MEMORY_RUNS_OUT=0 FIRST=2 NR=2 GUARDS=2 LEAF_KINDS=5u MARKED=true
 *   MAY_BE_REFUSED=1
 * Cases: TABLE X86_64_SOFTWARE EPT_HARDWARE
 * Cases: PATH PATH_PAGE_EMPTY PATH_PAGE_STATUS PATH_PAGE_LEAF
 * Cases: CLEAR PROP_WRITE PROP_READ
 * Unwind: 26
 * Covers: cursor_protect protect_pass protect_leaves protect_alike protect_changed protect_flush
 *   leaves_look leaves_store leaves_exchange
 * Unreached: cursor_protect int error = (change.clear | change.set) & ~PROP_CHANGEABLE ?
 * Unreached: cursor_protect return error;
 * Unreached: cursor_protect cursor->changed.level = 0;
 * Unreached: cursor_protect return protect_page(
 * Unreached: protect_flush protect->flush->flush(protect->flush->context,
 * Unreached: protect_leaves }
 * Unreached: leaves_exchange while (!atomic_compare_exchange_weak_explicit(
 * Limit: 300
 */
#include "tests/proof/step_flush.h"

static const struct prop_change change = { .clear = CLEAR };

/* Can the format say what the change makes of the page? */
static bool can_be_changed(unsigned page)
{
	struct page before = page_before(page);
	uint64_t bits;

	return !before.present ||
	       format_leaf_bits(table.format, 1, PROP(page_prop(&before).bits & ~change.clear),
				before.tracked, &bits) == 0;
}

static void protect(unsigned first, unsigned nr)
{
	const struct range_flush range_flush = { flush, NULL };
	bool can = can_be_changed(first) && can_be_changed(first + 1);
	unsigned mapped = 0;
	uint64_t pages;
	int error = cursor_protect(&cursor, nr * PAGE_SIZE, change, &range_flush, &pages);

	prove(tree_is_sound() && no_reference_has_changed());
	prove(error == (can ? 0 : -EOPNOTSUPP));
	if (error) {
		prove(others_are_same(0, 0) && cursor_is_at(first) && flushed == 0);
		return;
	}
	prove(others_are_same(first, nr) && cursor_is_at(first + nr));
	for (unsigned page = first; page < first + nr; page++) {
		bool present = page_before(page).present;

		mapped |= (unsigned)present << page;
		prove(present ? page_has_lost(page, change.clear) : page_is_same(page));
	}
	prove(flushed == mapped);
	prove(pages == (unsigned)page_before(first).present + page_before(first + 1).present);
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, protect);
	return 0;
}
