/* SPDX-License-Identifier: MIT */
/*
 * Lists of unique frames and their cursors (1.7, 8.1, INV-L).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/frame_list.h"
#include "tests/unit/domain_fixture.h"

static struct unique_frame make(struct domain_fixture *fixture, uint64_t number)
{
	struct unique_frame frame;

	assert_int_equal(unique_frame_from_unused(&fixture->domain, frame_number(number),
						  FRAME_GUEST, &frame),
			 0);
	return frame;
}

static void push_back(struct domain_fixture *fixture, struct frame_list *list, uint64_t number)
{
	struct unique_frame frame = make(fixture, number);

	assert_int_equal(frame_list_push_back(list, &frame), 0);
	assert_null(frame.domain);
}

static void push_front(struct domain_fixture *fixture, struct frame_list *list, uint64_t number)
{
	struct unique_frame frame = make(fixture, number);

	assert_int_equal(frame_list_push_front(list, &frame), 0);
	assert_null(frame.domain);
}

static void insert_before(struct domain_fixture *fixture, struct frame_list_cursor *cursor,
			  uint64_t number)
{
	struct unique_frame frame = make(fixture, number);

	assert_int_equal(frame_list_cursor_insert_before(cursor, &frame), 0);
	assert_null(frame.domain);
}

/* Frame number at the cursor, 0 for the ghost: tests put no frame 0 on a list. */
static uint64_t current(const struct frame_list_cursor *cursor)
{
	struct frame_ref frame;

	if (frame_list_cursor_current(cursor, &frame) != 0)
		return 0;
	assert_ptr_equal(frame.domain, cursor->list->domain);
	return frame.paddr.value / PAGE_SIZE;
}

/* The list is `numbers` up to a 0, forth and back, and its slots say so (INV-L1, INV-L5). */
static void assert_list(struct frame_list *list, const uint64_t *numbers)
{
	struct frame_list_cursor forth = frame_list_front(list);
	struct frame_list_cursor back = frame_list_back(list);
	uint64_t size = 0;

	for (; numbers[size] != 0; size++) {
		const struct slot *slot = &list->domain->slots[numbers[size]];

		assert_int_equal(current(&forth), numbers[size]);
		assert_int_equal(slot_state(slot), SLOT_UNIQUE);
		assert_int_equal(slot->list, list->id);
		frame_list_cursor_next(&forth);
	}
	assert_int_equal(current(&forth), 0);
	assert_int_equal(list->size, size);
	assert_int_equal(frame_list_is_empty(list), size == 0);
	while (size-- > 0) {
		assert_int_equal(current(&back), numbers[size]);
		frame_list_cursor_prev(&back);
	}
	assert_int_equal(current(&back), 0);
}

#define assert_order(list, ...) assert_list(list, (const uint64_t[]){ __VA_ARGS__, 0 })

static void assert_list_is_empty(struct frame_list *list)
{
	assert_list(list, (const uint64_t[]){ 0 });
}

/* Number of a frame that was taken off; it is loose then (INV-L2). */
static uint64_t loose(struct domain_fixture *fixture, struct unique_frame *frame)
{
	uint64_t number = frame->paddr.value / PAGE_SIZE;

	assert_ptr_equal(frame->domain, &fixture->domain);
	assert_int_equal(fixture->domain.slots[number].list, 0);
	assert_int_equal(domain_fixture_state(fixture, number), SLOT_UNIQUE);
	assert_int_equal(unique_frame_reset_as_unused(frame), 0);
	return number;
}

static uint64_t pop_front(struct domain_fixture *fixture, struct frame_list *list)
{
	struct unique_frame frame;

	assert_int_equal(frame_list_pop_front(list, &frame), 0);
	return loose(fixture, &frame);
}

static uint64_t pop_back(struct domain_fixture *fixture, struct frame_list *list)
{
	struct unique_frame frame;

	assert_int_equal(frame_list_pop_back(list, &frame), 0);
	return loose(fixture, &frame);
}

