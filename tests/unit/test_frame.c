/* SPDX-License-Identifier: MIT */
/*
 * Shared references: how they are got, copied, borrowed, passed on and given up (1.5, 8.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/domain_fixture.h"

/* A frame that is not in the pool. */
#define OUTSIDE 3

static const struct frame empty;

static void assert_handle(const struct frame *frame, const struct phys_domain *domain,
			  paddr_t paddr)
{
	assert_ptr_equal(frame->domain, domain);
	assert_int_equal(frame->paddr.value, paddr.value);
}

static void test_frame_from_unused_has_one_reference_and_its_kind(void **state)
{
	static const enum frame_kind kinds[] = { FRAME_DATA, FRAME_NODE, FRAME_GUEST,
						 FRAME_RESERVED };
	struct domain_fixture *fixture = *state;
	struct frame frame;

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(
			frame_from_unused(&fixture->domain, frame_number(i), kinds[i], &frame), 0);
		assert_handle(&frame, &fixture->domain, frame_number(i));
		assert_int_equal(frame_reference_count(&frame), 1);
		assert_int_equal(frame_kind_of(&frame), kinds[i]);
	}
}

static void test_frame_from_unused_keeps_the_bytes(void **state)
{
	struct domain_fixture *fixture = *state;
	unsigned char *bytes = domain_pointer(&fixture->domain, frame_number(OUTSIDE));
	struct frame frame;

	memset(bytes, 0x5a, PAGE_SIZE);
	frame_from_unused(&fixture->domain, frame_number(OUTSIDE), FRAME_DATA, &frame);
	assert_int_equal(bytes[0], 0x5a);
	assert_int_equal(bytes[PAGE_SIZE - 1], 0x5a);
}

/* Both ways to a handle by address give `unused` and `in_use`, and change nothing. */
static void assert_refused(struct domain_fixture *fixture, paddr_t paddr, int unused, int in_use)
{
	struct frame frame = empty;

	domain_fixture_remember(fixture);
	assert_int_equal(frame_from_unused(&fixture->domain, paddr, FRAME_DATA, &frame), unused);
	assert_int_equal(frame_from_in_use(&fixture->domain, paddr, &frame), in_use);
	domain_fixture_assert_unchanged(fixture);
	assert_memory_equal(&frame, &empty, sizeof(frame));
}

static void test_frame_not_aligned_is_refused(void **state)
{
	assert_refused(*state, PADDR(1), -EINVAL, -EINVAL);
	assert_refused(*state, PADDR(PAGE_SIZE + 8), -EINVAL, -EINVAL);
	assert_refused(*state, PADDR_NONE, -EINVAL, -EINVAL);
}

static void test_frame_out_of_the_domain_is_refused(void **state)
{
	assert_refused(*state, frame_number(FIXTURE_FRAMES), -ERANGE, -ERANGE);
	assert_refused(*state, PADDR(-PAGE_SIZE), -ERANGE, -ERANGE);
}

static void test_frame_that_is_busy_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;

	assert_int_equal(slot_claim(&fixture->domain.slots[OUTSIDE]), 0);
	assert_refused(fixture, frame_number(OUTSIDE), -EAGAIN, -EAGAIN);
}

static void test_frame_that_is_unique_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;

	unique_frame_from_unused(&fixture->domain, frame_number(OUTSIDE), FRAME_DATA, &unique);
	assert_refused(fixture, frame_number(OUTSIDE), -EBUSY, -EBUSY);
	/* The allocator's own are unique to it. */
	assert_refused(fixture, frame_number(FIXTURE_POOL_FIRST), -EBUSY, -EBUSY);
}

static void test_frame_in_use_is_not_unused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame, other = empty;

	frame_from_unused(&fixture->domain, frame_number(OUTSIDE), FRAME_GUEST, &frame);
	domain_fixture_remember(fixture);
	assert_int_equal(frame_from_unused(&fixture->domain, frame_number(OUTSIDE), FRAME_DATA,
					   &other),
			 -EEXIST);
	domain_fixture_assert_unchanged(fixture);
	assert_memory_equal(&other, &empty, sizeof(other));
}

