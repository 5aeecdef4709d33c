/* SPDX-License-Identifier: MIT */
/*
 * Unmapping that keeps what was mapped: in removed sub-trees as they are, and in nodes for the
 * leaves of those that stay.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/cursor_retire.h"
#include "tests/unit/observed_fixture.h"

static const struct retired unwritten = { 77, 77, 77 };

static void test_leaves_and_whole_nodes_wait_together(void **state)
{
	struct observed observed;
	struct observer observer;

	observed_open(&observed, state);
	observed_join(&observed, &observer);
	/* A page off, so that all leaves are small: four nodes, of which two go as they are. */
	observed_map(&observed, PAGES(1), guest_paddr(0), MIB(8) - PAGES(2));
	assert_int_equal(observed_unmap(&observed, PAGES(2), MIB(8) - PAGES(4)), 2048 - 4);
	/* 510 leaves of the first node and 510 of the last fill one node and a part of another. */
	assert_int_equal(observed_collect(&observed), 4);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(1))), 1);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(2044))), 1);
	observed_pass(&observed, &observer);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 1);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(2045))), 1);
	for (unsigned i = 1; i <= 2044; i++)
		assert_int_equal(observed_count(&observed, guest_paddr(PAGES(i))), 0);
	observed_close(&observed);
}

static void test_large_leaves_wait_as_such_and_parts_of_them_as_small_ones(void **state)
{
	struct observed observed;
	struct observer observer;

	observed_open(&observed, state);
	observed_join(&observed, &observer);
	observed_map(&observed, GIB(1), guest_paddr(0), MIB(6));
	assert_int_equal(observed_unmap(&observed, GIB(1) + MIB(1), MIB(3)), 768);
	assert_int_equal(observed_collect(&observed), 2);
	assert_int_equal(observed_count(&observed, guest_paddr(MIB(1))), 1);
	assert_int_equal(observed_count(&observed, guest_paddr(MIB(3))), 1);
	observed_pass(&observed, &observer);
	assert_int_equal(observed_count(&observed, guest_paddr(MIB(1) - PAGES(1))), 1);
	assert_int_equal(observed_count(&observed, guest_paddr(MIB(1))), 0);
	assert_int_equal(observed_count(&observed, guest_paddr(MIB(4) - PAGES(1))), 0);
	assert_int_equal(observed_count(&observed, guest_paddr(MIB(4))), 1);
	observed_close(&observed);
}

