/* SPDX-License-Identifier: MIT */
/*
 * mm/format.h for proofs of steps: what the shape says of an entry is proved of its bits, and goes
 * on as a constant.
 */
#ifndef PROOF_FORMAT_H
#define PROOF_FORMAT_H

#include_next <mm/format.h>

#include "tests/proof/proof.h"

static inline enum pte_kind shape_kind(const struct pt_format *format, pte_t pte, unsigned level)
{
	enum pte_kind kind = pte_kind(format, pte, level);

	switch (pte.known) {
	case SHAPE_EMPTY:
	case SHAPE_STATUS:
		return proved_as(PTE_ABSENT, kind);
	case SHAPE_LEAF:
	case SHAPE_FOLLOWS:
	case SHAPE_JOINS:
		return proved_as(PTE_LEAF, kind);
	case SHAPE_NODE:
		return proved_as(PTE_NODE, kind);
	default:
		return kind;
	}
}

static inline bool shape_is_present(const struct pt_format *format, pte_t pte)
{
	bool present = pte_is_present(format, pte);

	return pte.known == SHAPE_UNKNOWN ? present : proved_as(pte.known >= SHAPE_LEAF, present);
}

static inline bool shape_has_status(pte_t pte)
{
	bool has = pte_has_status(pte);

	if (pte.known != SHAPE_EMPTY && pte.known != SHAPE_STATUS)
		return has;
	return proved_as(pte.known == SHAPE_STATUS, has);
}

static inline bool shape_is_child(const struct pt_format *format, pte_t pte)
{
	bool is = pte_is_child(format, pte);

	return pte.known == SHAPE_UNKNOWN ? is : proved_as(pte.known >= SHAPE_STATUS, is);
}

static inline bool shape_is_tracked(pte_t pte)
{
	bool is = pte_is_tracked(pte);

	return pte.tracked == UNKNOWN ? is : proved_as(pte.tracked == YES, is);
}

#define pte_kind(format, pte, level) shape_kind(format, pte, level)
#define pte_is_present(format, pte) shape_is_present(format, pte)
#define pte_has_status(pte) shape_has_status(pte)
#define pte_is_tracked(pte) shape_is_tracked(pte)
#define pte_is_child(format, pte) shape_is_child(format, pte)

#endif
