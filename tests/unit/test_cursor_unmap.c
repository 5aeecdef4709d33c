/* SPDX-License-Identifier: MIT */
/*
 * Taking leaves and whole sub-trees out of a table (C-7, 3.3; BUG-7).
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

static void map_linear(struct table_fixture *fixture, uint64_t va, uint64_t len)
{
	struct cursor cursor = table_cursor(fixture, va, len, CURSOR_MUTATE, 3);

	assert_int_equal(cursor_map_run(&cursor, PADDR(va), len, 0, PROP_RW, false), 0);
	cursor_close(&cursor);
}

static uint64_t free_frames(const struct table_fixture *fixture)
{
	return allocator_free_frames(fixture->domain);
}

static void test_taken_leaf_is_what_was_mapped_and_owns_its_frame(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;
	struct pt_fragment fragment;

	assert_int_equal(table_map(fixture, PAGES(7), guest_paddr(0), 1, PROP_RX, true), 0);
	cursor = table_cursor(fixture, 0, PAGES(10), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_take_next(&cursor, PAGES(10), &fragment), 1);
	assert_int_equal(at(&cursor), PAGES(8));
	assert_int_equal(fragment.kind, FRAGMENT_LEAF);
	assert_int_equal(fragment.start.value, PAGES(7));
	assert_int_equal(fragment.len, PAGES(1));
	assert_int_equal(fragment.pages, 1);
	assert_true(fragment.leaf.present);
	assert_true(fragment.leaf.tracked);
	assert_int_equal(fragment.leaf.start.value, PAGES(7));
	assert_int_equal(fragment.leaf.len, PAGES(1));
	assert_int_equal(fragment.leaf.level, 1);
	assert_int_equal(fragment.leaf.paddr.value, guest_paddr(0).value);
	assert_int_equal(fragment.leaf.prop.bits, PROP_RX.bits);
	assert_int_equal(cursor_take_next(&cursor, PAGES(2), &fragment), 0);
	cursor_close(&cursor);
	assert_unmapped(fixture, PAGES(7));
	table_received(fixture, guest_paddr(0), 1);
	check_audit(fixture);
	table_passed(fixture, guest_paddr(0), 1);
	fragment_drop(&fragment);
	check_audit(fixture);
	assert_int_equal(domain_fixture_state(&fixture->base, TABLE_GUEST_FIRST), SLOT_UNUSED);
}

static void test_take_where_nothing_is_moves_behind_its_length(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, GIB(2), CURSOR_MUTATE, 1);
	struct pt_fragment fragment;

	assert_int_equal(cursor_take_next(&cursor, PAGES(3), &fragment), 0);
	assert_int_equal(at(&cursor), PAGES(3));
	assert_int_equal(cursor_take_next(&cursor, 0, &fragment), 0);
	assert_int_equal(cursor_take_next(&cursor, cursor_remaining(&cursor), &fragment), 0);
	assert_int_equal(at(&cursor), GIB(2));
	cursor_close(&cursor);
	assert_int_equal(table_nodes(fixture), 2);
}

static void test_take_that_cannot_be_is_refused_and_does_not_move(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, MIB(2), PADDR(0), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, MIB(2), MIB(2), CURSOR_READ, 1);
	assert_int_equal(cursor_take_next(&cursor, PAGES(1), &fragment), -EINVAL);
	cursor_close(&cursor);
	cursor = table_cursor(fixture, MIB(2), MIB(2), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_take_next(&cursor, PAGES(1) - 1, &fragment), -EINVAL);
	assert_int_equal(cursor_take_next(&cursor, MIB(2) + PAGES(1), &fragment), -ERANGE);
	assert_int_equal(cursor_take_next(&cursor, -PAGES(1), &fragment), -ERANGE);
	assert_int_equal(at(&cursor), MIB(2));
	cursor_close(&cursor);
	assert_mapped(fixture, MIB(2), PADDR(0), PROP_RW);
	check_audit(fixture);
}

static void test_second_unmap_is_harmless(void **state)
{
	struct table_fixture *fixture = *state;

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_unmap(fixture, 0, PAGES(1)), 1);
	assert_int_equal(table_unmap(fixture, 0, PAGES(1)), 0);
	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
}

static void test_subtree_within_the_range_comes_out_whole(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct cursor cursor;
	uint64_t nr_free;

	assert_int_equal(table_map(fixture, MIB(2) + PAGES(3), guest_paddr(0), 1, PROP_RW, true),
			 0);
	nr_free = free_frames(fixture);
	cursor = table_cursor(fixture, 0, GIB(1), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_take_next(&cursor, GIB(1), &fragment), 1);
	assert_int_equal(fragment.kind, FRAGMENT_SUBTREE);
	assert_int_equal(fragment.start.value, MIB(2));
	assert_int_equal(fragment.len, MIB(2));
	assert_int_equal(fragment.pages, 1);
	assert_int_equal(at(&cursor), MIB(4));
	assert_true(fragment.node.slot->stray);
	assert_int_equal(lock_owner(&fragment.node.slot->lock), port_thread());
	assert_int_equal(cursor_take_next(&cursor, cursor_remaining(&cursor), &fragment), 0);
	cursor_close(&cursor);
	assert_int_equal(lock_owner(&fragment.node.slot->lock), 0);
	fragment_drop(&fragment);
	/* It waits for a grace period, and keeps its frame alive meanwhile. */
	check_audit(fixture);
	assert_int_equal(slot_count(&fixture->domain->slots[TABLE_GUEST_FIRST]), 1);
	domain_reclaim(fixture->domain);
	check_audit(fixture);
	assert_int_equal(domain_fixture_state(&fixture->base, TABLE_GUEST_FIRST), SLOT_UNUSED);
	assert_int_equal(free_frames(fixture), nr_free + 1);
}

