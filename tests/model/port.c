/* SPDX-License-Identifier: MIT */
/*
 * mm/port.h for one operating-system thread that plays several: the model says which one runs. Who
 * would have to wait cannot go on, and the step that did it is undone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mm/port.h"
#include "tests/model/model.h"

static struct world *running;
static unsigned running_thread;

void thread_switch(struct world *world, unsigned thread)
{
	running = world;
	running_thread = thread;
}

void port_read_lock(void)
{
	running->read_depth[running_thread]++;
}

void port_read_unlock(void)
{
	EXPECT(running, RULE_L5, running->read_depth[running_thread] > 0,
	       "a read section is left that was not entered");
	running->read_depth[running_thread]--;
}

bool port_read_ongoing(void)
{
	return running->read_depth[running_thread] > 0;
}

void port_synchronize(void)
{
	for (unsigned thread = 0; thread <= MAX_CURSORS; thread++)
		EXPECT(running, RULE_L5, running->read_depth[thread] == 0,
		       "a grace period is waited for while thread %u reads", thread);
}

uint32_t port_thread(void)
{
	return (running->config->shelves ? 1 : FRAME_CACHES + 1) + running_thread;
}

struct thread_cursors *port_cursors(void)
{
	struct thread_cursors *cursors = &running->threads[running_thread];

	cursors->thread = port_thread();
	return cursors;
}

void port_wake(const _Atomic uint32_t *word, uint32_t who)
{
	(void)word, (void)who;
}

void port_wait(const _Atomic uint32_t *word, uint32_t value, uint32_t who)
{
	(void)word, (void)value, (void)who;
	(void)port_spin(0);
}

bool port_spin(unsigned round)
{
	(void)round;
	EXPECT(running, RULE_L3, running->may_block, "an operation waits that holds its range");
	longjmp(running->blocked, 1);
}
