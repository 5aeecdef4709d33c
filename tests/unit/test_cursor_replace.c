/* SPDX-License-Identifier: MIT */
/*
 * Mapping over what is there (9.6.3; BUG-7, BUG-9).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/single_step.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

static const prop_t read_write_used = { PROP_READ | PROP_WRITE | PROP_ACCESSED | PROP_DIRTY };

static uint64_t at(const struct cursor *cursor)
{
	return cursor_virt_addr(cursor).value;
}

static uint32_t count(const struct table_fixture *fixture, uint64_t frame)
{
	return slot_count(&fixture->domain->slots[frame]);
}

/* Replaces through a cursor of its own, with references taken for the leaf. Audited. */
static struct pt_fragment replace(struct table_fixture *fixture, uint64_t va, paddr_t paddr,
				  unsigned level, prop_t prop)
{
	struct cursor cursor = table_cursor(fixture, va, level_size(level), CURSOR_MUTATE, level);
	struct pt_fragment fragment;

	table_hold(fixture, paddr, level_pages(level));
	assert_int_equal(cursor_replace(&cursor, paddr, level, prop, true, &fragment), 0);
	table_passed(fixture, paddr, level_pages(level));
	assert_int_equal(at(&cursor), va + level_size(level));
	cursor_close(&cursor);
	assert_int_equal(fragment.start.value, va);
	assert_int_equal(fragment.len, level_size(level));
	return fragment;
}

static void test_replace_of_nothing_maps_and_gives_nothing(void **state)
{
	struct table_fixture *fixture = *state;

	for (unsigned level = 1; level <= 2; level++) {
		struct pt_fragment fragment = replace(fixture, MIB(2 * level),
						      guest_paddr(MIB(2 * level)), level, PROP_RX);

		assert_int_equal(fragment.kind, FRAGMENT_NONE);
		assert_int_equal(fragment.pages, 0);
		assert_mapped(fixture, MIB(2 * level), guest_paddr(MIB(2 * level)), PROP_RX);
		fragment_drop(&fragment);
		check_audit(fixture);
	}
}

static void test_replaced_leaf_comes_out_with_its_reference(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;

	assert_int_equal(table_map(fixture, PAGES(3), guest_paddr(0), 1, read_write_used, true), 0);
	fragment = replace(fixture, PAGES(3), guest_paddr(PAGES(9)), 1, PROP_RO);
	assert_int_equal(fragment.kind, FRAGMENT_LEAF);
	assert_int_equal(fragment.pages, 1);
	assert_int_equal(fragment.leaf.level, 1);
	assert_int_equal(fragment.leaf.paddr.value, guest_paddr(0).value);
	assert_int_equal(fragment.leaf.prop.bits, read_write_used.bits);
	assert_true(fragment.leaf.tracked);
	/* The new leaf has the bits that it was given, not those of the old. */
	assert_mapped(fixture, PAGES(3), guest_paddr(PAGES(9)), PROP_RO);
	table_received(fixture, guest_paddr(0), 1);
	check_audit(fixture);
	table_passed(fixture, guest_paddr(0), 1);
	fragment_drop(&fragment);
	check_audit(fixture);
	assert_int_equal(count(fixture, TABLE_GUEST_FIRST), 0);
}

static void test_leaf_is_replaced_by_itself(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	fragment = replace(fixture, 0, guest_paddr(0), 1, PROP_RO);
	assert_int_equal(count(fixture, TABLE_GUEST_FIRST), 2);
	fragment_drop(&fragment);
	assert_int_equal(count(fixture, TABLE_GUEST_FIRST), 1);
	assert_mapped(fixture, 0, guest_paddr(0), PROP_RO);
	check_audit(fixture);
}

/* C-11: what is beside the replaced part stays as it was. */
static void test_larger_leaf_is_split_for_the_part_that_is_replaced(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct view view;

	assert_int_equal(table_map(fixture, GIB(4), PADDR(GIB(1)), 3, PROP_RW, true), 0);
	fragment = replace(fixture, GIB(4) + MIB(6) + PAGES(5), guest_paddr(0), 1, PROP_RO);
	assert_int_equal(fragment.kind, FRAGMENT_LEAF);
	assert_int_equal(fragment.pages, 1);
	assert_int_equal(fragment.leaf.paddr.value, GIB(1) + MIB(6) + PAGES(5));
	assert_true(fragment.leaf.tracked);
	fragment_drop(&fragment);
	check_audit(fixture);
	assert_int_equal(count(fixture, (GIB(1) + MIB(6)) / PAGE_SIZE + 5), 0);
	view = table_view(fixture);
	assert_int_equal(view.nr_runs, 3);
	assert_int_equal(view.runs[0].len, MIB(6) + PAGES(5));
	assert_int_equal(view.runs[1].paddr, guest_paddr(0).value);
	assert_int_equal(view.runs[1].len, PAGES(1));
	assert_int_equal(view.runs[2].paddr, GIB(1) + MIB(6) + PAGES(6));
	assert_int_equal(view.runs[2].start + view.runs[2].len, GIB(5));
}

