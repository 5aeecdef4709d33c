/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing cursors: which ranges, which nodes, and which locks (3.2, L-1; BUG-4, BUG-8,
 * BUG-10).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define TOP (UINT64_C(1) << 48)
#define HALF (UINT64_C(1) << 47)

static int try_open(struct table_fixture *fixture, uint64_t va, uint64_t len, unsigned min_level)
{
	struct cursor cursor;
	int error = cursor_open(&cursor, &fixture->table, VADDR(va), len, CURSOR_READ, min_level);

	if (error == 0) {
		assert_int_equal(cursor_virt_addr(&cursor).value, va);
		assert_int_equal(cursor_remaining(&cursor), len);
		cursor_close(&cursor);
	}
	assert_false(port_read_ongoing());
	return error;
}

/* V-2 */
static void test_range_is_aligned_not_empty_and_within_the_format(void **state)
{
	struct table_fixture *fixture = *state;
	bool ept = !fixture->table.format->sign_extended;

	assert_int_equal(try_open(fixture, 0, PAGE_SIZE, 1), 0);
	assert_int_equal(try_open(fixture, 0, HALF, 1), 0);
	assert_int_equal(try_open(fixture, HALF - PAGE_SIZE, PAGE_SIZE, 1), 0);
	assert_int_equal(try_open(fixture, 0, TOP, 1), ept ? 0 : -ERANGE);
	assert_int_equal(try_open(fixture, HALF, PAGE_SIZE, 1), ept ? 0 : -ERANGE);
	assert_int_equal(try_open(fixture, HALF - PAGE_SIZE, 2 * PAGE_SIZE, 1), ept ? 0 : -ERANGE);
	assert_int_equal(try_open(fixture, TOP - PAGE_SIZE, PAGE_SIZE, 1), ept ? 0 : -ERANGE);
	assert_int_equal(try_open(fixture, -HALF, HALF, 1), ept ? -ERANGE : 0);
	assert_int_equal(try_open(fixture, -PAGE_SIZE, PAGE_SIZE, 1), ept ? -ERANGE : 0);
	assert_int_equal(try_open(fixture, TOP, PAGE_SIZE, 1), -ERANGE);
	assert_int_equal(try_open(fixture, -HALF - PAGE_SIZE, PAGE_SIZE, 1), -ERANGE);
	assert_int_equal(try_open(fixture, PAGE_SIZE, TOP, 1), -ERANGE);
}

/* BUG-4 */
static void test_range_that_is_empty_or_wraps_is_refused(void **state)
{
	struct table_fixture *fixture = *state;

	assert_int_equal(try_open(fixture, 0, 0, 1), -EINVAL);
	assert_int_equal(try_open(fixture, -PAGE_SIZE, 0, 1), -EINVAL);
	assert_int_equal(try_open(fixture, PAGE_SIZE, -PAGE_SIZE, 1), -ERANGE);
	assert_int_equal(try_open(fixture, PAGE_SIZE, -2 * PAGE_SIZE, 1), -ERANGE);
	assert_int_equal(try_open(fixture, -PAGE_SIZE, 2 * PAGE_SIZE, 1), -ERANGE);
}

