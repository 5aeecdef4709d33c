/* SPDX-License-Identifier: MIT */
/*
 * Two threads on one table: side by side on ranges of their own, side by side reading the same
 * range, and after the same lock.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "bench/mm_bench.h"

#define THREADS 2
#define ROUNDS 11
#define HALF (BENCH_PAGES / THREADS)
#define READ_PAGES 4096u /* by one cursor, which shares its nodes then */
#define READ_TURNS 16u
#define CONTEST_NS 500e6
#define CONTEST_PAGES 1024u /* of each range; half of them are in the other one, too */

static const prop_t writable = PROP(PROP_READ | PROP_WRITE);

/* Looks at a page, changes it, and puts it anew: four transactions. */
static int work_on_page(struct bench *bench, unsigned i)
{
	static const struct prop_change read_only = { PROP_WRITE, 0 };
	paddr_t paddr = PADDR(bench->paddr[i]);
	struct pt_mapping mapping;
	int error = 0;

	for (unsigned step = 0; step < 4 && error == 0; step++) {
		struct cursor cursor;

		error = cursor_open(&cursor, &bench->table, VADDR(bench->va[i]), PAGE_SIZE,
				    CURSOR_MUTATE, 1);
		if (error)
			return error;
		if (step == 0)
			error = cursor_query(&cursor, &mapping);
		else if (step == 1)
			error = cursor_protect(&cursor, PAGE_SIZE, read_only, NULL, NULL);
		else if (step == 2)
			error = cursor_unmap(&cursor, PAGE_SIZE, NULL, NULL);
		else
			error = run_get(&bench->domain, paddr, 1);
		if (step == 3 && error == 0)
			error = cursor_map(&cursor, paddr, 1, writable, true);
		cursor_close(&cursor);
	}
	return error;
}

static int work_on_half(struct bench *bench, unsigned half)
{
	int error = 0;

	for (unsigned i = half * HALF; i < (half + 1) * HALF && error == 0; i++)
		error = work_on_page(bench, i);
	return error;
}

/* Looks at all pages, some times, whatever `number`. */
static int read_all(struct bench *bench, unsigned number)
{
	int error = 0;

	(void)number;
	for (unsigned page = 0; page < READ_TURNS * BENCH_PAGES && error == 0; page += READ_PAGES) {
		vaddr_t va = VADDR(bench->start + page % BENCH_PAGES * PAGE_SIZE);
		struct pt_mapping mapping;
		struct cursor cursor;
		unsigned found = 0;

		error = cursor_open(&cursor, &bench->table, va, READ_PAGES * PAGE_SIZE, CURSOR_READ,
				    1);
		if (error)
			return error;
		while (cursor_query_next(&cursor, cursor_remaining(&cursor), &mapping) > 0)
			found++;
		error = cursor.shared && found == READ_PAGES ? 0 : -EUCLEAN;
		cursor_close(&cursor);
	}
	return error;
}

enum start { START_WAIT, START_GO, START_GIVE_UP };

struct worker {
	struct bench *bench;
	int (*work)(struct bench *bench, unsigned number);
	_Atomic int *start;
	unsigned number;
	double cpu_time;
	double longest_wait;
	unsigned long transactions;
	int error;
};

/* Waits until all threads are there. False: one could not be made. */
static bool worker_start(const struct worker *worker)
{
	int start;

	while ((start = atomic_load(worker->start)) == START_WAIT)
		sched_yield();
	return start == START_GO;
}

/* Runs `body` in THREADS threads at once; *time is the wall time until all are done. */
static int run_threads(struct bench *bench, struct worker *workers, void *(*body)(void *),
		       int (*work)(struct bench *, unsigned), double *time)
{
	pthread_t threads[THREADS];
	_Atomic int start = START_WAIT;
	unsigned nr = 0;
	int error = 0;

	for (; nr < THREADS && error == 0; nr += error == 0) {
		workers[nr] = (struct worker){
			.bench = bench,
			.work = work,
			.start = &start,
			.number = nr,
		};
		error = -pthread_create(&threads[nr], NULL, body, &workers[nr]);
	}
	*time = bench_wall_time();
	atomic_store(&start, error ? START_GIVE_UP : START_GO);
	for (unsigned i = 0; i < nr; i++) {
		pthread_join(threads[i], NULL);
		if (error == 0)
			error = workers[i].error;
	}
	*time = bench_wall_time() - *time;
	return error;
}

static void *work_side_by_side(void *argument)
{
	struct worker *worker = argument;
	double start;

	if (!worker_start(worker))
		return NULL;
	start = bench_cpu_time();
	worker->error = worker->work(worker->bench, worker->number);
	worker->cpu_time = bench_cpu_time() - start;
	return NULL;
}

