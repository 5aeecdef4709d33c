/* SPDX-License-Identifier: MIT */
/* Threads as contexts, and the switch between them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sched/access.h"
#include "tests/sched/run.h"
#include "tests/sched/world.h"

#define STACK_SIZE 65536
#define TIMEOUTS_MAX 16

struct run sched = { .current = NOBODY };

static context_t main_context;
static _Alignas(64) unsigned char stacks[THREADS_MAX][STACK_SIZE];

static void end(enum run_result result)
{
	sched.result = result;
	if (sched.current != NOBODY) {
		context_t *here = &sched.threads[sched.current].context;

		sched.current = NOBODY;
		context_switch(here, main_context);
	}
}

void sched_fail(const char *format, ...)
{
	va_list arguments;

	if (sched.result == RUN_FAILED)
		return;
	va_start(arguments, format);
	vsnprintf(sched.failure, sizeof(sched.failure), format, arguments);
	va_end(arguments);
	end(RUN_FAILED);
}

unsigned run_ready(void)
{
	unsigned ready = 0;

	for (unsigned i = 0; i < sched.nr_threads; i++)
		ready |= (unsigned)(sched.threads[i].state == THREAD_READY) << i;
	return ready;
}

void run_wake(uint32_t cell, uint32_t who)
{
	for (unsigned i = 0; i < sched.nr_threads; i++) {
		struct thread *thread = &sched.threads[i];

		if (thread->state == THREAD_SLEEPS && thread->sleeps_on == cell &&
		    thread->sleeps_as == who)
			thread->state = THREAD_READY;
	}
}

uint64_t run_key(int current)
{
	uint64_t key = (uint64_t)(current + 1);

	for (unsigned i = 0; i < sched.nr_threads; i++)
		key = run_mix(key, sched.threads[i].hash);
	return key;
}

static void begin_stretch(int thread)
{
	if (sched.nr_stretches == STRETCHES_MAX)
		sched_fail("more than %u switches", STRETCHES_MAX);
	sched.stretches[sched.nr_stretches++] = (struct stretch){ thread, 0 };
}

/* Goes on in `thread`; returns when the thread that called it goes on. */
static void switch_to(int thread)
{
	context_t *here = sched.current == NOBODY ? &main_context :
						    &sched.threads[sched.current].context;

	if (thread == NOBODY) {
		end(RUN_GIVEN_UP);
		return;
	}
	begin_stretch(thread);
	if (thread == sched.current)
		return;
	sched.current = thread;
	context_switch(here, sched.threads[thread].context);
}

void run_point(bool visible)
{
	unsigned ready;
	int next;

	if (++sched.points > POINTS_MAX)
		sched_fail("livelock: no end after %u points", POINTS_MAX);
	ready = run_ready();
	if ((visible || sched.policy->every_point) && (ready & (ready - 1)) != 0) {
		sched.choices++;
		next = sched.policy->thread(sched.current, ready);
		if (next != sched.current)
			switch_to(next);
	}
	sched.stretches[sched.nr_stretches - 1].points++;
}

/*
 * Sleepers come back by themselves after some time. Where loads are never old no lock may need that
 * (see port_wait()): a wake was lost. Where they may be, by then they are not.
 */
static bool time_out(void)
{
	bool slept = false;

	if (!sched.scenario->weak || ++sched.timeouts > TIMEOUTS_MAX)
		return false;
	for (unsigned i = 0; i < sched.nr_threads; i++) {
		if (sched.threads[i].state != THREAD_SLEEPS)
			continue;
		sched.threads[i].state = THREAD_READY;
		history_propagate(i);
		slept = true;
	}
	return slept;
}

static void say_deadlock(void)
{
	char text[sizeof(sched.failure)] = "deadlock:";
	size_t used = strlen(text);

	for (unsigned i = 0; i < sched.nr_threads; i++) {
		const struct thread *thread = &sched.threads[i];
		char name[64] = "a grace period";

		if (thread->state == THREAD_ENDED)
			continue;
		if (thread->state == THREAD_SLEEPS)
			access_cell_name(thread->sleeps_on, name, sizeof(name));
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %c waits for %s;",
					 'a' + (int)i, name);
	}
	sched_fail("%s", text);
}

/* Somebody must go on, for the current thread does not. */
static void go_on(void)
{
	unsigned ready = run_ready();
	unsigned ended = 0;

	for (unsigned i = 0; i < sched.nr_threads; i++)
		ended += sched.threads[i].state == THREAD_ENDED;
	if (ended == sched.nr_threads)
		end(RUN_ENDED);
	else if (ready == 0 && time_out())
		go_on();
	else if (ready == 0)
		say_deadlock();
	else if ((ready & (ready - 1)) == 0 && !sched.policy->every_point)
		switch_to(__builtin_ctz(ready));
	else
		switch_to(sched.policy->thread(NOBODY, ready));
}

void run_block(void)
{
	struct thread *me = &sched.threads[sched.current];

	while (me->state != THREAD_READY)
		go_on();
}

static void thread_run(void)
{
	struct thread *me = &sched.threads[sched.current];
	const step_t *steps = sched.scenario->threads[sched.current];

	for (unsigned i = 0; i < STEPS_MAX && steps[i]; i++) {
		if (i > 0)
			run_point(false);
		me->begun[i] = ++sched.events;
		me->results[i] = steps[i]();
		me->done[i] = ++sched.events;
	}
	if (me->sections > 0)
		sched_fail("a read section was not left");
	me->state = THREAD_ENDED;
	go_on();
	__builtin_unreachable();
}

static void threads_begin(void)
{
	memset(sched.threads, 0, sizeof(sched.threads));
	sched.nr_threads = 0;
	for (unsigned i = 0; i < THREADS_MAX && sched.scenario->threads[i][0]; i++) {
		struct thread *thread = &sched.threads[i];

		thread->context = context_make(stacks[i], STACK_SIZE, thread_run);
		thread->clock[i] = 1;
		sched.nr_threads++;
	}
}

enum run_result run_execute(const struct scenario *scenario, const struct policy *policy)
{
	sched.scenario = scenario;
	sched.policy = policy;
	sched.number++;
	sched.result = RUN_ENDED;
	sched.failure[0] = '\0';
	sched.points = sched.choices = sched.events = sched.timeouts = 0;
	sched.nr_stretches = sched.nr_values = 0;
	world_reset();
	access_begin();
	port_begin();
	threads_begin();
	go_on();
	return sched.result;
}
