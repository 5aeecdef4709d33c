/* SPDX-License-Identifier: MIT */
/*
 * Frames with one owner: made, given up, given another use, shared and unshared (1.5, S-5 to S-11).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/frame_list.h"
#include "tests/unit/domain_fixture.h"

#define NUMBER 3

static const struct unique_frame empty;

static void make_unique(struct domain_fixture *fixture, struct unique_frame *unique)
{
	assert_int_equal(unique_frame_from_unused(&fixture->domain, frame_number(NUMBER),
						  FRAME_DATA, unique),
			 0);
}

static void test_unique_frame_from_unused_owns_the_frame(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;

	make_unique(fixture, &unique);
	assert_ptr_equal(unique.domain, &fixture->domain);
	assert_int_equal(unique.paddr.value, frame_number(NUMBER).value);
	assert_int_equal(domain_fixture_state(fixture, NUMBER), SLOT_UNIQUE);
	assert_int_equal(slot_kind(&fixture->domain.slots[NUMBER]), FRAME_DATA);
}

static void assert_refused(struct domain_fixture *fixture, paddr_t paddr, enum frame_kind kind,
			   int expected)
{
	struct unique_frame unique = empty;

	domain_fixture_remember(fixture);
	assert_int_equal(unique_frame_from_unused(&fixture->domain, paddr, kind, &unique),
			 expected);
	domain_fixture_assert_unchanged(fixture);
	assert_memory_equal(&unique, &empty, sizeof(unique));
}

static void test_unique_frame_from_a_frame_that_is_not_unused_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;
	struct frame frame;

	make_unique(fixture, &unique);
	frame_from_unused(&fixture->domain, frame_number(1), FRAME_DATA, &frame);
	assert_int_equal(slot_claim(&fixture->domain.slots[2]), 0);
	assert_refused(fixture, frame_number(NUMBER), FRAME_DATA, -EBUSY);
	assert_refused(fixture, frame_number(1), FRAME_DATA, -EEXIST);
	assert_refused(fixture, frame_number(2), FRAME_DATA, -EAGAIN);
	assert_refused(fixture, PADDR(4), FRAME_DATA, -EINVAL);
	assert_refused(fixture, frame_number(FIXTURE_FRAMES), FRAME_DATA, -ERANGE);
}

static void test_unique_frame_of_the_engines_own_kinds_is_refused(void **state)
{
	assert_refused(*state, frame_number(NUMBER), FRAME_NONE, -EINVAL);
	assert_refused(*state, frame_number(NUMBER), FRAME_FREE, -EINVAL);
	assert_refused(*state, frame_number(NUMBER), FRAME_KINDS, -EINVAL);
	/* Its bytes would be entries, which own what they point to. */
	assert_refused(*state, frame_number(NUMBER), FRAME_NODE, -EINVAL);
}

/* S-9 */
static void test_unique_frame_put_tells_the_allocator(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;
	struct frame frame;

	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	unique_frame_from_shared(&frame, &unique);
	assert_int_equal(unique_frame_put(&unique), 0);
	assert_memory_equal(&unique, &empty, sizeof(unique));
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* S-10 */
static void test_unique_frame_reset_as_unused_does_not_tell_the_allocator(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;
	struct frame frame;

	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	unique_frame_from_shared(&frame, &unique);
	assert_int_equal(unique_frame_reset_as_unused(&unique), 0);
	assert_memory_equal(&unique, &empty, sizeof(unique));
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES - 1);
}

static void test_unique_frame_of_a_kind_that_is_not_pooled_is_only_unused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;

	unique_frame_from_unused(&fixture->domain, frame_number(NUMBER), FRAME_GUEST, &unique);
	assert_int_equal(unique_frame_put(&unique), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_empty_unique_handle_is_refused_everywhere(void **state)
{
	struct unique_frame unique = empty;
	struct frame frame;

	(void)state;
	assert_int_equal(unique_frame_put(&unique), -EINVAL);
	assert_int_equal(unique_frame_reset_as_unused(&unique), -EINVAL);
	assert_int_equal(unique_frame_repurpose(&unique, FRAME_DATA), -EINVAL);
	assert_int_equal(frame_from_unique(&unique, &frame), -EINVAL);
}

static void test_stale_copy_of_a_unique_handle_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique, stale, again;
	struct frame frame;

	make_unique(fixture, &unique);
	stale = unique;
	frame_from_unique(&unique, &frame);
	domain_fixture_remember(fixture);
	again = stale;
	assert_int_equal(unique_frame_put(&again), -EINVAL);
	assert_int_equal(unique_frame_reset_as_unused(&again), -EINVAL);
	assert_int_equal(unique_frame_repurpose(&again, FRAME_GUEST), -EINVAL);
	assert_int_equal(frame_from_unique(&again, &frame), -EINVAL);
	assert_memory_equal(&again, &stale, sizeof(stale));
	domain_fixture_assert_unchanged(fixture);
}

