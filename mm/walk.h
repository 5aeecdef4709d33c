/* SPDX-License-Identifier: MIT */
/*
 * Walks a table that is not ours: any CR3 of any guest, tables that a guest built itself, an EPT of
 * an unknown machine. No slot vouches for what is read, so every address is the reader's to refuse,
 * and the work is bounded by the number of levels.
 *
 * The formats are those of mm/format.h, read as hardware reads them: software bits mean nothing
 * here.
 */
#ifndef MM_WALK_H
#define MM_WALK_H

#include "mm/format.h"

/* Reads the entry at paddr (aligned to 8 bytes). Returns 0, or -EFAULT if there is no memory. */
typedef int (*walk_read_t)(void *context, paddr_t paddr, uint64_t *entry);

enum walk_end {
	WALK_MAPPED,  /* a leaf */
	WALK_ABSENT,  /* an entry that is not present */
	WALK_OUTSIDE, /* an entry where there is no memory */
	/*
	 * an entry that hardware would fault on: a large leaf where none can be, or misaligned;
	 * in EPT also rights or a memory type that are misconfigurations (SDM 3 28.3.3.1)
	 */
	WALK_RESERVED,
	WALK_CANONICAL, /* the address is not one that the format translates */
};

struct walk_step {
	unsigned level;
	unsigned index;
	paddr_t entry; /* where the entry is */
	pte_t pte;
	enum pte_kind kind;
	uint32_t rights; /* that this entry grants: PROP_READ | WRITE | EXECUTE | USER */
};

struct walk {
	enum walk_end end;
	unsigned nr_steps; /* the last one is where it ended */
	struct walk_step steps[LEVELS_MAX];
	uint32_t rights; /* effective: what every level grants */
	paddr_t paddr;	 /* WALK_MAPPED: what the address maps to, offset included */
	unsigned level;	 /* WALK_MAPPED: of the leaf */
	prop_t prop;	 /* WALK_MAPPED: of the leaf */
};

/* Walks `va` from the node at `root`. Always fills *walk; the answer is in walk->end. */
void walk_table(const struct pt_format *format, paddr_t root, vaddr_t va, walk_read_t read,
		void *context, struct walk *walk);

#endif
