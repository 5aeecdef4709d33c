/* SPDX-License-Identifier: MIT */
/*
 * Mapping through a cursor: one leaf, one frame, and runs (C-6, C-12).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/census.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

static uint64_t at(const struct cursor *cursor)
{
	return cursor_virt_addr(cursor).value;
}

static void assert_leaves(struct table_fixture *fixture, uint64_t small, uint64_t mib_2,
			  uint64_t gib)
{
	struct table_census census;

	assert_int_equal(page_table_census(&fixture->table, &census), 0);
	assert_int_equal(census.leaves[1], small);
	assert_int_equal(census.leaves[2], mib_2);
	assert_int_equal(census.leaves[3], gib);
}

static void test_every_property_that_can_be_said_is_preserved(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, MIB(8), CURSOR_MUTATE, 1);
	unsigned nr_mapped = 0;

	for (uint32_t prop = 0; prop <= (PROP_FLAGS | PROP_CACHE); prop++) {
		uint64_t va = at(&cursor);
		struct pt_mapping mapping;
		uint64_t bits;
		int expected = format_leaf_bits(fixture->table.format, 1, PROP(prop), false, &bits);

		assert_int_equal(cursor_map(&cursor, PADDR(va), 1, PROP(prop), false), expected);
		nr_mapped += expected == 0;
		assert_int_equal(at(&cursor), PAGES(nr_mapped));
		if (expected)
			continue;
		assert_int_equal(cursor_jump(&cursor, VADDR(va)), 0);
		assert_int_equal(cursor_query(&cursor, &mapping), 0);
		assert_true(mapping.present);
		assert_int_equal(mapping.prop.bits, prop);
		assert_int_equal(mapping.paddr.value, va);
		if (cursor_remaining(&cursor) > PAGE_SIZE)
			assert_int_equal(cursor_jump(&cursor, VADDR(va + PAGE_SIZE)), 0);
	}
	cursor_close(&cursor);
	assert_int_equal(nr_mapped, fixture->table.format->sign_extended ? 5 * 3 * 32 : 6 * 5 * 8);
	check_audit(fixture);
}

/* The exact counts, on both sides, are what the audit of table_map() sees. */
static void test_tracked_leaf_takes_the_callers_references(void **state)
{
	struct table_fixture *fixture = *state;

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(0), 2, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, PAGES(1), guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, PAGES(2), guest_paddr(0), 1, PROP_RW, false), 0);
	assert_int_equal(slot_count(&fixture->domain->slots[TABLE_GUEST_FIRST]), 3);
	assert_int_equal(slot_count(&fixture->domain->slots[TABLE_GUEST_FIRST + 511]), 1);
	assert_true(table_look(fixture, 0).tracked);
	assert_false(table_look(fixture, PAGES(2)).tracked);
}

static void test_tracked_gib_holds_each_of_its_frames(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t va = GIB(5);

	assert_int_equal(table_map(fixture, va, PADDR(GIB(1)), 3, PROP_RW, true), 0);
	assert_leaves(fixture, 0, 0, 1);
	assert_int_equal(slot_count(&fixture->domain->slots[TABLE_GIB_FIRST]), 1);
	assert_int_equal(slot_count(&fixture->domain->slots[TABLE_LARGE_FRAMES - 1]), 1);
	assert_int_equal(table_unmap(fixture, va, GIB(1)), 262144);
	assert_int_equal(domain_fixture_state(&fixture->base, TABLE_LARGE_FRAMES - 1), SLOT_UNUSED);
}

/* V-6b: C-6: what is there is never replaced. */
static void test_map_over_something_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor empty = table_cursor(fixture, MIB(6), PAGE_SIZE, CURSOR_MUTATE, 1);
	struct view before;

	cursor_close(&empty);
	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(0), 2, PROP_RW, true), 0);
	before = table_view(fixture);
	assert_int_equal(table_map(fixture, 0, guest_paddr(MIB(2)), 1, PROP_RW, true), -EEXIST);
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(MIB(2)), 2, PROP_RW, true),
			 -EEXIST);
	assert_int_equal(table_map(fixture, MIB(3), guest_paddr(MIB(2)), 1, PROP_RW, true),
			 -EEXIST);
	assert_int_equal(table_map(fixture, 0, guest_paddr(MIB(2)), 2, PROP_RW, true), -EEXIST);
	assert_int_equal(table_map(fixture, MIB(6), guest_paddr(MIB(2)), 2, PROP_RW, true),
			 -EEXIST);
	assert_int_equal(table_map(fixture, 0, PADDR(0), 3, PROP_RW, false), -EEXIST);
	assert_view(fixture, &before);
	assert_int_equal(domain_fixture_state(&fixture->base, TABLE_GUEST_FIRST + 512),
			 SLOT_UNUSED);
}