static void test_new_list_is_empty(void **state)
{
	struct unique_frame frame = { 0 };
	struct frame_list list;

	(void)state;
	frame_list_init(&list);
	assert_list_is_empty(&list);
	assert_int_equal(frame_list_pop_front(&list, &frame), -ENOENT);
	assert_int_equal(frame_list_pop_back(&list, &frame), -ENOENT);
	assert_null(frame.domain);
	for (uint64_t number = 0; number < FIXTURE_FRAMES; number++)
		assert_false(frame_list_contains(&list, frame_number(number)));
}

static void test_push_and_pop_at_both_ends_keep_the_order(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_list list;

	frame_list_init(&list);
	push_front(fixture, &list, 1);
	push_front(fixture, &list, 2);
	push_back(fixture, &list, 3);
	assert_order(&list, 2, 1, 3);
	assert_int_equal(pop_front(fixture, &list), 2);
	assert_order(&list, 1, 3);
	assert_int_equal(pop_back(fixture, &list), 3);
	assert_order(&list, 1);
	assert_int_equal(pop_front(fixture, &list), 1);
	assert_list_is_empty(&list);
	/* Emptied, it can be used again. */
	push_back(fixture, &list, 4);
	assert_int_equal(pop_back(fixture, &list), 4);
	assert_list_is_empty(&list);
}

static void test_contains_knows_members_only(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_list list, other;
	struct unique_frame outside;

	frame_list_init(&list);
	frame_list_init(&other);
	outside = make(fixture, 9);
	for (uint64_t number = 1; number <= 3; number++)
		push_back(fixture, &list, number);
	push_back(fixture, &other, 4);
	for (uint64_t number = 0; number < FIXTURE_FRAMES; number++) {
		assert_int_equal(frame_list_contains(&list, frame_number(number)),
				 number >= 1 && number <= 3);
		assert_int_equal(frame_list_contains(&other, frame_number(number)), number == 4);
	}
	assert_false(frame_list_contains(&list, PADDR(PAGE_SIZE + 1)));
	assert_false(frame_list_contains(&list, frame_number(FIXTURE_FRAMES)));
	assert_false(frame_list_contains(&list, PADDR_NONE));
	unique_frame_put(&outside);
}

/* A node has the queue of its lock where a unique frame names its list (INV-L5). */
static void test_node_whose_lock_is_waited_for_is_on_no_list(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_list_cursor cursor;
	struct frame_list list;
	struct frame node;

	frame_list_init(&list);
	push_back(fixture, &list, 1);
	assert_int_equal(frame_from_unused(&fixture->domain, frame_number(2), FRAME_NODE, &node),
			 0);
	fixture->domain.slots[2].lock.queue = list.id;
	assert_false(frame_list_contains(&list, frame_number(2)));
	assert_int_equal(frame_list_cursor_at(&list, frame_number(2), &cursor), -ENOENT);
	fixture->domain.slots[2].lock.queue = LOCK_QUEUE_EMPTY;
	assert_int_equal(frame_put(&node), 0);
	frame_list_clear(&list);
}

static void test_cursor_at_stands_at_the_member_or_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_list_cursor cursor;
	struct frame_list list;

	frame_list_init(&list);
	assert_int_equal(frame_list_cursor_at(&list, frame_number(1), &cursor), -ENOENT);
	for (uint64_t number = 1; number <= 3; number++)
		push_back(fixture, &list, number);
	for (uint64_t number = 1; number <= 3; number++) {
		assert_int_equal(frame_list_cursor_at(&list, frame_number(number), &cursor), 0);
		assert_int_equal(current(&cursor), number);
	}
	assert_int_equal(frame_list_cursor_at(&list, frame_number(4), &cursor), -ENOENT);
	assert_int_equal(frame_list_cursor_at(&list, PADDR(1), &cursor), -ENOENT);
	assert_int_equal(current(&cursor), 3);
}