static void test_frame_unused_is_not_in_use(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame = empty;

	domain_fixture_remember(fixture);
	assert_int_equal(frame_from_in_use(&fixture->domain, frame_number(OUTSIDE), &frame),
			 -ENOENT);
	domain_fixture_assert_unchanged(fixture);
	assert_memory_equal(&frame, &empty, sizeof(frame));
}

static void test_kinds_that_nobody_may_ask_for_are_refused(void **state)
{
	static const enum frame_kind kinds[] = { FRAME_NONE, FRAME_FREE, FRAME_KINDS,
						 (enum frame_kind) - 1 };
	struct domain_fixture *fixture = *state;
	struct frame frame = empty;

	domain_fixture_remember(fixture);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(frame_from_unused(&fixture->domain, frame_number(OUTSIDE),
						   kinds[i], &frame),
				 -EINVAL);
		assert_int_equal(frame_alloc(&fixture->domain, kinds[i], true, &frame), -EINVAL);
	}
	domain_fixture_assert_unchanged(fixture);
}

static void test_frame_from_in_use_adds_a_reference(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame, second;

	frame_from_unused(&fixture->domain, frame_number(OUTSIDE), FRAME_GUEST, &frame);
	assert_int_equal(frame_from_in_use(&fixture->domain, frame_number(OUTSIDE), &second), 0);
	assert_handle(&second, &fixture->domain, frame_number(OUTSIDE));
	assert_int_equal(frame_reference_count(&frame), 2);
}

static void test_clone_is_the_same_frame_with_two_references(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame, copy;

	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	assert_int_equal(frame_clone(&frame, &copy), 0);
	assert_handle(&copy, frame.domain, frame.paddr);
	assert_int_equal(frame_kind_of(&copy), FRAME_DATA);
	assert_int_equal(frame_reference_count(&frame), 2);
	assert_int_equal(frame_reference_count(&copy), 2);
}

static void test_saturated_count_is_refused_and_stays(void **state)
{
	struct domain_fixture *fixture = *state;
	struct slot *slot = &fixture->domain.slots[OUTSIDE];
	struct frame frame, copy, other = empty;

	frame_from_unused(&fixture->domain, frame_number(OUTSIDE), FRAME_DATA, &frame);
	atomic_store(&slot->state, SLOT_BUSY + SLOT_SHARED_MAX - 1);
	assert_int_equal(frame_clone(&frame, &copy), 0);
	assert_int_equal(frame_reference_count(&frame), SLOT_SHARED_MAX);
	assert_int_equal(frame_clone(&frame, &other), -EOVERFLOW);
	assert_int_equal(frame_from_in_use(&fixture->domain, frame.paddr, &other), -EOVERFLOW);
	assert_memory_equal(&other, &empty, sizeof(other));
	assert_int_equal(frame_reference_count(&frame), SLOT_SHARED_MAX);
	assert_int_equal(frame_put(&copy), 0);
	assert_int_equal(frame_reference_count(&frame), SLOT_SHARED_MAX - 1);
}

static void test_put_that_is_not_the_last_keeps_the_frame(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame, copy;

	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	frame_clone(&frame, &copy);
	assert_int_equal(frame_put(&copy), 0);
	assert_int_equal(frame_reference_count(&frame), 1);
	assert_int_equal(frame_kind_of(&frame), FRAME_DATA);
	assert_int_equal(allocator_free_frames(&fixture->domain), FIXTURE_POOL_FRAMES - 1);
}

