/* SPDX-License-Identifier: MIT */
/*
 * Rules of cursors at the edges of nodes and of what they are given: what is only partly inside,
 * what lies behind the last entry of several nodes, and nodes that were hidden, or wanted by
 * another, while a cursor opened.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

static const struct prop_change to_read_only = { .clear = PROP_WRITE };

/* C-9: behind the last page of a node, of its parent, and of that one's parent. */
static void test_cursor_goes_on_where_nodes_of_several_levels_end(void **state)
{
	static const uint64_t ends[] = { MIB(2), GIB(1), GIB(512) };
	struct table_fixture *fixture = *state;

	for (unsigned i = 0; i < 3; i++) {
		uint64_t start = ends[i] - PAGES(1);
		struct cursor cursor = table_cursor(fixture, start, PAGES(2), CURSOR_MUTATE, 1);

		for (unsigned page = 0; page < 2; page++)
			assert_int_equal(
				cursor_map(&cursor, PADDR(PAGES(i + page)), 1, PROP_RW, false), 0);
		cursor_close(&cursor);
		assert_mapped(fixture, start, PADDR(PAGES(i)), PROP_RW);
		assert_mapped(fixture, start + PAGES(1), PADDR(PAGES(i + 1)), PROP_RW);
		assert_int_equal(table_protect(fixture, start, PAGES(2), to_read_only), 2);
		assert_int_equal(table_unmap(fixture, start, PAGES(2)), 2);
	}
}

/* C-4: what begins here and ends behind the length is not inside it. */
static void test_first_pages_of_a_large_leaf_or_a_node_are_a_part_of_it(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct pt_mapping leaf;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, 0, PADDR(0), 2, PROP_RW, false), 0);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_protect_next(&cursor, PAGES(1), to_read_only, &leaf), 1);
	assert_int_equal(leaf.len, PAGES(1));
	assert_int_equal(cursor_jump(&cursor, VADDR(0)), 0);
	assert_int_equal(cursor_take_next(&cursor, PAGES(1), &fragment), 1);
	assert_int_equal(fragment.kind, FRAGMENT_LEAF);
	assert_int_equal(fragment.len, PAGES(1));
	fragment_drop(&fragment);
	cursor_close(&cursor);
	assert_unmapped(fixture, 0);
	assert_mapped(fixture, PAGES(1), PADDR(PAGES(1)), PROP_RW);
	assert_int_equal(table_unmap(fixture, 0, MIB(2)), 511);
}

/* P-12: a change of properties does not change who owns the frames. */
static void test_protect_of_a_range_keeps_who_owns_the_frames(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, PAGES(1), PADDR(0), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, 0, PAGES(2), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_protect(&cursor, PAGES(2), to_read_only, NULL, NULL), 0);
	cursor_close(&cursor);
	assert_true(table_look(fixture, 0).tracked);
	assert_false(table_look(fixture, PAGES(1)).tracked);
	assert_int_equal(table_unmap(fixture, 0, PAGES(2)), 2);
}

static void count_flush(void *context, vaddr_t start, uint64_t len)
{
	(void)start;
	(void)len;
	++*(unsigned *)context;
}

/* V-7 */
static void test_change_of_a_range_where_nothing_is_does_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, GIB(1), CURSOR_MUTATE, 1);
	unsigned nr_flushes = 0;
	struct range_flush flush = { count_flush, &nr_flushes };
	uint64_t pages = 1;

	assert_int_equal(cursor_unmap(&cursor, MIB(4), &flush, &pages), 0);
	assert_int_equal(pages, 0);
	pages = 1;
	assert_int_equal(cursor_protect(&cursor, MIB(4), to_read_only, &flush, &pages), 0);
	assert_int_equal(pages, 0);
	assert_int_equal(nr_flushes, 0);
	assert_int_equal(cursor_virt_addr(&cursor).value, MIB(8));
	cursor_close(&cursor);
}

/*
 * L-1: a guest hides an entry while the cursor opens, and shows it again. The node below is not
 * locked, so the cursor must not go there by any way.
 */
