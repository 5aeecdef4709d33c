/* SPDX-License-Identifier: MIT */
/*
 * Happens-before, by vector clocks: races, and what release and acquire hand over.
 *
 * A thread's own clock ticks after each release. An access at clock c of thread t happened before
 * the present of thread u if u's clock for t has reached c.
 */
#include <string.h>

#include "tests/sched/cell.h"
#include "tests/sched/trace.h"

static struct thread *me(void)
{
	return &sched.threads[sched.current];
}

void clock_join(uint16_t *clock, const uint16_t *from)
{
	for (unsigned i = 0; i < THREADS_MAX; i++)
		if (from[i] > clock[i])
			clock[i] = from[i];
}

bool clock_covers(const uint16_t *times)
{
	const uint16_t *clock = me()->clock;

	return times[0] <= clock[0] && times[1] <= clock[1] && times[2] <= clock[2];
}

_Static_assert(THREADS_MAX == 3, "clock_covers() counts to three");

static void check_race(const struct access *access, const uint16_t *times, const char *what)
{
	char name[64];
	unsigned thread = 0;

	if (clock_covers(times))
		return;
	while (times[thread] <= me()->clock[thread])
		thread++;
	access_cell_name(access->cell, name, sizeof(name));
	sched_fail("race: thread %c %s %s; nothing orders that after thread %c, which %s it",
		   'a' + sched.current,
		   access->kind == ACCESS_READ || access->kind == ACCESS_LOAD ? "reads" : "writes",
		   name, (int)('a' + thread), what);
}

void order_plain(const struct access *access)
{
	struct cell *cell = cell_at(access->cell);
	uint16_t now = me()->clock[sched.current];

	check_race(access, cell->written, "writes");
	check_race(access, cell->stored, "stores to");
	if (access->kind == ACCESS_READ) {
		cell->read[sched.current] = now;
		return;
	}
	check_race(access, cell->read, "reads");
	check_race(access, cell->loaded, "loads");
	cell->written[sched.current] = now;
	memset(cell->release, 0, sizeof(cell->release));
	/* Everybody comes after it, or it is a race: there is no older value to read. */
	cell->history = NULL;
}

static bool acquires(int order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_CONSUME ||
	       order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static bool releases(int order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

void order_atomic(const struct access *access, struct cell *cell)
{
	uint16_t now = me()->clock[sched.current];

	check_race(access, cell->written, "writes");
	if (access->kind == ACCESS_LOAD) {
		cell->loaded[sched.current] = now;
	} else {
		check_race(access, cell->read, "reads");
		cell->stored[sched.current] = now;
	}
	/* A weak load has acquired what the value that it read released. */
	if (access->kind != ACCESS_STORE && acquires(access->order) && !sched.scenario->weak)
		clock_join(me()->clock, cell->release);
}

void order_release(uint16_t *release, const struct access *access)
{
	struct thread *thread = me();

	/* A change continues the release sequence; a store begins another. */
	if (access->kind == ACCESS_STORE)
		memset(release, 0, sizeof(thread->clock));
	if (releases(access->order)) {
		clock_join(release, thread->clock);
		thread->clock[sched.current]++;
	}
}
