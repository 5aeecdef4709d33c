/* SPDX-License-Identifier: MIT */
/*
 * Page tables: created, destroyed with all that they own, and walked without a lock (2.6).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

/* The last page of the format's addresses; where offset `offset` of the table is. */
static uint64_t last_page(const struct table_fixture *fixture)
{
	return fixture->table.format->sign_extended ? -PAGE_SIZE : (UINT64_C(1) << 48) - PAGE_SIZE;
}

/* V-1 */
static void test_new_table_is_one_node_that_maps_nothing(void **state)
{
	struct table_fixture *fixture = *state;

	assert_int_equal(table_nodes(fixture), 1);
	assert_int_equal(node_level(fixture->table.root), 4);
	assert_int_equal(page_table_root(&fixture->table).value,
			 node_paddr(fixture->domain, fixture->table.root).value);
	assert_int_equal(allocator_free_frames(fixture->domain), TABLE_POOL_FRAMES - 1);
	assert_unmapped(fixture, 0);
	assert_unmapped(fixture, GIB(1) * 100);
	assert_unmapped(fixture, last_page(fixture));
	assert_int_equal(table_nodes(fixture), 1);
	check_audit(fixture);
}

static void test_table_without_a_frame_is_not_made(void **state)
{
	struct table_fixture *fixture = *state;
	struct page_table table;

	table_leave(fixture, 0);
	assert_int_equal(page_table_create(&table, fixture->domain, fixture->table.format,
					   TABLE_WALKED_BY_SOFTWARE),
			 -ENOMEM);
	assert_ptr_equal(fixture->domain->tables, &fixture->table);
	check_audit(fixture);
}

static void test_destroyed_table_gives_everything_back(void **state)
{
	struct table_fixture *fixture = *state;

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 2, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(0), 2, PROP_RO, true), 0);
	assert_int_equal(table_map(fixture, GIB(1), guest_paddr(KIB(4)), 1, PROP_RO, true), 0);
	assert_int_equal(table_map(fixture, GIB(2), PADDR(GIB(7)), 3, PROP_RO, false), 0);
	assert_int_equal(
		table_map(fixture, last_page(fixture), guest_paddr(MIB(2)), 1, PROP_RO, true), 0);
	/* The fixture asserts at the end that all frames are free again. */
}

static void test_tables_of_one_domain_share_frames_and_nothing_else(void **state)
{
	struct table_fixture *fixture = *state;
	struct page_table others[2];
	struct cursor cursor;

	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(page_table_create(&others[i], fixture->domain,
						   pt_format_of((enum pt_format_id)i),
						   TABLE_WALKED_BY_SOFTWARE),
				 0);
	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct frame frame;

		assert_int_equal(frame_from_in_use(fixture->domain, guest_paddr(0), &frame), 0);
		assert_int_equal(
			cursor_open(&cursor, &others[i], VADDR(0), PAGE_SIZE, CURSOR_MUTATE, 1), 0);
		assert_int_equal(cursor_map_frame(&cursor, &frame, PROP_RO), 0);
		cursor_close(&cursor);
	}
	check_audit(fixture);
	assert_int_equal(slot_count(&fixture->domain->slots[TABLE_GUEST_FIRST]), 3);
	page_table_destroy(&others[0]);
	check_audit(fixture);
	assert_mapped(fixture, 0, guest_paddr(0), PROP_RW);
	page_table_destroy(&others[1]);
	check_audit(fixture);
	assert_int_equal(slot_count(&fixture->domain->slots[TABLE_GUEST_FIRST]), 1);
}

/* P-9, V-3 */
static void test_walkers_reference_keeps_a_destroyed_table_walkable(void **state)
{
	struct table_fixture *fixture = *state;
	struct page_table table;
	struct cursor cursor;
	struct pt_mapping mapping;
	struct frame root;

	assert_int_equal(page_table_create(&table, fixture->domain, fixture->table.format,
					   TABLE_WALKED_BY_HARDWARE),
			 0);
	assert_int_equal(cursor_open(&cursor, &table, VADDR(0), PAGE_SIZE, CURSOR_MUTATE, 1), 0);
	table_hold(fixture, guest_paddr(0), 1);
	table_passed(fixture, guest_paddr(0), 1);
	assert_int_equal(cursor_map(&cursor, guest_paddr(0), 1, PROP_RW, true), 0);
	cursor_close(&cursor);
	assert_int_equal(page_table_root_get(&table, &root), 0);
	assert_int_equal(root.paddr.value, page_table_root(&table).value);
	page_table_destroy(&table);
	assert_int_equal(frame_reference_count(&root), 1);
	assert_int_equal(page_table_walk(&table, VADDR(0), &mapping), 0);
	assert_true(mapping.present);
	assert_int_equal(mapping.paddr.value, guest_paddr(0).value);
	assert_int_equal(frame_put(&root), 0);
	assert_int_equal(domain_fixture_state(&fixture->base, TABLE_GUEST_FIRST), SLOT_UNUSED);
	check_audit(fixture);
}

