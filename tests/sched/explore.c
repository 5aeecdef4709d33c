/* SPDX-License-Identifier: MIT */
/*
 * Depth first through the choices of a scenario, by running it again for each.
 *
 * A run is a sequence of choices. Of the last run the latest choice that has an option left takes
 * that one; what comes before it stays, what comes after it begins with the first option.
 *
 * Two beginnings are equivalent if they differ in the order of independent accesses only. Then
 * run_key() says the same of them, the state is the same, and what can follow is the same: it is
 * explored from one of them, the one that had used fewer preemptions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sched/access.h"
#include "tests/sched/explore.h"
#include "tests/sched/world.h"

#define CHOICES_MAX 65536
#define SEEN_BITS 22

struct choice {
	uint8_t nr;
	uint8_t taken;
	uint8_t used; /* preemptions before it */
};

static struct choice choices[CHOICES_MAX];
static unsigned nr_choices; /* of the run before, up to the one that changes */
static unsigned at;	    /* of this run */
static unsigned used;	    /* preemptions of this run */
static unsigned bound;
static bool cut; /* a choice was not offered for want of preemptions */

/* Beginnings that were explored: key, and the fewest preemptions they had used. */
static struct {
	uint64_t key;
	uint32_t pass; /* entries of other passes are none */
	uint32_t used;
} seen[1u << SEEN_BITS];
static unsigned nr_seen;
static uint32_t pass;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Has this been explored with as many preemptions left, or more? It will be now. */
static bool seen_before(uint64_t key)
{
	unsigned place = (unsigned)(key >> (64 - SEEN_BITS));

	while (seen[place].pass == pass && seen[place].key != key)
		place = (place + 1) % (1u << SEEN_BITS);
	if (seen[place].pass == pass) {
		if (seen[place].used <= used)
			return true;
		seen[place].used = used;
		return false;
	}
	if (nr_seen > 3u << (SEEN_BITS - 2))
		return false;
	nr_seen++;
	seen[place].key = key;
	seen[place].pass = pass;
	seen[place].used = used;
	return false;
}

/* The next choice: of `nr` options, the first of which is free, and the others if not `costs`. */
static unsigned choose(unsigned nr, bool costs)
{
	struct choice *choice = &choices[at];

	if (costs && used >= bound) {
		cut = true;
		return 0;
	}
	if (at == CHOICES_MAX - 1)
		sched_fail("more than %u choices", CHOICES_MAX);
	if (at++ == nr_choices) {
		*choice = (struct choice){ (uint8_t)nr, 0, (uint8_t)used };
		nr_choices++;
	}
	used += costs && choice->taken > 0;
	return choice->taken;
}

/* The current thread first, then the others. */
static int depth_thread(int current, unsigned ready)
{
	unsigned nr = (unsigned)__builtin_popcount(ready);
	unsigned taken;

	if (at == nr_choices && seen_before(run_key(current)))
		return NOBODY;
	taken = choose(nr, current != NOBODY);
	if (current != NOBODY) {
		if (taken == 0)
			return current;
		taken--;
		ready &= ~(1u << current);
	}
	while (taken-- > 0)
		ready &= ready - 1;
	return __builtin_ctz(ready);
}

static unsigned depth_value(unsigned nr)
{
	return choose(nr, true);
}

static const struct policy depth = { depth_thread, depth_value, false };

/* Goes to the next sequence of choices: false if there is none. */
static bool advance(void)
{
	while (nr_choices > 0 && choices[nr_choices - 1].taken + 1u == choices[nr_choices - 1].nr)
		nr_choices--;
	if (nr_choices == 0)
		return false;
	choices[nr_choices - 1].taken++;
	return true;
}

static void begin_pass(void)
{
	pass++;
	nr_seen = 0;
	nr_choices = 0;
	cut = false;
}

/* Every schedule with at most `bound` preemptions. */
static void explore_bound(const struct scenario *scenario, struct exploration *result, double end)
{
	begin_pass();
	result->complete = true;
	do {
		at = used = 0;
		result->runs++;
		run_execute(scenario, &depth);
		result->seen += sched.result == RUN_GIVEN_UP;
		outcome_check();
		if (sched.points > result->longest)
			result->longest = sched.points;
		if (sched.result == RUN_FAILED) {
			result->failed = true;
			return;
		}
		if (access_found_shared()) {
			begin_pass();
		} else if (!advance()) {
			return;
		}
	} while ((result->runs & 63) != 0 || now() < end);
	result->complete = false;
}

struct exploration explore(const struct scenario *scenario, unsigned preemptions, double seconds)
{
	struct exploration result = { .runs = 0 };
	double end = now() + seconds;

