/* SPDX-License-Identifier: MIT */
/*
 * One slot, the thread under proof, and all other threads: see interference.h.
 */
#ifndef PROOF_SLOT_WORLD_H
#define PROOF_SLOT_WORLD_H

#include "mm/slot.h"
#include "tests/proof/proof.h"

/* What a party holds of the slot. */
struct holding {
	enum { HOLDS_COUNT, HOLDS_BUSY, HOLDS_UNIQUE } how;
	uint32_t count; /* shared references; 0 unless HOLDS_COUNT */
};

extern struct slot proof_slot;
extern struct holding mine, others;
extern uint32_t proof_last;  /* the word as our last access to it found it */
extern unsigned proof_steps; /* changes of the word that we have made */

/* May two parties hold this at once, and what is the word then? */
bool world_is_valid(struct holding one, struct holding other);
uint32_t world_word(struct holding one, struct holding other);

/* Any slot of which we hold `holding`, and anybody else whatever the protocol allows. */
void world_begin(struct holding holding);

/* The word is what the two hold, and we hold `holding`. */
void world_end(struct holding holding);

#define COUNT(n) ((struct holding){ .how = HOLDS_COUNT, .count = (n) })
#define NOTHING COUNT(0)
#define BUSY ((struct holding){ .how = HOLDS_BUSY })
#define UNIQUE ((struct holding){ .how = HOLDS_UNIQUE })

#endif
