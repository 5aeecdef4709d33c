/* SPDX-License-Identifier: MIT */
/*
 * One run of a scenario: its threads, the points at which they can be switched, and who goes on.
 */
#ifndef TESTS_SCHED_RUN_H
#define TESTS_SCHED_RUN_H

#include "tests/sched/context.h"
#include "tests/sched/sched.h"

#define NOBODY (-1)
#define POINTS_MAX 60000u
#define FRAME_WORDS 2 /* of a set of frames */
#define STRETCHES_MAX 4096
#define VALUES_MAX 1024

enum access_kind {
	ACCESS_LOAD, /* atomic */
	ACCESS_STORE,
	ACCESS_CHANGE, /* read-modify-write */
	ACCESS_READ,   /* plain */
	ACCESS_WRITE,
	ACCESS_ENTER, /* a read section */
	ACCESS_LEAVE,
	ACCESS_GRACE, /* begins or ends to wait for a grace period */
	ACCESS_SLEEP, /* looks at a word, and sleeps if it is what is expected */
	ACCESS_WAKE,
};

struct access {
	enum access_kind kind;
	uint32_t cell;
	uintptr_t address;
	unsigned size;
	int order;	   /* __ATOMIC_* */
	const void *place; /* where in the program */
	uint64_t value;	   /* what was read, or else written */
	uint64_t written;  /* by a change */
};

enum thread_state { THREAD_READY, THREAD_SLEEPS, THREAD_AWAITS_GRACE, THREAD_ENDED };

struct thread {
	context_t context;
	enum thread_state state;
	uint32_t sleeps_on; /* THREAD_SLEEPS: the cell, and as whom */
	uint32_t sleeps_as;
	unsigned awaits;	      /* THREAD_AWAITS_GRACE: threads whose sections are awaited */
	unsigned sections;	      /* nested read sections */
	uint64_t looked[FRAME_WORDS]; /* frames whose bytes it touched in its section */
	uint16_t clock[THREADS_MAX];
	uint64_t hash; /* of all that it has seen: see run_key() */
	uint64_t results[STEPS_MAX];
	unsigned begun[STEPS_MAX]; /* when, in events of the run */
	unsigned done[STEPS_MAX];
};

/* What goes on in place of `current`; see struct policy. */
struct policy {
	/*
	 * Who goes on, of the set `ready`: `current`, if it is not NOBODY, can; another is then a
	 * preemption. NOBODY ends the run without a verdict.
	 */
	int (*thread)(int current, unsigned ready);
	/* which of `nr` values, from the latest back, a load reads: 0 is the latest */
	unsigned (*value)(unsigned nr);
	bool every_point; /* ask at points too that concern one thread only */
};

enum run_result { RUN_ENDED, RUN_GIVEN_UP, RUN_FAILED };

struct stretch {
	int thread;
	unsigned points;
};

struct run {
	const struct scenario *scenario;
	const struct policy *policy;
	unsigned number; /* of this run: what cells say of others is old */
	unsigned nr_threads;
	int current; /* NOBODY: not in a thread of the scenario */
	enum run_result result;
	char failure[512];
	struct thread threads[THREADS_MAX];
	unsigned timeouts; /* all slept, and were woken by the clock */
	unsigned points;
	unsigned choices; /* points that were visible */
	unsigned events;
	/* the schedule so far: run-length coded, and which values were read */
	struct stretch stretches[STRETCHES_MAX];
	unsigned nr_stretches;
	uint8_t values[VALUES_MAX];
	unsigned nr_values;
	bool trace; /* print accesses */
};

extern struct run sched;

/* Runs the scenario from its beginning. The world is left as the run left it. */
enum run_result run_execute(const struct scenario *scenario, const struct policy *policy);

/* Before an access: others may go on here. `visible`: it can make a difference to them. */
void run_point(bool visible);

/* The current thread cannot go on: others do, until its state is THREAD_READY again. */
void run_block(void);

/* Threads that can go on, as a set. */
unsigned run_ready(void);

/* Who sleeps on the word of this cell, as `who`, wakes. */
void run_wake(uint32_t cell, uint32_t who);

/*
 * Says what has happened up to now, but not in which order things happened that do not depend on
 * each other: after two beginnings with the same key, the same continuations are possible.
 */
uint64_t run_key(int current);

static inline uint64_t run_mix(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ (b + UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xbf58476d1ce4e5b9);

	x ^= x >> 29;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 32;
}

#endif
