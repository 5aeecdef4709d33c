/* SPDX-License-Identifier: MIT */
/*
 * For the steps of frames: a domain of a few frames, each in any state that the invariants allow,
 * and an allocator that does what it likes.
 *
 * A step says what its handles hold before it and after it, frame by frame. All else follows: the
 * word of each slot (INV-A), its contents (INV-M), and which slots may have changed, and how (AX).
 */
#ifndef PROOF_STEP_SLOTS_H
#define PROOF_STEP_SLOTS_H

#include "mm/frame.h"
#include "mm/handle.h"
#include "tests/proof/holding.h"
#include "tests/proof/proof.h"

#define FRAMES 6u

extern struct phys_domain domain;
extern struct slot slots[FRAMES];
extern struct slot slots_before[FRAMES];

/*
 * What the handles of the step hold of each frame. What all others hold (H + P + S + Q of section
 * 5.4, lists and free chunks, and BUSY what other threads construct or destroy) is any that goes
 * with it, and is not the step's to change.
 */
extern struct holding held[FRAMES];

/* Offers of the allocator's left, and the first frame of the run that it offers next. */
extern unsigned allocator_offers;
extern unsigned allocator_offered;

static inline uint32_t slot_list_of(const struct slot *slot)
{
	return atomic_load_explicit(&slot->list, memory_order_relaxed);
}

static inline paddr_t frame_at(unsigned number)
{
	return PADDR((uint64_t)number << PAGE_SHIFT);
}

/* Is `number` one of the frames [first, first + nr)? */
static inline bool is_in_run(unsigned number, uint64_t first, uint64_t nr)
{
	return number >= first && number - first < nr;
}

/* INV-M1 to M5 of one slot. */
bool slot_is_sound(const struct slot *slot);

/* Any slots that satisfy INV-M and INV-A, of which the step holds what `held` says. */
void slots_begin(void);

/* This is how they are before the step: after a harness has written to them. */
void slots_remember(void);

/* One reference or more. */
struct holding any_count(void);

/* References of one of the step's handles, on top of what it holds already. */
void hold(unsigned number);

/*
 * The step is over, and `held` says what it holds now. Each slot satisfies INV-M and INV-A. One of
 * which the step holds what it held is the same bit by bit, and nobody was told of it; one that was
 * claimed is of this kind; one that nobody holds any more has been torn down, and the allocator
 * was told of it once if it is pooled (S-7, S-8); any other has changed its word alone.
 */
void prove_slots(enum frame_kind claimed);

/* No slot has changed. */
void prove_unchanged(void);

/* The slot is the same bit by bit, and nobody was told of it. */
bool slot_is_unchanged(unsigned number);

/* Has the step given up the last reference, or the whole of the frame? */
bool slot_has_ended(unsigned number);

/* When this frame ends, does the allocator get it? */
bool slot_is_for_allocator(const struct slot *slot);

/* Times that the allocator, or a shelf, was told that the frame is free. */
extern unsigned allocator_told[FRAMES];

/* Times that the children of the node were given up: to be done once, when it has ended. */
extern unsigned children_dropped[FRAMES];

#endif
