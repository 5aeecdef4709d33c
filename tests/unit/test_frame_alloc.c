/* SPDX-License-Identifier: MIT */
/*
 * Frames from the allocator and back, and what the slots overrule (1.8, M-6, 8.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/domain_fixture.h"

/* A frame of the pool, within a free chunk. */
#define INSIDE (FIXTURE_POOL_FIRST + 5)

static const struct frame empty;

static void test_freed_frame_is_the_next_to_be_allocated(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame, next;
	paddr_t paddr;

	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	paddr = frame.paddr;
	frame_put(&frame);
	assert_int_equal(frame_alloc(&fixture->domain, FRAME_NODE, true, &next), 0);
	assert_int_equal(next.paddr.value, paddr.value);
	assert_int_equal(frame_reference_count(&next), 1);
	assert_int_equal(frame_kind_of(&next), FRAME_NODE);
}

/* M-4 */
static void test_only_frames_of_pooled_kinds_go_back_to_the_allocator(void **state)
{
	struct domain_fixture *fixture = *state;
	uint64_t nr_free = FIXTURE_POOL_FRAMES;

	for (enum frame_kind kind = FRAME_NONE; kind < FRAME_KINDS; kind++) {
		struct frame frame;

		if (frame_alloc(&fixture->domain, kind, true, &frame) != 0)
			continue;
		frame_put(&frame);
		nr_free -= kind == FRAME_GUEST || kind == FRAME_RESERVED;
		assert_int_equal(frame_kind_is_pooled(kind),
				 kind == FRAME_DATA || kind == FRAME_NODE);
		domain_fixture_assert_idle(fixture, nr_free);
	}
	assert_int_equal(nr_free, FIXTURE_POOL_FRAMES - 2);
}

static void test_zeroed_frame_has_all_bytes_0(void **state)
{
	static const unsigned char zeros[PAGE_SIZE];
	struct domain_fixture *fixture = *state;
	unsigned char *pool = domain_pointer(&fixture->domain, frame_number(FIXTURE_POOL_FIRST));
	struct frame frame;

	memset(pool, 0xff, FIXTURE_POOL_FRAMES * PAGE_SIZE);
	frame_alloc(&fixture->domain, FRAME_DATA, true, &frame);
	assert_memory_equal(domain_pointer(&fixture->domain, frame.paddr), zeros, PAGE_SIZE);
	/* Nothing else was cleared. */
	for (uint64_t i = 0; i < FIXTURE_POOL_FRAMES * PAGE_SIZE; i += PAGE_SIZE)
		assert_true(pool + i == domain_pointer(&fixture->domain, frame.paddr) ||
			    pool[i] == 0xff);
}

static void test_frame_that_is_not_zeroed_keeps_its_bytes(void **state)
{
	struct domain_fixture *fixture = *state;
	unsigned char *pool = domain_pointer(&fixture->domain, frame_number(FIXTURE_POOL_FIRST));
	struct frame frame;

	memset(pool, 0xff, FIXTURE_POOL_FRAMES * PAGE_SIZE);
	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	assert_int_equal(*(unsigned char *)domain_pointer(&fixture->domain, frame.paddr), 0xff);
}

static void test_each_frame_of_the_pool_is_allocated_once_and_then_none(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frames[FIXTURE_POOL_FRAMES], more = empty;

	for (unsigned i = 0; i < FIXTURE_POOL_FRAMES; i++)
		assert_int_equal(frame_alloc(&fixture->domain, FRAME_DATA, false, &frames[i]), 0);
	for (unsigned i = 0; i < FIXTURE_FRAMES; i++)
		assert_int_equal(slot_count(&fixture->domain.slots[i]), i >= FIXTURE_POOL_FIRST);
	domain_fixture_remember(fixture);
	assert_int_equal(frame_alloc(&fixture->domain, FRAME_DATA, false, &more), -ENOMEM);
	domain_fixture_assert_unchanged(fixture);
	assert_memory_equal(&more, &empty, sizeof(more));
	for (unsigned i = 0; i < FIXTURE_POOL_FRAMES; i++)
		assert_int_equal(frame_put(&frames[i * 5 % FIXTURE_POOL_FRAMES]), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* M-6: whatever the allocator believes, a frame that is in use gets no second owner. */
static void test_allocator_that_believes_a_frame_free_cannot_alias_it(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame stolen, frames[FIXTURE_POOL_FRAMES];
	unsigned nr_frames = 0, nr_failures = 0;

	assert_int_equal(
		frame_from_unused(&fixture->domain, frame_number(INSIDE), FRAME_DATA, &stolen), 0);
	while (allocator_free_frames(&fixture->domain) > 0) {
		int error = frame_alloc(&fixture->domain, FRAME_DATA, false, &frames[nr_frames]);

		nr_failures += error == -ENOMEM;
		nr_frames += error == 0;
	}
	/* Once at most, and only that one frame is missing. */
	assert_int_equal(nr_frames, FIXTURE_POOL_FRAMES - 1);
	assert_in_range(nr_failures, 0, 1);
	assert_int_equal(frame_reference_count(&stolen), 1);
	for (unsigned i = 0; i < nr_frames; i++)
		assert_int_not_equal(frames[i].paddr.value, stolen.paddr.value);

	assert_int_equal(frame_put(&stolen), 0);
	for (unsigned i = 0; i < nr_frames; i++)
		assert_int_equal(frame_put(&frames[i]), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* M-6 again: the allocator's list names a frame that is in use. */
static void test_frame_in_use_that_the_allocator_offers_is_passed_over(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_allocator *allocator = &fixture->domain.allocator;
	struct frame owned, other = empty;

	frame_from_unused(&fixture->domain, frame_number(2), FRAME_GUEST, &owned);
	fixture->domain.slots[2].next = SLOT_NONE;
	fixture->domain.slots[2].prev = SLOT_NONE;
	allocator->free[0] = (struct free_list){ .head = 2, .nr_chunks = 1 };
	atomic_fetch_add(&allocator->nr_free, 1);

	assert_int_equal(frame_alloc(&fixture->domain, FRAME_DATA, true, &other), 0);
	assert_int_not_equal(other.paddr.value, owned.paddr.value);
	assert_int_equal(frame_reference_count(&owned), 1);
	assert_int_equal(frame_kind_of(&owned), FRAME_GUEST);
	/* The list is rid of it. */
	assert_int_equal(domain_fixture_assert_allocator(fixture), FIXTURE_POOL_FRAMES - 1);
}

static void test_frame_given_up_inside_a_free_chunk_stays_the_allocators_once(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame;

	domain_fixture_remember(fixture);
	frame_from_unused(&fixture->domain, frame_number(INSIDE), FRAME_DATA, &frame);
	assert_int_equal(frame_put(&frame), 0);
	domain_fixture_assert_unchanged(fixture);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_freed_frame_is_the_next_to_be_allocated),
		POOL_TEST(test_only_frames_of_pooled_kinds_go_back_to_the_allocator),
		POOL_TEST(test_zeroed_frame_has_all_bytes_0),
		POOL_TEST(test_frame_that_is_not_zeroed_keeps_its_bytes),
		POOL_TEST(test_each_frame_of_the_pool_is_allocated_once_and_then_none),
		POOL_TEST(test_allocator_that_believes_a_frame_free_cannot_alias_it),
		POOL_TEST(test_frame_in_use_that_the_allocator_offers_is_passed_over),
		POOL_TEST(test_frame_given_up_inside_a_free_chunk_stays_the_allocators_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
