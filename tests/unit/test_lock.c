/* SPDX-License-Identifier: MIT */
/*
 * The lock by itself: one owner or many readers, and who waits gets it in the end (P-6). Threads
 * are counted, not timed: each test makes a state in which the lock has one way to go on.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/lock.h"

#define QUEUE(served, next) ((uint32_t)(served) | (uint32_t)(next) << 11)
#define NEXT(queue) ((queue) >> 11 & LAST_TICKET)
#define FIRST_SLEEPS (UINT32_C(1) << 30)
#define OTHERS_SLEEP (UINT32_C(1) << 31)
#define LAST_TICKET 0x7ffu
#define OTHERS 4

static uint32_t queue_of(const lock_t *lock)
{
	return atomic_load(&lock->queue);
}

static void test_owner_excludes_owners_and_readers(void **state)
{
	lock_t lock = { 0 };

	(void)state;
	assert_int_equal(lock_acquire(&lock, 7), 0);
	assert_int_equal(lock_owner(&lock), 7);
	assert_int_equal(lock_readers(&lock), 0);
	assert_false(lock_try(&lock, 8));
	assert_false(lock_try_shared(&lock));
	lock_release(&lock);
	assert_true(lock_is_free(&lock));
	assert_true(lock_try(&lock, LOCK_OWNER_MAX));
	assert_int_equal(lock_owner(&lock), LOCK_OWNER_MAX);
	assert_false(lock_try_shared(&lock));
	lock_release(&lock);
}

/* BUG-10 */
static void test_owner_cannot_take_it_twice_in_any_form(void **state)
{
	lock_t lock = { 0 };

	(void)state;
	assert_int_equal(lock_acquire(&lock, 7), 0);
	assert_int_equal(lock_acquire(&lock, 7), -EDEADLK);
	assert_int_equal(lock_acquire_shared(&lock, 7), -EDEADLK);
	assert_int_equal(lock_owner(&lock), 7);
	assert_int_equal(queue_of(&lock), LOCK_QUEUE_EMPTY);
	lock_release(&lock);
}

static void test_readers_share_it_and_exclude_an_owner(void **state)
{
	lock_t lock = { 0 };

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(lock_acquire_shared(&lock, i), 0);
		assert_int_equal(lock_readers(&lock), i);
		assert_int_equal(lock_owner(&lock), 0);
		assert_false(lock_try(&lock, 9));
	}
	for (unsigned i = 3; i > 0; i--) {
		assert_false(lock_is_free(&lock));
		assert_false(lock_try(&lock, 9));
		lock_release_shared(&lock);
	}
	assert_true(lock_try(&lock, 9));
}

static void test_one_reader_too_many_is_refused(void **state)
{
	lock_t lock = { .holders = -(LOCK_READERS_MAX - 1) };

	(void)state;
	assert_int_equal(lock_acquire_shared(&lock, 1), 0);
	assert_int_equal(lock_readers(&lock), LOCK_READERS_MAX);
	assert_false(lock_try_shared(&lock));
	assert_int_equal(lock_acquire_shared(&lock, 1), -EOVERFLOW);
	assert_int_equal(lock_share_again(&lock), -EOVERFLOW);
	assert_int_equal(lock_readers(&lock), LOCK_READERS_MAX);
	assert_int_equal(queue_of(&lock), LOCK_QUEUE_EMPTY);
	lock_release_shared(&lock);
	assert_int_equal(lock_share_again(&lock), 0);
}

struct scene {
	lock_t lock;
	pthread_barrier_t inside;
	_Atomic unsigned nr_got;
	unsigned value; /* that the lock protects */
};

struct other {
	struct scene *scene;
	uint32_t number;
	enum lock_mode mode;
	bool meets; /* at `inside`, those who have the lock together */
	unsigned place;
	pthread_t thread;
};

static void *get(void *argument)
{
	struct other *other = argument;
	struct scene *scene = other->scene;
	bool shared = other->mode == LOCK_SHARED;

	if (shared ? lock_acquire_shared(&scene->lock, other->number) :
		     lock_acquire(&scene->lock, other->number))
		return NULL;
	other->place = atomic_fetch_add(&scene->nr_got, 1) + 1;
	if (other->meets)
		pthread_barrier_wait(&scene->inside);
	if (shared) {
		lock_release_shared(&scene->lock);
	} else {
		scene->value++;
		lock_release(&scene->lock);
	}
	return NULL;
}

