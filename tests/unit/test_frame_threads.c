/* SPDX-License-Identifier: MIT */
/*
 * Slots under several threads. Bytes of frames are read and written without atomics, so that under
 * ThreadSanitizer an ordering of table 1.11 that is too weak is a reported race, not luck.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/frame_list.h"
#include "tests/unit/domain_fixture.h"

#define NR_THREADS 4
#define NR_ROUNDS 300
#define NR_CONTESTED 16 /* frames that every thread wants; outside the pool */

struct contest {
	struct domain_fixture *fixture;
	pthread_barrier_t barrier;
	_Atomic unsigned nr_won;
	_Atomic unsigned nr_faults; /* what must not be: cmocka asserts in the main thread only */
	_Atomic bool over;
};

struct contestant {
	struct contest *contest;
	unsigned number; /* from 1 */
	pthread_t thread;
};

static void expect(struct contest *contest, bool expected)
{
	if (!expected)
		atomic_fetch_add(&contest->nr_faults, 1);
}

/* Relaxed, so that counting orders nothing that the slots should. */
static void count_win(struct contest *contest)
{
	atomic_fetch_add_explicit(&contest->nr_won, 1, memory_order_relaxed);
}

static uint64_t *words(const struct contest *contest, paddr_t paddr)
{
	return domain_pointer(&contest->fixture->domain, paddr);
}

/* Runs `body` in NR_THREADS threads and asserts that none saw what must not be. */
static void run(struct domain_fixture *fixture, struct contest *contest, void *(*body)(void *))
{
	struct contestant contestants[NR_THREADS];

	*contest = (struct contest){ .fixture = fixture };
	assert_int_equal(pthread_barrier_init(&contest->barrier, NULL, NR_THREADS), 0);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		contestants[i] = (struct contestant){ .contest = contest, .number = i + 1 };
		assert_int_equal(
			pthread_create(&contestants[i].thread, NULL, body, &contestants[i]), 0);
	}
	for (unsigned i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_join(contestants[i].thread, NULL), 0);
	pthread_barrier_destroy(&contest->barrier);
	assert_int_equal(contest->nr_faults, 0);
}

/* Writes into the frame while it is nobody else's. */
static void scribble(struct contestant *self, paddr_t paddr)
{
	uint64_t *bytes = words(self->contest, paddr);

	*bytes = self->number;
	expect(self->contest, *bytes == self->number);
	count_win(self->contest);
}

static void claim_shared(struct contestant *self, paddr_t paddr)
{
	struct frame frame;

	if (frame_from_unused(&self->contest->fixture->domain, paddr, FRAME_GUEST, &frame) != 0)
		return;
	scribble(self, paddr);
	expect(self->contest, frame_put(&frame) == 0);
}

static void claim_unique(struct contestant *self, paddr_t paddr)
{
	struct unique_frame frame;

	if (unique_frame_from_unused(&self->contest->fixture->domain, paddr, FRAME_GUEST, &frame) !=
	    0)
		return;
	scribble(self, paddr);
	expect(self->contest, unique_frame_put(&frame) == 0);
}

/* S-1, S-7: the next owner's writes come after the last one's. */
static void *claim_and_put(void *argument)
{
	struct contestant *self = argument;

	for (unsigned i = 0; i < NR_ROUNDS * NR_CONTESTED; i++) {
		paddr_t paddr = frame_number(i % NR_CONTESTED);

		if (i % NR_CONTESTED == 0)
			pthread_barrier_wait(&self->contest->barrier);
		if ((i / NR_CONTESTED + self->number) % 2)
			claim_shared(self, paddr);
		else
			claim_unique(self, paddr);
	}
	return NULL;
}

static void test_claims_of_one_frame_exclude_each_other(void **state)
{
	struct domain_fixture *fixture = *state;
	struct contest contest;

	run(fixture, &contest, claim_and_put);
	/* In each round somebody gets each frame. */
	assert_true(contest.nr_won >= NR_ROUNDS * NR_CONTESTED);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* Claims that stay until all have tried: exactly one wins. */
static void *claim_and_keep(void *argument)
{
	struct contestant *self = argument;
	struct contest *contest = self->contest;

	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		struct unique_frame frame;
		int error;

		pthread_barrier_wait(&contest->barrier);
		error = unique_frame_from_unused(&contest->fixture->domain, frame_number(0),
						 FRAME_GUEST, &frame);
		pthread_barrier_wait(&contest->barrier);
		expect(contest, error == 0 || error == -EBUSY || error == -EAGAIN);
		if (error)
			continue;
		count_win(contest);
		expect(contest, unique_frame_put(&frame) == 0);
	}
	return NULL;
}

