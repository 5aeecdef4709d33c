/* SPDX-License-Identifier: MIT */
/*
 * Operations that run out of memory after each number of nodes: what they leave is what they found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)
#define BASE GIB(512)
#define LEN GIB(4)

/*
 * The same table for every operation: a GiB, two large tracked leaves, and a tracked page, in a
 * range whose guard exists.
 */
static void arrange(struct table_fixture *fixture)
{
	assert_int_equal(table_map(fixture, BASE, PADDR(GIB(8)), 3, PROP_RW, false), 0);
	assert_int_equal(table_map(fixture, BASE + GIB(1), PADDR(GIB(10)), 3, PROP_RW, false), 0);
	assert_int_equal(table_map(fixture, BASE + GIB(2), guest_paddr(0), 2, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, BASE + GIB(2) + MIB(2), guest_paddr(MIB(2)), 2, PROP_RW,
				   true),
			 0);
	assert_int_equal(table_map(fixture, BASE + GIB(2) + MIB(6), guest_paddr(MIB(4)), 1, PROP_RW,
				   true),
			 0);
}

typedef int (*operation_t)(struct cursor *cursor);

/* What the slots of frames other than nodes say. */
static void frame_counts(const struct table_fixture *fixture, uint32_t *counts)
{
	for (uint64_t i = 0; i < TABLE_FRAMES; i++) {
		const struct slot *slot = &fixture->domain->slots[i];

		counts[i] = slot_kind(slot) == FRAME_GUEST ? slot_count(slot) : 0;
	}
}

/*
 * Runs the operation at `va` with 0, 1, ... nodes to be had. It must fail without a trace until
 * there are `nr_nodes` of them.
 */
static void check(struct table_fixture *fixture, uint64_t va, unsigned nr_nodes,
		  operation_t operation)
{
	static uint32_t before[TABLE_FRAMES], after[TABLE_FRAMES];

	for (unsigned left = 0; left <= nr_nodes; left++) {
		struct cursor cursor;
		struct view view;
		int error;

		arrange(fixture);
		view = table_view(fixture);
		frame_counts(fixture, before);
		table_leave(fixture, left);
		cursor = table_cursor(fixture, BASE, LEN, CURSOR_MUTATE, 1);
		assert_int_equal(cursor_jump(&cursor, VADDR(va)), 0);
		error = operation(&cursor);
		assert_int_equal(error, left < nr_nodes ? -ENOMEM : 0);
		if (error)
			assert_int_equal(cursor_virt_addr(&cursor).value, va);
		cursor_close(&cursor);
		if (error) {
			assert_view(fixture, &view);
			frame_counts(fixture, after);
			assert_memory_equal(before, after, sizeof(before));
		}
		table_refill(fixture);
		domain_reclaim(fixture->domain);
		check_audit(fixture);
		table_unmap(fixture, BASE, LEN);
	}
}

static int map_page(struct cursor *cursor)
{
	return cursor_map(cursor, PADDR(0), 1, PROP_RW, false);
}

static void test_map_without_memory_changes_nothing(void **state)
{
	check(*state, BASE + GIB(2) + MIB(8), 1, map_page);
	check(*state, BASE + GIB(3) + MIB(8), 2, map_page);
}

static int map_run(struct cursor *cursor)
{
	return cursor_map_run(cursor, PADDR(PAGES(1)), MIB(8), 0, PROP_RO, false);
}

static void test_run_without_memory_is_undone(void **state)
{
	/* Addresses do not match, so all leaves are small. */
	check(*state, BASE + GIB(2) + MIB(8), 4, map_run);
	check(*state, BASE + GIB(3) + PAGES(2), 1 + 5, map_run);
}

static int map_large_run(struct cursor *cursor)
{
	return cursor_map_run(cursor, PADDR(GIB(1) - PAGES(1)), PAGES(2) + MIB(4), 0, PROP_RO,
			      false);
}

static void test_run_of_mixed_leaves_without_memory_is_undone(void **state)
{
	check(*state, BASE + GIB(3) + MIB(2) - PAGES(1), 3, map_large_run);
}

static int take_page(struct cursor *cursor)
{
	struct pt_fragment fragment;
	int found = cursor_take_next(cursor, PAGES(1), &fragment);

	if (found <= 0)
		return found;
	assert_int_equal(fragment.pages, 1);
	fragment_drop(&fragment);
	return 0;
}

static void test_take_without_memory_to_split_changes_nothing(void **state)
{
	check(*state, BASE + MIB(3), 2, take_page);
	check(*state, BASE + GIB(2) + PAGES(5), 1, take_page);
	check(*state, BASE + GIB(2) + MIB(6), 0, take_page);
}

static int protect_page(struct cursor *cursor)
{
	int found = cursor_protect_next(cursor, PAGES(1),
					(struct prop_change){ .clear = PROP_WRITE }, NULL);

	return found > 0 ? 0 : found;
}

static void test_protect_next_without_memory_to_split_changes_nothing(void **state)
{
	check(*state, BASE + MIB(3), 2, protect_page);
	check(*state, BASE + GIB(2) + MIB(4) - PAGES(1), 1, protect_page);
	check(*state, BASE + GIB(2) + MIB(6), 0, protect_page);
}

static int unmap_range(struct cursor *cursor)
{
	uint64_t pages = 0;
	int error = cursor_unmap(cursor, GIB(1), NULL, &pages);

	assert_int_equal(pages, error ? 0 : 262144);
	return error;
}

static void test_unmap_without_memory_to_split_changes_nothing(void **state)
{
	check(*state, BASE + PAGES(1), 4, unmap_range);
	check(*state, BASE + MIB(2), 2, unmap_range);
	check(*state, BASE, 0, unmap_range);
}

static int protect_range(struct cursor *cursor)
{
	uint64_t pages = 0;
	int error = cursor_protect(cursor, GIB(1), (struct prop_change){ .clear = PROP_WRITE },
				   NULL, &pages);

	assert_int_equal(pages, error ? 0 : 262144);
	return error;
}

static void test_protect_without_memory_to_split_changes_nothing(void **state)
{
	check(*state, BASE + PAGES(1), 4, protect_range);
	check(*state, BASE + MIB(2), 2, protect_range);
	check(*state, BASE, 0, protect_range);
}

static int protect_two_large(struct cursor *cursor)
{
	return cursor_protect(cursor, MIB(2), (struct prop_change){ .clear = PROP_WRITE }, NULL,
			      NULL);
}

static void test_protect_across_two_tracked_leaves_without_memory_changes_nothing(void **state)
{
	check(*state, BASE + GIB(2) + PAGES(7), 2, protect_two_large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_map_without_memory_changes_nothing),
		TABLE_TEST(test_run_without_memory_is_undone),
		TABLE_TEST(test_run_of_mixed_leaves_without_memory_is_undone),
		TABLE_TEST(test_take_without_memory_to_split_changes_nothing),
		TABLE_TEST(test_protect_next_without_memory_to_split_changes_nothing),
		TABLE_TEST(test_unmap_without_memory_to_split_changes_nothing),
		TABLE_TEST(test_protect_without_memory_to_split_changes_nothing),
		TABLE_TEST(test_protect_across_two_tracked_leaves_without_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
