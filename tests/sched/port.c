/* SPDX-License-Identifier: MIT */
/* mm/port.h for the threads of a scenario. */
#include <string.h>

#include "mm/port.h"
#include "mm/thread_cursors.h"
#include "tests/sched/cell.h"

/* The number of who prepares a scenario and ends it. */
#define MAIN_THREAD (THREADS_MAX + 1)

/* What came before the ends of sections, of this run. */
static struct {
	unsigned run;
	uint16_t clock[THREADS_MAX];
} ended;

static struct thread_cursors kept[THREADS_MAX + 1];

void port_begin(void)
{
	memset(kept, 0, sizeof(kept));
}

static struct thread *me(void)
{
	return &sched.threads[sched.current];
}

/* A section that was left before a grace period ended comes before what follows that. */
static void note_end(void)
{
	if (ended.run != sched.number)
		memset(ended.clock, 0, sizeof(ended.clock));
	ended.run = sched.number;
	clock_join(ended.clock, me()->clock);
	me()->clock[sched.current]++;
}

void port_read_lock(void)
{
	if (sched.current == NOBODY)
		return;
	access_section(ACCESS_ENTER);
	/* What came before a grace period comes before the sections after it. */
	clock_join(me()->clock, cell_at(CELL_OF_SECTIONS)->release);
	me()->sections++;
}

void port_read_unlock(void)
{
	unsigned self;

	if (sched.current == NOBODY)
		return;
	self = 1u << sched.current;
	access_section(ACCESS_LEAVE);
	if (me()->sections == 0)
		sched_fail("a read section is left that was not entered");
	if (--me()->sections > 0)
		return;
	note_end();
	for (unsigned i = 0; i < FRAME_WORDS; i++)
		me()->looked[i] = 0;
	for (unsigned i = 0; i < sched.nr_threads; i++) {
		struct thread *other = &sched.threads[i];

		if (other->state != THREAD_AWAITS_GRACE || !(other->awaits & self))
			continue;
		other->awaits &= ~self;
		if (other->awaits == 0)
			other->state = THREAD_READY;
	}
}

bool port_read_ongoing(void)
{
	return sched.current != NOBODY && me()->sections > 0;
}

void port_synchronize(void)
{
	struct cell *cell = cell_at(CELL_OF_SECTIONS);

	if (sched.current == NOBODY)
		return;
	access_section(ACCESS_GRACE);
	if (me()->sections > 0)
		sched_fail("deadlock: waits for a grace period in a read section");
	clock_join(cell->release, me()->clock);
	me()->clock[sched.current]++;
	for (unsigned i = 0; i < sched.nr_threads; i++)
		if (sched.threads[i].sections > 0)
			me()->awaits |= 1u << i;
	if (me()->awaits) {
		me()->state = THREAD_AWAITS_GRACE;
		run_block();
	}
	access_section(ACCESS_GRACE);
	if (ended.run == sched.number)
		clock_join(me()->clock, ended.clock);
}

uint32_t port_thread(void)
{
	return sched.current == NOBODY ? MAIN_THREAD : (uint32_t)sched.current + 1;
}

struct thread_cursors *port_cursors(void)
{
	struct thread_cursors *cursors =
		&kept[sched.current == NOBODY ? THREADS_MAX : sched.current];

	cursors->thread = port_thread();
	return cursors;
}

/* To spin is to look again, which sleeping threads do, too. */
bool port_spin(unsigned round)
{
	(void)round;
	return false;
}

void port_wait(const _Atomic uint32_t *word, uint32_t value, uint32_t who)
{
	if (sched.current == NOBODY || !access_sleep(word, value, __builtin_return_address(0)))
		return;
	me()->state = THREAD_SLEEPS;
	me()->sleeps_as = who;
	run_block();
}

void port_wake(const _Atomic uint32_t *word, uint32_t who)
{
	if (sched.current != NOBODY)
		access_wake(word, who, __builtin_return_address(0));
}