/* BUG-7 */
static void test_pages_of_a_subtree_include_those_of_large_leaves(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node below[3];
	struct pt_fragment fragment;
	struct cursor cursor;

	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(table_map(fixture, GIB(1) + PAGES(i * 3), guest_paddr(PAGES(i)), 1,
					   PROP_RW, true),
				 0);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(table_map(fixture, GIB(1) + MIB(2 * i), guest_paddr(MIB(2 * i)), 2,
					   PROP_RW, true),
				 0);
	assert_int_equal(table_map(fixture, GIB(2), PADDR(0), 3, PROP_RW, false), 0);
	for (unsigned i = 0; i < 3; i++)
		below[i] = table_node(fixture, GIB(1), i + 1);
	cursor = table_cursor(fixture, 0, GIB(512) * 2, CURSOR_MUTATE, 1);
	assert_int_equal(cursor_take_next(&cursor, GIB(512), &fragment), 1);
	assert_int_equal(fragment.kind, FRAGMENT_SUBTREE);
	assert_int_equal(fragment.len, GIB(512));
	assert_int_equal(fragment.pages, 5 + 3 * 512 + 262144);
	for (unsigned i = 0; i < 3; i++)
		assert_true(below[i].slot->stray);
	fragment_drop(&fragment);
	cursor_close(&cursor);
	domain_reclaim(fixture->domain);
	check_audit(fixture);
	assert_int_equal(table_nodes(fixture), 1);
	assert_int_equal(free_frames(fixture), TABLE_POOL_FRAMES - 1);
}

static void test_empty_subtree_comes_out_too_and_counts_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, MIB(4), PAGE_SIZE, CURSOR_MUTATE, 1);
	struct pt_fragment fragment;

	cursor_close(&cursor);
	cursor = table_cursor(fixture, 0, MIB(8), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_take_next(&cursor, MIB(8), &fragment), 1);
	assert_int_equal(fragment.kind, FRAGMENT_SUBTREE);
	assert_int_equal(fragment.start.value, MIB(4));
	assert_int_equal(fragment.pages, 0);
	fragment_drop(&fragment);
	cursor_close(&cursor);
	check_audit(fixture);
}