struct pair {
	double wall[ROUNDS], cpu[ROUNDS]; /* serialised / side by side */
};

/* The same work serialised and side by side, in alternation. */
static int run_pairs(struct bench *bench, int (*work)(struct bench *, unsigned), struct pair *pair)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct worker workers[THREADS];
		double wall = bench_wall_time(), cpu = bench_cpu_time(), side_by_side;
		int error = 0;

		for (unsigned number = 0; number < THREADS && error == 0; number++)
			error = work(bench, number);
		wall = bench_wall_time() - wall;
		cpu = bench_cpu_time() - cpu;
		if (error == 0)
			error = run_threads(bench, workers, work_side_by_side, work, &side_by_side);
		if (error)
			return error;
		pair->wall[round] = wall / side_by_side;
		pair->cpu[round] = THREADS * cpu / (workers[0].cpu_time + workers[1].cpu_time);
	}
	bench_median(pair->wall, ROUNDS);
	bench_median(pair->cpu, ROUNDS);
	return 0;
}

static void *work_in_contest(void *argument)
{
	struct worker *worker = argument;
	struct bench *bench = worker->bench;
	vaddr_t va = VADDR(bench->start + worker->number * CONTEST_PAGES / 2 * PAGE_SIZE);
	struct prop_change change = { PROP_WRITE, worker->number ? PROP_WRITE : 0 };
	double start, now;

	if (!worker_start(worker))
		return NULL;
	start = now = bench_wall_time();
	while (now - start < CONTEST_NS && worker->error == 0) {
		struct cursor cursor;
		double waited;

		worker->error = cursor_open(&cursor, &bench->table, va, CONTEST_PAGES * PAGE_SIZE,
					    CURSOR_MUTATE, 1);
		if (worker->error)
			break;
		waited = bench_wall_time() - now;
		if (waited > worker->longest_wait)
			worker->longest_wait = waited;
		worker->error =
			cursor_protect(&cursor, CONTEST_PAGES * PAGE_SIZE, change, NULL, NULL);
		cursor_close(&cursor);
		worker->transactions++;
		now = bench_wall_time();
	}
	return NULL;
}

static void print_pair(const struct pair *pair, const char *name, const char *what, bool json)
{
	if (json)
		printf("{\"name\": \"threads-%s\", \"ratio\": %.2f, \"best\": %.2f, "
		       "\"cpu_ratio\": %.2f}\n",
		       name, pair->wall[ROUNDS / 2], pair->wall[ROUNDS - 1], pair->cpu[ROUNDS / 2]);
	else
		printf("Two threads, %s: %.2f x one thread (best %.2f x; by CPU time %.2f x)\n",
		       what, pair->wall[ROUNDS / 2], pair->wall[ROUNDS - 1], pair->cpu[ROUNDS / 2]);
}

static void print_contest(const struct worker *workers, bool json)
{
	static const char *const text =
		"Two threads, overlapping ranges, %.1f s: %lu and %lu transactions, "
		"longest wait %.2f ms and %.2f ms\n";
	static const char *const object =
		"{\"name\": \"threads-overlapping\", \"seconds\": %.1f, "
		"\"transactions\": [%lu, %lu], \"longest_wait_ms\": [%.2f, %.2f]}\n";

	printf(json ? object : text, CONTEST_NS / 1e9, workers[0].transactions,
	       workers[1].transactions, workers[0].longest_wait / 1e6,
	       workers[1].longest_wait / 1e6);
}

int bench_threads(struct bench *bench, bool json)
{
	static const struct row full = { .before = CONTENT_TRACKED, .after = CONTENT_TRACKED };
	struct worker workers[THREADS];
	struct pair disjoint, reading;
	double ignored;
	int audit, error = bench_begin(bench, ORDER_SEQ, TABLE_WALKED_BY_SOFTWARE);

	if (error)
		return error;
	error = bench_prepare(bench, &full);
	if (error == 0)
		error = run_pairs(bench, work_on_half, &disjoint);
	if (error == 0)
		error = run_pairs(bench, read_all, &reading);
	if (error == 0)
		error = run_threads(bench, workers, work_in_contest, NULL, &ignored);
	audit = bench_end(bench);
	if (error || audit)
		return error ? error : audit;
	if (!json)
		putchar('\n');
	print_pair(&disjoint, "disjoint", "disjoint ranges", json);
	print_pair(&reading, "reading", "reading the same range", json);
	print_contest(workers, json);
	return 0;
}