static void test_cursor_moves_through_the_ghost_and_round(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_list_cursor cursor;
	struct frame_list list;

	frame_list_init(&list);
	push_back(fixture, &list, 1);
	push_back(fixture, &list, 2);
	cursor = frame_list_back(&list);
	frame_list_cursor_next(&cursor);
	assert_int_equal(current(&cursor), 0);
	frame_list_cursor_next(&cursor);
	assert_int_equal(current(&cursor), 1);
	frame_list_cursor_prev(&cursor);
	assert_int_equal(current(&cursor), 0);
	frame_list_cursor_prev(&cursor);
	assert_int_equal(current(&cursor), 2);
}

static void test_cursor_of_an_empty_list_stays_at_the_ghost(void **state)
{
	struct unique_frame frame = { 0 };
	struct frame_list_cursor cursor;
	struct frame_list list;

	(void)state;
	frame_list_init(&list);
	cursor = frame_list_front(&list);
	assert_int_equal(current(&cursor), 0);
	frame_list_cursor_next(&cursor);
	assert_int_equal(current(&cursor), 0);
	frame_list_cursor_prev(&cursor);
	assert_int_equal(current(&cursor), 0);
	assert_int_equal(frame_list_cursor_take(&cursor, &frame), -ENOENT);
	assert_null(frame.domain);
}

static void test_insert_before_goes_before_the_place_and_stays(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_list_cursor cursor;
	struct frame_list list;

	frame_list_init(&list);
	cursor = frame_list_front(&list);
	insert_before(fixture, &cursor, 1);
	assert_int_equal(current(&cursor), 0);
	cursor = frame_list_front(&list);
	insert_before(fixture, &cursor, 2);
	insert_before(fixture, &cursor, 3);
	assert_int_equal(current(&cursor), 1);
	assert_order(&list, 2, 3, 1);
	frame_list_cursor_prev(&cursor);
	frame_list_cursor_next(&cursor);
	insert_before(fixture, &cursor, 4);
	frame_list_cursor_next(&cursor);
	insert_before(fixture, &cursor, 5);
	assert_order(&list, 2, 3, 4, 1, 5);
}

static void test_cursor_takes_any_member_and_stands_at_the_next(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_list_cursor cursor;
	struct unique_frame frame;
	struct frame_list list;

	frame_list_init(&list);
	for (uint64_t number = 1; number <= 5; number++)
		push_back(fixture, &list, number);
	frame_list_cursor_at(&list, frame_number(3), &cursor);
	assert_int_equal(frame_list_cursor_take(&cursor, &frame), 0);
	assert_int_equal(loose(fixture, &frame), 3);
	assert_int_equal(current(&cursor), 4);
	cursor = frame_list_front(&list);
	assert_int_equal(frame_list_cursor_take(&cursor, &frame), 0);
	assert_int_equal(loose(fixture, &frame), 1);
	assert_int_equal(current(&cursor), 2);
	cursor = frame_list_back(&list);
	assert_int_equal(frame_list_cursor_take(&cursor, &frame), 0);
	assert_int_equal(loose(fixture, &frame), 5);
	assert_int_equal(current(&cursor), 0);
	assert_order(&list, 2, 4);
}

static void test_lists_have_ids_that_are_not_0_and_never_used_twice(void **state)
{
	struct domain_fixture *fixture = *state;
	uint32_t last = 0;

	for (unsigned i = 0; i < 10; i++) {
		struct frame_list list;

		frame_list_init(&list);
		assert_int_equal(list.id, 0);
		push_back(fixture, &list, 1);
		assert_true(list.id > last);
		last = list.id;
		pop_front(fixture, &list);
		/* Bound once, it keeps its id. */
		push_back(fixture, &list, 1);
		assert_int_equal(list.id, last);
		frame_list_clear(&list);
	}
}