static void test_large_leaf_within_the_range_comes_out_whole(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;

	for (unsigned level = 2; level <= 3; level++) {
		uint64_t size = level_size(level);
		uint64_t nodes;
		struct cursor cursor;

		assert_int_equal(
			table_map(fixture, 4 * size, PADDR(8 * size), level, PROP_RW, false), 0);
		nodes = table_nodes(fixture);
		cursor = table_cursor(fixture, 4 * size, size, CURSOR_MUTATE, 1);
		assert_int_equal(cursor_take_next(&cursor, size, &fragment), 1);
		cursor_close(&cursor);
		assert_int_equal(fragment.kind, FRAGMENT_LEAF);
		assert_int_equal(fragment.leaf.level, level);
		assert_int_equal(fragment.len, size);
		assert_int_equal(fragment.pages, level_pages(level));
		assert_int_equal(table_nodes(fixture), nodes);
		fragment_drop(&fragment);
		check_audit(fixture);
	}
}

/* A large leaf that does not lie wholly inside is split; what is outside stays as it was. */
static void test_unmap_of_a_part_of_a_large_leaf_keeps_the_rest(void **state)
{
	struct table_fixture *fixture = *state;

	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(0), 2, PROP_RW, true), 0);
	assert_int_equal(table_unmap(fixture, MIB(2) + PAGES(5), PAGES(3)), 3);
	for (unsigned i = 0; i < 512; i++) {
		bool gone = i >= 5 && i < 8;

		if (gone)
			assert_unmapped(fixture, MIB(2) + PAGES(i));
		else
			assert_mapped(fixture, MIB(2) + PAGES(i), guest_paddr(PAGES(i)), PROP_RW);
		assert_int_equal(slot_count(&fixture->domain->slots[TABLE_GUEST_FIRST + i]), !gone);
	}
	assert_int_equal(table_unmap(fixture, MIB(2), MIB(2)), 509);
}

static void test_unmap_of_one_page_of_a_gib_splits_twice(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t hole = GIB(1) + MIB(700) + PAGES(9);
	struct view view;

	assert_int_equal(table_map(fixture, GIB(1), PADDR(GIB(1)), 3, PROP_RW, true), 0);
	assert_int_equal(table_unmap(fixture, hole, PAGES(1)), 1);
	assert_int_equal(table_nodes(fixture), 4);
	view = table_view(fixture);
	assert_int_equal(view.nr_runs, 2);
	assert_int_equal(view.runs[0].start, GIB(1));
	assert_int_equal(view.runs[0].len, hole - GIB(1));
	assert_int_equal(view.runs[1].start, hole + PAGES(1));
	assert_int_equal(view.runs[1].paddr, hole + PAGES(1));
	assert_int_equal(view.runs[1].start + view.runs[1].len, GIB(2));
	assert_int_equal(table_unmap(fixture, 0, GIB(4)), 262143);
}

static void test_unmap_within_a_run_of_mixed_leaves_takes_exactly_its_range(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t start = GIB(1) - MIB(2) - PAGES(3), len = GIB(1) + MIB(6) + PAGES(7);

	map_linear(fixture, start, len);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t va = start + align_down(len / 20 * i, PAGE_SIZE);

		assert_int_equal(table_unmap(fixture, va, PAGES(1)), 1);
		assert_unmapped(fixture, va);
		assert_mapped(fixture, va + PAGES(1), PADDR(va + PAGES(1)), PROP_RW);
		if (i > 0)
			assert_mapped(fixture, va - 1, PADDR(va - 1), PROP_RW);
	}
	assert_int_equal(table_unmap(fixture, 0, GIB(4)), (len >> PAGE_SHIFT) - 20);
	assert_int_equal(table_view(fixture).nr_runs, 0);
}

static void test_range_is_mapped_again_under_the_cursor_that_took_it(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, MIB(2) + PAGES(1), PADDR(0), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, MIB(2), MIB(4), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_take_next(&cursor, MIB(4), &fragment), 1);
	fragment_drop(&fragment);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2))), 0);
	assert_int_equal(cursor_map(&cursor, PADDR(MIB(8)), 2, PROP_RO, false), 0);
	assert_int_equal(cursor_map(&cursor, PADDR(PAGES(1)), 1, PROP_RO, false), 0);
	cursor_close(&cursor);
	check_audit(fixture);
	assert_mapped(fixture, MIB(2), PADDR(MIB(8)), PROP_RO);
	assert_mapped(fixture, MIB(4), PADDR(PAGES(1)), PROP_RO);
}