static void test_misaligned_range_or_level_that_is_none_is_refused(void **state)
{
	struct table_fixture *fixture = *state;

	assert_int_equal(try_open(fixture, 1, PAGE_SIZE, 1), -EINVAL);
	assert_int_equal(try_open(fixture, 0, PAGE_SIZE + 8, 1), -EINVAL);
	assert_int_equal(try_open(fixture, PAGE_SIZE / 2, PAGE_SIZE / 2, 1), -EINVAL);
	assert_int_equal(try_open(fixture, 0, PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(try_open(fixture, 0, PAGE_SIZE, 5), -EINVAL);
	assert_int_equal(try_open(fixture, 0, PAGE_SIZE, 4), 0);
}

static void test_reading_cursor_makes_no_nodes(void **state)
{
	struct table_fixture *fixture = *state;

	assert_int_equal(try_open(fixture, GIB(5), PAGE_SIZE, 1), 0);
	assert_int_equal(table_nodes(fixture), 1);
}

static void test_changing_cursor_makes_the_nodes_above_its_range(void **state)
{
	struct table_fixture *fixture = *state;
	static const struct {
		uint64_t va, len;
		unsigned guard;
	} cases[] = {
		{ 0, PAGE_SIZE, 1 },
		{ MIB(2) - PAGE_SIZE, 2 * PAGE_SIZE, 2 },
		{ MIB(4), MIB(2), 1 },
		{ MIB(4), MIB(4), 2 },
		{ GIB(1) - PAGE_SIZE, 2 * PAGE_SIZE, 3 },
		{ GIB(3), GIB(1), 2 },
		{ GIB(512) - PAGE_SIZE, 2 * PAGE_SIZE, 4 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cursor cursor =
			table_cursor(fixture, cases[i].va, cases[i].len, CURSOR_MUTATE, 1);

		assert_int_equal(cursor.guard_level, cases[i].guard);
		assert_int_equal(cursor.level, cases[i].guard);
		assert_int_equal(node_level(cursor.path[cursor.level]), cases[i].guard);
		cursor_close(&cursor);
		check_audit(fixture);
	}
	assert_int_equal(table_nodes(fixture), 1 + 1 + 2 + 2);
}

/* BUG-8 */
static void test_one_large_leaf_is_mapped_over_exactly_its_own_range(void **state)
{
	struct table_fixture *fixture = *state;

	for (unsigned level = 1; level <= 3; level++) {
		uint64_t size = level_size(level);
		struct cursor cursor = table_cursor(fixture, 5 * size, size, CURSOR_MUTATE, level);

		assert_int_equal(cursor.guard_level, level);
		assert_int_equal(cursor_map(&cursor, PADDR(3 * size), level, PROP_RW, false), 0);
		assert_int_equal(cursor_remaining(&cursor), 0);
		cursor_close(&cursor);
		assert_mapped(fixture, 6 * size - 1, PADDR(4 * size - 1), PROP_RW);
		check_audit(fixture);
	}
}

static void test_large_leaf_above_the_guard_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, MIB(2), CURSOR_MUTATE, 1);

	assert_int_equal(cursor.guard_level, 1);
	assert_int_equal(cursor_map(&cursor, PADDR(0), 2, PROP_RW, false), -EINVAL);
	assert_int_equal(cursor_map(&cursor, PADDR(0), 1, PROP_RW, false), 0);
	cursor_close(&cursor);
	check_audit(fixture);
}

static void test_guard_is_the_node_that_holds_a_large_leaf(void **state)
{
	struct table_fixture *fixture = *state;

	for (unsigned level = 2; level <= 3; level++)
		for (unsigned mode = CURSOR_READ; mode <= CURSOR_MUTATE; mode++) {
			struct cursor cursor;

			(void)table_map(fixture, GIB(level), PADDR(0), level, PROP_RW, false);
			cursor = table_cursor(fixture, GIB(level) + PAGE_SIZE, PAGE_SIZE, mode, 1);
			assert_int_equal(cursor.guard_level, level);
			cursor_close(&cursor);
		}
}

/*
 * Every node of the table is locked if it is the guard or below it, touches the range; and no
 * other.
 */
static unsigned assert_locks(struct table_fixture *fixture, const struct cursor *cursor,
			     struct pt_node node, unsigned level, uint64_t start)
{
	const struct pt_format *format = fixture->table.format;
	bool touches = start < cursor->end && cursor->start - start < level_size(level + 1);
	bool guarded = level < cursor->guard_level ||
		       node.slot == cursor->path[cursor->guard_level].slot;
	bool locked = cursor->mode == CURSOR_READ ? lock_readers(&node.slot->lock) == 1 :
						    lock_owner(&node.slot->lock) == port_thread();
	unsigned nr_locked = locked;

	touches |= start >= cursor->start && start < cursor->end;
	assert_int_equal(locked, touches && guarded);
	for (unsigned index = 0; level > 1 && index < NODE_ENTRIES; index++) {
		pte_t pte = node_read(node, index);

		if (pte_kind(format, pte, level) == PTE_NODE)
			nr_locked += assert_locks(fixture, cursor,
						  node_at(fixture->domain, pte_paddr(format, pte)),
						  level - 1, start + index * level_size(level));
	}
	return nr_locked;
}

/* L-1, L-4 */
static void test_cursor_locks_the_nodes_that_its_range_touches_and_no_other(void **state)
{
	struct table_fixture *fixture = *state;
	static const struct {
		uint64_t va, len;
		unsigned nr_locked;
	} cases[] = {
		{ 0, PAGE_SIZE, 1 },
		{ MIB(2) - PAGE_SIZE, 2 * PAGE_SIZE, 3 },
		{ PAGE_SIZE, MIB(6) - 2 * PAGE_SIZE, 4 },
		{ MIB(2), MIB(2), 1 },
		{ MIB(2), MIB(4), 3 },
		{ 0, MIB(8), 5 },
		{ GIB(1) - PAGE_SIZE, PAGE_SIZE * 2, 4 },
		{ 0, GIB(2), 8 },
		{ 0, GIB(512), 8 },
		{ 0, GIB(513), 9 },
	};

	for (uint64_t va = 0; va < MIB(8); va += MIB(2))
		assert_int_equal(table_map(fixture, va, PADDR(0), 1, PROP_RW, false), 0);
	assert_int_equal(table_map(fixture, GIB(1), PADDR(0), 1, PROP_RW, false), 0);
	for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		struct cursor cursor = table_cursor(fixture, cases[i / 2].va, cases[i / 2].len,
						    i % 2 ? CURSOR_READ : CURSOR_MUTATE, 1);

		assert_int_equal(assert_locks(fixture, &cursor, fixture->table.root, 4, 0),
				 cases[i / 2].nr_locked);
		cursor_close(&cursor);
		check_audit(fixture);
	}
}

