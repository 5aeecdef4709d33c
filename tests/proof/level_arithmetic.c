/* SPDX-License-Identifier: MIT */
/*
 * Shows: indices of the levels and the offset in a page name an address, each address by one way
 * Rules: E-5
 * Layer: laws
 * Sources: mm/format.c
 * Geometry: every level, address
 * Unwind: 1
 * Covers: level_shift level_size level_pages pte_index align_down is_aligned
 * Except: pte_index narrows the mask takes low bits only
 * Limit: 30
 * Quick: yes
 */
#include "tests/proof/any_format.h"

int main(void)
{
	uint64_t offset, other;
	unsigned level;

	assume(level >= 1 && level <= LEVELS_MAX);
	prove(level_size(1) == PAGE_SIZE && level_pages(1) == 1);
	prove(level_size(level + 1) == level_size(level) * NODE_ENTRIES);
	prove(level_pages(level) * PAGE_SIZE == level_size(level));
	prove(pte_index(offset, level) < NODE_ENTRIES);

	uint64_t node = align_down(offset, level_size(level + 1));
	uint64_t entry = align_down(offset, level_size(level));
	prove(is_aligned(entry, level_size(level)));
	prove(entry <= offset && offset - entry < level_size(level));
	prove(entry == node + pte_index(offset, level) * level_size(level));
	/* Two addresses of one node with one index are in one entry. */
	if (align_down(other, level_size(level + 1)) == node)
		prove((pte_index(other, level) == pte_index(offset, level)) ==
		      (align_down(other, level_size(level)) == entry));
	return 0;
}
