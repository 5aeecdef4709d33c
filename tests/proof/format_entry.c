/* SPDX-License-Identifier: MIT */
/*
 * Shows: every entry that memory can hold is one kind of thing at its level, its address is aligned
 *   and below 2^52, and what is read off it can be said again
 * Rules: E-1 E-4 E-5 E-6 P-2
 * Layer: laws
 * Sources: mm/format.c
 * Geometry: every format, level, entry
 * Cases: FORMAT 0 1 2 3 4 5 6 7
 * Unwind: 16
 * Covers: pte_kind pte_is_present pte_prop
 * Limit: 60
 * Quick: yes
 */
#include "tests/proof/any_format.h"

static void leaf(const struct pt_format *format, pte_t pte, unsigned level)
{
	prop_t prop = pte_prop(format, pte);
	unsigned rights = prop.bits & PROP_RIGHTS;
	uint64_t bits;
	int err;

	prove((prop.bits & ~format_words(format)) == 0);
	err = format_leaf_bits(format, level, prop, pte_is_tracked(pte), &bits);
	prove((err == 0) == (format_has_leaf(format, level) && (format->rights >> rights & 1)));
	if (err == 0)
		prove(pte_prop(format, PTE(bits)).bits == prop.bits);
}

int main(void)
{
	const struct pt_format *format = pt_format_of((enum pt_format_id)FORMAT);
	unsigned level;
	pte_t pte;

	assume(level >= 1 && level <= format->levels);
	enum pte_kind kind = pte_kind(format, pte, level);

	prove(pte_kind(format, PTE(0), level) == PTE_ABSENT && !pte_is_child(format, PTE(0)));
	prove(kind == PTE_ABSENT || kind == PTE_NODE || kind == PTE_LEAF);
	prove((kind == PTE_ABSENT) == !(pte.raw & (format->present | PTE_HELD)));
	prove(implies(kind != PTE_ABSENT, pte_is_child(format, pte)));
	prove(implies(level == 1, kind != PTE_NODE));
	/* What hardware takes for present maps something. */
	prove(implies(pte.raw & format->present, kind != PTE_ABSENT));

	uint64_t address = pte_paddr(format, pte).value;
	uint64_t start = pte_leaf_paddr(format, pte, level).value;
	prove(is_aligned(address, PAGE_SIZE) && address < UINT64_C(1) << 52);
	prove(is_aligned(start, level_size(level)) && start <= address);
	if (kind == PTE_LEAF)
		leaf(format, pte, level);
	return 0;
}
