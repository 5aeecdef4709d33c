/* SPDX-License-Identifier: MIT */
/*
 * Shows: harvesting two pages of a node finds, in order, each leaf that has the bit asked for, says
 *   what it was, and takes this bit away and nothing else; no other page changes; each
 *   run of such leaves is flushed
 * Rules: V-8 INV-X7 BUG-9 9.6.6 T-1 INV-T5
 * Layer: steps
 * Assumes: one thread at a time on the table, which no guest writes to; statuses are 1
 * Sources: mm/cursor_move.c mm/cursor_map.c mm/cursor_harvest.c
 *   mm/entry.c mm/format.c mm/node.c mm/slot.c tests/proof/port.c tests/proof/step_tree.c
 *   tests/proof/step_tree_after.c tests/proof/step_tree_seams.c
 *   tests/proof/step_tree_allocator.c
 * Hooks: tree
 * Geometry: 2 entries a node, 3 levels; the last two pages of a root entry, in a node that is the
 *   cursor's guard; any shape of both; leaves that may be accessed and dirty, and are else
 *   always the same: to be read only, the first tracked and the second
 *   not; the accessed bit is asked for
 * Options: --object-bits 14
 * Defines: MM_INDEX_BITS=1 MEMORY_RUNS_OUT=0 FIRST=2 NR=2 GUARDS=2 LEAF_KINDS=3u MARKED=true
 *   BITS=PROP_ACCESSED
 * Cases: TABLE X86_64_SOFTWARE EPT_HARDWARE
 * Cases: PATH PATH_PAGE_EMPTY PATH_PAGE_STATUS PATH_PAGE_LEAF
 * Cases: STEP one_by_one all
 * Unwind: 26
 * Covers: cursor_harvest_next cursor_harvest harvest_leaf find_marked clear_bits add_to_run
 *   flush_run
 * Unreached: cursor_harvest_next return found;
 * Unreached: cursor_harvest_next return -EINVAL;
 * Unreached: cursor_harvest_next return -EOPNOTSUPP;
 * Unreached: cursor_harvest_next cursor_place(cursor, begin);
 * Unreached: cursor_harvest_next cursor_place(cursor, end);
 * Unreached: cursor_harvest cursor_place(cursor, begin);
 * Unreached: harvest_leaf return found;
 * Unreached: flush_run run->flush->flush(run->flush->context,
 * Unreached: find_marked error = cursor_child(
 * Unreached: find_marked if (error)
 * Unreached: find_marked return error;
 * Unreached: find_marked if (child.slot->nr_children > 0)
 * Unreached: find_marked cursor_push(
 * Unreached: find_marked continue;
 * Limit: 300
 */
#include "tests/proof/step_flush.h"

/* Is the page one that is to be found? */
static bool is_marked(unsigned page)
{
	struct page before = page_before(page);

	return before.present && (page_prop(&before).bits & (BITS)) != 0;
}

static void one_by_one(unsigned first, unsigned nr)
{
	unsigned end = first + nr;

	for (unsigned page = first; page <= end; page++) {
		struct pt_mapping mapping;
		int found;

		while (page < end && !is_marked(page))
			page++;
		found = cursor_harvest_next(&cursor, page_address(end) - cursor.at, BITS, &mapping);
		prove(found == (page < end) && cursor_is_at(page < end ? page + 1 : end));
		if (found != 1)
			break;
		prove(mapping.start.value == page_address(page) && mapping.len == PAGE_SIZE);
		prove(mapping_is_of(&mapping, page));
	}
}

static void all(unsigned first, unsigned nr)
{
	const struct range_flush range_flush = { flush, NULL };
	unsigned marked = 0, count = 0;
	uint64_t pages;

	prove(cursor_harvest(&cursor, nr * PAGE_SIZE, BITS, &range_flush, &pages) == 0);
	for (unsigned page = first; page < first + nr; page++) {
		marked |= (unsigned)is_marked(page) << page;
		count += is_marked(page);
	}
	prove(flushed == marked && pages == count && cursor_is_at(first + nr));
}

static void harvest(unsigned first, unsigned nr)
{
	STEP(first, nr);
	prove(tree_is_sound() && no_reference_has_changed() && others_are_same(first, nr));
	for (unsigned page = first; page < first + nr; page++)
		prove(is_marked(page) ? page_has_lost(page, BITS) : page_is_same(page));
}

int main(void)
{
	tree_for_each_shape(FIRST, NR, harvest);
	return 0;
}
