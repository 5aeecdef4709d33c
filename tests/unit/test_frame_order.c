/* SPDX-License-Identifier: MIT */
/*
 * Memory orders of the slot's word (1.11): what one thread wrote before it gave a frame up, or
 * away, is what the next one reads. On x86 a missing order does not show; ThreadSanitizer reports
 * it.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/domain_fixture.h"

#define NR_ROUNDS 200

struct side {
	struct phys_domain *domain;
	struct frame frame;
	paddr_t paddr;
	uint64_t value;
	pthread_t thread;
};

static uint64_t *word_of(const struct side *side, unsigned index)
{
	return (uint64_t *)domain_pointer(side->domain, side->paddr) + index;
}

static void start(struct side *side, void *(*body)(void *))
{
	assert_int_equal(pthread_create(&side->thread, NULL, body, side), 0);
}

static void *write_and_put(void *argument)
{
	struct side *side = argument;

	*word_of(side, 0) = side->value;
	return frame_put(&side->frame) == 0 ? side : NULL;
}

/* The other thread has written and given up its reference. */
static void join(const struct side *side)
{
	void *result;

	assert_int_equal(pthread_join(side->thread, &result), 0);
	assert_non_null(result);
}

static struct side side_open(struct domain_fixture *fixture, uint64_t value)
{
	struct side side = { .domain = &fixture->domain, .paddr = frame_number(3), .value = value };

	assert_int_equal(frame_from_unused(side.domain, side.paddr, FRAME_GUEST, &side.frame), 0);
	return side;
}

/*
 * S-4: whoever puts the last reference has all users' accesses behind him, and so has who is next.
 */
static void test_last_put_comes_after_what_other_holders_wrote(void **state)
{
	for (uint64_t round = 1; round <= NR_ROUNDS; round++) {
		struct side side = side_open(*state, round);
		struct frame mine, next;

		assert_int_equal(frame_clone(&side.frame, &mine), 0);
		start(&side, write_and_put);
		while (frame_reference_count(&mine) != 1)
			sched_yield();
		assert_int_equal(frame_put(&mine), 0);
		assert_int_equal(frame_from_unused(side.domain, side.paddr, FRAME_GUEST, &next), 0);
		assert_int_equal(*word_of(&side, 0), round);
		assert_int_equal(frame_put(&next), 0);
		join(&side);
	}
}

/* S-6: who has the frame alone has what the last of the others wrote. */
static void test_unique_owner_sees_what_the_last_sharer_wrote(void **state)
{
	for (uint64_t round = 1; round <= NR_ROUNDS; round++) {
		struct side side = side_open(*state, round);
		struct unique_frame unique;
		struct frame mine;

		assert_int_equal(frame_clone(&side.frame, &mine), 0);
		start(&side, write_and_put);
		while (unique_frame_from_shared(&mine, &unique) == -EBUSY)
			sched_yield();
		assert_int_equal(*word_of(&side, 0), round);
		assert_int_equal(unique_frame_put(&unique), 0);
		join(&side);
	}
}

static void *alloc_zeroed(void *argument)
{
	struct side *side = argument;

	return frame_alloc(side->domain, FRAME_DATA, true, &side->frame) == 0 ? side : NULL;
}

/* S-1: who finds a frame in use by its address sees what was written while it was BUSY. */
static void test_frame_in_use_is_as_it_was_published(void **state)
{
	struct domain_fixture *fixture = *state;
	struct phys_domain *domain = &fixture->domain;
	struct side side = { .domain = domain };
	struct frame found;

	for (uint64_t round = 0; round < NR_ROUNDS; round++) {
		assert_int_equal(frame_alloc(domain, FRAME_DATA, false, &found), 0);
		side.paddr = found.paddr;
		*word_of(&side, 5) = UINT64_MAX;
		/* Out of this thread's reach, and the only frame left for the other. */
		assert_int_equal(frame_put(&found), 0);
		allocator_drain(domain);
		start(&side, alloc_zeroed);
		while (frame_from_in_use(domain, side.paddr, &found) != 0)
			sched_yield();
		assert_int_equal(*word_of(&side, 5), 0);
		join(&side);
		assert_int_equal(frame_put(&found), 0);
		assert_int_equal(frame_put(&side.frame), 0);
		allocator_drain(domain);
	}
}

static int setup_one_frame(void **state)
{
	static struct domain_fixture fixture;

	domain_fixture_open_pool(&fixture, FIXTURE_FRAMES, FIXTURE_POOL_FIRST, 1);
	*state = &fixture;
	return 0;
}

static int teardown_one_frame(void **state)
{
	domain_fixture_assert_idle(*state, 1);
	domain_fixture_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DOMAIN_TEST(test_last_put_comes_after_what_other_holders_wrote),
		DOMAIN_TEST(test_unique_owner_sees_what_the_last_sharer_wrote),
		cmocka_unit_test_setup_teardown(test_frame_in_use_is_as_it_was_published,
						setup_one_frame, teardown_one_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
