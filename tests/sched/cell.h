/* SPDX-License-Identifier: MIT */
/* What a run knows of one cell. */
#ifndef TESTS_SCHED_CELL_H
#define TESTS_SCHED_CELL_H

#include "tests/sched/access.h"
#include "tests/sched/world.h"

#define MESSAGES_MAX 12

/* A value that was stored to a word of a weak scenario. */
struct message {
	uint64_t value;
	uint64_t hash;
	uint16_t release[THREADS_MAX]; /* what an acquiring load of it comes after */
	/* when each thread had first read it, or a later one; 0 never */
	uint16_t seen[THREADS_MAX];
};

struct history {
	unsigned nr; /* at most MESSAGES_MAX: the oldest are forgotten */
	struct message messages[MESSAGES_MAX];
};

struct cell {
	/* of all runs */
	uint8_t touched_by; /* threads */
	uint8_t written_by;
	bool shared; /* a thread writes it that is not the only one to touch it */
	/* of this run */
	unsigned run;
	uint16_t read[THREADS_MAX]; /* when each thread did so last, by its own clock; 0 never */
	uint16_t written[THREADS_MAX];
	uint16_t loaded[THREADS_MAX];
	uint16_t stored[THREADS_MAX];
	uint16_t release[THREADS_MAX]; /* what an acquiring load of the latest value comes after */
	uint64_t hash;		       /* of what led to the latest value */
	uint64_t loads;		       /* of those who read it since */
	struct history *history;
};

#define CELLS_OF_WORLD ((uint32_t)sizeof(struct world))
#define CELLS_OF_MEMORY ((uint32_t)(WORLD_FRAMES * PAGE_SIZE / 8))
#define CELL_OF_SECTIONS (CELLS_OF_WORLD + CELLS_OF_MEMORY)
#define CELLS (CELL_OF_SECTIONS + 1)

/* Of this run. */
struct cell *cell_at(uint32_t number);

/* The number of the cell that begins at an address of the arena. */
static inline uint32_t cell_number(uintptr_t address)
{
	uintptr_t offset = address - (uintptr_t)&arena;

	return offset < CELLS_OF_WORLD ?
		       (uint32_t)offset :
		       CELLS_OF_WORLD + (uint32_t)((offset - offsetof(struct arena, memory)) >> 3);
}

/* The frame whose bytes the cell is, or -1. */
static inline int cell_frame(uint32_t number)
{
	return number < CELLS_OF_WORLD || number >= CELL_OF_SECTIONS ?
		       -1 :
		       (int)((number - CELLS_OF_WORLD) / (PAGE_SIZE / 8));
}

static inline bool in_arena(const volatile void *address)
{
	return (uintptr_t)address - (uintptr_t)&arena < sizeof(arena);
}

/*
 * The accesses, with where they are in the program. Of memory that is not in the arena they do what
 * they say, and no more; a plain one must be of the arena, and is made by the caller after it.
 */
enum change { CHANGE_EXCHANGE, CHANGE_ADD, CHANGE_SUB, CHANGE_AND, CHANGE_OR };

void access_plain(const volatile void *address, unsigned size, bool writes, const void *place);
uint64_t access_load(const volatile void *address, unsigned size, int order, const void *place);
void access_store(volatile void *address, unsigned size, uint64_t value, int order,
		  const void *place);
uint64_t access_change(volatile void *address, unsigned size, enum change how, uint64_t operand,
		       int order, const void *place);

/* On failure it is a load, and *expected is what it loaded. */
bool access_compare_exchange(volatile void *address, unsigned size, uint64_t *expected,
			     uint64_t desired, int order, int order_failed, const void *place);

/* Happens-before: order.c */

/* Joins `from` into `clock`. */
void clock_join(uint16_t *clock, const uint16_t *from);

/* Did all that is noted in `times` happen before the current thread's present? */
bool clock_covers(const uint16_t *times);

/* Notes the access and fails the run if it races with another. */
void order_plain(const struct access *access);
void order_atomic(const struct access *access, struct cell *cell);

/* What the current thread passes on to who acquires `*release`; a change keeps what was there. */
void order_release(uint16_t *release, const struct access *access);

/* Weak loads: history.c */

/* The value that a load reads, or a change; of several possible the policy chooses one. */
uint64_t history_load(struct cell *cell, const struct access *access, bool latest);
void history_store(struct cell *cell, const struct access *access, uint64_t value);
void history_begin(void);

#endif
