/* SPDX-License-Identifier: MIT */
/*
 * Transitions of the slot's word, with the orderings of table 1.11.
 *
 * Each is one compare-and-swap from a state that allows it, so a refusal writes nothing. Counting
 * down is one too, where upstream subtracts first: a put by somebody who owns nothing must not be
 * seen even for a moment.
 */
#include "mm/slot.h"

/* On refusal *from is the state that stood there. */
static bool state_move(struct slot *slot, uint32_t *from, uint32_t to, memory_order order)
{
	return atomic_compare_exchange_strong_explicit(&slot->state, from, to, order,
						       memory_order_relaxed);
}

void slot_publish_unique(struct slot *slot)
{
	atomic_store_explicit(&slot->state, SLOT_UNIQUE, memory_order_relaxed);
}

/* One more. On refusal *state is the state that stood there: not shared, or saturated. */
static bool count_up(struct slot *slot, uint32_t *state, memory_order order)
{
	*state = slot_state(slot);
	while (slot_state_is_shared(*state) && *state - SLOT_BUSY < SLOT_SHARED_MAX)
		if (atomic_compare_exchange_weak_explicit(&slot->state, state, *state + 1, order,
							  memory_order_relaxed))
			return true;
	return false;
}

int slot_get(struct slot *slot)
{
	uint32_t state;

	/* Acquire: what was written before slot_publish_shared() can be read. */
	if (count_up(slot, &state, memory_order_acquire))
		return 0;
	return state == SLOT_UNUSED ? -ENOENT : slot_refusal(state, -EOVERFLOW);
}

int slot_inc(struct slot *slot)
{
	uint32_t state;

	/* Relaxed: the reference that the caller holds is ordered already. */
	if (count_up(slot, &state, memory_order_relaxed))
		return 0;
	return slot_state_is_shared(state) ? -EOVERFLOW : -EINVAL;
}

int slot_to_unique(struct slot *slot)
{
	uint32_t state = SLOT_BUSY + 1;

	/* Acquire, where upstream is relaxed: who put the last but one is done with the frame. */
	if (state_move(slot, &state, SLOT_UNIQUE, memory_order_acquire))
		return 0;
	return slot_state_is_shared(state) ? -EBUSY : -EINVAL;
}

int slot_to_shared(struct slot *slot)
{
	uint32_t state = SLOT_UNIQUE;

	/* Release: pairs with slot_get(). */
	return state_move(slot, &state, SLOT_BUSY + 1, memory_order_release) ? 0 : -EINVAL;
}

int slot_abandon(struct slot *slot)
{
	uint32_t state = SLOT_UNIQUE;

	/* Relaxed: the frame stays exclusive; slot_release() publishes. */
	return state_move(slot, &state, SLOT_BUSY, memory_order_relaxed) ? 0 : -EINVAL;
}