static void refuse(struct table_fixture *fixture, struct cursor *cursor, paddr_t paddr,
		   unsigned level, prop_t prop, bool tracked, int error)
{
	uint64_t before = at(cursor);
	uint64_t nodes = table_nodes(fixture);

	assert_int_equal(cursor_map(cursor, paddr, level, prop, tracked), error);
	assert_int_equal(at(cursor), before);
	assert_int_equal(table_nodes(fixture), nodes);
}

static void test_map_that_cannot_be_is_refused_and_does_not_move(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, MIB(2), MIB(4) + PAGE_SIZE, CURSOR_MUTATE, 1);

	refuse(fixture, &cursor, PADDR(1), 1, PROP_RW, false, -EINVAL);
	refuse(fixture, &cursor, PADDR(PAGE_SIZE), 2, PROP_RW, false, -EINVAL);
	refuse(fixture, &cursor, PADDR(0), 3, PROP_RW, false, -EINVAL);
	refuse(fixture, &cursor, PADDR(0), 0, PROP_RW, false, -EOPNOTSUPP);
	refuse(fixture, &cursor, PADDR(0), 4, PROP_RW, false, -EOPNOTSUPP);
	refuse(fixture, &cursor, PADDR(0), UINT32_MAX, PROP_RW, false, -EOPNOTSUPP);
	refuse(fixture, &cursor, PADDR(0), UINT32_MAX, PROP(UINT32_MAX), true, -EOPNOTSUPP);
	refuse(fixture, &cursor, PADDR(0), 1, PROP(PROP_WRITE), false, -EOPNOTSUPP);
	refuse(fixture, &cursor, PADDR(UINT64_C(1) << 52), 1, PROP_RW, false, -ERANGE);
	refuse(fixture, &cursor, PADDR(-PAGE_SIZE), 1, PROP_RW, false, -ERANGE);
	refuse(fixture, &cursor, PADDR(-MIB(2)), 2, PROP_RW, false, -ERANGE);
	refuse(fixture, &cursor, frame_number(TABLE_FRAMES), 1, PROP_RW, true, -ERANGE);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2) + PAGE_SIZE)), 0);
	refuse(fixture, &cursor, PADDR(0), 2, PROP_RW, false, -EINVAL);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(6))), 0);
	refuse(fixture, &cursor, PADDR(0), 2, PROP_RW, false, -ERANGE);
	assert_int_equal(cursor_map(&cursor, PADDR(0), 1, PROP_RW, false), 0);
	refuse(fixture, &cursor, PADDR(0), 1, PROP_RW, false, -ERANGE);
	cursor_close(&cursor);
	/* Larger than the domain. */
	cursor = table_cursor(fixture, 0, GIB(1), CURSOR_MUTATE, 3);
	refuse(fixture, &cursor, PADDR(0), 3, PROP_RW, true, -ERANGE);
	cursor_close(&cursor);
	check_audit(fixture);
}

/* V-5 */
static void test_largest_untracked_address_is_mapped(void **state)
{
	struct table_fixture *fixture = *state;
	paddr_t last = PADDR((UINT64_C(1) << 52) - GIB(1));

	assert_int_equal(table_map(fixture, 0, last, 3, PROP_RW, false), 0);
	assert_mapped(fixture, GIB(1) - 1, PADDR((UINT64_C(1) << 52) - 1), PROP_RW);
}

static void test_reading_cursor_maps_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, MIB(2), CURSOR_READ, 1);

	refuse(fixture, &cursor, PADDR(0), 1, PROP_RW, false, -EINVAL);
	assert_int_equal(cursor_map_run(&cursor, PADDR(0), MIB(2), 0, PROP_RW, false), -EINVAL);
	cursor_close(&cursor);
	check_audit(fixture);
}

/* A leaf could never give up what it owned of one (INV-T7). */
static void test_frame_that_holds_no_plain_bytes_is_not_mapped(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, PAGES(2), CURSOR_MUTATE, 1);
	struct frame root, reserved;

	assert_int_equal(page_table_root_get(&fixture->table, &root), 0);
	assert_int_equal(
		frame_from_unused(fixture->domain, frame_number(1), FRAME_RESERVED, &reserved), 0);
	assert_int_equal(cursor_map_frame(&cursor, &root, PROP_RW), -EINVAL);
	assert_int_equal(cursor_map_frame(&cursor, &reserved, PROP_RW), -EINVAL);
	assert_ptr_equal(reserved.domain, fixture->domain);
	cursor_close(&cursor);
	frame_put(&root);
	frame_put(&reserved);
	check_audit(fixture);
}

