/* SPDX-License-Identifier: MIT */
/*
 * Moving a cursor and looking through it (C-1 to C-5, 3.6; BUG-1, BUG-2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

static uint64_t at(const struct cursor *cursor)
{
	return cursor_virt_addr(cursor).value;
}

static void assert_absent(struct cursor *cursor, uint64_t start, uint64_t len)
{
	uint64_t before = at(cursor);
	struct pt_mapping mapping;

	assert_int_equal(cursor_query(cursor, &mapping), 0);
	assert_false(mapping.present);
	assert_int_equal(mapping.start.value, start);
	assert_int_equal(mapping.len, len);
	assert_int_equal(at(cursor), before);
}

static void assert_leaf(struct cursor *cursor, uint64_t start, uint64_t len, uint64_t paddr)
{
	uint64_t before = at(cursor);
	struct pt_mapping mapping;

	assert_int_equal(cursor_query(cursor, &mapping), 0);
	assert_true(mapping.present);
	assert_int_equal(mapping.start.value, start);
	assert_int_equal(mapping.len, len);
	assert_int_equal(mapping.paddr.value, paddr);
	assert_int_equal(mapping.prop.bits, PROP_RW.bits);
	assert_false(mapping.tracked);
	assert_int_equal(at(cursor), before);
}

static void map_here(struct cursor *cursor, uint64_t paddr, unsigned level)
{
	assert_int_equal(cursor_map(cursor, PADDR(paddr), level, PROP_RW, false), 0);
}

/* C-2 */
static void test_query_of_absence_gives_the_whole_entry(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, MIB(3), PAGE_SIZE, CURSOR_READ, 1);

	assert_absent(&cursor, 0, GIB(512));
	cursor_close(&cursor);
	assert_int_equal(table_map(fixture, MIB(2), PADDR(0), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, MIB(3), MIB(4), CURSOR_READ, 1);
	assert_absent(&cursor, MIB(3), PAGE_SIZE);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(5))), 0);
	assert_absent(&cursor, MIB(4), MIB(2));
	cursor_close(&cursor);
}

static void test_query_behind_the_range_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, PAGES(2), CURSOR_MUTATE, 1);
	struct pt_mapping mapping;

	map_here(&cursor, 0, 1);
	map_here(&cursor, PAGES(1), 1);
	assert_int_equal(cursor_query(&cursor, &mapping), -ERANGE);
	assert_int_equal(at(&cursor), PAGES(2));
	cursor_close(&cursor);
}

static void test_jump_goes_anywhere_in_the_range(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, GIB(2), CURSOR_MUTATE, 1);

	assert_int_equal(at(&cursor), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(7))), 0);
	assert_int_equal(at(&cursor), PAGES(7));
	map_here(&cursor, MIB(7), 1);
	assert_int_equal(at(&cursor), PAGES(8));
	assert_int_equal(cursor_jump(&cursor, VADDR(GIB(2) - PAGES(1))), 0);
	map_here(&cursor, MIB(8), 1);
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(7))), 0);
	assert_leaf(&cursor, PAGES(7), PAGES(1), MIB(7));
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(6))), 0);
	assert_absent(&cursor, PAGES(6), PAGES(1));
	assert_int_equal(cursor_jump(&cursor, VADDR(GIB(2) - PAGES(1))), 0);
	assert_leaf(&cursor, GIB(2) - PAGES(1), PAGES(1), MIB(8));
	assert_int_equal(cursor_jump(&cursor, VADDR(0)), 0);
	assert_absent(&cursor, 0, PAGES(1));
	cursor_close(&cursor);
}

static void test_jump_that_is_refused_does_not_move(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, MIB(2), MIB(2), CURSOR_READ, 1);

	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(3))), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(3) + 1)), -EINVAL);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2) - PAGE_SIZE)), -ERANGE);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(4))), -ERANGE);
	assert_int_equal(cursor_jump(&cursor, VADDR(0)), -ERANGE);
	assert_int_equal(cursor_jump(&cursor, VADDR(-PAGE_SIZE)), -ERANGE);
	/* The same offset in the table, and another address. */
	assert_int_equal(cursor_jump(&cursor, VADDR((UINT64_C(1) << 48) + MIB(3))), -ERANGE);
	assert_int_equal(at(&cursor), MIB(3));
	cursor_close(&cursor);
}

