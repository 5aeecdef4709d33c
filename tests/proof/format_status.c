/* SPDX-License-Identifier: MIT */
/*
 * Shows: a status is read back as it was put, and whatever an absent entry holds, it maps nothing
 * Rules: E-1 INV-T5
 * Layer: laws
 * Sources: mm/format.c
 * Geometry: every format, level, status
 * Unwind: 16
 * Covers: pte_of_status pte_status pte_has_status
 * Limit: 30
 * Quick: yes
 */
#include "tests/proof/any_format.h"

int main(void)
{
	const struct pt_format *format = any_format();
	unsigned level;
	uint64_t status;
	pte_t any;

	assume(level >= 1 && level <= format->levels && status <= STATUS_MAX);

	pte_t pte = pte_of_status(status);
	prove(pte_kind(format, pte, level) == PTE_ABSENT && !pte_is_tracked(pte));
	prove(pte_status(pte) == status);
	prove(pte_has_status(pte) == (status != 0) && pte_is_child(format, pte) == (status != 0));
	prove(implies(status == 0, pte.raw == 0));
	/* Small numbers seem to be at the top of what an address can say (L1 terminal fault). */
	prove(implies(status > 0 && status < 1u << 20,
		      pte_paddr(format, pte).value >= UINT64_C(0xfffff00000000)));
	/* An entry that a guest made up has a status in range, too. */
	prove(pte_status(any) <= STATUS_MAX);
	return 0;
}
