/* SPDX-License-Identifier: MIT */
/*
 * Shows: the leaf level chosen is the largest whose size fits the addresses and the length
 * Rules: C-6 P-2
 * Layer: laws
 * Sources: mm/format.c
 * Geometry: every format, limit, address, length
 * Unwind: 6
 * Covers: format_leaf_fit format_has_leaf
 * Limit: 60
 * Quick: yes
 */
#include "tests/proof/any_format.h"

int main(void)
{
	const struct pt_format *format = any_format();
	uint64_t va, pa, len;
	unsigned max, other;

	assume(max >= 1);
	unsigned level = format_leaf_fit(format, max, va, pa, len);

	prove(level >= 1 && level <= max && format_has_leaf(format, level));
	prove(level == 1 || (level_size(level) <= len && is_aligned(va, level_size(level)) &&
			     is_aligned(pa, level_size(level))));
	/* No other would do better. */
	assume(other > level && other <= max && other <= LEVELS_MAX);
	prove(!format_has_leaf(format, other) || level_size(other) > len ||
	      !is_aligned(va, level_size(other)) || !is_aligned(pa, level_size(other)));
	return 0;
}
