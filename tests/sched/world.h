/* SPDX-License-Identifier: MIT */
/*
 * What a scenario works on: one domain, tables and spaces in it, all in one piece of memory that is
 * put back to its beginning before each run.
 *
 * The geometry is small (MM_INDEX_BITS of the Makefile): four entries to a node. A leaf of level 2
 * has four pages, one of level 3 has sixteen; a table of four levels has 256.
 */
#ifndef TESTS_SCHED_WORLD_H
#define TESTS_SCHED_WORLD_H

#include "mm/space.h"
#include "tests/sched/run.h"

/* Frames from 0 on are the allocator's; those from WORLD_DATA on are mapped by scenarios. */
#define WORLD_POOL 64
#define WORLD_SHELF 12 /* of these each thread has at hand */
#define WORLD_DATA 64
#define WORLD_FRAMES 128

struct world {
	struct phys_domain domain;
	struct slot slots[WORLD_FRAMES];
	struct vm_space spaces[2];
	unsigned nr_spaces;
	struct observer observers[2];
	struct frame handles[4];
	struct unique_frame unique;
	uint32_t held[WORLD_FRAMES]; /* references that the scenario holds, by frame */
	uint64_t words[4];	     /* plain bytes: what scenarios like */
	_Atomic uint32_t flags[4];
};

struct arena {
	struct world world;
	_Alignas(PAGE_SIZE) unsigned char memory[WORLD_FRAMES * PAGE_SIZE];
};

extern struct arena arena;

static struct world *const world = &arena.world;

/* Makes the beginning of a scenario; every run starts from it. */
void world_prepare(const struct scenario *scenario);

/* Back to the beginning. */
void world_reset(void);

/* Bytes of this frame are written. */
void world_touch(unsigned frame);

/*
 * After the last thread has ended: the audit, what the scenario says of its end, and that every
 * frame comes back. The end as text, which says nothing of which frame became which node. What
 * fails is a failure of the run.
 */
const char *world_end(void);

/* For the setup of scenarios. Each fails the run if it cannot. */
struct page_table *world_table(unsigned index);
void world_space(unsigned index, enum pt_format_id format, enum table_walker walker,
		 const struct space_operations *operations);
void world_map(unsigned index, uint64_t page, unsigned frame, unsigned level, prop_t prop,
	       bool tracked);
/* Threads have free frames at hand, zeroed. Now nobody has; they lie with the allocator. */
void world_empty_shelves(void);
/* Now they have them as they are: what is freed is what is taken next. */
void world_share_memory(void);
/* An unused frame gets one reference, which the scenario holds. */
struct frame world_hold(unsigned frame, enum frame_kind kind);

static inline paddr_t world_paddr(unsigned frame)
{
	return PADDR((uint64_t)frame << PAGE_SHIFT);
}

static inline vaddr_t world_page(uint64_t page)
{
	return VADDR(page << PAGE_SHIFT);
}

#define PROP_RW PROP(PROP_READ | PROP_WRITE)
#define PROP_RO PROP(PROP_READ)

/* What a page is mapped to, in one word, for results: by which size of leaf makes no difference. */
uint64_t world_result(int error, const struct pt_mapping *mapping, uint64_t page);

#endif
