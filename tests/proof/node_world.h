/* SPDX-License-Identifier: MIT */
/*
 * One entry of a node, in any state that a node may have, and who else may write to it while an
 * operation runs: hardware, which sets accessed and dirty bits, or (GUEST) a guest, which writes
 * anything.
 *
 * The macros FORMAT, GUEST and MM_INDEX_BITS are the harness's.
 */
#ifndef PROOF_NODE_WORLD_H
#define PROOF_NODE_WORLD_H

#include "mm/entry.h"
#include "tests/proof/proof.h"

#define FRAMES 16u
#define NODES 4u /* the first frames, whose bytes are entries */
#define PARENT 0u
#define CHILD 1u  /* linked by the entry, if that is for a node */
#define SPARE 2u  /* the one that the allocator gives */
#define ORPHAN 3u /* a node that is linked nowhere */
#define THREAD 7u

extern struct phys_domain domain;
extern struct slot slots[FRAMES], slots_before[FRAMES];
extern uint64_t entries[NODES * NODE_ENTRIES], entries_before[NODES * NODE_ENTRIES];
extern struct page_table table;
extern const struct pt_format *format;

/* Stores to the entry under proof, by the operation; and at the last of them: */
extern unsigned nr_stores;
extern struct stored {
	uint64_t old, new;
	int order;
	uint64_t entries[NODE_ENTRIES]; /* of the spare node */
	struct slot slot;
} stored;

/*
 * The entry `index` of a node at this level is any that it may have, the other one as well, and
 * the node satisfies INV-T4, T5, T8 and T9; if a guest writes there, only what no guest can break.
 */
void node_world_begin(unsigned level, unsigned index);

/* Runs `operation` in each such world: at every level that leaves can have, and at one without. */
void node_world_run(void (*operation)(void));

struct pt_node parent(void);
unsigned parent_level(void);
unsigned entry_index(void);
uint64_t *the_entry(void);
uint64_t entry_before(void);
pte_t pte_of_frame(unsigned number);
bool slot_is_same(unsigned number);

/* Entries of a node that are children (INV-T5). */
unsigned children_of(unsigned number);

/* Does the entry say what `child` says? */
bool says(uint64_t raw, const struct pt_child *child);

/* References on a frame that an entry of the node owns, and those that a child brings. */
unsigned references_of(uint64_t raw, uint64_t frame);
unsigned references_of_child(const struct pt_child *child, uint64_t frame);

/* After any operation: counts are exact, and of others nothing has changed. */
void prove_node(void);

/* What failed, or only looked: but for what others wrote to the entry, all is as it was. */
void prove_unchanged(void);

/* At the moment of its publication the spare node was complete, locked, and linked by the entry. */
void prove_published(void);

#endif
