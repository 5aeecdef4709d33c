/* SPDX-License-Identifier: MIT */
/*
 * What the allocator refuses, with nothing changed (1.8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/domain_fixture.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static void add(struct domain_fixture *fixture, uint64_t first, uint64_t nr_frames)
{
	assert_int_equal(allocator_add(&fixture->domain, frame_number(first), nr_frames), 0);
}

static void assert_take_fails(struct domain_fixture *fixture, uint64_t nr_frames, uint64_t align,
			      int expected)
{
	paddr_t paddr = PADDR_NONE;

	domain_fixture_remember(fixture);
	assert_int_equal(allocator_take(&fixture->domain, nr_frames, align, &paddr), expected);
	assert_int_equal(paddr.value, PADDR_NONE.value);
	domain_fixture_assert_unchanged(fixture);
}

static void assert_give_fails(struct domain_fixture *fixture, paddr_t paddr, uint64_t nr_frames,
			      int expected)
{
	uint64_t nr_managed = fixture->domain.allocator.nr_managed;

	domain_fixture_remember(fixture);
	assert_int_equal(allocator_give(&fixture->domain, paddr, nr_frames), expected);
	assert_int_equal(allocator_add(&fixture->domain, paddr, nr_frames), expected);
	domain_fixture_assert_unchanged(fixture);
	assert_int_equal(fixture->domain.allocator.nr_managed, nr_managed);
}

static void test_run_longer_than_the_largest_chunk_fails(void **state)
{
	struct domain_fixture *fixture = *state;

	/* 48 frames are free, in chunks of 16 and 32. */
	add(fixture, 16, 48);
	assert_take_fails(fixture, 33, PAGE_SIZE, -ENOMEM);
	assert_take_fails(fixture, 48, PAGE_SIZE, -ENOMEM);
}

static void test_take_of_nothing_or_misaligned_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;

	add(fixture, 0, 64);
	assert_take_fails(fixture, 0, PAGE_SIZE, -EINVAL);
	assert_take_fails(fixture, 1, 0, -EINVAL);
	assert_take_fails(fixture, 1, PAGE_SIZE / 2, -EINVAL);
	assert_take_fails(fixture, 1, PAGE_SIZE + 1, -EINVAL);
	assert_take_fails(fixture, 1, 3 * PAGE_SIZE, -EINVAL);
	assert_take_fails(fixture, 1, UINT64_MAX, -EINVAL);
}

static void test_take_of_more_than_there_can_be_fails(void **state)
{
	static const uint64_t sizes[] = { 65,
					  (UINT64_C(1) << 30) + 1,
					  UINT64_C(1) << 31,
					  UINT64_C(1) << 52,
					  UINT64_C(1) << 63,
					  UINT64_MAX };
	struct domain_fixture *fixture = *state;

	add(fixture, 0, 64);
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_take_fails(fixture, sizes[i], PAGE_SIZE, -ENOMEM);
	assert_take_fails(fixture, 1, 128 * PAGE_SIZE, -ENOMEM);
	assert_take_fails(fixture, 1, UINT64_C(1) << 63, -ENOMEM);
}

static void test_give_of_frames_that_are_free_is_refused(void **state)
{
	static const struct {
		uint64_t first, nr_frames;
	} runs[] = {
		{ 16, 1 },  /* the head of a chunk */
		{ 17, 1 },  /* inside one */
		{ 31, 1 },  /* its last frame */
		{ 20, 4 },  /* a part */
		{ 16, 16 }, /* all of it */
		{ 8, 32 },  /* more than it */
		{ 14, 4 },  /* across its start */
		{ 30, 4 },  /* across its end */
		{ 0, 64 },
	};
	struct domain_fixture *fixture = *state;

	add(fixture, 16, 16);
	for (unsigned i = 0; i < ARRAY_SIZE(runs); i++)
		assert_give_fails(fixture, frame_number(runs[i].first), runs[i].nr_frames, -EEXIST);
}

static void test_give_of_frames_in_use_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;
	struct frame frame;

	frame_from_unused(&fixture->domain, frame_number(5), FRAME_DATA, &frame);
	unique_frame_from_unused(&fixture->domain, frame_number(20), FRAME_DATA, &unique);
	assert_int_equal(slot_claim(&fixture->domain.slots[40]), 0);
	assert_give_fails(fixture, frame_number(5), 1, -EEXIST);
	assert_give_fails(fixture, frame_number(4), 2, -EEXIST);
	assert_give_fails(fixture, frame_number(5), 8, -EEXIST);
	assert_give_fails(fixture, frame_number(20), 1, -EEXIST);
	assert_give_fails(fixture, frame_number(40), 1, -EEXIST);
	assert_give_fails(fixture, frame_number(41 - 16), 16, -EEXIST);
	/* Beside them it is fine. */
	add(fixture, 6, 14);
}

static void test_give_of_nothing_misaligned_or_outside_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;

	assert_give_fails(fixture, frame_number(0), 0, -EINVAL);
	assert_give_fails(fixture, PADDR(1), 1, -EINVAL);
	assert_give_fails(fixture, PADDR_NONE, 1, -EINVAL);
	assert_give_fails(fixture, frame_number(0), 65, -ERANGE);
	assert_give_fails(fixture, frame_number(64), 1, -ERANGE);
	assert_give_fails(fixture, frame_number(63), 2, -ERANGE);
	assert_give_fails(fixture, frame_number(1), UINT64_MAX, -ERANGE);
	assert_give_fails(fixture, frame_number(1), UINT64_C(1) << 52, -ERANGE);
	assert_give_fails(fixture, PADDR(-PAGE_SIZE), 2, -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DOMAIN_TEST(test_run_longer_than_the_largest_chunk_fails),
		DOMAIN_TEST(test_take_of_nothing_or_misaligned_is_refused),
		DOMAIN_TEST(test_take_of_more_than_there_can_be_fails),
		DOMAIN_TEST(test_give_of_frames_that_are_free_is_refused),
		DOMAIN_TEST(test_give_of_frames_in_use_is_refused),
		DOMAIN_TEST(test_give_of_nothing_misaligned_or_outside_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