/* BUG-9: accessed and dirty bits are those at the moment of removal. */
static void test_taken_leaf_has_the_bits_that_hardware_set(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct cursor cursor;
	uint64_t with, without;

	assert_int_equal(format_leaf_bits(fixture->table.format, 1, PROP_RW, false, &without), 0);
	assert_int_equal(format_leaf_bits(fixture->table.format, 1,
					  PROP(PROP_RW.bits | PROP_ACCESSED | PROP_DIRTY), false,
					  &with),
			 0);
	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, 0, PAGES(1), CURSOR_MUTATE, 1);
	atomic_fetch_or(&table_node(fixture, 0, 1).entries[0], with ^ without);
	assert_int_equal(cursor_take_next(&cursor, PAGES(1), &fragment), 1);
	assert_int_equal(fragment.leaf.prop.bits, PROP_RW.bits | PROP_ACCESSED | PROP_DIRTY);
	cursor_close(&cursor);
	fragment_drop(&fragment);
}

static void test_too_many_deferred_nodes_are_freed_when_a_cursor_closes(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct cursor cursor;

	for (unsigned i = 0; i <= NODE_DEFERRED_MAX; i++)
		assert_int_equal(table_map(fixture, MIB(2 * i), PADDR(0), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, 0, GIB(1), CURSOR_MUTATE, 1);
	while (cursor_take_next(&cursor, cursor_remaining(&cursor), &fragment) > 0)
		fragment_drop(&fragment);
	assert_int_equal(atomic_load(&fixture->domain->nr_deferred), NODE_DEFERRED_MAX + 1);
	cursor_close(&cursor);
	assert_int_equal(atomic_load(&fixture->domain->nr_deferred), 0);
	assert_int_equal(free_frames(fixture), TABLE_POOL_FRAMES - 3);
	check_audit(fixture);
}

static void test_deferred_nodes_wait_while_another_section_is_open(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct cursor cursor;

	for (unsigned i = 0; i <= NODE_DEFERRED_MAX; i++)
		assert_int_equal(table_map(fixture, MIB(2 * i), PADDR(0), 1, PROP_RW, false), 0);
	port_read_lock();
	cursor = table_cursor(fixture, 0, GIB(1), CURSOR_MUTATE, 1);
	while (cursor_take_next(&cursor, cursor_remaining(&cursor), &fragment) > 0)
		fragment_drop(&fragment);
	cursor_close(&cursor);
	assert_int_equal(atomic_load(&fixture->domain->nr_deferred), NODE_DEFERRED_MAX + 1);
	port_read_unlock();
	check_audit(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_taken_leaf_is_what_was_mapped_and_owns_its_frame),
		TABLE_TEST(test_take_where_nothing_is_moves_behind_its_length),
		TABLE_TEST(test_take_that_cannot_be_is_refused_and_does_not_move),
		TABLE_TEST(test_second_unmap_is_harmless),
		TABLE_TEST(test_subtree_within_the_range_comes_out_whole),
		TABLE_TEST(test_pages_of_a_subtree_include_those_of_large_leaves),
		TABLE_TEST(test_empty_subtree_comes_out_too_and_counts_nothing),
		TABLE_TEST(test_large_leaf_within_the_range_comes_out_whole),
		TABLE_TEST(test_unmap_of_a_part_of_a_large_leaf_keeps_the_rest),
		LARGE_TABLE_TEST(test_unmap_of_one_page_of_a_gib_splits_twice),
		TABLE_TEST(test_unmap_within_a_run_of_mixed_leaves_takes_exactly_its_range),
		TABLE_TEST(test_range_is_mapped_again_under_the_cursor_that_took_it),
		TABLE_TEST(test_taken_leaf_has_the_bits_that_hardware_set),
		TABLE_TEST(test_too_many_deferred_nodes_are_freed_when_a_cursor_closes),
		TABLE_TEST(test_deferred_nodes_wait_while_another_section_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
