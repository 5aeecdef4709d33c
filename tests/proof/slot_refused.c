/* SPDX-License-Identifier: MIT */
/*
 * Shows: from each of the 2^32 words every transition does what the table of states says: it is
 *   taken, or refused with the reason and nothing of the slot changed
 * Rules: S-1 S-2 S-3 S-4 S-5 S-6 S-9 S-10 S-12 INV-M4
 * Layer: slots
 * Sources: mm/slot.c
 * Geometry: one slot, any content
 * Unwind: 2
 * Covers: slot_claim slot_get slot_inc slot_to_unique slot_to_shared slot_abandon
 *   slot_refusal slot_count slot_state_is_shared state_move
 * Except: slot_state_is_shared wraps one comparison for both ends of the range
 * Limit: 60
 * Quick: yes
 */
#include "mm/slot.h"
#include "tests/proof/proof.h"

#define ONE (SLOT_BUSY + 1)		   /* a count of 1 */
#define MOST (SLOT_BUSY + SLOT_SHARED_MAX) /* the highest */

/* The table of section 1.3, as text: words that allow a transition, and what refuses the others. */
struct row {
	bool allowed;
	uint32_t next;
	int result, refusal;
};

static int refusal_of(uint32_t word, int unused, int shared)
{
	if (word == SLOT_UNUSED)
		return unused;
	if (word == SLOT_BUSY)
		return -EAGAIN;
	/* What is above the highest count and not unique is written by nobody. */
	return word == SLOT_UNIQUE ? -EBUSY : shared;
}

static bool is_shared(uint32_t word)
{
	return word >= ONE && word <= MOST;
}

static struct row row_of(unsigned transition, uint32_t word)
{
	switch (transition) {
	case 0: /* claim */
		return (struct row){ word == SLOT_UNUSED, SLOT_BUSY, 0,
				     refusal_of(word, 0, -EEXIST) };
	case 1: /* get */
		return (struct row){ word >= ONE && word < MOST, word < MOST ? word + 1 : word, 0,
				     refusal_of(word, -ENOENT, -EOVERFLOW) };
	case 2: /* inc */
		return (struct row){ word >= ONE && word < MOST, word < MOST ? word + 1 : word, 0,
				     word == MOST ? -EOVERFLOW : -EINVAL };
	case 3: /* put */
		return (struct row){ is_shared(word), word > 0 ? word - 1 : 0, word == ONE,
				     -EINVAL };
	case 4: /* to unique */
		return (struct row){ word == ONE, SLOT_UNIQUE, 0,
				     is_shared(word) ? -EBUSY : -EINVAL };
	case 5: /* to shared */
		return (struct row){ word == SLOT_UNIQUE, ONE, 0, -EINVAL };
	default: /* abandon */
		return (struct row){ word == SLOT_UNIQUE, SLOT_BUSY, 0, -EINVAL };
	}
}

static int transit(unsigned transition, struct slot *slot)
{
	switch (transition) {
	case 0:
		return slot_claim(slot);
	case 1:
		return slot_get(slot);
	case 2:
		return slot_inc(slot);
	case 3:
		return slot_put(slot);
	case 4:
		return slot_to_unique(slot);
	case 5:
		return slot_to_shared(slot);
	default:
		return slot_abandon(slot);
	}
}

int main(void)
{
	unsigned transition, at;
	struct slot slot;
	struct slot before = slot;
	const unsigned char *now = (const unsigned char *)&slot;
	const unsigned char *then = (const unsigned char *)&before;

	assume(at < sizeof(slot));
	prove(slot_count(&slot) == (is_shared(slot.state) ? slot.state - SLOT_BUSY : 0));
	struct row row = row_of(transition, slot.state);
	int result = transit(transition, &slot);

	prove(result == (row.allowed ? row.result : row.refusal));
	prove(slot.state == (row.allowed ? row.next : before.state));
	/* Nothing but the word. */
	prove(at < sizeof(slot.state) || now[at] == then[at]);
	return 0;
}
