/* SPDX-License-Identifier: MIT */
/*
 * A slot's word is what two parties hold of the frame: who is looked at, and all others together.
 */
#ifndef PROOF_HOLDING_H
#define PROOF_HOLDING_H

#include "mm/slot.h"

/* What a party holds of a slot. */
struct holding {
	enum { HOLDS_COUNT, HOLDS_BUSY, HOLDS_UNIQUE } how;
	uint32_t count; /* shared references; 0 unless HOLDS_COUNT */
};

#define COUNT(n) ((struct holding){ .how = HOLDS_COUNT, .count = (n) })
#define NOTHING COUNT(0)
#define BUSY ((struct holding){ .how = HOLDS_BUSY })
#define UNIQUE ((struct holding){ .how = HOLDS_UNIQUE })

/* May two parties hold this at once? */
static inline bool world_is_valid(struct holding one, struct holding other)
{
	if (one.how != HOLDS_COUNT || other.how != HOLDS_COUNT) {
		/* Busy and unique are one party's alone. */
		if (one.how == HOLDS_COUNT)
			return one.count == 0 && other.count == 0;
		return other.how == HOLDS_COUNT && one.count == 0 && other.count == 0;
	}
	return one.count <= SLOT_SHARED_MAX && other.count <= SLOT_SHARED_MAX - one.count;
}

/* And what is the word then? (INV-A3) */
static inline uint32_t world_word(struct holding one, struct holding other)
{
	if (one.how == HOLDS_BUSY || other.how == HOLDS_BUSY)
		return SLOT_BUSY;
	if (one.how == HOLDS_UNIQUE || other.how == HOLDS_UNIQUE)
		return SLOT_UNIQUE;
	if (one.count + other.count == 0)
		return SLOT_UNUSED;
	return SLOT_BUSY + one.count + other.count;
}

#endif