static void test_handle_of_a_frame_is_consumed_only_if_it_was_mapped(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, PAGES(2), CURSOR_MUTATE, 1);
	struct frame frame, other, foreign;
	struct domain_fixture elsewhere;

	domain_fixture_open_pool(&elsewhere, 64, 0, 64);
	assert_int_equal(frame_alloc(&elsewhere.domain, FRAME_DATA, true, &foreign), 0);
	assert_int_equal(frame_alloc(fixture->domain, FRAME_DATA, true, &frame), 0);
	assert_int_equal(frame_clone(&frame, &other), 0);
	assert_int_equal(cursor_map_frame(&cursor, &foreign, PROP_RW), -EINVAL);
	assert_int_equal(frame_put(&foreign), 0);
	domain_fixture_close(&elsewhere);
	assert_int_equal(cursor_map_frame(&cursor, &frame, PROP(PROP_WRITE)), -EOPNOTSUPP);
	assert_ptr_equal(frame.domain, fixture->domain);
	assert_int_equal(cursor_map_frame(&cursor, &frame, PROP_RW), 0);
	assert_null(frame.domain);
	assert_int_equal(cursor_map_frame(&cursor, &frame, PROP_RW), -EINVAL);
	assert_int_equal(frame_reference_count(&other), 2);
	assert_int_equal(cursor_jump(&cursor, VADDR(0)), 0);
	assert_int_equal(cursor_map_frame(&cursor, &other, PROP_RW), -EEXIST);
	assert_int_equal(frame_reference_count(&other), 2);
	cursor_close(&cursor);
	frame_put(&other);
	check_audit(fixture);
}

/* Maps an untracked run in one transaction over exactly its own range. */
static void map_run(struct table_fixture *fixture, uint64_t va, uint64_t paddr, uint64_t len,
		    unsigned max_level)
{
	struct cursor cursor = table_cursor(fixture, va, len, CURSOR_MUTATE, 3);

	assert_int_equal(cursor_map_run(&cursor, PADDR(paddr), len, max_level, PROP_RW, false), 0);
	assert_int_equal(cursor_remaining(&cursor), 0);
	cursor_close(&cursor);
	check_audit(fixture);
	for (uint64_t i = 0; i < 100; i++) {
		uint64_t offset = len / 100 * i;

		assert_mapped(fixture, va + offset, PADDR(paddr + offset), PROP_RW);
	}
	assert_mapped(fixture, va + len - 1, PADDR(paddr + len - 1), PROP_RW);
	assert_unmapped(fixture, va - 1);
	assert_unmapped(fixture, va + len);
}

static void test_run_is_mapped_with_the_largest_leaves_that_fit(void **state)
{
	struct table_fixture *fixture = *state;

	map_run(fixture, GIB(1) - MIB(2) - PAGES(3), GIB(9) - MIB(2) - PAGES(3),
		GIB(2) + MIB(6) + PAGES(7), 0);
	assert_leaves(fixture, 7, 3, 2);
}

static void test_run_of_addresses_that_do_not_match_has_small_leaves(void **state)
{
	struct table_fixture *fixture = *state;

	map_run(fixture, MIB(2), MIB(2) + PAGES(1), MIB(4), 0);
	assert_leaves(fixture, 1024, 0, 0);
	map_run(fixture, GIB(1), MIB(2), GIB(1), 0);
	assert_leaves(fixture, 1024, 512, 0);
}

static void test_run_has_no_leaves_above_its_limit(void **state)
{
	struct table_fixture *fixture = *state;

	map_run(fixture, MIB(2), MIB(2), MIB(4), 1);
	assert_leaves(fixture, 1024, 0, 0);
	map_run(fixture, GIB(1), GIB(1), GIB(1), 2);
	assert_leaves(fixture, 1024, 512, 0);
	map_run(fixture, GIB(4), GIB(4), GIB(1), 4);
	assert_leaves(fixture, 1024, 512, 1);
}

static void test_run_has_no_leaves_above_the_guard(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, MIB(2), MIB(2), CURSOR_MUTATE, 1);

	assert_int_equal(cursor_map_run(&cursor, PADDR(0), MIB(2), 0, PROP_RW, false), 0);
	cursor_close(&cursor);
	assert_leaves(fixture, 512, 0, 0);
}

/* C-12: an empty node is in the way of a large leaf, not of the run. */
static void test_run_over_an_empty_node_has_smaller_leaves_there(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, MIB(4), PAGE_SIZE, CURSOR_MUTATE, 1);

	cursor_close(&cursor);
	map_run(fixture, MIB(2), MIB(2), MIB(6), 0);
	assert_leaves(fixture, 512, 2, 0);
}

