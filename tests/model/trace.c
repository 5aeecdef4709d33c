/* SPDX-License-Identifier: MIT */
/*
 * Random traces:  trace [--ops N] [--seed N] [--rules]
 *
 * Prints TAP. The operations run in episodes, each in a new world. One that fails, or crashes, is
 * made as short as can be and printed as a C program that reproduces it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/model/config.h"

#define EPISODE_OPS 4000
#define REPLAY_SECONDS 20

/* What a child process tells its parent, also when it crashes. */
struct report {
	uint64_t seed; /* of the episode that runs */
	size_t nr_done, nr_blocked;
	struct outcome outcome;
	unsigned long evaluated[RULES];
	unsigned long done[OPS];
};

static void make_episode(uint64_t seed, struct op *ops)
{
	uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;

	for (size_t i = 0; i < EPISODE_OPS; i++)
		ops[i] = random_op(&config_random, &random);
}

static void run_episodes(struct report *report, uint64_t seed, size_t nr_ops)
{
	static struct op ops[EPISODE_OPS];

	for (report->seed = seed; report->nr_done + report->nr_blocked < nr_ops; report->seed++) {
		make_episode(report->seed, ops);
		report->outcome = trace_run(&config_random, ops, EPISODE_OPS);
		if (report->outcome.failed)
			return;
		report->nr_done += report->outcome.nr_done;
		report->nr_blocked += report->outcome.nr_blocked;
	}
	memcpy(report->evaluated, rule_evaluated, sizeof(rule_evaluated));
}

/* Runs `child` in a process of its own: true if it ended well. */
static bool survives(void (*child)(void *context), void *context, unsigned seconds)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		exit(1);
	if (pid == 0) {
		alarm(seconds);
		child(context);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct episodes {
	struct report *report;
	uint64_t seed;
	size_t nr_ops;
};

static void episodes_child(void *context)
{
	struct episodes *episodes = context;

	run_episodes(episodes->report, episodes->seed, episodes->nr_ops);
	_exit(episodes->report->outcome.failed);
}

struct attempt {
	struct report *report;
	const struct op *ops;
	size_t nr_ops;
};

static void attempt_child(void *context)
{
	struct attempt *attempt = context;
	struct config config = config_thorough(&config_random);

	if (!freopen("/dev/null", "w", stderr))
		_exit(2);
	attempt->report->outcome = trace_run(&config, attempt->ops, attempt->nr_ops);
	_exit(attempt->report->outcome.failed);
}

static bool still_fails(struct report *report, const struct op *ops, size_t nr_ops)
{
	struct attempt attempt = { report, ops, nr_ops };

	report->outcome = (struct outcome){
		.nr_ops = nr_ops,
		.failure = { RULE_RESULT, "the process ended by a signal, or hung" },
	};
	return !survives(attempt_child, &attempt, REPLAY_SECONDS);
}

/* Delta debugging: leaves out pieces, smaller and smaller, as long as it fails without them. */
static size_t shrink(struct report *report, struct op *ops, size_t nr_ops)
{
	struct op *shorter = calloc(nr_ops + 1, sizeof(*shorter));

	for (size_t piece = (nr_ops + 1) / 2; shorter && piece > 0;) {
		bool shrunk = false;

		for (size_t at = 0; at < nr_ops;) {
			size_t len = at + piece < nr_ops ? piece : nr_ops - at;

			memcpy(shorter, ops, at * sizeof(*ops));
			memcpy(shorter + at, ops + at + len, (nr_ops - at - len) * sizeof(*ops));
			if (still_fails(report, shorter, nr_ops - len)) {
				nr_ops = report->outcome.nr_ops < nr_ops - len ?
						 report->outcome.nr_ops :
						 nr_ops - len;
				memcpy(ops, shorter, nr_ops * sizeof(*ops));
				shrunk = true;
			} else {
				at += len;
			}
		}
		if (!shrunk || piece > 1)
			piece = piece > 1 ? (piece + 1) / 2 : 0;
	}
	free(shorter);
	return nr_ops;
}

static void show_failure(struct report *report)
{
	static struct op ops[EPISODE_OPS];
	size_t nr_ops = EPISODE_OPS;

	printf("# seed %" PRIu64 "\n", report->seed);
	make_episode(report->seed, ops);
	if (report->outcome.failed)
		nr_ops = report->outcome.nr_ops;
	if (!still_fails(report, ops, nr_ops)) {
		printf("# the episode does not fail by itself\n");
		return;
	}
	nr_ops = shrink(report, ops, nr_ops);
	(void)still_fails(report, ops, nr_ops);
	trace_print(&config_random, ops, nr_ops, &report->outcome.failure);
}

/* Rules that this geometry leaves no room for. */
static bool can_be_evaluated(unsigned rule)
{
	return config_random.nr[ARG_FLUSH] > FLUSH_OBSERVED || rule != RULE_GAP10;
}

static void print_result(unsigned *number, bool ok, const char *what)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", ++*number, what);
}

static void check_rules(const struct report *report, unsigned *number)
{
	unsigned missing = 0;

	for (unsigned rule = 0; rule < RULES; rule++)
		if (report->evaluated[rule] == 0 && can_be_evaluated(rule)) {
			printf("# never evaluated: %s\n", rule_table[rule].id);
			missing++;
		}
	print_result(number, missing == 0, "every rule was evaluated");
}

static void print_rules(void)
{
	for (unsigned rule = 0; rule < RULES; rule++)
		printf("%-32s %s\n", rule_table[rule].id, rule_table[rule].text);
}

static int run_random(uint64_t seed, size_t nr_ops)
{
	struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct episodes episodes = { report, seed, nr_ops };
	unsigned number = 0;
	char what[160];
	bool ok;

	if (report == MAP_FAILED)
		return 1;
	printf("1..2\n");
	ok = survives(episodes_child, &episodes, 0);
	snprintf(what, sizeof(what),
		 "%zu random operations, MM_INDEX_BITS=%d, seed %" PRIu64 ", %zu had to wait",
		 report->nr_done + report->nr_blocked, MM_INDEX_BITS, seed, report->nr_blocked);
	if (!ok)
		show_failure(report);
	print_result(&number, ok, what);
	if (ok)
		check_rules(report, &number);
	else
		print_result(&number, false, "every rule was evaluated");
	return !ok;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1;
	size_t nr_ops = 100000;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--rules") == 0) {
			print_rules();
			return 0;
		}
		if (i + 1 < argc && strcmp(argv[i], "--ops") == 0)
			nr_ops = strtoull(argv[++i], NULL, 0);
		else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[++i], NULL, 0);
		else
			return 2;
	}
	return run_random(seed, nr_ops);
}