static void test_of_claims_at_once_exactly_one_wins(void **state)
{
	struct domain_fixture *fixture = *state;
	struct contest contest;

	run(fixture, &contest, claim_and_keep);
	assert_int_equal(contest.nr_won, NR_ROUNDS);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* Runs that overlap: who gets one has all of it, who does not has left nothing behind. */
static void *claim_runs(void *argument)
{
	struct contestant *self = argument;
	struct contest *contest = self->contest;

	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		uint64_t first = (i + self->number * 3) % 8;
		struct segment segment;

		if (segment_from_unused(&contest->fixture->domain, frame_number(first), 8,
					FRAME_GUEST, &segment) != 0)
			continue;
		for (uint64_t number = first; number < first + 8; number++)
			*words(contest, frame_number(number)) = self->number;
		for (uint64_t number = first; number < first + 8; number++)
			expect(contest, *words(contest, frame_number(number)) == self->number);
		expect(contest, segment_put(&segment) == 0);
	}
	return NULL;
}

static void test_overlapping_runs_exclude_each_other(void **state)
{
	struct domain_fixture *fixture = *state;
	struct contest contest;

	run(fixture, &contest, claim_runs);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/*
 * S-8: a frame that the allocator hands out can be claimed. Each thread holds NR_HELD at most and
 * all of them together as many as there are, so no allocation may fail.
 */
#define NR_HELD (FIXTURE_POOL_FRAMES / NR_THREADS)

static void *allocate_and_put(void *argument)
{
	struct contestant *self = argument;
	struct contest *contest = self->contest;
	struct frame frames[NR_HELD] = { 0 };

	for (unsigned i = 0; i < NR_ROUNDS * NR_HELD; i++) {
		struct frame *frame = &frames[i * self->number * 5 % NR_HELD];

		if (frame->domain) {
			expect(contest, *words(contest, frame->paddr) == self->number);
			expect(contest, frame_put(frame) == 0);
		} else if (frame_alloc(&contest->fixture->domain, FRAME_DATA, true, frame) == 0) {
			expect(contest, *words(contest, frame->paddr) == 0);
			*words(contest, frame->paddr) = self->number;
		} else {
			expect(contest, false);
		}
	}
	for (unsigned i = 0; i < NR_HELD; i++)
		if (frames[i].domain)
			expect(contest, frame_put(&frames[i]) == 0);
	return NULL;
}

static void test_allocation_never_fails_while_a_frame_is_left(void **state)
{
	struct domain_fixture *fixture = *state;
	struct contest contest;

	run(fixture, &contest, allocate_and_put);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

#define NR_STAMPED 64

static void stamp(uint64_t *bytes, uint64_t value)
{
	for (unsigned i = 0; i < NR_STAMPED; i++)
		bytes[i] = value;
}

static bool is_stamped(const uint64_t *bytes)
{
	for (unsigned i = 1; i < NR_STAMPED; i++)
		if (bytes[i] != bytes[0])
			return false;
	return true;
}

/* Takes a frame back from its readers if it can, and stamps it while nobody else may look. */
static void restamp(struct contest *contest, struct frame *frame, uint64_t value)
{
	struct unique_frame unique;

	if (unique_frame_from_shared(frame, &unique) != 0)
		return;
	count_win(contest);
	stamp(words(contest, unique.paddr), value);
	expect(contest, is_stamped(words(contest, unique.paddr)));
	expect(contest, words(contest, unique.paddr)[0] == value);
	expect(contest, frame_from_unique(&unique, frame) == 0);
}

static void write_frames(struct contest *contest)
{
	for (uint64_t i = 1; i <= NR_ROUNDS; i++) {
		struct frame frame;

		if (frame_alloc(&contest->fixture->domain, FRAME_DATA, true, &frame) != 0)
			continue;
		for (uint64_t j = 0; j < 8; j++)
			restamp(contest, &frame, i * 8 + j);
		expect(contest, frame_put(&frame) == 0);
	}
	atomic_store_explicit(&contest->over, true, memory_order_relaxed);
}

/* S-2 to S-6: whatever frame a reader gets hold of is whole, and stays so until it lets go. */
static void read_frames(struct contest *contest, uint64_t number)
{
	while (!atomic_load_explicit(&contest->over, memory_order_relaxed)) {
		struct frame frame, copy;
		uint64_t seen;

		number = (number + 1) % 4;
		if (frame_from_in_use(&contest->fixture->domain,
				      frame_number(FIXTURE_POOL_FIRST + number), &frame) != 0)
			continue;
		expect(contest, frame_clone(&frame, &copy) == 0);
		seen = words(contest, copy.paddr)[0];
		expect(contest, frame_put(&frame) == 0);
		expect(contest, is_stamped(words(contest, copy.paddr)));
		expect(contest, words(contest, copy.paddr)[0] == seen);
		expect(contest, frame_put(&copy) == 0);
	}
}

static void *write_or_read_frames(void *argument)
{
	struct contestant *self = argument;

	pthread_barrier_wait(&self->contest->barrier);
	if (self->number == 1)
		write_frames(self->contest);
	else
		read_frames(self->contest, self->number);
	return NULL;
}

static void test_readers_by_address_see_whole_frames_and_unique_excludes_them(void **state)
{
	struct domain_fixture *fixture = *state;
	struct contest contest;

	run(fixture, &contest, write_or_read_frames);
	assert_true(contest.nr_won > 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* The last put against lookups: whoever puts last frees, and nobody gets a frame that is going. */
static void *put_last_or_get(void *argument)
{
	struct contestant *self = argument;
	struct contest *contest = self->contest;
	struct phys_domain *domain = &contest->fixture->domain;
	struct frame frame;

	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		/* Unused again: the last round's last put has freed it. */
		if (self->number == 1)
			expect(contest, frame_from_unused(domain, frame_number(0), FRAME_GUEST,
							  &frame) == 0);
		pthread_barrier_wait(&contest->barrier);
		if (self->number == 1) {
			expect(contest, frame_put(&frame) == 0);
		} else {
			int error = frame_from_in_use(domain, frame_number(0), &frame);

			expect(contest, error == 0 || error == -ENOENT || error == -EAGAIN);
			if (error == 0) {
				expect(contest, frame_kind_of(&frame) == FRAME_GUEST);
				expect(contest, frame_put(&frame) == 0);
			}
		}
		pthread_barrier_wait(&contest->barrier);
	}
	return NULL;
}

static void test_last_put_against_lookups_frees_exactly_once(void **state)
{
	struct domain_fixture *fixture = *state;
	struct contest contest;

	run(fixture, &contest, put_last_or_get);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* Each list has one user; all may ask about any frame. */
static void *use_lists(void *argument)
{
	struct contestant *self = argument;
	struct contest *contest = self->contest;
	uint64_t own = self->number;

	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		struct unique_frame frame;
		struct frame_list list;

		frame_list_init(&list);
		expect(contest,
		       unique_frame_from_unused(&contest->fixture->domain, frame_number(own),
						FRAME_GUEST, &frame) == 0);
		expect(contest, frame_list_push_back(&list, &frame) == 0);
		for (uint64_t number = 0; number <= NR_THREADS; number++)
			expect(contest,
			       frame_list_contains(&list, frame_number(number)) == (number == own));
		frame_list_clear(&list);
	}
	return NULL;
}

static void test_contains_is_exact_while_others_change_their_lists(void **state)
{
	struct domain_fixture *fixture = *state;
	struct contest contest;

	run(fixture, &contest, use_lists);
	/* No id was given out twice. */
	assert_int_equal(fixture->domain.last_list, NR_THREADS * NR_ROUNDS);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_claims_of_one_frame_exclude_each_other),
		POOL_TEST(test_of_claims_at_once_exactly_one_wins),
		POOL_TEST(test_overlapping_runs_exclude_each_other),
		POOL_TEST(test_allocation_never_fails_while_a_frame_is_left),
		POOL_TEST(test_readers_by_address_see_whole_frames_and_unique_excludes_them),
		POOL_TEST(test_last_put_against_lookups_frees_exactly_once),
		POOL_TEST(test_contains_is_exact_while_others_change_their_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
