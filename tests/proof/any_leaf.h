/* SPDX-License-Identifier: MIT */
/* For proofs of nodes: one leaf of all. */
#ifndef PROOF_ANY_LEAF_H
#define PROOF_ANY_LEAF_H

#include "mm/domain.h"
#include "mm/format.h"
#include "tests/proof/proof.h"

/* Any that the format can say at this level, where it has some; tracked: of frames that are. */
static inline uint64_t any_leaf(const struct pt_format *format, const struct phys_domain *domain,
				unsigned level)
{
	uint64_t address = nondet_u64(), bits = 0;
	bool tracked = any_bool();

	assume(format_has_leaf(format, level));
	assume(format_leaf_bits(format, level, PROP(nondet_u32()), tracked, &bits) == 0);
	assume((address & ~format->address) == 0 && is_aligned(address, level_size(level)));
	assume(!tracked || domain_contains(domain, PADDR(address), level_size(level)));
	return address | bits;
}

#endif
