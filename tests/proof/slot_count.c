/* SPDX-License-Identifier: MIT */
/*
 * Shows: references are counted exactly, whatever other threads do between any two accesses
 * Rules: S-2 S-3 S-4 S-13 INV-M4
 * Layer: slots
 * Assumes: a weak exchange fails at most once in a row: what a second failure leaves, the first can
 *   leave, too
 * Sources: mm/slot.c tests/proof/slot_world.c
 * Hooks: interference
 * Geometry: one slot, any word, any number of threads
 * Cases: OPERATION 0 1 2
 * Unwind: 3
 * Covers: slot_get slot_inc slot_put count_up slot_refusal
 * Unreached: slot_put if (!slot_state_is_shared(state))
 * Except: slot_state_is_shared wraps one comparison for both ends of the range
 * Limit: 60
 * Quick: yes
 */
#include "tests/proof/slot_world.h"

static void get(uint32_t held)
{
	world_begin(COUNT(held));
	int err = slot_get(&proof_slot);

	if (err == 0) {
		world_end(COUNT(held + 1));
		return;
	}
	prove(proof_steps == 0);
	world_end(COUNT(held));
	/* The reason is what stood there when it was refused. */
	prove(implies(err == -ENOENT, proof_last == SLOT_UNUSED));
	prove(implies(err == -EBUSY, proof_last == SLOT_UNIQUE));
	prove(implies(err == -EAGAIN, proof_last == SLOT_BUSY));
	prove(implies(err == -EOVERFLOW, proof_last == SLOT_BUSY + SLOT_SHARED_MAX));
	prove(err == -ENOENT || err == -EBUSY || err == -EAGAIN || err == -EOVERFLOW);
}

static void inc(uint32_t held)
{
	world_begin(COUNT(held));
	int err = slot_inc(&proof_slot);

	prove(err == 0 ||
	      (err == -EOVERFLOW && proof_steps == 0 && proof_last == SLOT_BUSY + SLOT_SHARED_MAX));
	world_end(COUNT(err ? held : held + 1));
}

/* Exactly one of those who put is told that it was the last, and the slot is then its own. */
static void put(uint32_t held)
{
	world_begin(COUNT(held));
	int last = slot_put(&proof_slot);

	prove(last == 0 || last == 1);
	prove(proof_steps == 1);
	if (last) {
		prove(held == 1);
		world_end(BUSY);
	} else {
		world_end(COUNT(held - 1));
	}
}

int main(void)
{
	uint32_t held;

	assume(held <= SLOT_SHARED_MAX);
	if (OPERATION == 0) {
		get(held);
		return 0;
	}
	/* Who adds one or gives one back has one. */
	assume(held > 0);
	if (OPERATION == 1)
		inc(held);
	else
		put(held);
	return 0;
}
