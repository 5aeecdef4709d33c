/* SPDX-License-Identifier: MIT */
/*
 * sched [OPTION]... [SCENARIO]...
 *
 *   --list            what scenarios there are
 *   --preemptions N   tried completely up to so many (3); "all": without a limit
 *   --random N        so many random schedules after that (2000)
 *   --seed N          of the random ones (1)
 *   --seconds N       at most so many for each scenario and kind of schedule (20)
 *   --weak            loads may read old values in every scenario
 *   --part I/N        each N-th scenario, from the I-th on
 *   --schedule TEXT   this one only, with its trace
 *
 * Prints TAP; the exit status is 1 if a scenario failed.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sched/access.h"
#include "tests/sched/explore.h"
#include "tests/sched/world.h"

static struct {
	unsigned preemptions;
	uint64_t random;
	uint64_t seed;
	double seconds;
	bool weak;
	unsigned part;
	unsigned parts;
	const char *schedule;
} options = { 3, 2000, 1, 20, false, 1, 1, NULL };

static const struct scenario *const sets[] = {
	table_scenarios, walk_scenarios, frame_scenarios, queue_scenarios, litmus_scenarios,
};

static void print_trace(const struct scenario *scenario, const char *schedule)
{
	sched.trace = true;
	explore_schedule(scenario, schedule);
	access_trace_print();
	sched.trace = false;
}

static void print_failure(const struct scenario *scenario)
{
	static char schedule[16384];
	char failure[sizeof(sched.failure)];

	memcpy(failure, sched.failure, sizeof(failure));
	schedule_print(schedule, sizeof(schedule));
	print_trace(scenario, schedule);
	printf("# %s: %s\n", scenario->name, failure);
	printf("# again: sched %s --schedule %s\n", scenario->name, schedule);
}

/* "all 3941 schedules", "all schedules of up to 3 preemptions (9941 run)", ... */
static void print_extent(const struct exploration *all, const struct exploration *random)
{
	if (all->complete && all->preemptions == ALL_PREEMPTIONS)
		printf("every schedule (%llu run)", (unsigned long long)all->runs);
	else if (all->complete)
		printf("up to %u preemptions (%llu run)", all->preemptions,
		       (unsigned long long)all->runs);
	else
		printf("up to %u preemptions, more in part (%llu run)", all->preemptions,
		       (unsigned long long)all->runs);
	if (random->runs > 0)
		printf(", %llu at random", (unsigned long long)random->runs);
	printf("; %u ends, at most %u points", outcomes_count(), all->longest);
}

static bool run_scenario(const struct scenario *scenario, struct exploration *all,
			 struct exploration *random)
{
	world_prepare(scenario);
	access_forget();
	if (!outcomes_collect(scenario))
		return false;
	access_found_shared();
	*all = explore(scenario, options.preemptions, options.seconds);
	if (!all->failed && !(all->complete && all->preemptions == ALL_PREEMPTIONS))
		*random = explore_random(scenario, options.seed, options.random, options.seconds);
	return !all->failed && !random->failed;
}

static bool test(const struct scenario *scenario, unsigned number, uint64_t *runs)
{
	struct exploration all = { 0 }, random = { 0 };
	bool good = run_scenario(scenario, &all, &random);

	*runs += all.runs + random.runs;
	if (good) {
		printf("ok %u - %s: ", number, scenario->name);
		print_extent(&all, &random);
		printf("\n");
	} else {
		print_failure(scenario);
		printf("not ok %u - %s\n", number, scenario->name);
	}
	fflush(stdout);
	return good;
}

static bool show_schedule(const struct scenario *scenario)
{
	world_prepare(scenario);
	access_forget();
	outcomes_collect(scenario);
	print_trace(scenario, options.schedule);
	printf("%s\n", sched.result == RUN_FAILED ? sched.failure : "nothing is wrong with it");
	return sched.result != RUN_FAILED;
}

static bool is_wanted(const struct scenario *scenario, char **names, int nr)
{
	for (int i = 0; i < nr; i++)
		if (strcmp(names[i], scenario->name) == 0)
			return true;
	return nr == 0;
}

static int run_all(char **names, int nr)
{
	unsigned number = 0, failed = 0, next = 0;
	uint64_t runs = 0;

	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		for (const struct scenario *listed = sets[i]; listed->name; listed++) {
			struct scenario copy = *listed;
			const struct scenario *scenario = &copy;

			copy.weak |= options.weak;
			if (!is_wanted(scenario, names, nr) ||
			    next++ % options.parts != options.part - 1)
				continue;
			if (options.schedule)
				return !show_schedule(scenario);
			failed += !test(scenario, ++number, &runs);
		}
	if (number == 0) {
		fprintf(stderr, "sched: no such scenario; --list names them\n");
		return 2;
	}
	printf("1..%u\n# %llu schedules run\n", number, (unsigned long long)runs);
	return failed > 0;
}

static int list(void)
{
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		for (const struct scenario *scenario = sets[i]; scenario->name; scenario++)
			printf("%-28s %s\n", scenario->name, scenario->text);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "preemptions", required_argument, NULL, 'p' },
		{ "random", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "weak", no_argument, NULL, 'w' },
		{ "part", required_argument, NULL, 'i' },
		{ "schedule", required_argument, NULL, 'x' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		switch (option) {
		case 'l':
			return list();
		case 'p':
			options.preemptions = strcmp(optarg, "all") == 0 ?
						      ALL_PREEMPTIONS - 1 :
						      (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 'r':
			options.random = strtoull(optarg, NULL, 0);
			break;
		case 's':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			options.seconds = strtod(optarg, NULL);
			break;
		case 'w':
			options.weak = true;
			break;
		case 'i':
			if (sscanf(optarg, "%u/%u", &options.part, &options.parts) != 2 ||
			    options.part == 0 || options.part > options.parts)
				return 2;
			break;
		case 'x':
			options.schedule = optarg;
			break;
		default:
			return 2;
		}
	return run_all(argv + optind, argc - optind);
}