static void test_push_fails_when_ids_have_run_out(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame frame = make(fixture, 2), before = frame;
	struct frame_list list, late;

	frame_list_init(&list);
	frame_list_init(&late);
	atomic_store(&fixture->domain.last_list, UINT32_MAX - 1);
	push_back(fixture, &list, 1);
	assert_int_equal(list.id, UINT32_MAX);
	assert_int_equal(frame_list_push_back(&late, &frame), -EOVERFLOW);
	assert_memory_equal(&frame, &before, sizeof(frame));
	assert_list_is_empty(&late);
	assert_int_equal(fixture->domain.last_list, UINT32_MAX);
	assert_int_equal(frame_list_push_back(&list, &frame), 0);
	assert_order(&list, 1, 2);
}

static void test_push_of_an_empty_or_stale_handle_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame empty = { 0 }, frame = make(fixture, 1), stale = frame;
	struct frame_list list, other;

	frame_list_init(&list);
	frame_list_init(&other);
	assert_int_equal(frame_list_push_back(&list, &empty), -EINVAL);
	assert_int_equal(list.id, 0);
	assert_int_equal(frame_list_push_back(&list, &frame), 0);
	domain_fixture_remember(fixture);
	/* On this list already, then on another. */
	assert_int_equal(frame_list_push_front(&list, &stale), -EINVAL);
	assert_int_equal(frame_list_push_front(&other, &stale), -EINVAL);
	assert_int_equal(frame_list_push_front(&list, &empty), -EINVAL);
	domain_fixture_assert_unchanged(fixture);
	assert_order(&list, 1);
	assert_list_is_empty(&other);
	frame_list_clear(&list);
	assert_int_equal(frame_list_push_front(&list, &stale), -EINVAL);
}

static void test_push_of_a_frame_of_another_domain_is_refused(void **state)
{
	struct domain_fixture *fixture = *state, other;
	struct unique_frame frame, before;
	struct frame_list list;

	domain_fixture_open(&other, 4);
	frame_list_init(&list);
	push_back(fixture, &list, 1);
	frame = make(&other, 2);
	before = frame;
	assert_int_equal(frame_list_push_back(&list, &frame), -EINVAL);
	assert_memory_equal(&frame, &before, sizeof(frame));
	assert_int_equal(other.domain.slots[2].list, 0);
	assert_order(&list, 1);
	domain_fixture_close(&other);
}

static void test_clear_drops_every_frame(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_list list;

	frame_list_init(&list);
	for (unsigned i = 0; i < 7; i++) {
		struct unique_frame unique;
		struct frame frame;

		assert_int_equal(frame_alloc(&fixture->domain, FRAME_DATA, false, &frame), 0);
		assert_int_equal(unique_frame_from_shared(&frame, &unique), 0);
		assert_int_equal(frame_list_push_front(&list, &unique), 0);
	}
	frame_list_clear(&list);
	assert_list_is_empty(&list);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_new_list_is_empty),
		POOL_TEST(test_push_and_pop_at_both_ends_keep_the_order),
		POOL_TEST(test_contains_knows_members_only),
		POOL_TEST(test_node_whose_lock_is_waited_for_is_on_no_list),
		POOL_TEST(test_cursor_at_stands_at_the_member_or_is_refused),
		POOL_TEST(test_cursor_moves_through_the_ghost_and_round),
		POOL_TEST(test_cursor_of_an_empty_list_stays_at_the_ghost),
		POOL_TEST(test_insert_before_goes_before_the_place_and_stays),
		POOL_TEST(test_cursor_takes_any_member_and_stands_at_the_next),
		POOL_TEST(test_lists_have_ids_that_are_not_0_and_never_used_twice),
		POOL_TEST(test_push_fails_when_ids_have_run_out),
		POOL_TEST(test_push_of_an_empty_or_stale_handle_is_refused),
		POOL_TEST(test_push_of_a_frame_of_another_domain_is_refused),
		POOL_TEST(test_clear_drops_every_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
