/* SPDX-License-Identifier: MIT */
/*
 * Which schedules of a scenario are run.
 */
#ifndef TESTS_SCHED_EXPLORE_H
#define TESTS_SCHED_EXPLORE_H

#include "tests/sched/run.h"

#define ALL_PREEMPTIONS 255u

struct exploration {
	uint64_t runs; /* schedules begun */
	uint64_t seen; /* of these, given up where an equivalent beginning had been explored */
	unsigned preemptions; /* tried completely up to so many; ALL_PREEMPTIONS: every schedule */
	bool complete;	      /* that was finished in time */
	bool failed;	      /* sched.failure says why, and the run's schedule leads there */
	unsigned longest;     /* points of the longest run */
};

/*
 * Runs the operations in all orders, one after another, and notes how each may end: 0, or the
 * number of orders that could not be run because an operation waited for a later one. False if one
 * failed.
 */
bool outcomes_collect(const struct scenario *scenario);

/* After a run: does an order that this run allows explain it? Fails the run otherwise. */
void outcome_check(void);

/* How many different ends there are. */
unsigned outcomes_count(void);

/*
 * Every schedule with at most `preemptions` switches away from a thread that could go on, stale
 * values read by weak loads counted in; switches from threads that wait or have ended are free.
 * Schedules that differ in the order of independent accesses only are tried once. Fewest
 * preemptions first. Gives up after `seconds`.
 */
struct exploration explore(const struct scenario *scenario, unsigned preemptions, double seconds);

/* `nr` schedules by random priorities that change at random points, from `seed` on. */
struct exploration explore_random(const struct scenario *scenario, uint64_t seed, uint64_t nr,
				  double seconds);

/* One schedule, as schedule_print() writes it. False if it cannot be read. */
bool explore_schedule(const struct scenario *scenario, const char *schedule);

/*
 * The schedule of the last run: "a12.b3.a", which thread runs for how many points; and, for weak
 * loads, ":0012", which value each one that had a choice read, counted from the latest back.
 */
void schedule_print(char *text, size_t size);

#endif
