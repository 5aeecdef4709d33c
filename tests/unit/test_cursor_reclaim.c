/* SPDX-License-Identifier: MIT */
/*
 * Reclaim of nodes that have no children (C-12, 9.6.5; L-5, T-5).
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

static uint64_t free_frames(const struct table_fixture *fixture)
{
	return allocator_free_frames(fixture->domain);
}

/* Leaves an empty node of `level` and those above it behind. */
static void make_empty(struct table_fixture *fixture, uint64_t va, unsigned level)
{
	uint64_t size = level_size(level);

	assert_int_equal(table_map(fixture, va, PADDR(0), level, PROP_RW, false), 0);
	assert_int_equal(table_unmap(fixture, va, size), level_pages(level));
	assert_int_equal(table_node(fixture, va, level).slot->nr_children, 0);
}

/* What was flushed, and that nothing had been deferred before. */
struct flushes {
	struct table_fixture *fixture;
	unsigned nr;
	uint64_t start[8];
	uint64_t len[8];
	uint64_t deferred; /* at the last flush */
};

static void note_flush(void *context, vaddr_t start, uint64_t len)
{
	struct flushes *flushes = context;

	assert_in_range(flushes->nr, 0, 7);
	flushes->start[flushes->nr] = start.value;
	flushes->len[flushes->nr++] = len;
	flushes->deferred = atomic_load(&flushes->fixture->domain->nr_deferred);
}

/* Reclaims all of a range through a cursor of its own; audited. */
static struct flushes reclaim(struct table_fixture *fixture, uint64_t va, uint64_t len,
			      unsigned min_level)
{
	struct flushes flushes = { .fixture = fixture };
	const struct range_flush flush = { note_flush, &flushes };
	struct view before = table_view(fixture);
	struct cursor cursor = table_cursor(fixture, va, len, CURSOR_MUTATE, min_level);

	assert_int_equal(cursor_reclaim(&cursor, len, &flush), 0);
	assert_int_equal(at(&cursor), va);
	cursor_close(&cursor);
	assert_view(fixture, &before);
	check_audit(fixture);
	return flushes;
}

static void test_empty_nodes_are_unlinked_bottom_up_and_freed_after_grace(void **state)
{
	struct table_fixture *fixture = *state;
	struct flushes flushes;
	struct pt_node node;

	make_empty(fixture, GIB(1) + MIB(4), 1);
	node = table_node(fixture, GIB(1) + MIB(4), 1);
	assert_int_equal(table_nodes(fixture), 4);
	flushes = reclaim(fixture, 0, GIB(2), 1);
	/* The guard, one below the root, stays. */
	assert_int_equal(table_nodes(fixture), 2);
	assert_true(node.slot->stray);
	assert_int_equal(lock_owner(&node.slot->lock), 0);
	assert_int_equal(flushes.nr, 1);
	assert_int_equal(flushes.start[0], GIB(1));
	assert_int_equal(flushes.len[0], GIB(1));
	/* T-5 */
	assert_int_equal(flushes.deferred, 0);
	assert_int_equal(atomic_load(&fixture->domain->nr_deferred), 2);
	domain_reclaim(fixture->domain);
	assert_int_equal(free_frames(fixture), TABLE_POOL_FRAMES - 2);
	check_audit(fixture);
}

static void test_nodes_that_map_something_stay(void **state)
{
	struct table_fixture *fixture = *state;
	struct flushes flushes;

	make_empty(fixture, 0, 1);
	make_empty(fixture, MIB(2), 1);
	assert_int_equal(table_map(fixture, MIB(4), guest_paddr(0), 1, PROP_RW, true), 0);
	make_empty(fixture, MIB(6), 1);
	make_empty(fixture, GIB(1), 1);
	assert_int_equal(table_nodes(fixture), 3 + 4 + 2);
	flushes = reclaim(fixture, 0, GIB(4), 1);
	assert_int_equal(table_nodes(fixture), 4);
	assert_int_equal(flushes.nr, 3);
	assert_int_equal(flushes.start[0], 0);
	assert_int_equal(flushes.len[0], MIB(4));
	assert_int_equal(flushes.start[1], MIB(6));
	assert_int_equal(flushes.len[1], MIB(2));
	assert_int_equal(flushes.start[2], GIB(1));
	assert_int_equal(flushes.len[2], GIB(1));
	assert_mapped(fixture, MIB(4), guest_paddr(0), PROP_RW);
	domain_reclaim(fixture->domain);
	assert_int_equal(free_frames(fixture), TABLE_POOL_FRAMES - 4);
}