static void test_repurpose_changes_the_kind_and_stays_unique(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;

	make_unique(fixture, &unique);
	assert_int_equal(unique_frame_repurpose(&unique, FRAME_GUEST), 0);
	assert_int_equal(domain_fixture_state(fixture, NUMBER), SLOT_UNIQUE);
	assert_int_equal(slot_kind(&fixture->domain.slots[NUMBER]), FRAME_GUEST);
	/* What happens at the end goes by the new kind. */
	assert_int_equal(unique_frame_put(&unique), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_repurpose_to_the_engines_own_kinds_is_refused(void **state)
{
	static const enum frame_kind kinds[] = { FRAME_NONE, FRAME_FREE, FRAME_NODE, FRAME_KINDS };
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;

	make_unique(fixture, &unique);
	domain_fixture_remember(fixture);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(unique_frame_repurpose(&unique, kinds[i]), -EINVAL);
	domain_fixture_assert_unchanged(fixture);
}

static void test_frame_from_unique_has_one_reference(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;
	struct frame frame, other;

	make_unique(fixture, &unique);
	assert_int_equal(frame_from_unique(&unique, &frame), 0);
	assert_memory_equal(&unique, &empty, sizeof(unique));
	assert_int_equal(frame_reference_count(&frame), 1);
	assert_int_equal(frame_kind_of(&frame), FRAME_DATA);
	assert_int_equal(frame_from_in_use(&fixture->domain, frame_number(NUMBER), &other), 0);
}

static void test_only_reference_becomes_unique(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;
	struct frame frame;

	frame_from_unused(&fixture->domain, frame_number(NUMBER), FRAME_GUEST, &frame);
	assert_int_equal(unique_frame_from_shared(&frame, &unique), 0);
	assert_null(frame.domain);
	assert_int_equal(unique.paddr.value, frame_number(NUMBER).value);
	assert_int_equal(domain_fixture_state(fixture, NUMBER), SLOT_UNIQUE);
	assert_int_equal(slot_kind(&fixture->domain.slots[NUMBER]), FRAME_GUEST);
}

static void test_frame_that_a_clone_or_a_run_holds_too_does_not_become_unique(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique = empty;
	struct frame frame, copy, before;

	frame_from_unused(&fixture->domain, frame_number(NUMBER), FRAME_GUEST, &frame);
	before = frame;
	frame_clone(&frame, &copy);
	assert_int_equal(unique_frame_from_shared(&frame, &unique), -EBUSY);
	frame_put(&copy);
	run_get(&fixture->domain, frame.paddr, 1);
	assert_int_equal(unique_frame_from_shared(&frame, &unique), -EBUSY);
	/* The handle is still the caller's, and good once the others are gone. */
	assert_memory_equal(&frame, &before, sizeof(frame));
	assert_memory_equal(&unique, &empty, sizeof(unique));
	assert_int_equal(frame_reference_count(&frame), 2);
	run_put(&fixture->domain, frame.paddr, 1);
	assert_int_equal(unique_frame_from_shared(&frame, &unique), 0);
}

static void test_node_and_empty_handle_do_not_become_unique(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique = empty;
	struct frame frame = { 0 };

	assert_int_equal(unique_frame_from_shared(&frame, &unique), -EINVAL);
	frame_alloc(&fixture->domain, FRAME_NODE, true, &frame);
	assert_int_equal(unique_frame_from_shared(&frame, &unique), -EINVAL);
	assert_int_equal(frame_reference_count(&frame), 1);
	assert_memory_equal(&unique, &empty, sizeof(unique));
}

/* `stale` names a frame that is unique, but somebody else's. */
static void assert_stale_is_refused(struct domain_fixture *fixture, struct unique_frame stale)
{
	struct unique_frame before = stale;
	struct frame_list list;
	struct frame frame;

	frame_list_init(&list);
	domain_fixture_remember(fixture);
	assert_int_equal(unique_frame_put(&stale), -EINVAL);
	assert_int_equal(unique_frame_reset_as_unused(&stale), -EINVAL);
	assert_int_equal(unique_frame_repurpose(&stale, FRAME_GUEST), -EINVAL);
	assert_int_equal(frame_from_unique(&stale, &frame), -EINVAL);
	assert_int_equal(frame_list_push_back(&list, &stale), -EINVAL);
	domain_fixture_assert_unchanged(fixture);
	assert_memory_equal(&stale, &before, sizeof(stale));
}

static void test_frame_on_a_list_is_refused_through_a_stale_handle(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique, stale;
	struct frame_list list;

	make_unique(fixture, &unique);
	stale = unique;
	frame_list_init(&list);
	frame_list_push_back(&list, &unique);
	assert_stale_is_refused(fixture, stale);
}

static void test_frame_of_the_allocator_is_refused_through_a_stale_handle(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique, stale;

	make_unique(fixture, &unique);
	stale = unique;
	unique_frame_put(&unique);
	assert_int_equal(slot_kind(&fixture->domain.slots[NUMBER]), FRAME_FREE);
	assert_stale_is_refused(fixture, stale);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_unique_frame_from_unused_owns_the_frame),
		POOL_TEST(test_unique_frame_from_a_frame_that_is_not_unused_is_refused),
		POOL_TEST(test_unique_frame_of_the_engines_own_kinds_is_refused),
		POOL_TEST(test_unique_frame_put_tells_the_allocator),
		POOL_TEST(test_unique_frame_reset_as_unused_does_not_tell_the_allocator),
		POOL_TEST(test_unique_frame_of_a_kind_that_is_not_pooled_is_only_unused),
		POOL_TEST(test_empty_unique_handle_is_refused_everywhere),
		POOL_TEST(test_stale_copy_of_a_unique_handle_is_refused),
		POOL_TEST(test_repurpose_changes_the_kind_and_stays_unique),
		POOL_TEST(test_repurpose_to_the_engines_own_kinds_is_refused),
		POOL_TEST(test_frame_from_unique_has_one_reference),
		POOL_TEST(test_only_reference_becomes_unique),
		POOL_TEST(test_frame_that_a_clone_or_a_run_holds_too_does_not_become_unique),
		POOL_TEST(test_node_and_empty_handle_do_not_become_unique),
		POOL_TEST(test_frame_on_a_list_is_refused_through_a_stale_handle),
		POOL_TEST(test_frame_of_the_allocator_is_refused_through_a_stale_handle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
