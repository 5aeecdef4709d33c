/* SPDX-License-Identifier: MIT */
/*
 * Going through what a range maps, leaf by leaf.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

/* The next leaf of all that remains is this one, and the cursor is behind it, or at its own end. */
static void assert_next(struct cursor *cursor, uint64_t start, unsigned level, uint64_t after)
{
	struct pt_mapping leaf;

	assert_int_equal(cursor_query_next(cursor, cursor_remaining(cursor), &leaf), 1);
	assert_true(leaf.present);
	assert_int_equal(leaf.start.value, start);
	assert_int_equal(leaf.level, level);
	assert_int_equal(leaf.len, level_size(level));
	assert_int_equal(leaf.paddr.value, start);
	assert_int_equal(leaf.prop.bits, PROP_RW.bits);
	assert_int_equal(cursor_virt_addr(cursor).value, after);
}

static void assert_no_more(struct cursor *cursor, uint64_t end)
{
	struct pt_mapping leaf;

	assert_int_equal(cursor_query_next(cursor, cursor_remaining(cursor), &leaf), 0);
	assert_int_equal(cursor_virt_addr(cursor).value, end);
}

static void map(struct table_fixture *fixture, uint64_t va, unsigned level)
{
	assert_int_equal(table_map(fixture, va, PADDR(va), level, PROP_RW, false), 0);
}

static void test_query_next_gives_every_leaf_of_the_range_once_and_in_order(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	map(fixture, PAGES(3), 1);
	map(fixture, PAGES(511), 1);
	map(fixture, MIB(2), 2);
	map(fixture, MIB(4), 1);
	map(fixture, GIB(1), 3);
	map(fixture, GIB(5), 1);
	cursor = table_cursor(fixture, 0, GIB(4), CURSOR_READ, 1);
	assert_next(&cursor, PAGES(3), 1, PAGES(4));
	assert_next(&cursor, PAGES(511), 1, MIB(2));
	assert_next(&cursor, MIB(2), 2, MIB(4));
	assert_next(&cursor, MIB(4), 1, MIB(4) + PAGES(1));
	assert_next(&cursor, GIB(1), 3, GIB(2));
	assert_no_more(&cursor, GIB(4));
	cursor_close(&cursor);
}

static void test_query_next_gives_leaves_that_reach_over_the_ends_as_they_are(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	map(fixture, MIB(2), 2);
	map(fixture, MIB(4), 2);
	cursor = table_cursor(fixture, MIB(3), MIB(2), CURSOR_READ, 1);
	assert_next(&cursor, MIB(2), 2, MIB(4));
	assert_next(&cursor, MIB(4), 2, MIB(5));
	assert_no_more(&cursor, MIB(5));
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(3))), 0);
	assert_next(&cursor, MIB(2), 2, MIB(4));
	cursor_close(&cursor);
	assert_int_equal(table_nodes(fixture), 3);
}

static void test_query_next_looks_no_further_than_its_length(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;
	struct pt_mapping leaf;

	map(fixture, PAGES(3), 1);
	cursor = table_cursor(fixture, 0, PAGES(8), CURSOR_READ, 1);
	assert_int_equal(cursor_query_next(&cursor, 0, &leaf), 0);
	assert_int_equal(cursor_query_next(&cursor, PAGES(3), &leaf), 0);
	assert_int_equal(cursor_virt_addr(&cursor).value, PAGES(3));
	assert_int_equal(cursor_query_next(&cursor, PAGES(6), &leaf), -ERANGE);
	assert_int_equal(cursor_query_next(&cursor, 1, &leaf), -EINVAL);
	assert_int_equal(cursor_virt_addr(&cursor).value, PAGES(3));
	assert_next(&cursor, PAGES(3), 1, PAGES(4));
	cursor_close(&cursor);
}

/* After a leaf the next one that is like it is told without a search; all else is as before. */
static void test_query_next_after_a_leaf_alike_keeps_to_its_rights_length_and_end(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_mapping leaf;
	struct cursor cursor;

	map(fixture, PAGES(3), 1);
	map(fixture, PAGES(4), 1);
	for (unsigned page = 5; page < 8; page++)
		assert_int_equal(table_map(fixture, PAGES(page), PADDR(0), 1, PROP_RO, false), 0);
	cursor = table_cursor(fixture, PAGES(3), PAGES(4), CURSOR_READ, 1);
	assert_next(&cursor, PAGES(3), 1, PAGES(4));
	assert_int_equal(cursor_query_next(&cursor, 0, &leaf), 0);
	assert_int_equal(cursor_query_next(&cursor, PAGES(4), &leaf), -ERANGE);
	assert_int_equal(cursor_query_next(&cursor, 1, &leaf), -EINVAL);
	assert_next(&cursor, PAGES(4), 1, PAGES(5));
	for (unsigned page = 5; page < 7; page++) {
		assert_int_equal(cursor_query_next(&cursor, PAGES(1), &leaf), 1);
		assert_int_equal(leaf.start.value, PAGES(page));
		assert_int_equal(leaf.paddr.value, 0);
		assert_int_equal(leaf.prop.bits, PROP_RO.bits);
	}
	assert_int_equal(cursor_query_next(&cursor, 0, &leaf), 0);
	assert_int_equal(cursor_query_next(&cursor, PAGES(1), &leaf), -ERANGE);
	assert_int_equal(cursor_virt_addr(&cursor).value, PAGES(7));
	cursor_close(&cursor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_query_next_gives_every_leaf_of_the_range_once_and_in_order),
		TABLE_TEST(test_query_next_gives_leaves_that_reach_over_the_ends_as_they_are),
		TABLE_TEST(test_query_next_looks_no_further_than_its_length),
		TABLE_TEST(test_query_next_after_a_leaf_alike_keeps_to_its_rights_length_and_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
