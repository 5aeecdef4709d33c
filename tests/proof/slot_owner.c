/* SPDX-License-Identifier: MIT */
/*
 * Shows: one thread at most gets an unused frame, or a frame for itself; who has it gives it up
 *   once; whatever other threads do between any two accesses
 * Rules: S-1 S-5 S-6 S-7 S-9 S-10 S-13 M-6
 * Layer: slots
 * Assumes: who publishes or releases a slot has claimed it, and who shares or abandons one has it
 *   for himself: what the handles keep
 * Sources: mm/slot.c tests/proof/slot_world.c
 * Hooks: interference
 * Geometry: one slot, any word, any number of threads
 * Cases: TRANSITION claim publish_shared publish_unique to_unique to_shared abandon release
 * Unwind: 3
 * Covers: slot_claim slot_publish_shared slot_publish_unique slot_to_unique slot_to_shared
 *   slot_abandon slot_release slot_set_type slot_refusal state_move
 * Limit: 60
 * Quick: yes
 */
#include "tests/proof/slot_world.h"

static void claim(void)
{
	world_begin(NOTHING);
	int err = slot_claim(&proof_slot);

	world_end(err ? NOTHING : BUSY);
	prove(err == 0 ? proof_last == SLOT_UNUSED : proof_steps == 0);
	prove(implies(err == -EBUSY, proof_last == SLOT_UNIQUE));
	prove(implies(err == -EAGAIN, proof_last == SLOT_BUSY));
	prove(implies(err == -EEXIST, slot_state_is_shared(proof_last)));
	prove(err == 0 || err == -EBUSY || err == -EAGAIN || err == -EEXIST);
}

static void publish_shared(void)
{
	world_begin(BUSY);
	slot_publish_shared(&proof_slot);
	world_end(COUNT(1));
}

static void publish_unique(void)
{
	world_begin(BUSY);
	slot_publish_unique(&proof_slot);
	world_end(UNIQUE);
}

/* Only if no clone, no entry and no segment has it, too. */
static void to_unique(void)
{
	uint32_t held;

	assume(held > 0 && held <= SLOT_SHARED_MAX);
	world_begin(COUNT(held));
	int err = slot_to_unique(&proof_slot);

	prove(err == 0 || (err == -EBUSY && proof_steps == 0 && proof_last > SLOT_BUSY + 1));
	prove(implies(err == 0, held == 1));
	world_end(err ? COUNT(held) : UNIQUE);
}

static void to_shared(void)
{
	world_begin(UNIQUE);
	prove(slot_to_shared(&proof_slot) == 0);
	world_end(COUNT(1));
}

static void abandon(void)
{
	world_begin(UNIQUE);
	prove(slot_abandon(&proof_slot) == 0);
	world_end(BUSY);
}

static void release(void)
{
	world_begin(BUSY);
	slot_release(&proof_slot);
	world_end(NOTHING);
}

int main(void)
{
	TRANSITION();
	return 0;
}