	/* Step by step to what fails with few; without a limit all at once. */
	for (bound = 0; bound <= preemptions; bound = bound < 3 ? bound + 1 : preemptions) {
		struct exploration before = result;

		explore_bound(scenario, &result, end);
		if (result.failed)
			return result;
		if (!result.complete) {
			result.preemptions = bound > 0 ? before.preemptions : 0;
			result.complete = false;
			return result;
		}
		result.preemptions = cut ? bound : ALL_PREEMPTIONS;
		if (!cut || bound == preemptions)
			break;
	}
	return result;
}

/* Random priorities (PCT): the ready thread of the highest runs. */

static uint64_t random_state;
static unsigned priorities[THREADS_MAX];
static unsigned lowest;
static unsigned changes[8]; /* at these visible points the running thread becomes the lowest */

static uint64_t random_next(void)
{
	random_state += UINT64_C(0x9e3779b97f4a7c15);
	return run_mix(random_state, 0);
}

static int random_thread(int current, unsigned ready)
{
	int best = NOBODY;

	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (current != NOBODY && changes[i] == sched.choices)
			priorities[current] = lowest--;
	for (int i = 0; i < THREADS_MAX; i++)
		if (ready >> i & 1 && (best == NOBODY || priorities[i] > priorities[best]))
			best = i;
	return best;
}

static unsigned random_value(unsigned nr)
{
	return random_next() % 4 == 0 ? (unsigned)(random_next() % nr) : 0;
}

static const struct policy random_policy = { random_thread, random_value, false };

static void random_begin(uint64_t seed, unsigned length)
{
	random_state = seed;
	lowest = 1000;
	for (unsigned i = 0; i < THREADS_MAX; i++)
		priorities[i] = 2000 + (unsigned)(random_next() % 1000);
	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		changes[i] = (unsigned)(random_next() % (length + 1)) + 1;
}

struct exploration explore_random(const struct scenario *scenario, uint64_t seed, uint64_t nr,
				  double seconds)
{
	struct exploration result = { .complete = true };
	double end = now() + seconds;
	unsigned length = 32;

	for (; result.runs < nr; result.runs++) {
		if ((result.runs & 63) == 63 && now() >= end)
			break;
		random_begin(seed + result.runs, length);
		run_execute(scenario, &random_policy);
		outcome_check();
		if (sched.choices > length)
			length = sched.choices;
		if (sched.points > result.longest)
			result.longest = sched.points;
		if (sched.result == RUN_FAILED) {
			result.failed = true;
			break;
		}
	}
	return result;
}

/* One schedule. */

static struct stretch wanted[STRETCHES_MAX];
static unsigned nr_wanted;
static uint8_t wanted_values[VALUES_MAX];
static unsigned nr_wanted_values;

/* After its points the thread of a stretch gives way to that of the next. */
static int replay_thread(int current, unsigned ready)
{
	unsigned now_at = sched.nr_stretches;

	if (current != NOBODY && (now_at >= nr_wanted || wanted[now_at - 1].points == 0 ||
				  sched.stretches[now_at - 1].points < wanted[now_at - 1].points))
		return current;
	if (now_at < nr_wanted && ready >> wanted[now_at].thread & 1)
		return wanted[now_at].thread;
	return current != NOBODY ? current : __builtin_ctz(ready);
}

static unsigned replay_value(unsigned nr)
{
	unsigned value = sched.nr_values < nr_wanted_values ? wanted_values[sched.nr_values] : 0;

	return value < nr ? value : 0;
}

static const struct policy replay = { replay_thread, replay_value, true };

static bool schedule_read(const char *text)
{
	nr_wanted = nr_wanted_values = 0;
	while (*text >= 'a' && *text < 'a' + THREADS_MAX && nr_wanted < STRETCHES_MAX) {
		char *end;

		wanted[nr_wanted].thread = *text++ - 'a';
		wanted[nr_wanted++].points = (unsigned)strtoul(text, &end, 10);
		text = *end == '.' ? end + 1 : end;
	}
	if (*text == ':')
		for (text++; *text >= '0' && *text <= '9' && nr_wanted_values < VALUES_MAX; text++)
			wanted_values[nr_wanted_values++] = (uint8_t)(*text - '0');
	return *text == '\0' && nr_wanted > 0;
}

bool explore_schedule(const struct scenario *scenario, const char *schedule)
{
	if (!schedule_read(schedule))
		return false;
	run_execute(scenario, &replay);
	outcome_check();
	return true;
}

void schedule_print(char *text, size_t size)
{
	size_t length = 0;
	unsigned nr_values = sched.nr_values;

	for (unsigned i = 0; i < sched.nr_stretches && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%c%u", i ? "." : "",
					   'a' + sched.stretches[i].thread,
					   sched.stretches[i].points);
	while (nr_values > 0 && sched.values[nr_values - 1] == 0)
		nr_values--;
	for (unsigned i = 0; i < nr_values && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%u", i ? "" : ":",
					   sched.values[i]);
}
