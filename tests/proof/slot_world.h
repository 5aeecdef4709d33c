/* SPDX-License-Identifier: MIT */
/*
 * One slot, the thread under proof, and all other threads: see interference.h.
 */
#ifndef PROOF_SLOT_WORLD_H
#define PROOF_SLOT_WORLD_H

#include "tests/proof/holding.h"
#include "tests/proof/proof.h"

extern struct slot proof_slot;
extern struct holding mine, others;
extern uint32_t proof_last;  /* the word as our last access to it found it */
extern unsigned proof_steps; /* changes of the word that we have made */

/* Any slot of which we hold `holding`, and anybody else whatever the protocol allows. */
void world_begin(struct holding holding);

/* The word is what the two hold, and we hold `holding`. */
void world_end(struct holding holding);

#endif
