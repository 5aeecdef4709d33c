/* SPDX-License-Identifier: MIT */
/*
 * Shows: an entry made for a node is a node at every level above 1, and leads where it was told
 * Rules: E-3 E-5
 * Layer: laws
 * Sources: mm/format.c
 * Geometry: every format, level, address
 * Unwind: 16
 * Covers: pte_node pte_paddr
 * Limit: 30
 * Quick: yes
 */
#include "tests/proof/any_format.h"

int main(void)
{
	const struct pt_format *format = any_format();
	unsigned level;
	paddr_t paddr;

	assume(level >= 2 && level <= format->levels);
	assume((paddr.value & ~format->address) == 0);

	pte_t pte = pte_node(format, paddr);
	prove(pte_kind(format, pte, level) == PTE_NODE && pte_is_child(format, pte));
	prove(pte_paddr(format, pte).value == paddr.value);
	prove(!pte_is_tracked(pte) && (pte.raw & format->reserved) == 0);
	/* Rights of a node limit nothing: the leaf says what is granted. */
	prove((pte.raw & format->present) == format->present);
	return 0;
}