static void test_what_was_deferred_is_freed_before_a_table_is_destroyed(void **state)
{
	struct table_fixture *fixture = *state;
	struct page_table table;
	struct pt_node node;

	assert_int_equal(page_table_create(&table, fixture->domain, fixture->table.format,
					   TABLE_WALKED_BY_SOFTWARE),
			 0);
	assert_int_equal(node_alloc(fixture->domain, table.format, 1, &node), 0);
	node_defer(fixture->domain, node);
	page_table_destroy(&table);
	assert_int_equal(atomic_load(&fixture->domain->nr_deferred), 0);
	assert_int_equal(allocator_free_frames(fixture->domain), TABLE_POOL_FRAMES - 1);
}

static void test_first_and_last_page_are_mapped_and_walked_at_both_ends(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t last = last_page(fixture);

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, false), 0);
	assert_int_equal(table_map(fixture, last, guest_paddr(KIB(4)), 1, PROP_RO, false), 0);
	assert_mapped(fixture, 0, guest_paddr(0), PROP_RW);
	assert_mapped(fixture, PAGE_SIZE - 1, guest_paddr(PAGE_SIZE - 1), PROP_RW);
	assert_unmapped(fixture, PAGE_SIZE);
	assert_unmapped(fixture, last - 1);
	assert_mapped(fixture, last, guest_paddr(KIB(4)), PROP_RO);
	assert_mapped(fixture, last + PAGE_SIZE - 1, guest_paddr(KIB(8) - 1), PROP_RO);
}

/* V-6c */
static void test_both_halves_of_x86_64_meet_at_the_hole(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t half = UINT64_C(1) << 47;

	assert_int_equal(table_map(fixture, half - PAGE_SIZE, guest_paddr(0), 1, PROP_RW, false),
			 0);
	assert_int_equal(table_map(fixture, -half, guest_paddr(KIB(4)), 1, PROP_RO, false), 0);
	assert_mapped(fixture, half - 1, guest_paddr(PAGE_SIZE - 1), PROP_RW);
	assert_mapped(fixture, -half, guest_paddr(KIB(4)), PROP_RO);
	assert_int_equal(table_look(fixture, -half).start.value, -half);
}

static void test_walk_of_an_address_that_is_none_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	bool sign_extended = fixture->table.format->sign_extended;
	struct pt_mapping mapping;

	assert_int_equal(page_table_walk(&fixture->table, VADDR(UINT64_C(1) << 48), &mapping),
			 -ERANGE);
	assert_int_equal(page_table_walk(&fixture->table, VADDR(UINT64_C(1) << 63), &mapping),
			 -ERANGE);
	assert_int_equal(page_table_walk(&fixture->table, VADDR(UINT64_C(1) << 47), &mapping),
			 sign_extended ? -ERANGE : 0);
	assert_int_equal(page_table_walk(&fixture->table, VADDR(UINT64_MAX), &mapping),
			 sign_extended ? 0 : -ERANGE);
}

static void test_walk_of_absence_gives_the_range_of_the_entry(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_mapping mapping;

	assert_int_equal(table_map(fixture, GIB(1), guest_paddr(0), 1, PROP_RW, false), 0);
	for (unsigned level = 1; level <= 4; level++) {
		uint64_t va = level == 4 ? level_size(4) * 3 :
					   GIB(1) + level_size(level) * (level == 3 ? 2 : 1);

		assert_int_equal(page_table_walk(&fixture->table, VADDR(va + 5), &mapping), 0);
		assert_false(mapping.present);
		assert_int_equal(mapping.level, level);
		assert_int_equal(mapping.start.value, va);
		assert_int_equal(mapping.len, level_size(level));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_new_table_is_one_node_that_maps_nothing),
		TABLE_TEST(test_table_without_a_frame_is_not_made),
		TABLE_TEST(test_destroyed_table_gives_everything_back),
		TABLE_TEST(test_tables_of_one_domain_share_frames_and_nothing_else),
		TABLE_TEST(test_walkers_reference_keeps_a_destroyed_table_walkable),
		TABLE_TEST(test_what_was_deferred_is_freed_before_a_table_is_destroyed),
		TABLE_TEST(test_first_and_last_page_are_mapped_and_walked_at_both_ends),
		TABLE_TEST_OF(test_both_halves_of_x86_64_meet_at_the_hole, "x86-64",
			      table_setup_x86_64),
		TABLE_TEST(test_walk_of_an_address_that_is_none_is_refused),
		TABLE_TEST(test_walk_of_absence_gives_the_range_of_the_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
