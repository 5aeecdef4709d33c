/* SPDX-License-Identifier: MIT */
/*
 * mm/port.h for a Linux process: read sections by liburcu, waiting by the scheduler.
 *
 * Threads need not announce themselves: one is registered at its first read section, and
 * unregistered by a destructor when it ends.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __has_feature /* clang */
#define THREAD_SANITIZER __has_feature(thread_sanitizer)
#elif defined(__SANITIZE_THREAD__) /* gcc */
#define THREAD_SANITIZER 1
#else
#define THREAD_SANITIZER 0
#endif

/* Read sections inline: MIT code may have them so. Not where their own races would be reported. */
#if !THREAD_SANITIZER
#define _LGPL_SOURCE
#endif
#include <urcu/arch.h>
#include <urcu/urcu-memb.h>

#include "mm/port.h"
#include "mm/thread_cursors.h"

#define ROUNDS_SPINNING 100u /* some microseconds */
#define ROUNDS_YIELDING 10u
#define WAIT_MAX_NS 1000000L

#define SMALL_NUMBERS 64u

static _Thread_local bool registered;
static _Thread_local struct thread_cursors self;
static _Atomic uint64_t small_numbers; /* bit i: a thread has number i + 1 */
/* given out so far, from SMALL_NUMBERS + 1 on; never again */
static _Atomic uint32_t large_numbers;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

/*
 * ThreadSanitizer cannot see into liburcu. It is told what that guarantees: a section that was left
 * before a grace period ended comes before what follows it, and what came before a grace period
 * comes before the sections after it.
 */
#if THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>

static char section_end, grace_period;

#define BEFORE(point) __tsan_release(&(point))
#define AFTER(point) __tsan_acquire(&(point))
#else
#define BEFORE(point) ((void)0)
#define AFTER(point) ((void)0)
#endif

/* The lowest that is free; release and acquire hand over what is found by it. */
static uint32_t number_take(void)
{
	uint64_t taken = atomic_load_explicit(&small_numbers, memory_order_relaxed);

	while (~taken != 0) {
		unsigned bit = (unsigned)__builtin_ctzll(~taken);

		if (atomic_compare_exchange_weak_explicit(
			    &small_numbers, &taken, taken | UINT64_C(1) << bit,
			    memory_order_acquire, memory_order_relaxed))
			return bit + 1;
	}
	return SMALL_NUMBERS + 1 +
	       atomic_fetch_add_explicit(&large_numbers, 1, memory_order_relaxed);
}

static void number_give_back(uint32_t number)
{
	if (number != 0 && number <= SMALL_NUMBERS)
		atomic_fetch_and_explicit(&small_numbers, ~(UINT64_C(1) << (number - 1)),
					  memory_order_release);
}

static void thread_end(void *unused)
{
	(void)unused;
	if (registered)
		urcu_memb_unregister_thread();
	registered = false;
	number_give_back(self.thread);
	self.thread = 0;
}

/*
 * Without a key a thread would end and stay in liburcu's list, in memory that is then somebody
 * else's. There is no caller to tell and no safe way on; with fewer than the 32 keys that every
 * thread has room for it does not happen.
 */
static void key_make(void)
{
	if (pthread_key_create(&key, thread_end) != 0)
		abort();
}

/* thread_end() is called when the calling thread ends. */
static void thread_announce(void)
{
	pthread_once(&key_once, key_make);
	if (pthread_setspecific(key, &registered) != 0)
		abort();
}

static __attribute__((noinline)) void thread_register(void)
{
	thread_announce();
	urcu_memb_register_thread();
	registered = true;
}

void port_read_lock(void)
{
	if (!registered)
		thread_register();
	urcu_memb_read_lock();
	AFTER(grace_period);
}

void port_read_unlock(void)
{
	BEFORE(section_end);
	urcu_memb_read_unlock();
}

bool port_read_ongoing(void)
{
	return registered && urcu_memb_read_ongoing();
}

void port_synchronize(void)
{
	BEFORE(grace_period);
	urcu_memb_synchronize_rcu();
	AFTER(section_end);
}

static __attribute__((noinline)) void thread_name(void)
{
	thread_announce();
	self.thread = number_take();
}

struct thread_cursors *port_cursors(void)
{
	if (self.thread == 0)
		thread_name();
	return &self;
}

uint32_t port_thread(void)
{
	return port_cursors()->thread;
}

bool port_spin(unsigned round)
{
	if (round < ROUNDS_SPINNING)
		caa_cpu_relax();
	else if (round < ROUNDS_SPINNING + ROUNDS_YIELDING)
		sched_yield();
	return round < ROUNDS_SPINNING + ROUNDS_YIELDING;
}

/* The kernel compares and falls asleep in one, and wakes those with a bit in common. */
static void call_futex(const _Atomic uint32_t *word, int operation, uint32_t value,
		       const struct timespec *until, uint32_t who)
{
	(void)syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, until, NULL,
		      UINT32_C(1) << who % 32);
}

void port_wait(const _Atomic uint32_t *word, uint32_t value, uint32_t who)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WAIT_MAX_NS;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	call_futex(word, FUTEX_WAIT_BITSET, value, &until, who);
}

void port_wake(const _Atomic uint32_t *word, uint32_t who)
{
	call_futex(word, FUTEX_WAKE_BITSET, INT32_MAX, NULL, who);
}