static void test_only_what_the_range_touches_is_reclaimed(void **state)
{
	struct table_fixture *fixture = *state;
	struct flushes flushes;

	for (unsigned i = 0; i < 4; i++)
		make_empty(fixture, MIB(2 * i), 1);
	flushes = reclaim(fixture, MIB(4) - PAGES(1), PAGES(2), 1);
	assert_int_equal(table_nodes(fixture), 3 + 2);
	assert_int_equal(flushes.nr, 1);
	assert_int_equal(flushes.start[0], MIB(2));
	assert_int_equal(flushes.len[0], MIB(4));
	/* Their neighbours stay. */
	assert_false(table_node(fixture, 0, 1).slot->stray);
	assert_false(table_node(fixture, MIB(6), 1).slot->stray);
}

static void test_guard_stays_and_a_level_hint_reaches_it(void **state)
{
	struct table_fixture *fixture = *state;

	make_empty(fixture, MIB(2), 1);
	assert_int_equal(reclaim(fixture, MIB(2), PAGES(1), 1).nr, 0);
	assert_int_equal(table_nodes(fixture), 4);
	assert_int_equal(reclaim(fixture, MIB(2), PAGES(1), 2).nr, 1);
	assert_int_equal(table_nodes(fixture), 3);
	assert_int_equal(reclaim(fixture, MIB(2), PAGES(1), 4).nr, 1);
	assert_int_equal(table_nodes(fixture), 1);
}

/* The cursor goes on in nodes that are there. */
static void test_range_is_used_again_under_the_cursor_that_reclaimed_it(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;
	struct pt_mapping mapping;

	make_empty(fixture, MIB(2), 1);
	cursor = table_cursor(fixture, MIB(2), MIB(4), CURSOR_MUTATE, 2);
	assert_int_equal(cursor_query(&cursor, &mapping), 0);
	assert_int_equal(mapping.level, 1);
	assert_int_equal(cursor_map(&cursor, PADDR(MIB(2)), 2, PROP_RW, false), -EEXIST);
	assert_int_equal(cursor_reclaim(&cursor, MIB(4), NULL), 0);
	assert_int_equal(cursor_query(&cursor, &mapping), 0);
	assert_false(mapping.present);
	assert_int_equal(mapping.level, 2);
	assert_int_equal(cursor_map(&cursor, PADDR(MIB(2)), 2, PROP_RW, false), 0);
	assert_int_equal(cursor_map(&cursor, PADDR(PAGES(3)), 1, PROP_RW, false), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(4) + PAGES(1))), 0);
	assert_int_equal(cursor_reclaim(&cursor, PAGES(1), NULL), 0);
	assert_int_equal(at(&cursor), MIB(4) + PAGES(1));
	cursor_close(&cursor);
	check_audit(fixture);
	assert_mapped(fixture, MIB(4), PADDR(PAGES(3)), PROP_RW);
	assert_mapped(fixture, MIB(2), PADDR(MIB(2)), PROP_RW);
}

static void test_reclaim_that_cannot_be_is_refused_and_changes_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	make_empty(fixture, 0, 1);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_READ, 1);
	assert_int_equal(cursor_reclaim(&cursor, MIB(4), NULL), -EINVAL);
	cursor_close(&cursor);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_reclaim(&cursor, 1, NULL), -EINVAL);
	assert_int_equal(cursor_reclaim(&cursor, MIB(4) + PAGES(1), NULL), -ERANGE);
	assert_int_equal(cursor_reclaim(&cursor, -PAGES(1), NULL), -ERANGE);
	assert_int_equal(cursor_reclaim(&cursor, 0, NULL), 0);
	cursor_close(&cursor);
	assert_int_equal(table_nodes(fixture), 4);
}

/* Of a range that goes up to the end of the address space, nothing wraps (BUG-2). */
static void test_last_nodes_of_the_address_space_are_reclaimed(void **state)
{
	struct table_fixture *fixture = *state;
	unsigned bits = format_address_bits(fixture->table.format);
	uint64_t top = fixture->table.format->sign_extended ? 0 : UINT64_C(1) << bits;

	make_empty(fixture, top - PAGES(1), 1);
	assert_int_equal(reclaim(fixture, top - GIB(3), GIB(3), 4).nr, 1);
	assert_int_equal(table_nodes(fixture), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_empty_nodes_are_unlinked_bottom_up_and_freed_after_grace),
		TABLE_TEST(test_nodes_that_map_something_stay),
		TABLE_TEST(test_only_what_the_range_touches_is_reclaimed),
		TABLE_TEST(test_guard_stays_and_a_level_hint_reaches_it),
		TABLE_TEST(test_range_is_used_again_under_the_cursor_that_reclaimed_it),
		TABLE_TEST(test_reclaim_that_cannot_be_is_refused_and_changes_nothing),
		TABLE_TEST(test_last_nodes_of_the_address_space_are_reclaimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