/* Starts a thread that wants the lock, and returns when it has its ticket. */
static void queue_up(struct other *other, struct scene *scene, uint32_t number, enum lock_mode mode)
{
	uint32_t next = NEXT(queue_of(&scene->lock));

	other->scene = scene;
	other->number = number;
	other->mode = mode;
	assert_int_equal(pthread_create(&other->thread, NULL, get, other), 0);
	while (NEXT(queue_of(&scene->lock)) == next)
		sched_yield();
}

static void join_all(struct other *others, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		pthread_join(others[i].thread, NULL);
}

static void check_order(uint32_t queue)
{
	struct scene scene = { .lock = { .holders = 1, .queue = queue } };
	struct other others[OTHERS] = { 0 };

	for (unsigned i = 0; i < OTHERS; i++)
		queue_up(&others[i], &scene, i + 2, LOCK_EXCLUSIVE);
	assert_int_equal(atomic_load(&scene.nr_got), 0);
	lock_release(&scene.lock);
	join_all(others, OTHERS);
	for (unsigned i = 0; i < OTHERS; i++)
		assert_int_equal(others[i].place, i + 1);
	assert_int_equal(scene.value, OTHERS);
	assert_true(lock_is_free(&scene.lock));
	assert_int_equal(queue_of(&scene.lock), LOCK_QUEUE_EMPTY);
}

static void test_who_comes_first_is_first(void **state)
{
	(void)state;
	check_order(LOCK_QUEUE_EMPTY);
}

static void test_tickets_begin_anew_after_the_last(void **state)
{
	(void)state;
	/* As if all before had been served: from the last ticket to the third. */
	for (unsigned ticket = LAST_TICKET - 2; ticket <= LAST_TICKET; ticket++)
		check_order(QUEUE(ticket, ticket));
}

static void test_who_finds_no_ticket_waits_for_one(void **state)
{
	uint32_t full = QUEUE(1, 0);
	struct scene scene = { .lock = { .holders = 1, .queue = full } };
	struct other other = { .scene = &scene, .number = 2 };

	(void)state;
	assert_int_equal(pthread_create(&other.thread, NULL, get, &other), 0);
	for (unsigned i = 0; i < 1000; i++)
		sched_yield();
	assert_int_equal(queue_of(&scene.lock), full);
	atomic_store(&scene.lock.queue, LOCK_QUEUE_EMPTY);
	lock_release(&scene.lock);
	pthread_join(other.thread, NULL);
	assert_int_equal(other.place, 1);
	assert_int_equal(queue_of(&scene.lock), LOCK_QUEUE_EMPTY);
}

/* Gives the lock back, and takes it again at once, until the other has had it. */
static void test_owner_who_comes_back_passes_the_first_a_limited_number_of_times(void **state)
{
	struct scene scene = { .lock = { .holders = 1 } };
	struct other other = { 0 };
	unsigned nr_passes = 0;

	(void)state;
	queue_up(&other, &scene, 2, LOCK_EXCLUSIVE);
	do {
		lock_release(&scene.lock);
		assert_int_equal(lock_acquire(&scene.lock, 1), 0);
		nr_passes += scene.value == 0;
	} while (scene.value == 0);
	lock_release(&scene.lock);
	pthread_join(other.thread, NULL);
	assert_in_range(nr_passes, 0, LOCK_PASSES);
}

/* The first of the queue cannot have it as long as others share it: all of them are counted. */
static void test_readers_pass_an_owner_to_be_a_limited_number_of_times(void **state)
{
	struct scene scene = { .lock = { 0 } };
	struct other owner = { 0 }, late = { 0 };

	(void)state;
	assert_int_equal(lock_acquire_shared(&scene.lock, 1), 0);
	queue_up(&owner, &scene, 2, LOCK_EXCLUSIVE);
	for (unsigned i = 0; i < LOCK_PASSES; i++)
		assert_int_equal(lock_acquire_shared(&scene.lock, 10 + i), 0);
	queue_up(&late, &scene, 3, LOCK_SHARED);
	assert_int_equal(lock_readers(&scene.lock), 1 + LOCK_PASSES);
	for (unsigned i = 0; i < 1 + LOCK_PASSES; i++) {
		assert_int_equal(atomic_load(&scene.nr_got), 0);
		lock_release_shared(&scene.lock);
	}
	join_all(&owner, 1);
	join_all(&late, 1);
	assert_int_equal(owner.place, 1);
	assert_int_equal(late.place, 2);
}

