/* SPDX-License-Identifier: MIT */
/* What the files of step_tree.h share. */
#ifndef PROOF_STEP_TREE_PRIVATE_H
#define PROOF_STEP_TREE_PRIVATE_H

#include "tests/proof/step_tree.h"

/*
 * Of these files, which are no code under proof, only what they prove is checked: that is quicker.
 * Each pops this at its end; where none does, the prover crashes.
 */
#pragma CPROVER check push
#pragma CPROVER check disable "bounds"
#pragma CPROVER check disable "pointer"
#pragma CPROVER check disable "pointer-overflow"
#pragma CPROVER check disable "pointer-primitive"
#pragma CPROVER check disable "signed-overflow"
#pragma CPROVER check disable "unsigned-overflow"
#pragma CPROVER check disable "conversion"
#pragma CPROVER check disable "undefined-shift"

#define ENTRIES (FRAMES * NODE_ENTRIES)

/*
 * OPENS, a macro of a harness: no cursor is open before the step. Locks are free, but for those of
 * another thread, and after the step they are held as the harness says. Whoever finds and locks
 * nodes looks at no page's entry, and where leaves lie does not matter.
 */
#ifdef OPENS
#define HOLDER_BEFORE LOCK_FREE
#define HOLDER_AFTER(number) holder_after(number)
#define LOWEST_SEEN 2u /* level of entries */
#else
#define HOLDER_BEFORE THREAD
#define HOLDER_AFTER(number) ((number) < PLACES ? holders_before[number] : THREAD)
#define LOWEST_SEEN 1u
#endif

/* The table as it is: what is known of each entry, and its bits. */
extern const struct pt_format *format;
extern enum shape shapes[ENTRIES];
extern enum known tracked[ENTRIES];
extern uint64_t entries[ENTRIES];

/* References of handles, segments, and what is hidden, on the frames from DATA on. */
extern uint32_t held[FRAMES - DATA];

/* As it was before the step. */
extern uint32_t states_before[FRAMES - DATA];
extern struct page pages_before[PAGES];
extern uint32_t holders_before[PLACES]; /* of places without a node the cursor's thread */

/* The node of the path to page `page` at `level`, if there is one. */
static inline unsigned place_at(unsigned page, unsigned level)
{
	return level == 3 ? ROOT : level == 2 ? 1 + page / 4 : 3 + page / 2;
}

static inline uint64_t pte_frame(uint64_t raw)
{
	return (raw & format->address) >> PAGE_SHIFT;
}

/* What hardware has set in the entry of a node since it was written. */
static inline uint64_t bits_of_walks(void)
{
	return TABLE == EPT_HARDWARE ? format_prop_bits(format, PROP_ACCESSED) : 0;
}

/* The references that a leaf owns are counted (INV-A3). */
static inline void count_leaf(uint32_t *count, uint64_t raw, unsigned level)
{
	uint64_t frame = raw & PTE_TRACKED ? pte_frame(raw) : FRAMES;

	count[0] += DATA + 0 - frame < level_pages(level);
	count[1] += DATA + 1 - frame < level_pages(level);
	count[2] += DATA + 2 - frame < level_pages(level);
	count[3] += DATA + 3 - frame < level_pages(level);
}

#endif