/* BUG-7, L-5: exact pages, all of its nodes stray, and its frames kept until it is dropped. */
static void test_replaced_subtree_comes_out_whole(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node middle, bottom;
	struct pt_fragment fragment;

	assert_int_equal(table_map(fixture, GIB(1) + PAGES(1), guest_paddr(0), 1, PROP_RW, true),
			 0);
	assert_int_equal(
		table_map(fixture, GIB(1) + PAGES(8), guest_paddr(PAGES(8)), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, GIB(1) + MIB(4), guest_paddr(MIB(2)), 2, PROP_RW, true),
			 0);
	middle = table_node(fixture, GIB(1), 2);
	bottom = table_node(fixture, GIB(1), 1);
	fragment = replace(fixture, GIB(1), PADDR(GIB(1)), 3, PROP_RX);
	assert_int_equal(fragment.kind, FRAGMENT_SUBTREE);
	assert_int_equal(fragment.pages, 2 + 512);
	assert_ptr_equal(fragment.node.slot, middle.slot);
	assert_true(middle.slot->stray);
	assert_true(bottom.slot->stray);
	assert_int_equal(lock_owner(&bottom.slot->lock), 0);
	assert_mapped(fixture, GIB(1) + PAGES(8), PADDR(GIB(1) + PAGES(8)), PROP_RX);
	assert_int_equal(count(fixture, TABLE_GUEST_FIRST + 512), 1);
	fragment_drop(&fragment);
	check_audit(fixture);
	assert_int_equal(count(fixture, TABLE_GUEST_FIRST + 512), 1);
	domain_reclaim(fixture->domain);
	check_audit(fixture);
	assert_int_equal(count(fixture, TABLE_GUEST_FIRST + 512), 0);
	assert_int_equal(table_nodes(fixture), 2);
}

/* Unlike cursor_map(), also where an empty node of earlier times is (C-12). */
static void test_empty_node_is_replaced(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;

	assert_int_equal(table_map(fixture, MIB(4), guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_unmap(fixture, MIB(4), PAGES(1)), 1);
	fragment = replace(fixture, MIB(4), guest_paddr(MIB(2)), 2, PROP_RW);
	assert_int_equal(fragment.kind, FRAGMENT_SUBTREE);
	assert_int_equal(fragment.pages, 0);
	fragment_drop(&fragment);
	check_audit(fixture);
}

static void refuse(struct table_fixture *fixture, struct cursor *cursor, paddr_t paddr,
		   unsigned level, prop_t prop, bool tracked, int error)
{
	struct view before = table_view(fixture);
	uint64_t position = at(cursor);
	struct pt_fragment fragment = { .pages = 77 };

	assert_int_equal(cursor_replace(cursor, paddr, level, prop, tracked, &fragment), error);
	assert_int_equal(fragment.pages, 77);
	assert_int_equal(at(cursor), position);
	assert_view(fixture, &before);
}

static void test_replace_that_cannot_be_is_refused_and_changes_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	paddr_t outside = PADDR(PAGES(fixture->domain->nr_frames));
	struct cursor cursor;
	uint64_t nodes;

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 2, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(MIB(2)), 1, PROP_RW, true), 0);
	nodes = table_nodes(fixture);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_READ, 1);
	refuse(fixture, &cursor, PADDR(0), 1, PROP_RW, false, -EINVAL);
	cursor_close(&cursor);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	refuse(fixture, &cursor, PADDR(0), 0, PROP_RW, false, -EOPNOTSUPP);
	refuse(fixture, &cursor, PADDR(0), 3, PROP_RW, false, -EINVAL);
	refuse(fixture, &cursor, PADDR(0), 77, PROP_RW, false, -EOPNOTSUPP);
	refuse(fixture, &cursor, PADDR(1), 1, PROP_RW, false, -EINVAL);
	refuse(fixture, &cursor, PADDR(PAGES(1)), 2, PROP_RW, false, -EINVAL);
	refuse(fixture, &cursor, outside, 1, PROP_RW, true, -ERANGE);
	refuse(fixture, &cursor, PADDR(UINT64_C(1) << 52), 1, PROP_RW, false, -ERANGE);
	refuse(fixture, &cursor, PADDR(0), 1, PROP(PROP_WRITE), false, -EOPNOTSUPP);
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(1))), 0);
	refuse(fixture, &cursor, PADDR(0), 2, PROP_RW, false, -EINVAL);
	cursor_close(&cursor);
	cursor = table_cursor(fixture, 0, MIB(3), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2))), 0);
	refuse(fixture, &cursor, PADDR(0), 2, PROP_RW, false, -ERANGE);
	cursor_close(&cursor);
	assert_int_equal(table_nodes(fixture), nodes);
	check_audit(fixture);
}

