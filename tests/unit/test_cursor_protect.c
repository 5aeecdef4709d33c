/* SPDX-License-Identifier: MIT */
/*
 * Changing the properties of what is mapped (C-8, P-12).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/census.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

static const struct prop_change to_read_only = { .clear = PROP_WRITE };

static uint64_t at(const struct cursor *cursor)
{
	return cursor_virt_addr(cursor).value;
}

static void map_linear(struct table_fixture *fixture, uint64_t va, uint64_t len)
{
	struct cursor cursor = table_cursor(fixture, va, len, CURSOR_MUTATE, 3);

	assert_int_equal(cursor_map_run(&cursor, PADDR(va), len, 0, PROP_RW, false), 0);
	cursor_close(&cursor);
}

static struct table_census census(struct table_fixture *fixture)
{
	struct table_census result;

	assert_int_equal(page_table_census(&fixture->table, &result), 0);
	return result;
}

static void test_protect_where_nothing_is_moves_behind_its_length(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, MIB(8), CURSOR_MUTATE, 1);
	struct pt_mapping mapping;

	assert_int_equal(cursor_protect_next(&cursor, PAGES(3), to_read_only, &mapping), 0);
	assert_int_equal(at(&cursor), PAGES(3));
	assert_int_equal(cursor_protect_next(&cursor, 0, to_read_only, NULL), 0);
	assert_int_equal(
		cursor_protect_next(&cursor, cursor_remaining(&cursor), to_read_only, NULL), 0);
	assert_int_equal(at(&cursor), MIB(8));
	cursor_close(&cursor);
}

static void test_protect_gives_the_leaf_with_its_old_property(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_mapping mapping;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, PAGES(2), guest_paddr(0), 1, PROP_RW, true), 0);
	cursor = table_cursor(fixture, 0, PAGES(4), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_protect_next(&cursor, PAGES(4), to_read_only, &mapping), 1);
	assert_int_equal(at(&cursor), PAGES(3));
	assert_int_equal(mapping.start.value, PAGES(2));
	assert_int_equal(mapping.len, PAGES(1));
	assert_int_equal(mapping.level, 1);
	assert_int_equal(mapping.paddr.value, guest_paddr(0).value);
	assert_int_equal(mapping.prop.bits, PROP_RW.bits);
	assert_true(mapping.tracked);
	assert_int_equal(cursor_protect_next(&cursor, PAGES(1), to_read_only, NULL), 0);
	cursor_close(&cursor);
	assert_mapped(fixture, PAGES(2), guest_paddr(0), PROP_RO);
	assert_true(table_look(fixture, PAGES(2)).tracked);
	check_audit(fixture);
}

static void test_protect_of_two_pages_of_many_leaves_their_neighbours(void **state)
{
	struct table_fixture *fixture = *state;

	map_linear(fixture, PAGES(1), PAGES(999));
	assert_int_equal(table_protect(fixture, PAGES(18), PAGES(2), to_read_only), 2);
	assert_mapped(fixture, PAGES(17), PADDR(PAGES(17)), PROP_RW);
	assert_mapped(fixture, PAGES(18), PADDR(PAGES(18)), PROP_RO);
	assert_mapped(fixture, PAGES(19), PADDR(PAGES(19)), PROP_RO);
	assert_mapped(fixture, PAGES(20), PADDR(PAGES(20)), PROP_RW);
	assert_int_equal(table_view(fixture).nr_runs, 3);
}

static void test_protect_touches_only_its_range(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_mapping mapping;
	struct cursor cursor;

	map_linear(fixture, MIB(2) + PAGES(3), PAGES(4));
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	for (unsigned i = 3; i < 7; i++) {
		assert_int_equal(cursor_protect_next(&cursor, cursor_remaining(&cursor),
						     to_read_only, &mapping),
				 1);
		assert_int_equal(mapping.start.value, MIB(2) + PAGES(i));
	}
	assert_int_equal(
		cursor_protect_next(&cursor, cursor_remaining(&cursor), to_read_only, &mapping), 0);
	cursor_close(&cursor);
	check_audit(fixture);
}

/* 8.3: 514 leaves of 2 MiB, two small ones, and two pages within a large one. */
static void test_protect_within_a_run_of_mixed_leaves_splits_one(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t start = GIB(3) - PAGES(1), inside = GIB(3) + MIB(14) + PAGES(77);
	struct cursor cursor =
		table_cursor(fixture, start, 514 * MIB(2) + PAGES(2), CURSOR_MUTATE, 1);
	struct pt_mapping mapping;
	unsigned nr_leaves = 0;

	assert_int_equal(cursor_map_run(&cursor, PADDR(start), cursor_remaining(&cursor), 2,
					PROP_RW, false),
			 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(start)), 0);
	for (;; nr_leaves++) {
		assert_int_equal(cursor_query(&cursor, &mapping), 0);
		assert_true(mapping.present);
		assert_int_equal(mapping.start.value, at(&cursor));
		assert_int_equal(mapping.level, nr_leaves == 0 || nr_leaves == 515 ? 1 : 2);
		assert_int_equal(mapping.paddr.value, at(&cursor));
		if (cursor_jump(&cursor, VADDR(mapping.start.value + mapping.len)) != 0)
			break;
	}
	assert_int_equal(nr_leaves, 515);
	cursor_close(&cursor);
	assert_int_equal(table_protect(fixture, inside, PAGES(2), to_read_only), 2);
	assert_int_equal(census(fixture).leaves[2], 513);
	assert_int_equal(census(fixture).leaves[1], 514);
	assert_int_equal(table_look(fixture, inside).level, 1);
	assert_mapped(fixture, inside - 1, PADDR(inside - 1), PROP_RW);
	assert_mapped(fixture, inside, PADDR(inside), PROP_RO);
	assert_mapped(fixture, inside + PAGES(2) - 1, PADDR(inside + PAGES(2) - 1), PROP_RO);
	assert_mapped(fixture, inside + PAGES(2), PADDR(inside + PAGES(2)), PROP_RW);
	assert_int_equal(table_view(fixture).nr_runs, 3);
}