static void test_node_that_was_hidden_while_the_cursor_opened_is_not_entered(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct pt_mapping mapping;
	struct cursor cursor;
	_Atomic uint64_t *entry;
	uint64_t shown;

	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	assert_int_equal(table_map(fixture, MIB(2), PADDR(0), 1, PROP_RW, false), 0);
	entry = &table_node(fixture, 0, 2).entries[1];
	shown = atomic_exchange(entry, 0);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	atomic_store(entry, shown);
	assert_int_equal(lock_owner(&table_node(fixture, MIB(2), 1).slot->lock), 0);

	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2))), 0);
	assert_int_equal(cursor_query(&cursor, &mapping), -EUCLEAN);
	assert_int_equal(cursor_find_next(&cursor, MIB(2)), -EUCLEAN);
	assert_int_equal(cursor_map(&cursor, PADDR(0), 1, PROP_RW, false), -EUCLEAN);
	assert_int_equal(cursor_protect(&cursor, MIB(2), to_read_only, NULL, NULL), -EUCLEAN);
	assert_int_equal(cursor_take_next(&cursor, MIB(2), &fragment), -EUCLEAN);
	assert_int_equal(cursor_unmap(&cursor, MIB(2), NULL, NULL), -EUCLEAN);
	assert_int_equal(cursor_harvest(&cursor, MIB(2), PROP_DIRTY, NULL, NULL), -EUCLEAN);
	assert_int_equal(cursor_reclaim(&cursor, MIB(2), NULL), -EUCLEAN);
	assert_int_equal(cursor_coalesce(&cursor, 2, NULL), -EUCLEAN);
	cursor_close(&cursor);
	assert_mapped(fixture, MIB(2), PADDR(0), PROP_RW);
	check_audit(fixture);
}

struct opener {
	struct table_fixture *fixture;
	_Atomic bool over;
	int error;
	pthread_t thread;
};

static void *open_wide(void *argument)
{
	struct opener *opener = argument;
	struct cursor cursor;

	opener->error =
		cursor_open(&cursor, &opener->fixture->table, VADDR(0), GIB(2), CURSOR_READ, 1);
	if (opener->error == 0)
		cursor_close(&cursor);
	atomic_store(&opener->over, true);
	return NULL;
}

/* L-3: who waits for a node has locked nothing below it, for its owner may come to want that. */
static void test_node_is_locked_before_those_below_it(void **state)
{
	struct table_fixture *fixture = *state;
	struct opener opener = { .fixture = fixture };
	struct pt_node below, above;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	assert_int_equal(table_map(fixture, MIB(4), PADDR(0), 1, PROP_RW, false), 0);
	below = table_node(fixture, 0, 1);
	above = table_node(fixture, 0, 3);
	/* The guard is the node of level 2; its first child is not ours. */
	cursor = table_cursor(fixture, MIB(4), MIB(4), CURSOR_MUTATE, 1);
	assert_int_equal(pthread_create(&opener.thread, NULL, open_wide, &opener), 0);
	while (lock_is_free(&above.slot->lock))
		sched_yield();
	for (unsigned i = 0; i < 2000; i++) {
		assert_true(lock_is_free(&below.slot->lock));
		sched_yield();
	}
	assert_false(atomic_load(&opener.over));
	cursor_close(&cursor);
	assert_int_equal(pthread_join(opener.thread, NULL), 0);
	assert_int_equal(opener.error, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_cursor_goes_on_where_nodes_of_several_levels_end),
		TABLE_TEST(test_first_pages_of_a_large_leaf_or_a_node_are_a_part_of_it),
		TABLE_TEST(test_protect_of_a_range_keeps_who_owns_the_frames),
		TABLE_TEST(test_change_of_a_range_where_nothing_is_does_nothing),
		TABLE_TEST(test_node_that_was_hidden_while_the_cursor_opened_is_not_entered),
		TABLE_TEST(test_node_is_locked_before_those_below_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
