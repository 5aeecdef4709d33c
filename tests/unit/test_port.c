/* SPDX-License-Identifier: MIT */
/*
 * The host's mm/port.h: names of threads, read sections, grace periods, and locks that wait by it.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/lock.h"
#include "mm/port.h"

static pthread_t start(void *(*body)(void *), void *argument)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, body, argument), 0);
	return thread;
}

static void *name_of_thread(void *argument)
{
	*(uint32_t *)argument = port_thread();
	return NULL;
}

static void test_names_of_threads_are_kept_and_differ(void **state)
{
	uint32_t own = port_thread(), other = own;

	(void)state;
	assert_int_not_equal(own, 0);
	pthread_join(start(name_of_thread, &other), NULL);
	assert_int_not_equal(other, 0);
	assert_int_not_equal(other, own);
	assert_int_equal(port_thread(), own);
}

static void test_number_of_a_thread_that_has_ended_goes_to_another(void **state)
{
	uint32_t first = 0, next = 0;

	(void)state;
	pthread_join(start(name_of_thread, &first), NULL);
	for (unsigned i = 0; i < 100; i++)
		pthread_join(start(name_of_thread, &next), NULL);
	assert_int_equal(next, first);
}

#define NR_NAMED 100

struct naming {
	pthread_barrier_t barrier;
	_Atomic uint32_t next;
	uint32_t names[NR_NAMED];
};

static void *name_while_all_live(void *argument)
{
	struct naming *naming = argument;

	naming->names[atomic_fetch_add(&naming->next, 1)] = port_thread();
	pthread_barrier_wait(&naming->barrier);
	return NULL;
}

static void test_names_of_many_living_threads_differ(void **state)
{
	static struct naming naming;
	pthread_t threads[NR_NAMED];

	(void)state;
	assert_int_equal(pthread_barrier_init(&naming.barrier, NULL, NR_NAMED), 0);
	for (unsigned i = 0; i < NR_NAMED; i++)
		threads[i] = start(name_while_all_live, &naming);
	for (unsigned i = 0; i < NR_NAMED; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < NR_NAMED; i++) {
		assert_int_not_equal(naming.names[i], port_thread());
		for (unsigned other = 0; other < i; other++)
			assert_int_not_equal(naming.names[i], naming.names[other]);
	}
	pthread_barrier_destroy(&naming.barrier);
}

static void test_read_sections_nest(void **state)
{
	(void)state;
	assert_false(port_read_ongoing());
	port_read_lock();
	port_read_lock();
	port_read_unlock();
	assert_true(port_read_ongoing());
	port_read_unlock();
	assert_false(port_read_ongoing());
}

static void *read_once(void *argument)
{
	port_read_lock();
	port_read_unlock();
	return argument;
}

/* A thread that ended inside liburcu's list would make this hang, or crash. */
static void test_threads_that_have_ended_hold_no_grace_period_up(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++)
		pthread_join(start(read_once, NULL), NULL);
	port_synchronize();
}

struct reading {
	pthread_barrier_t inside;
	_Atomic bool may_leave;
	_Atomic bool left;
	uint64_t value; /* read inside the section, without atomics */
	uint64_t seen;
};

static void *read_until_told(void *argument)
{
	struct reading *reading = argument;

	port_read_lock();
	pthread_barrier_wait(&reading->inside);
	while (!atomic_load_explicit(&reading->may_leave, memory_order_relaxed))
		sched_yield();
	reading->seen = reading->value;
	atomic_store_explicit(&reading->left, true, memory_order_relaxed);
	port_read_unlock();
	return NULL;
}

static void *tell(void *argument)
{
	struct reading *reading = argument;

	for (unsigned i = 0; i < 250; i++)
		sched_yield();
	atomic_store_explicit(&reading->may_leave, true, memory_order_relaxed);
	return NULL;
}

static void test_grace_period_waits_for_the_sections_that_were_open(void **state)
{
	struct reading reading = { .value = 1 };
	pthread_t reader, teller;

	(void)state;
	assert_int_equal(pthread_barrier_init(&reading.inside, NULL, 2), 0);
	reader = start(read_until_told, &reading);
	pthread_barrier_wait(&reading.inside);
	teller = start(tell, &reading);
	port_synchronize();
	assert_true(atomic_load_explicit(&reading.left, memory_order_relaxed));
	/* What readers could see may be written now. */
	reading.value = 2;
	assert_int_equal(reading.seen, 1);
	pthread_join(reader, NULL);
	pthread_join(teller, NULL);
	pthread_barrier_destroy(&reading.inside);
}

static void test_lock_names_its_owner_who_cannot_take_it_twice(void **state)
{
	lock_t lock = { 0 };

	(void)state;
	assert_int_equal(lock_acquire(&lock, 7), 0);
	assert_int_equal(lock_owner(&lock), 7);
	assert_false(lock_try(&lock, 8));
	assert_int_equal(lock_acquire(&lock, 7), -EDEADLK);
	assert_int_equal(lock_owner(&lock), 7);
	lock_release(&lock);
	assert_int_equal(lock_owner(&lock), 0);
	assert_true(lock_try(&lock, 8));
}

#define NR_COUNTERS 3
#define NR_COUNTED 2000

struct counter {
	lock_t lock;
	uint64_t value;
};

static void *count(void *argument)
{
	struct counter *counter = argument;

	for (unsigned i = 0; i < NR_COUNTED; i++) {
		lock_acquire(&counter->lock, port_thread());
		counter->value++;
		lock_release(&counter->lock);
	}
	return NULL;
}

static void test_lock_excludes_threads(void **state)
{
	struct counter counter = { 0 };
	pthread_t threads[NR_COUNTERS];

	(void)state;
	for (unsigned i = 0; i < NR_COUNTERS; i++)
		threads[i] = start(count, &counter);
	for (unsigned i = 0; i < NR_COUNTERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(counter.value, NR_COUNTERS * NR_COUNTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_threads_are_kept_and_differ),
		cmocka_unit_test(test_number_of_a_thread_that_has_ended_goes_to_another),
		cmocka_unit_test(test_names_of_many_living_threads_differ),
		cmocka_unit_test(test_read_sections_nest),
		cmocka_unit_test(test_threads_that_have_ended_hold_no_grace_period_up),
		cmocka_unit_test(test_grace_period_waits_for_the_sections_that_were_open),
		cmocka_unit_test(test_lock_names_its_owner_who_cannot_take_it_twice),
		cmocka_unit_test(test_lock_excludes_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