static void test_protect_of_a_whole_large_leaf_does_not_split_it(void **state)
{
	struct table_fixture *fixture = *state;

	for (unsigned level = 2; level <= 3; level++) {
		uint64_t size = level_size(level);

		assert_int_equal(table_map(fixture, 6 * size, PADDR(size), level, PROP_RW, false),
				 0);
		assert_int_equal(table_protect(fixture, 6 * size, size, to_read_only),
				 level_pages(level));
		assert_int_equal(census(fixture).leaves[level], 1);
		assert_int_equal(census(fixture).leaves[1], 0);
		assert_mapped(fixture, 7 * size - 1, PADDR(2 * size - 1), PROP_RO);
	}
}

static void test_protect_of_one_page_of_a_gib_changes_that_page_only(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t va = GIB(4) + MIB(123);
	struct view view;

	assert_int_equal(table_map(fixture, GIB(4), PADDR(GIB(1)), 3, PROP_RW, true), 0);
	assert_int_equal(table_protect(fixture, va, PAGES(1), to_read_only), 1);
	view = table_view(fixture);
	assert_int_equal(view.nr_runs, 3);
	assert_int_equal(view.runs[0].len, MIB(123));
	assert_int_equal(view.runs[1].start, va);
	assert_int_equal(view.runs[1].len, PAGES(1));
	assert_int_equal(view.runs[1].prop, PROP_RO.bits);
	assert_int_equal(view.runs[2].paddr, GIB(1) + MIB(123) + PAGES(1));
	assert_true(view.runs[0].tracked && view.runs[1].tracked && view.runs[2].tracked);
}

static void test_rights_are_taken_away_and_given_back(void **state)
{
	struct table_fixture *fixture = *state;
	const struct prop_change none = { .clear = PROP_RIGHTS };
	const struct prop_change back = { .set = PROP_RX.bits };

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 2, PROP_RW, true), 0);
	assert_int_equal(table_protect(fixture, PAGES(4), PAGES(2), none), 2);
	assert_mapped(fixture, PAGES(5), guest_paddr(PAGES(5)), PROP(0));
	assert_int_equal(table_protect(fixture, 0, MIB(2), none), 512);
	assert_mapped(fixture, PAGES(3), guest_paddr(PAGES(3)), PROP(0));
	assert_int_equal(table_protect(fixture, 0, MIB(2), back), 512);
	assert_mapped(fixture, PAGES(5), guest_paddr(PAGES(5)), PROP_RX);
	assert_int_equal(table_unmap(fixture, 0, MIB(2)), 512);
}