static void test_reader_who_is_one_already_does_not_wait_behind_an_owner_to_be(void **state)
{
	struct scene scene = { .lock = { 0 } };
	struct other owner = { 0 };

	(void)state;
	assert_int_equal(lock_acquire_shared(&scene.lock, 1), 0);
	queue_up(&owner, &scene, 2, LOCK_EXCLUSIVE);
	for (unsigned i = 0; i < 2 * LOCK_PASSES; i++) {
		assert_int_equal(lock_share_again(&scene.lock), 0);
		lock_release_shared(&scene.lock);
	}
	assert_int_equal(atomic_load(&scene.nr_got), 0);
	lock_release_shared(&scene.lock);
	join_all(&owner, 1);
	assert_int_equal(owner.place, 1);
}

static void test_readers_beside_each_other_in_the_queue_share_it(void **state)
{
	struct scene scene = { .lock = { .holders = 1 } };
	struct other others[OTHERS] = { 0 };

	(void)state;
	assert_int_equal(pthread_barrier_init(&scene.inside, NULL, OTHERS - 1), 0);
	for (unsigned i = 0; i < OTHERS; i++) {
		others[i].meets = i < OTHERS - 1;
		queue_up(&others[i], &scene, i + 2, i < OTHERS - 1 ? LOCK_SHARED : LOCK_EXCLUSIVE);
	}
	lock_release(&scene.lock);
	join_all(others, OTHERS);
	assert_int_equal(others[OTHERS - 1].place, OTHERS);
	assert_int_equal(queue_of(&scene.lock), LOCK_QUEUE_EMPTY);
	pthread_barrier_destroy(&scene.inside);
}

static void test_who_sleeps_is_woken(void **state)
{
	struct scene scene = { .lock = { .holders = 1 } };
	struct other others[OTHERS] = { 0 };

	(void)state;
	for (unsigned i = 0; i < OTHERS; i++)
		queue_up(&others[i], &scene, i + 2, i % 2 ? LOCK_SHARED : LOCK_EXCLUSIVE);
	while (~queue_of(&scene.lock) & (FIRST_SLEEPS | OTHERS_SLEEP))
		sched_yield();
	lock_release(&scene.lock);
	join_all(others, OTHERS);
	assert_int_equal(atomic_load(&scene.nr_got), OTHERS);
	assert_int_equal(queue_of(&scene.lock), LOCK_QUEUE_EMPTY);
}

#define NR_ROUNDS 3000

static void *count(void *argument)
{
	struct other *other = argument;
	struct scene *scene = other->scene;
	unsigned last = 0;

	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		if (i % 3 == other->number % 3) {
			lock_acquire(&scene->lock, other->number);
			scene->value++;
			lock_release(&scene->lock);
		} else {
			lock_acquire_shared(&scene->lock, other->number);
			if (scene->value < last)
				atomic_fetch_add(&scene->nr_got, 1);
			last = scene->value;
			lock_release_shared(&scene->lock);
		}
	}
	return NULL;
}

static void test_owners_and_readers_see_what_owners_wrote(void **state)
{
	struct scene scene = { .lock = { 0 } };
	struct other others[OTHERS];

	(void)state;
	for (unsigned i = 0; i < OTHERS; i++) {
		others[i] = (struct other){ .scene = &scene, .number = i + 1 };
		assert_int_equal(pthread_create(&others[i].thread, NULL, count, &others[i]), 0);
	}
	join_all(others, OTHERS);
	assert_int_equal(scene.value, OTHERS * NR_ROUNDS / 3);
	assert_int_equal(atomic_load(&scene.nr_got), 0);
	assert_true(lock_is_free(&scene.lock));
	assert_int_equal(queue_of(&scene.lock), LOCK_QUEUE_EMPTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owner_excludes_owners_and_readers),
		cmocka_unit_test(test_owner_cannot_take_it_twice_in_any_form),
		cmocka_unit_test(test_readers_share_it_and_exclude_an_owner),
		cmocka_unit_test(test_one_reader_too_many_is_refused),
		cmocka_unit_test(test_who_comes_first_is_first),
		cmocka_unit_test(test_tickets_begin_anew_after_the_last),
		cmocka_unit_test(test_who_finds_no_ticket_waits_for_one),
		cmocka_unit_test(
			test_owner_who_comes_back_passes_the_first_a_limited_number_of_times),
		cmocka_unit_test(test_readers_pass_an_owner_to_be_a_limited_number_of_times),
		cmocka_unit_test(
			test_reader_who_is_one_already_does_not_wait_behind_an_owner_to_be),
		cmocka_unit_test(test_readers_beside_each_other_in_the_queue_share_it),
		cmocka_unit_test(test_who_sleeps_is_woken),
		cmocka_unit_test(test_owners_and_readers_see_what_owners_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
