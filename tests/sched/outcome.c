/* SPDX-License-Identifier: MIT */
/*
 * The ends that serial orders lead to, and whether a run's end is one of them (linearisability of
 * the operations, by their results and by the final state).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sched/explore.h"
#include "tests/sched/world.h"

#define OPERATIONS_MAX (THREADS_MAX * STEPS_MAX)
#define OUTCOMES_MAX 4096

struct outcome {
	char *text;
	uint64_t results[THREADS_MAX][STEPS_MAX];
	uint8_t order[OPERATIONS_MAX]; /* threads */
};

static struct outcome outcomes[OUTCOMES_MAX];
static unsigned nr_outcomes;
static uint8_t order[OPERATIONS_MAX];
static unsigned nr_operations;

static unsigned operations_done(void)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < sched.nr_threads; i++)
		for (unsigned j = 0; j < STEPS_MAX; j++)
			nr += sched.threads[i].done[j] != 0;
	return nr;
}

/* The thread whose operation comes next. */
static int serial_thread(int current, unsigned ready)
{
	unsigned done = operations_done();
	int next = done < nr_operations ? order[done] : current;

	return next != NOBODY && ready >> next & 1 ? next : NOBODY;
}

static unsigned serial_value(unsigned nr)
{
	(void)nr;
	return 0;
}

static const struct policy serial = { serial_thread, serial_value, true };

static void outcome_add(const char *text)
{
	struct outcome *outcome = &outcomes[nr_outcomes++];

	outcome->text = strdup(text);
	memcpy(outcome->order, order, sizeof(order));
	for (unsigned i = 0; i < THREADS_MAX; i++)
		memcpy(outcome->results[i], sched.threads[i].results, sizeof(outcome->results[i]));
}

/* All orders that begin with the first `at` operations of `order`. */
static bool collect(const struct scenario *scenario, unsigned *left, unsigned at)
{
	bool good = true;

	if (at == nr_operations) {
		enum run_result result = run_execute(scenario, &serial);
		const char *text = result == RUN_ENDED ? world_end() : "";

		if (sched.result == RUN_ENDED && nr_outcomes < OUTCOMES_MAX)
			outcome_add(text);
		return sched.result != RUN_FAILED;
	}
	for (unsigned i = 0; i < THREADS_MAX && good; i++) {
		if (left[i] == 0)
			continue;
		order[at] = (uint8_t)i;
		left[i]--;
		good = collect(scenario, left, at + 1);
		left[i]++;
	}
	return good;
}

bool outcomes_collect(const struct scenario *scenario)
{
	unsigned left[THREADS_MAX] = { 0 };

	for (unsigned i = 0; i < nr_outcomes; i++)
		free(outcomes[i].text);
	nr_outcomes = nr_operations = 0;
	for (unsigned i = 0; i < THREADS_MAX; i++)
		for (unsigned j = 0; j < STEPS_MAX && scenario->threads[i][j]; j++) {
			left[i]++;
			nr_operations++;
		}
	return collect(scenario, left, 0);
}

unsigned outcomes_count(void)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < nr_outcomes; i++) {
		unsigned j = 0;

		while (j < i && (strcmp(outcomes[i].text, outcomes[j].text) != 0 ||
				 memcmp(outcomes[i].results, outcomes[j].results,
					sizeof(outcomes[i].results)) != 0))
			j++;
		nr += j == i;
	}
	return nr;
}

/*
 * Does no operation come before another in the order that had ended before it began in the run? Who
 * reads old values may be late: then threads must have kept their own orders, and no more.
 */
static bool order_allowed(const struct outcome *outcome)
{
	unsigned step[THREADS_MAX] = { 0 };
	unsigned latest_begun = 0;

	for (unsigned i = 0; i < nr_operations && !sched.scenario->weak; i++) {
		const struct thread *thread = &sched.threads[outcome->order[i]];
		unsigned number = step[outcome->order[i]]++;

		if (thread->done[number] < latest_begun)
			return false;
		if (thread->begun[number] > latest_begun)
			latest_begun = thread->begun[number];
	}
	return true;
}

static bool explains(const struct outcome *outcome, const char *text)
{
	for (unsigned i = 0; i < sched.nr_threads; i++)
		if (memcmp(outcome->results[i], sched.threads[i].results,
			   sizeof(outcome->results[i])) != 0)
			return false;
	return strcmp(outcome->text, text) == 0 && order_allowed(outcome);
}

static void say_unexplained(const char *text)
{
	char results[256] = "";
	size_t used = 0;

	for (unsigned i = 0; i < sched.nr_threads; i++)
		for (unsigned j = 0; j < STEPS_MAX && sched.scenario->threads[i][j]; j++)
			used += (size_t)snprintf(results + used, sizeof(results) - used,
						 " %c%u=%#llx", 'a' + (int)i, j,
						 (unsigned long long)sched.threads[i].results[j]);
	sched_fail("outcome: no serial order ends so:%s;%s", results, text);
}

void outcome_check(void)
{
	const char *text;

	if (sched.result != RUN_ENDED)
		return;
	text = world_end();
	if (sched.result == RUN_FAILED || !sched.scenario->atomic)
		return;
	for (unsigned i = 0; i < nr_outcomes; i++)
		if (explains(&outcomes[i], text))
			return;
	say_unexplained(text);
}
