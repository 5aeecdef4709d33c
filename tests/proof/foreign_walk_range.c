/* SPDX-License-Identifier: MIT */
/*
 * Shows: what a walk is asked for, by any two addresses, is what is translated of them: from the
 *   first address that is no lower to the last that is no higher
 * Rules: E-5 BUG-4
 * Layer: input
 * Sources: mm/foreign.c
 * Geometry: every way of paging, any address
 * Unwind: 7
 * Covers: offset_of
 * Except: foreign_canonical wraps the sign is spread by a subtraction
 * Limit: 60
 * Quick: yes
 */
#include "mm/foreign_walk.c"

#include "tests/proof/proof.h"

/* An address that is translated has an offset below this; one behind the last would have it. */
static uint64_t offsets(const struct foreign_paging *paging)
{
	return UINT64_C(1) << paging->address_bits;
}

int main(void)
{
	struct foreign_paging paging;
	unsigned mode = nondet_unsigned();
	uint64_t va, other;

	assume(mode < FOREIGN_MODES);
	foreign_paging_make((enum foreign_mode)mode, 0, 0, &paging);
	uint64_t first = offset_of(&paging, va, true);
	uint64_t last = offset_of(&paging, va, false);

	prove(first <= offsets(&paging) && last < offsets(&paging));
	assume(other < offsets(&paging));
	prove((first <= other) == (va <= foreign_canonical(&paging, other)));
	prove((other <= last) == (foreign_canonical(&paging, other) <= va));
	return 0;
}