static void refuse(struct table_fixture *fixture, struct cursor *cursor, uint64_t len,
		   struct prop_change change, int error)
{
	struct view before = table_view(fixture);
	uint64_t position = at(cursor);
	struct pt_mapping mapping = { .level = 99 };

	assert_int_equal(cursor_protect_next(cursor, len, change, &mapping), error);
	assert_int_equal(mapping.level, 99);
	assert_int_equal(at(cursor), position);
	assert_view(fixture, &before);
}

static void test_protect_that_cannot_be_is_refused_and_changes_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, PAGES(3), guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(MIB(2)), 2, PROP_RW, true), 0);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_READ, 1);
	refuse(fixture, &cursor, MIB(4), to_read_only, -EINVAL);
	cursor_close(&cursor);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	refuse(fixture, &cursor, PAGES(1) + 1, to_read_only, -EINVAL);
	refuse(fixture, &cursor, MIB(4) + PAGES(1), to_read_only, -ERANGE);
	refuse(fixture, &cursor, -PAGES(1), to_read_only, -ERANGE);
	refuse(fixture, &cursor, MIB(4), (struct prop_change){ .clear = PROP_READ }, -EOPNOTSUPP);
	refuse(fixture, &cursor, MIB(4), (struct prop_change){ .set = PROP_CACHE }, -EOPNOTSUPP);
	refuse(fixture, &cursor, MIB(4), (struct prop_change){ .set = UINT32_C(1) << 20 }, -EINVAL);
	/* Also where a large leaf has been split for it already. */
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(3))), 0);
	refuse(fixture, &cursor, PAGES(1), (struct prop_change){ .clear = PROP_READ }, -EOPNOTSUPP);
	cursor_close(&cursor);
	check_audit(fixture);
}

static void test_protect_that_a_later_leaf_cannot_say_changes_no_earlier_one(void **state)
{
	struct table_fixture *fixture = *state;
	bool ept = fixture->table.format->id == PT_FORMAT_EPT_4;
	/* With uncacheable or'ed to it the first page can be said, and this one cannot. */
	uint32_t cache = ept ? PROP_WRITE_PROTECTED : PROP_WRITE_THROUGH;
	struct cursor cursor;
	struct view before;

	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	assert_int_equal(
		table_map(fixture, PAGES(1), PADDR(0), 1, PROP(PROP_RW.bits | cache), false), 0);
	cursor = table_cursor(fixture, 0, PAGES(2), CURSOR_MUTATE, 1);
	before = table_view(fixture);
	assert_int_equal(cursor_protect(&cursor, PAGES(2),
					(struct prop_change){ .set = PROP_UNCACHEABLE }, NULL,
					NULL),
			 -EOPNOTSUPP);
	assert_int_equal(at(&cursor), 0);
	assert_view(fixture, &before);
	cursor_close(&cursor);
}

static void test_unchanged_property_is_not_stored(void **state)
{
	struct table_fixture *fixture = *state;
	pte_t before;

	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RO, false), 0);
	/* What the engine does not know of, and would not write. */
	atomic_fetch_or(&table_node(fixture, 0, 1).entries[0], UINT64_C(1) << 55);
	before = node_read(table_node(fixture, 0, 1), 0);
	assert_int_equal(table_protect(fixture, 0, PAGES(1), to_read_only), 1);
	assert_int_equal(node_read(table_node(fixture, 0, 1), 0).raw, before.raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_protect_where_nothing_is_moves_behind_its_length),
		TABLE_TEST(test_protect_gives_the_leaf_with_its_old_property),
		TABLE_TEST(test_protect_of_two_pages_of_many_leaves_their_neighbours),
		TABLE_TEST(test_protect_touches_only_its_range),
		TABLE_TEST(test_protect_within_a_run_of_mixed_leaves_splits_one),
		TABLE_TEST(test_protect_of_a_whole_large_leaf_does_not_split_it),
		LARGE_TABLE_TEST(test_protect_of_one_page_of_a_gib_changes_that_page_only),
		TABLE_TEST(test_rights_are_taken_away_and_given_back),
		TABLE_TEST(test_protect_that_cannot_be_is_refused_and_changes_nothing),
		TABLE_TEST(test_protect_that_a_later_leaf_cannot_say_changes_no_earlier_one),
		TABLE_TEST(test_unchanged_property_is_not_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
