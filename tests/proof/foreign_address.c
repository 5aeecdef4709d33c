/* SPDX-License-Identifier: MIT */
/*
 * Shows: of every way of paging, the addresses that are translated are those that the manuals name,
 *   and each state of a processor has one way
 * Rules: BUG-4
 * Layer: laws
 * Sources: mm/foreign.c
 * Geometry: any registers, any address
 * Unwind: 7
 * Covers: foreign_paging_of foreign_paging_make mode_of maxphyaddr_within reserve_addresses
 *   foreign_is_canonical foreign_canonical
 * Except: foreign_canonical wraps the sign is spread by a subtraction
 * Limit: 120
 * Quick: yes
 */
#include "tests/proof/foreign_memory.h"

int main(void)
{
	struct foreign_registers registers;
	struct foreign_paging paging;
	uint64_t va, offset;

	foreign_paging_of(&registers, &paging);
	bool paged = registers.cr0 >> 31 & 1, wide = registers.efer >> 10 & 1;
	bool pae = registers.cr4 >> 5 & 1, la57 = registers.cr4 >> 12 & 1;
	unsigned bits = paged && wide ? (la57 ? 57 : 48) : 32;

	prove(paging.levels == (!paged ? 0 : wide ? 4 + la57 : pae ? 3 : 2));
	prove(paging.address_bits == bits && paging.sign_extended == (paged && wide));
	prove((paging.root & ~registers.cr3) == 0);
	/* The top bit that is translated repeats up to bit 63, or nothing is there. */
	uint64_t high = va >> (bits - 1);
	bool right = paged && wide ? high == 0 || high == UINT64_MAX >> (bits - 1) :
				     va >> bits == 0;
	prove(foreign_is_canonical(&paging, va) == right);
	assume(offset >> bits == 0);
	prove(foreign_is_canonical(&paging, foreign_canonical(&paging, offset)));
	prove(((foreign_canonical(&paging, offset) ^ offset) & ((UINT64_C(1) << bits) - 1)) == 0);
	return 0;
}
