/* SPDX-License-Identifier: MIT */
/*
 * mm/domain.h for proofs of steps: the bytes of a frame, of which only entries matter, are where
 * the proof has them.
 */
#ifndef PROOF_DOMAIN_H
#define PROOF_DOMAIN_H

#include_next <mm/domain.h>

#include "tests/proof/proof.h"

void *proof_frame(paddr_t paddr);

#define domain_pointer(domain, paddr) proof_frame(paddr)
#define memory_frame(memory, number) ((void)(memory), proof_frame(PADDR((number) << PAGE_SHIFT)))

/* Whatever a step asks for is in the domain. */
static inline bool shape_is_contained(const struct phys_domain *domain, paddr_t paddr, uint64_t len)
{
	return proved_as(true, domain_contains(domain, paddr, len));
}

#define domain_contains(domain, paddr, len) shape_is_contained(domain, paddr, len)

#endif
