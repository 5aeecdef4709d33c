/* SPDX-License-Identifier: MIT */
/*
 * Every schedule of a scenario: the real engine under a scheduler of its own.
 *
 * The engine is compiled with -fsanitize=thread and linked without that sanitizer's library: every
 * access to memory, plain or atomic, is a call, and the functions called are here (instrument.c).
 * So the sources of mm/ are what they are elsewhere, to the letter, and each load, store and
 * read-modify-write of what threads share is a point at which another thread may go on. mm/port.h
 * is implemented here, too (port.c). Threads are contexts of one thread of the machine, and a run
 * is deterministic: it depends on the choices made at its points, and on nothing else.
 *
 * What is looked for in each run:
 *
 *   races         two accesses to the same bytes, one of them a write and one of them plain, that
 *                 no chain of release and acquire orders (C11 5.1.2.4), by vector clocks
 *   early frees   a node is torn down while a thread in a read section has looked at it; memory of
 *                 a frame is touched that is unused, or that somebody else has BUSY
 *   deadlocks     every thread waits; waiting for a grace period in a read section
 *   livelocks     no end after POINTS_MAX points
 *   outcomes      results and the final state are those of the same operations one after another,
 *                 in an order that the run allows
 *   audit, leaks  mm_audit() at the end, and every frame comes back when all is destroyed
 *
 * In a scenario that is `weak`, a load may also read older values than the latest, as far as the
 * memory model of C11 lets it: any value whose successors do not happen before the load, coherence
 * kept. The order of the stores to one word is the order in which they are made, and no load reads
 * what has not been stored yet (no out-of-thin-air, no load buffering): what RC11 allows beyond
 * that is not tried.
 */
#ifndef TESTS_SCHED_SCHED_H
#define TESTS_SCHED_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#define THREADS_MAX 3
#define STEPS_MAX 4

/*
 * One operation of a thread; what it returns is its result. Operations are what serial orders are
 * made of: results and the end must be explained by one of them.
 */
typedef uint64_t (*step_t)(void);

struct scenario {
	const char *name;
	const char *text;
	void (*setup)(void);
	/* by thread; a thread without steps does not exist, and neither do those behind it */
	step_t threads[THREADS_MAX][STEPS_MAX];
	/* what must hold at the end, beside what always must; may be NULL */
	void (*end)(void);
	bool weak;   /* loads may read old values */
	bool atomic; /* the operations are: outcomes must be those of serial orders */
};

/* Sets of scenarios, each in a file of its own, ended by one without a name. */
extern const struct scenario table_scenarios[];
extern const struct scenario walk_scenarios[];
extern const struct scenario frame_scenarios[];
extern const struct scenario queue_scenarios[];
extern const struct scenario litmus_scenarios[];

/* Ends the run as failed. Does not return when called by a thread of the scenario. */
void sched_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define EXPECT(condition)                                                                     \
	do {                                                                                  \
		if (!(condition))                                                             \
			sched_fail("%s:%d: not so: %s", __FILE_NAME__, __LINE__, #condition); \
	} while (0)

#ifndef __FILE_NAME__ /* gcc 12 */
#define __FILE_NAME__ (__builtin_strrchr("/" __FILE__, '/') + 1)
#endif

#endif