/* BUG-1 */
static void test_jump_from_the_end_and_query_the_middle_of_a_large_leaf(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	struct pt_mapping mapping;

	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2))), 0);
	map_here(&cursor, MIB(6), 2);
	assert_int_equal(at(&cursor), MIB(4));
	assert_int_equal(cursor_query(&cursor, &mapping), -ERANGE);
	assert_int_equal(cursor_jump(&cursor, VADDR(0)), 0);
	assert_absent(&cursor, 0, MIB(2));
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(3))), 0);
	assert_leaf(&cursor, MIB(2), MIB(2), MIB(6));
	cursor_close(&cursor);
}

/* BUG-1 */
static void test_jump_back_from_the_end_of_the_guard(void **state)
{
	struct table_fixture *fixture = *state;

	for (unsigned level = 1; level <= 3; level++) {
		uint64_t end = level_size(level + 1) * 2;
		uint64_t start = end - PAGES(2);
		struct cursor cursor = table_cursor(fixture, start, PAGES(2), CURSOR_MUTATE, level);

		assert_int_equal(cursor.guard_level, level);
		map_here(&cursor, 0, 1);
		map_here(&cursor, PAGES(1), 1);
		assert_int_equal(at(&cursor), end);
		assert_int_equal(cursor_jump(&cursor, VADDR(start)), 0);
		assert_leaf(&cursor, start, PAGES(1), 0);
		assert_int_equal(cursor_jump(&cursor, VADDR(start + PAGES(1))), 0);
		assert_leaf(&cursor, start + PAGES(1), PAGES(1), PAGES(1));
		cursor_close(&cursor);
		table_unmap(fixture, start, PAGES(2));
	}
}

/* The end of the range is neither in an entry nor in the table; at the top of 2^64 it is 0. */
static void test_cursor_works_up_to_the_last_address(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t top = fixture->table.format->sign_extended ? 0 : UINT64_C(1) << 48;
	struct cursor cursor =
		table_cursor(fixture, top - MIB(2) - PAGES(2), MIB(2) + PAGES(2), CURSOR_MUTATE, 1);

	assert_int_equal(cursor_jump(&cursor, VADDR(top - PAGES(2))), 0);
	map_here(&cursor, 0, 1);
	map_here(&cursor, PAGES(1), 1);
	assert_int_equal(at(&cursor), top);
	assert_int_equal(cursor_remaining(&cursor), 0);
	assert_int_equal(cursor_find_next(&cursor, 0), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(top)), -ERANGE);
	assert_int_equal(cursor_jump(&cursor, VADDR(top - PAGES(1))), 0);
	assert_leaf(&cursor, top - PAGES(1), PAGES(1), PAGES(1));
	assert_int_equal(cursor_jump(&cursor, VADDR(top - MIB(2) - PAGES(2))), 0);
	assert_int_equal(cursor_find_next(&cursor, MIB(2) + PAGES(2)), 1);
	assert_int_equal(at(&cursor), top - PAGES(2));
	cursor_close(&cursor);
}

/* C-3, C-10 */
static void test_find_next_finds_what_is_mapped_in_order(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, GIB(4), CURSOR_MUTATE, 1);

	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(7))), 0);
	map_here(&cursor, PAGES(1), 1);
	assert_int_equal(cursor_jump(&cursor, VADDR(GIB(1))), 0);
	map_here(&cursor, MIB(2), 2);
	assert_int_equal(cursor_jump(&cursor, VADDR(GIB(3))), 0);
	map_here(&cursor, GIB(1), 3);
	assert_int_equal(cursor_jump(&cursor, VADDR(0)), 0);
	assert_int_equal(cursor_find_next(&cursor, GIB(4)), 1);
	assert_int_equal(at(&cursor), PAGES(7));
	assert_int_equal(cursor_find_next(&cursor, cursor_remaining(&cursor)), 1);
	assert_int_equal(at(&cursor), PAGES(7));
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(8))), 0);
	assert_int_equal(cursor_find_next(&cursor, cursor_remaining(&cursor)), 1);
	assert_int_equal(at(&cursor), GIB(1));
	assert_int_equal(cursor_jump(&cursor, VADDR(GIB(1) + MIB(2))), 0);
	assert_int_equal(cursor_find_next(&cursor, cursor_remaining(&cursor)), 1);
	assert_int_equal(at(&cursor), GIB(3));
	assert_leaf(&cursor, GIB(3), GIB(1), GIB(1));
	cursor_close(&cursor);
	check_audit(fixture);
}