static void test_cursor_is_a_read_section_until_it_closes(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	assert_false(port_read_ongoing());
	cursor = table_cursor(fixture, 0, PAGE_SIZE, CURSOR_MUTATE, 1);
	assert_true(port_read_ongoing());
	cursor_close(&cursor);
	assert_false(port_read_ongoing());
}

/* BUG-10, L-0 */
static void test_second_cursor_of_a_thread_on_the_same_range_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	static const struct {
		uint64_t va, len;
	} first[] = { { MIB(2), PAGE_SIZE }, { 0, MIB(16) }, { MIB(2), MIB(4) } },
	  second[] = { { MIB(2), PAGE_SIZE }, { 0, GIB(1) }, { MIB(2), KIB(8) } };

	for (unsigned i = 0; i < 9; i++) {
		struct cursor outer =
			table_cursor(fixture, first[i % 3].va, first[i % 3].len, CURSOR_MUTATE, 1);
		struct cursor inner;

		assert_int_equal(cursor_open(&inner, &fixture->table, VADDR(second[i / 3].va),
					     second[i / 3].len, i & 1 ? CURSOR_READ : CURSOR_MUTATE,
					     1),
				 -EDEADLK);
		assert_true(port_read_ongoing());
		assert_int_equal(cursor_map(&outer, PADDR(0), 1, PROP_RW, false), 0);
		cursor_close(&outer);
		assert_false(port_read_ongoing());
		check_audit(fixture);
		table_unmap(fixture, 0, MIB(16));
	}
}

/* BUG-10, BUG-11: the node is what is locked. */
static void test_second_cursor_of_a_thread_in_the_same_node_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor outer = table_cursor(fixture, 0, PAGE_SIZE, CURSOR_MUTATE, 1);
	struct cursor inner;

	assert_int_equal(cursor_open(&inner, &fixture->table, VADDR(MIB(1)), PAGE_SIZE,
				     CURSOR_MUTATE, 1),
			 -EDEADLK);
	inner = table_cursor(fixture, MIB(2), PAGE_SIZE, CURSOR_MUTATE, 1);
	cursor_close(&outer);
	assert_true(port_read_ongoing());
	cursor_close(&inner);
	check_audit(fixture);
}

static void test_open_without_memory_locks_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	for (unsigned left = 0; left < 3; left++) {
		table_leave(fixture, left);
		assert_int_equal(cursor_open(&cursor, &fixture->table, VADDR(GIB(512) * left),
					     PAGE_SIZE, CURSOR_MUTATE, 1),
				 -ENOMEM);
		assert_false(port_read_ongoing());
		check_audit(fixture);
		table_refill(fixture);
	}
	table_leave(fixture, 3);
	cursor = table_cursor(fixture, GIB(512) * 100, PAGE_SIZE, CURSOR_MUTATE, 1);
	cursor_close(&cursor);
	check_audit(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_range_is_aligned_not_empty_and_within_the_format),
		TABLE_TEST(test_range_that_is_empty_or_wraps_is_refused),
		TABLE_TEST(test_misaligned_range_or_level_that_is_none_is_refused),
		TABLE_TEST(test_reading_cursor_makes_no_nodes),
		TABLE_TEST(test_changing_cursor_makes_the_nodes_above_its_range),
		TABLE_TEST(test_one_large_leaf_is_mapped_over_exactly_its_own_range),
		TABLE_TEST(test_large_leaf_above_the_guard_is_refused),
		TABLE_TEST(test_guard_is_the_node_that_holds_a_large_leaf),
		TABLE_TEST(test_cursor_locks_the_nodes_that_its_range_touches_and_no_other),
		TABLE_TEST(test_cursor_is_a_read_section_until_it_closes),
		TABLE_TEST(test_second_cursor_of_a_thread_on_the_same_range_is_refused),
		TABLE_TEST(test_second_cursor_of_a_thread_in_the_same_node_is_refused),
		TABLE_TEST(test_open_without_memory_locks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
