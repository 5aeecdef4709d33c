/* SPDX-License-Identifier: MIT */
/*
 * Shows: whatever leaf a format can say is read back as it was said; what it cannot say is refused
 * Rules: E-1 E-2 E-5 E-6 P-1 P-2 P-12 BUG-12 GAP-5
 * Layer: laws
 * Sources: mm/format.c
 * Geometry: every format, level, property, address
 * Cases: FORMAT 0 1 2 3 4 5 6 7
 * Unwind: 16
 * Covers: format_leaf_bits format_prop_bits rotate_left rotate_right pte_prop pte_leaf_paddr
 * Limit: 120
 * Quick: yes
 */
#include "tests/proof/any_format.h"

int main(void)
{
	const struct pt_format *format = pt_format_of((enum pt_format_id)FORMAT);
	unsigned level;
	uint64_t address;
	prop_t prop;
	bool tracked = any_bool();
	uint64_t bits = 0;

	int err = format_leaf_bits(format, level, prop, tracked, &bits);
	unsigned cache = (prop.bits & PROP_CACHE) >> PROP_CACHE_SHIFT;

	prove(err == 0 || (err == -EOPNOTSUPP && bits == 0));
	if (err) {
		prove(!format_has_leaf(format, level) || (prop.bits & ~format_words(format)) ||
		      cache >= PROP_CACHE_KINDS || format->cache[cache] == PT_CACHE_NONE ||
		      !(format->rights >> (prop.bits & PROP_RIGHTS) & 1));
		return 0;
	}
	prove(level >= 1 && level <= format->levels);
	prove((bits & format->address) == 0 || level == 1);
	assume(is_aligned(address, level_size(level)) && (address & ~format->address) == 0);

	pte_t pte = PTE(address | bits);
	prove(pte_kind(format, pte, level) == PTE_LEAF && pte_is_child(format, pte));
	prove(pte_leaf_paddr(format, pte, level).value == address);
	prove(pte_prop(format, pte).bits == prop.bits);
	prove(pte_is_tracked(pte) == tracked);
	prove(implies(!(prop.bits & PROP_RIGHTS), !(pte.raw & format->present)));
	return 0;
}