static void test_find_next_within_a_large_leaf_does_not_move(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	for (unsigned level = 2; level <= 3; level++) {
		uint64_t va = GIB(8) * level;

		assert_int_equal(table_map(fixture, va, PADDR(0), level, PROP_RW, false), 0);
		cursor = table_cursor(fixture, va + PAGES(5), PAGES(3), CURSOR_READ, 1);
		assert_int_equal(cursor_find_next(&cursor, PAGES(1)), 1);
		assert_int_equal(at(&cursor), va + PAGES(5));
		assert_leaf(&cursor, va, level_size(level), 0);
		cursor_close(&cursor);
	}
	assert_int_equal(table_nodes(fixture), 1 + 1 + 1);
}

/* BUG-2 */
static void test_find_next_that_finds_nothing_stops_behind_its_length(void **state)
{
	struct table_fixture *fixture = *state;
	static const uint64_t lengths[] = { PAGES(1), PAGES(3), MIB(2), MIB(2) + PAGES(1), MIB(5) };

	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	assert_int_equal(table_map(fixture, MIB(8), PADDR(0), 1, PROP_RW, false), 0);
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct cursor cursor =
			table_cursor(fixture, PAGES(1), MIB(8) - PAGES(1), CURSOR_READ, 1);

		assert_int_equal(cursor_find_next(&cursor, lengths[i]), 0);
		assert_int_equal(at(&cursor), PAGES(1) + lengths[i]);
		assert_int_equal(cursor_find_next(&cursor, cursor_remaining(&cursor)), 0);
		assert_int_equal(at(&cursor), MIB(8));
		cursor_close(&cursor);
	}
}

/* BUG-2, C-14 */
static void test_find_next_stays_in_the_range_beside_what_is_mapped_outside(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, MIB(2) + PAGES(1), PADDR(0), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, MIB(2) - PAGES(1), PAGES(2), CURSOR_READ, 1);
	assert_int_equal(cursor_find_next(&cursor, PAGES(2)), 0);
	assert_int_equal(at(&cursor), MIB(2) + PAGES(1));
	assert_int_equal(cursor_remaining(&cursor), 0);
	cursor_close(&cursor);
}

static void test_find_next_passes_nodes_that_are_empty(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, MIB(4), PAGE_SIZE, CURSOR_MUTATE, 1);

	cursor_close(&cursor);
	assert_int_equal(table_map(fixture, MIB(6), PADDR(0), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, 0, MIB(8), CURSOR_READ, 1);
	assert_int_equal(cursor_find_next(&cursor, MIB(8)), 1);
	assert_int_equal(at(&cursor), MIB(6));
	cursor_close(&cursor);
}

/* BUG-2: also where the end would wrap. */
static void test_find_next_of_more_than_remains_is_refused_and_does_not_move(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, MIB(2), MIB(4), CURSOR_READ, 1);

	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(3))), 0);
	assert_int_equal(cursor_find_next(&cursor, MIB(3) + PAGE_SIZE), -ERANGE);
	assert_int_equal(cursor_find_next(&cursor, UINT64_MAX - PAGE_SIZE + 1), -ERANGE);
	assert_int_equal(cursor_find_next(&cursor, -MIB(3)), -ERANGE);
	assert_int_equal(cursor_find_next(&cursor, PAGE_SIZE + 1), -EINVAL);
	assert_int_equal(at(&cursor), MIB(3));
	assert_int_equal(cursor_find_next(&cursor, 0), 0);
	assert_int_equal(at(&cursor), MIB(3));
	cursor_close(&cursor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_query_of_absence_gives_the_whole_entry),
		TABLE_TEST(test_query_behind_the_range_is_refused),
		TABLE_TEST(test_jump_goes_anywhere_in_the_range),
		TABLE_TEST(test_jump_that_is_refused_does_not_move),
		TABLE_TEST(test_jump_from_the_end_and_query_the_middle_of_a_large_leaf),
		TABLE_TEST(test_jump_back_from_the_end_of_the_guard),
		TABLE_TEST(test_cursor_works_up_to_the_last_address),
		TABLE_TEST(test_find_next_finds_what_is_mapped_in_order),
		TABLE_TEST(test_find_next_within_a_large_leaf_does_not_move),
		TABLE_TEST(test_find_next_that_finds_nothing_stops_behind_its_length),
		TABLE_TEST(test_find_next_stays_in_the_range_beside_what_is_mapped_outside),
		TABLE_TEST(test_find_next_passes_nodes_that_are_empty),
		TABLE_TEST(test_find_next_of_more_than_remains_is_refused_and_does_not_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