static void test_untracked_leaves_need_no_keeping(void **state)
{
	struct table_fixture *fixture = *state;
	struct retired retired = unwritten;
	struct cursor cursor;
	uint64_t pages = 77;

	assert_int_equal(table_map(fixture, PAGES(3), PADDR(GIB(8)), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, 0, MIB(1), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_retire(&cursor, MIB(1), &retired, &pages), 0);
	assert_int_equal(cursor_remaining(&cursor), 0);
	cursor_close(&cursor);
	assert_int_equal(pages, 1);
	assert_int_equal(retired.nr_nodes, 0);
	assert_int_equal(retired.first, SLOT_NONE);
	assert_unmapped(fixture, PAGES(3));
	check_audit(fixture);
}

/* 3.8 */
static void test_retire_takes_statuses_away(void **state)
{
	struct observed observed;
	struct observer observer;
	struct cursor cursor;
	struct pt_mapping mapping;

	observed_open(&observed, state);
	observed_join(&observed, &observer);
	assert_int_equal(
		cursor_open(&cursor, &observed.space.table, VADDR(0), MIB(8), CURSOR_MUTATE, 1), 0);
	assert_int_equal(cursor_mark(&cursor, MIB(8), 5), 0);
	cursor_close(&cursor);
	observed_map(&observed, PAGES(1), guest_paddr(0), PAGES(1));
	assert_int_equal(observed_unmap(&observed, PAGES(1), MIB(5)), 1);
	for (unsigned i = 0; i < 4; i++) {
		static const uint64_t at[] = { 0, PAGES(1), MIB(4), MIB(5) + PAGES(1) };

		assert_int_equal(space_query(&observed.space, VADDR(at[i]), &mapping), 0);
		assert_false(mapping.present);
		assert_int_equal(mapping.status, i == 0 || i == 3 ? 5 : 0);
	}
	/* Where a status may be, a node that has one is not taken for empty. */
	observed_map(&observed, MIB(6), guest_paddr(MIB(2)), MIB(2));
	observed_map(&observed, 0, guest_paddr(0), PAGES(1));
	check_audit(observed.fixture);
	observed_pass(&observed, &observer);
	observed_close(&observed);
}

static void test_retire_checks_its_range(void **state)
{
	struct table_fixture *fixture = *state;
	struct retired retired;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	cursor = table_cursor(fixture, 0, MIB(1), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_retire(&cursor, MIB(1) + PAGES(1), &retired, NULL), -ERANGE);
	assert_int_equal(cursor_retire(&cursor, UINT64_MAX - PAGES(1) + 1, &retired, NULL),
			 -ERANGE);
	assert_int_equal(cursor_retire(&cursor, 1, &retired, NULL), -EINVAL);
	assert_int_equal(cursor_retire(&cursor, 0, &retired, NULL), 0);
	assert_int_equal(retired.nr_nodes, 0);
	cursor_close(&cursor);
	cursor = table_cursor(fixture, 0, MIB(1), CURSOR_READ, 1);
	assert_int_equal(cursor_retire(&cursor, MIB(1), &retired, NULL), -EINVAL);
	cursor_close(&cursor);
	assert_mapped(fixture, 0, guest_paddr(0), PROP_RW);
	check_audit(fixture);
}

/* Unmaps parts of three large leaves with `left` nodes to be had. */
static int retire_with(void **state, unsigned left)
{
	struct table_fixture *fixture = *state;
	struct retired retired = unwritten;
	struct cursor cursor;
	struct view view;
	int error;

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(table_map(fixture, GIB(1) + i * MIB(2), guest_paddr(i * MIB(2)), 2,
					   PROP_RW, true),
				 0);
	view = table_view(fixture);
	cursor = table_cursor(fixture, GIB(1), MIB(6), CURSOR_MUTATE, 1);
	table_leave(fixture, left);
	assert_int_equal(cursor_jump(&cursor, VADDR(GIB(1) + PAGES(1))), 0);
	error = cursor_retire(&cursor, MIB(6) - PAGES(2), &retired, NULL);
	assert_int_equal(cursor_virt_addr(&cursor).value,
			 GIB(1) + (error ? PAGES(1) : MIB(6) - PAGES(1)));
	cursor_close(&cursor);
	table_refill(fixture);
	for (uint32_t number = retired.first, next; number != SLOT_NONE; number = next) {
		next = fixture->domain->slots[number].next;
		node_defer(fixture->domain, node_at(fixture->domain, frame_number(number)));
	}
	domain_reclaim(fixture->domain);
	check_audit(fixture);
	if (error) {
		assert_int_equal(retired.nr_nodes, 0);
		assert_view(fixture, &view);
	}
	assert_int_equal(table_unmap(fixture, GIB(1), MIB(6)), error ? 1536 : 2);
	return error;
}

static void test_retire_without_memory_unmaps_nothing_at_each_allocation(void **state)
{
	/* Two to split the ends, two for the small leaves, one for the large one between. */
	for (unsigned left = 0; left < 5; left++)
		assert_int_equal(retire_with(state, left), -ENOMEM);
	assert_int_equal(retire_with(state, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_leaves_and_whole_nodes_wait_together),
		TABLE_TEST(test_large_leaves_wait_as_such_and_parts_of_them_as_small_ones),
		TABLE_TEST(test_untracked_leaves_need_no_keeping),
		TABLE_TEST(test_retire_takes_statuses_away),
		TABLE_TEST(test_retire_checks_its_range),
		TABLE_TEST(test_retire_without_memory_unmaps_nothing_at_each_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