static void test_frame_put_of_last_reference_frees_the_slot(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame;

	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	assert_int_equal(frame_put(&frame), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_only_data_and_guest_frames_are_untyped(void **state)
{
	(void)state;
	for (enum frame_kind kind = FRAME_NONE; kind < FRAME_KINDS; kind++)
		assert_int_equal(frame_kind_is_untyped(kind),
				 kind == FRAME_DATA || kind == FRAME_GUEST);
}

static void test_each_kind_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(frame_kind_name(FRAME_NONE), "unused");
	assert_string_equal(frame_kind_name(FRAME_DATA), "data");
	assert_string_equal(frame_kind_name(FRAME_NODE), "node");
	assert_string_equal(frame_kind_name(FRAME_FREE), "free");
	assert_string_equal(frame_kind_name(FRAME_GUEST), "guest");
	assert_string_equal(frame_kind_name(FRAME_RESERVED), "reserved");
	assert_string_equal(frame_kind_name(FRAME_KINDS), "unknown");
}

static void test_handle_that_was_given_up_is_empty(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame, copy = empty;

	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	frame_put(&frame);
	assert_int_equal(frame_put(&frame), -EINVAL);
	assert_int_equal(frame_clone(&frame, &copy), -EINVAL);
	assert_int_equal(frame_reference_count(&frame), 0);
	assert_int_equal(frame_kind_of(&frame), FRAME_NONE);
	assert_int_equal(frame_into_raw(&frame).value, PADDR_NONE.value);
	assert_memory_equal(&copy, &empty, sizeof(copy));
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_put_through_a_stale_copy_of_a_handle_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame, stale, copy = empty;

	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	stale = frame;
	frame_put(&frame);
	assert_int_equal(frame_put(&stale), -EINVAL);
	assert_int_equal(frame_clone(&stale, &copy), -EINVAL);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_borrow_keeps_the_count(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame;
	struct frame_ref reference;

	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	reference = frame_borrow(&frame);
	assert_ptr_equal(reference.domain, frame.domain);
	assert_int_equal(reference.paddr.value, frame.paddr.value);
	assert_int_equal(frame_reference_count(&frame), 1);
}

static void test_reference_survives_into_raw_and_back(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame;
	paddr_t paddr;

	frame_from_unused(&fixture->domain, frame_number(OUTSIDE), FRAME_GUEST, &frame);
	paddr = frame_into_raw(&frame);
	assert_int_equal(paddr.value, frame_number(OUTSIDE).value);
	assert_memory_equal(&frame, &empty, sizeof(frame));
	assert_int_equal(slot_count(&fixture->domain.slots[OUTSIDE]), 1);
	frame = frame_from_raw(&fixture->domain, paddr);
	assert_int_equal(frame_reference_count(&frame), 1);
	assert_int_equal(frame_put(&frame), 0);
	assert_int_equal(domain_fixture_state(fixture, OUTSIDE), SLOT_UNUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_frame_from_unused_has_one_reference_and_its_kind),
		POOL_TEST(test_frame_from_unused_keeps_the_bytes),
		POOL_TEST(test_frame_not_aligned_is_refused),
		POOL_TEST(test_frame_out_of_the_domain_is_refused),
		POOL_TEST(test_frame_that_is_busy_is_refused),
		POOL_TEST(test_frame_that_is_unique_is_refused),
		POOL_TEST(test_frame_in_use_is_not_unused),
		POOL_TEST(test_frame_unused_is_not_in_use),
		POOL_TEST(test_kinds_that_nobody_may_ask_for_are_refused),
		POOL_TEST(test_frame_from_in_use_adds_a_reference),
		POOL_TEST(test_clone_is_the_same_frame_with_two_references),
		POOL_TEST(test_saturated_count_is_refused_and_stays),
		POOL_TEST(test_put_that_is_not_the_last_keeps_the_frame),
		POOL_TEST(test_frame_put_of_last_reference_frees_the_slot),
		POOL_TEST(test_only_data_and_guest_frames_are_untyped),
		POOL_TEST(test_each_kind_has_a_name),
		POOL_TEST(test_handle_that_was_given_up_is_empty),
		POOL_TEST(test_put_through_a_stale_copy_of_a_handle_is_refused),
		POOL_TEST(test_borrow_keeps_the_count),
		POOL_TEST(test_reference_survives_into_raw_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
