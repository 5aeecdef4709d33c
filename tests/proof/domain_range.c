/* SPDX-License-Identifier: MIT */
/*
 * Shows: in a domain of any size, the slot of a frame and the frame of a slot are each other's
 *   inverse, and no address outside gets a slot
 * Rules: M-1 M-2 BUG-3
 * Layer: laws
 * Assumes: there are as many slots in memory as the domain has frames
 * Sources: mm/domain.c tests/proof/port.c
 * Geometry: any number of frames, any address, any length
 * Unwind: 65
 * Covers: domain_slot domain_check_run domain_contains
 * Limit: 60
 * Quick: yes
 */
#include "mm/domain.h"
#include "tests/proof/proof.h"

#include <stdlib.h>

typedef unsigned __int128 exact_t;

int main(void)
{
	struct phys_domain domain;
	uint64_t nr_frames, nr, len;
	paddr_t paddr;
	struct slot *slot = NULL;

	assume(nr_frames > 0 && nr_frames <= SLOT_NONE);
	domain.nr_frames = nr_frames;
	domain.slots = malloc(nr_frames * sizeof(struct slot));
	assume(domain.slots);
	exact_t size = (exact_t)nr_frames * PAGE_SIZE;

	int err = domain_slot(&domain, paddr, &slot);
	bool aligned = is_aligned(paddr.value, PAGE_SIZE);
	prove(err == (!aligned ? -EINVAL : paddr.value < size ? 0 : -ERANGE));
	prove((err == 0) == (slot != NULL));
	if (slot) {
		prove(slot == domain_slot_at(&domain, paddr));
		prove(domain_slot_paddr(&domain, slot).value == paddr.value);
		prove(domain_slot_number(&domain, slot) == paddr.value >> PAGE_SHIFT);
		prove(domain_slot_number(&domain, slot) != SLOT_NONE);
	}
	prove(domain_contains(&domain, paddr, len) == ((exact_t)paddr.value + len <= size));
	err = domain_check_run(&domain, paddr, nr);
	prove((err == 0) == (aligned && nr > 0 && paddr.value + (exact_t)nr * PAGE_SIZE <= size));
	prove(err == 0 || err == (!aligned || nr == 0 ? -EINVAL : -ERANGE));
	free(domain.slots);
	return 0;
}