static void test_tracked_run_takes_the_references_of_all_its_frames(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor =
		table_cursor(fixture, MIB(2) - PAGES(2), MIB(2) + PAGES(5), CURSOR_MUTATE, 1);
	uint64_t len = MIB(2) + PAGES(5);

	table_hold(fixture, guest_paddr(MIB(2) - PAGES(2)), len >> PAGE_SHIFT);
	assert_int_equal(
		cursor_map_run(&cursor, guest_paddr(MIB(2) - PAGES(2)), len, 0, PROP_RW, true), 0);
	cursor_close(&cursor);
	table_passed(fixture, guest_paddr(MIB(2) - PAGES(2)), len >> PAGE_SHIFT);
	check_audit(fixture);
	assert_leaves(fixture, 5, 1, 0);
	assert_int_equal(table_unmap(fixture, 0, MIB(8)), len >> PAGE_SHIFT);
}

static void refuse_run(struct table_fixture *fixture, struct cursor *cursor, paddr_t paddr,
		       uint64_t len, bool tracked, int error)
{
	struct view before = table_view(fixture);
	uint64_t position = at(cursor);

	assert_int_equal(cursor_map_run(cursor, paddr, len, 0, PROP_RW, tracked), error);
	assert_int_equal(at(cursor), position);
	assert_view(fixture, &before);
}

static void test_run_that_cannot_be_is_refused_and_maps_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor = table_cursor(fixture, 0, MIB(8), CURSOR_MUTATE, 1);

	refuse_run(fixture, &cursor, PADDR(0), 0, false, -EINVAL);
	refuse_run(fixture, &cursor, PADDR(0), PAGE_SIZE - 1, false, -EINVAL);
	refuse_run(fixture, &cursor, PADDR(8), PAGE_SIZE, false, -EINVAL);
	refuse_run(fixture, &cursor, PADDR(0), MIB(8) + PAGE_SIZE, false, -ERANGE);
	refuse_run(fixture, &cursor, PADDR(0), -PAGE_SIZE, false, -ERANGE);
	refuse_run(fixture, &cursor, PADDR(-PAGE_SIZE), PAGES(2), false, -ERANGE);
	refuse_run(fixture, &cursor, PADDR((UINT64_C(1) << 52) - PAGE_SIZE), PAGES(2), false,
		   -ERANGE);
	refuse_run(fixture, &cursor, frame_number(TABLE_FRAMES - 1), PAGES(2), true, -ERANGE);
	/* Something is there: in the middle, and at the end, as a large leaf. */
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(4) + PAGES(9))), 0);
	assert_int_equal(cursor_map(&cursor, PADDR(0), 1, PROP_RO, false), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(6))), 0);
	assert_int_equal(cursor_map(&cursor, PADDR(0), 2, PROP_RO, false), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(0)), 0);
	refuse_run(fixture, &cursor, PADDR(0), MIB(8), false, -EEXIST);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(5))), 0);
	refuse_run(fixture, &cursor, PADDR(0), MIB(1) + PAGES(1), false, -EEXIST);
	assert_int_equal(cursor_map_run(&cursor, PADDR(0), MIB(1), 0, PROP_RW, false), 0);
	cursor_close(&cursor);
	check_audit(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_every_property_that_can_be_said_is_preserved),
		TABLE_TEST(test_tracked_leaf_takes_the_callers_references),
		LARGE_TABLE_TEST(test_tracked_gib_holds_each_of_its_frames),
		TABLE_TEST(test_map_over_something_is_refused),
		TABLE_TEST(test_map_that_cannot_be_is_refused_and_does_not_move),
		TABLE_TEST(test_largest_untracked_address_is_mapped),
		TABLE_TEST(test_reading_cursor_maps_nothing),
		TABLE_TEST(test_frame_that_holds_no_plain_bytes_is_not_mapped),
		TABLE_TEST(test_handle_of_a_frame_is_consumed_only_if_it_was_mapped),
		TABLE_TEST(test_run_is_mapped_with_the_largest_leaves_that_fit),
		TABLE_TEST(test_run_of_addresses_that_do_not_match_has_small_leaves),
		TABLE_TEST(test_run_has_no_leaves_above_its_limit),
		TABLE_TEST(test_run_has_no_leaves_above_the_guard),
		TABLE_TEST(test_run_over_an_empty_node_has_smaller_leaves_there),
		TABLE_TEST(test_tracked_run_takes_the_references_of_all_its_frames),
		TABLE_TEST(test_run_that_cannot_be_is_refused_and_maps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