static void test_replace_without_memory_for_its_splits_changes_no_mapping(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, GIB(4), PADDR(GIB(1)), 3, PROP_RW, true), 0);
	for (unsigned left = 0; left < 2; left++) {
		table_leave(fixture, left);
		cursor = table_cursor(fixture, GIB(4), GIB(1), CURSOR_MUTATE, 1);
		assert_int_equal(cursor_jump(&cursor, VADDR(GIB(4) + PAGES(5))), 0);
		refuse(fixture, &cursor, PADDR(0), 1, PROP_RO, false, -ENOMEM);
		cursor_close(&cursor);
		table_refill(fixture);
		check_audit(fixture);
	}
	assert_int_equal(table_view(fixture).nr_runs, 1);
}

/*
 * BUG-9. Whenever hardware sets the dirty bit: either the leaf that comes out has it, or the one
 * that went in.
 */
struct hardware {
	struct table_fixture *fixture;
	_Atomic uint64_t *entry;
	uint64_t dirty; /* the bit */
	struct cursor cursor;
	struct pt_fragment fragment;
};

static void map_clean(void *context)
{
	struct hardware *hardware = context;
	const struct pt_format *format = hardware->fixture->table.format;
	uint64_t clean, dirty;

	table_unmap(hardware->fixture, 0, PAGES(1));
	assert_int_equal(table_map(hardware->fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	assert_int_equal(format_leaf_bits(format, 1, PROP_RW, false, &clean), 0);
	assert_int_equal(
		format_leaf_bits(format, 1, PROP(PROP_RW.bits | PROP_DIRTY), false, &dirty), 0);
	hardware->entry = &table_node(hardware->fixture, 0, 1).entries[0];
	hardware->dirty = dirty & ~clean;
	hardware->cursor = table_cursor(hardware->fixture, 0, PAGES(1), CURSOR_MUTATE, 1);
}

static void replace_clean(void *context)
{
	struct hardware *hardware = context;

	assert_int_equal(cursor_replace(&hardware->cursor, PADDR(PAGES(3)), 1, PROP_RW, false,
					&hardware->fragment),
			 0);
}

static void set_dirty(void *context)
{
	struct hardware *hardware = context;

	atomic_fetch_or(hardware->entry, hardware->dirty);
}

static void check_one_is_dirty(void *context)
{
	struct hardware *hardware = context;
	struct pt_mapping leaf;

	cursor_close(&hardware->cursor);
	leaf = table_look(hardware->fixture, 0);
	assert_int_equal(leaf.paddr.value, PAGES(3));
	assert_int_equal((hardware->fragment.leaf.prop.bits ^ leaf.prop.bits) & PROP_DIRTY,
			 PROP_DIRTY);
	check_audit(hardware->fixture);
}

static void test_no_bit_that_hardware_sets_is_lost(void **state)
{
	struct hardware hardware = { .fixture = *state };
	const struct single_step step = { map_clean, replace_clean, set_dirty, check_one_is_dirty };

	single_step_each_moment(&step, &hardware);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_replace_of_nothing_maps_and_gives_nothing),
		TABLE_TEST(test_replaced_leaf_comes_out_with_its_reference),
		TABLE_TEST(test_leaf_is_replaced_by_itself),
		LARGE_TABLE_TEST(test_larger_leaf_is_split_for_the_part_that_is_replaced),
		LARGE_TABLE_TEST(test_replaced_subtree_comes_out_whole),
		TABLE_TEST(test_empty_node_is_replaced),
		TABLE_TEST(test_replace_that_cannot_be_is_refused_and_changes_nothing),
		LARGE_TABLE_TEST(test_replace_without_memory_for_its_splits_changes_no_mapping),
		TABLE_TEST_OF(test_no_bit_that_hardware_sets_is_lost, "x86-64", table_setup_x86_64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
