/* SPDX-License-Identifier: MIT */
/*
 * Wall time of whole processes, from launch to exit, for bench/boot.
 *
 *   boot [--json] NAME ROUNDS STATUS COMMAND [ARGUMENT...] [-- NAME ROUNDS STATUS COMMAND...]...
 *
 * The commands run in turn (A B C A B C ...), so that a slow moment of the machine hits them all;
 * one with fewer rounds is spread evenly over the rest. Each starts with no input, its output goes
 * nowhere, and it must exit with STATUS: what fails is not timed. Ratios are to the first command.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SUBJECTS_MAX 8
#define ROUNDS_MAX 1000

struct subject {
	const char *name;
	unsigned rounds;
	int status;
	char **argv;
	unsigned nr_times;
	double times[ROUNDS_MAX]; /* milliseconds */
};

struct bench {
	bool json;
	unsigned rounds; /* the most that a subject has */
	unsigned nr_subjects;
	struct subject subjects[SUBJECTS_MAX];
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* A number in [0, max], or a negative errno. */
static int parse_number(const char *text, int max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 0 || value > max)
		return -EINVAL;
	return (int)value;
}

/*
 * Takes one subject's words off argv, and ends its command with a null pointer. Returns what
 * follows, or a null pointer if the words make no subject.
 */
static char **parse_subject(struct subject *subject, char **argv)
{
	int rounds;
	char **end = argv;

	while (*end && strcmp(*end, "--") != 0)
		end++;
	if (end - argv < 4)
		return NULL;
	rounds = parse_number(argv[1], ROUNDS_MAX);
	subject->name = argv[0];
	subject->status = parse_number(argv[2], 255);
	subject->argv = argv + 3;
	if (rounds < 1 || subject->status < 0)
		return NULL;
	subject->rounds = (unsigned)rounds;
	if (*end)
		*end++ = NULL;
	return end;
}

static int parse(struct bench *bench, char **argv)
{
	if (*argv && strcmp(*argv, "--json") == 0) {
		bench->json = true;
		argv++;
	}
	while (*argv) {
		struct subject *subject = &bench->subjects[bench->nr_subjects];

		if (bench->nr_subjects == SUBJECTS_MAX)
			return -E2BIG;
		argv = parse_subject(subject, argv);
		if (!argv)
			return -EINVAL;
		if (subject->rounds > bench->rounds)
			bench->rounds = subject->rounds;
		bench->nr_subjects++;
	}
	return bench->nr_subjects ? 0 : -EINVAL;
}

/* Starts the command and waits for its end. Returns the wait status, or a negative errno. */
static int run(char **argv, const posix_spawn_file_actions_t *actions)
{
	int status;
	pid_t pid;
	int error = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);

	if (error)
		return -error;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

/* Runs the subject once. Returns its milliseconds, or -1 after saying what went wrong. */
static double measure(const struct subject *subject, const posix_spawn_file_actions_t *actions)
{
	double start = now();
	int status = run(subject->argv, actions);
	double time = now() - start;

	if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == subject->status)
		return time;
	if (status < 0)
		fprintf(stderr, "boot: %s: %s\n", subject->argv[0], strerror(-status));
	else if (WIFSIGNALED(status))
		fprintf(stderr, "boot: %s died of signal %d\n", subject->name, WTERMSIG(status));
	else
		fprintf(stderr, "boot: %s exited with %d instead of %d\n", subject->name,
			WEXITSTATUS(status), subject->status);
	return -1;
}

/* The first round is not counted: it fills the page cache. */
static int run_round(struct bench *bench, unsigned round, const posix_spawn_file_actions_t *actions)
{
	for (unsigned i = 0; i < bench->nr_subjects; i++) {
		struct subject *subject = &bench->subjects[i];
		double time;

		if (round > 0 && (round - 1) * subject->rounds % bench->rounds >= subject->rounds)
			continue;
		time = measure(subject, actions);
		if (time < 0)
			return -EIO;
		if (round > 0)
			subject->times[subject->nr_times++] = time;
	}
	return 0;
}

static int run_all(struct bench *bench)
{
	posix_spawn_file_actions_t actions;
	int error = -posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && !error; fd++)
		error = -posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	for (unsigned round = 0; round <= bench->rounds && !error; round++)
		error = run_round(bench, round, &actions);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static int compare_times(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* The time that `percent` of the sorted times do not exceed (nearest rank). */
static double percentile(const struct subject *subject, unsigned percent)
{
	unsigned rank = (subject->nr_times * percent + 99) / 100;

	return subject->times[rank - 1];
}

static void report(struct bench *bench)
{
	double base = 0;

	if (!bench->json)
		printf("%-16s%8s%12s%12s%12s%10s\n", "name", "rounds", "median ms", "p10 ms",
		       "p90 ms", "ratio");
	for (unsigned i = 0; i < bench->nr_subjects; i++) {
		struct subject *subject = &bench->subjects[i];
		double median;

		qsort(subject->times, subject->nr_times, sizeof(double), compare_times);
		median = percentile(subject, 50);
		if (i == 0)
			base = median;
		if (bench->json)
			printf("{\"name\": \"%s\", \"median\": %.3f, \"ratio\": %.2f}\n",
			       subject->name, median, median / base);
		else
			printf("%-16s%8u%12.3f%12.3f%12.3f%10.1f\n", subject->name,
			       subject->nr_times, median, percentile(subject, 10),
			       percentile(subject, 90), median / base);
	}
}

int main(int argc, char **argv)
{
	static struct bench bench;

	if (argc < 1 || parse(&bench, argv + 1)) {
		fputs("usage: boot [--json] NAME ROUNDS STATUS COMMAND... [-- ...]\n", stderr);
		return 2;
	}
	if (run_all(&bench))
		return 1;
	report(&bench);
	return 0;
}
