/* SPDX-License-Identifier: MIT */
/* What other threads do to a slot, and what ours may do. */
#include "tests/proof/slot_world.h"

struct slot proof_slot;
struct holding mine, others;
uint32_t proof_last;
unsigned proof_steps;

/*
 * How often in a row a weak exchange fails. What a failure leaves is a word seen a moment ago, any
 * that others could set, and a word now, any that they can set: the next round begins with no other
 * state than the first one could leave.
 */
#define FAILURES_MAX 1
static unsigned failures;

/* Any number of steps of any number of other threads. */
static void others_step(void)
{
	struct holding next;
	unsigned how = nondet_unsigned();

	assume(how <= HOLDS_UNIQUE);
	next.how = how;
	assume(world_is_valid(mine, next));
	others = next;
	proof_slot.state = world_word(mine, others);
	/* What else is in the slot, is for those to write who have it for themselves. */
	if (mine.how == HOLDS_COUNT && mine.count == 0) {
		proof_slot.type = nondet_u32();
		proof_slot.home = nondet_u8();
	}
}

void world_begin(struct holding holding)
{
	any_of(&proof_slot);
	mine = holding;
	others_step();
	proof_last = proof_slot.state;
	proof_steps = 0;
	failures = 0;
}

void world_end(struct holding holding)
{
	prove(mine.how == holding.how && mine.count == holding.count);
	prove(world_is_valid(mine, others));
	prove(proof_slot.state == world_word(mine, others));
}

void proof_before(const volatile void *object)
{
	if (object == &proof_slot.state || object == &proof_slot.type)
		others_step();
}

void proof_loaded(const volatile void *object, uint64_t value, int order)
{
	(void)order;
	if (object == &proof_slot.state)
		proof_last = (uint32_t)value;
}

bool proof_weak_fails(void)
{
	return any_bool();
}

bool proof_weak_failed(void)
{
	assume(failures < FAILURES_MAX);
	failures++;
	return false;
}

static bool at_least(int order, int wanted)
{
	return order == wanted || order == memory_order_acq_rel || order == memory_order_seq_cst;
}

/* What we hold after our step from `old` to `new`, which must be one of the protocol's. */
static struct holding after_step(uint32_t old, uint32_t new, int order)
{
	if (mine.how == HOLDS_BUSY) {
		prove(new == SLOT_UNUSED || new == SLOT_UNIQUE || new == SLOT_BUSY + 1);
		prove(new != SLOT_UNUSED || (proof_slot.type & 0xff) == FRAME_NONE);
		/* Who claims or gets it later sees what was written (1.11); nobody gets UNIQUE. */
		prove(new == SLOT_UNIQUE || at_least(order, memory_order_release));
		return new == SLOT_UNUSED ? NOTHING : new == SLOT_UNIQUE ? UNIQUE : COUNT(1);
	}
	if (mine.how == HOLDS_UNIQUE) {
		prove(new == SLOT_BUSY || new == SLOT_BUSY + 1);
		prove(new == SLOT_BUSY || at_least(order, memory_order_release));
		return new == SLOT_BUSY ? BUSY : COUNT(1);
	}
	if (old == SLOT_UNUSED) {
		prove(new == SLOT_BUSY &&at_least(order, memory_order_acquire));
		return BUSY;
	}
	prove(slot_state_is_shared(old));
	if (new == SLOT_UNIQUE) {
		prove(mine.count == 1 && at_least(order, memory_order_acquire));
		return UNIQUE;
	}
	if (new == old + 1) {
		/* Who holds none of it sees what was written before it was published. */
		prove(mine.count > 0 || at_least(order, memory_order_acquire));
		prove(mine.count < SLOT_SHARED_MAX);
		return COUNT(mine.count + 1);
	}
	prove(new == old - 1 && mine.count > 0 && at_least(order, memory_order_release));
	return new == SLOT_BUSY ? BUSY : COUNT(mine.count - 1);
}

void proof_step(const volatile void *object, uint64_t old, uint64_t new, int order)
{
	if (object == &proof_slot.type)
		prove(mine.how != HOLDS_COUNT);
	if (object != &proof_slot.state)
		return;
	proof_last = (uint32_t)old;
	proof_steps++;
	mine = after_step((uint32_t)old, (uint32_t) new, order);
	prove(world_is_valid(mine, others));
	prove(new == world_word(mine, others));
}
