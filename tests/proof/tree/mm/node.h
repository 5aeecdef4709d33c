/* SPDX-License-Identifier: MIT */
/* mm/node.h for proofs of steps: how far leaves go on, the shape says, and it is proved. */
#ifndef PROOF_NODE_H
#define PROOF_NODE_H

#include_next <mm/node.h>

unsigned shape_leaf_run(struct pt_node node, unsigned index, unsigned nr);

static inline unsigned tree_leaf_run(const struct phys_domain *domain,
				     const struct pt_format *format, struct pt_node node,
				     unsigned index, unsigned nr, pte_t pte)
{
	unsigned run = node_leaf_run(domain, format, node, index, nr, pte);

	return proved_as(shape_leaf_run(node, index, nr), run);
}

/* Whatever properties a step asks for can be said, unless MAY_BE_REFUSED. */
static inline int shape_leaf_bits(const struct pt_format *format, unsigned level, prop_t prop,
				  bool tracked, uint64_t *bits)
{
	return proved_as(0, format_leaf_bits(format, level, prop, tracked, bits));
}

#ifndef MAY_BE_REFUSED
#define format_leaf_bits(format, level, prop, tracked, bits) \
	shape_leaf_bits(format, level, prop, tracked, bits)
#endif
#define node_leaf_run(domain, format, node, index, nr, pte) \
	tree_leaf_run(domain, format, node, index, nr, pte)

#endif
