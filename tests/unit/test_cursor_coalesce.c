/* SPDX-License-Identifier: MIT */
/*
 * One leaf out of many (9.6.5; INV-X6, INV-X7, L-5, T-5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)
#define RW (PROP_READ | PROP_WRITE)

static uint64_t at(const struct cursor *cursor)
{
	return cursor_virt_addr(cursor).value;
}

static uint32_t count(const struct table_fixture *fixture, uint64_t frame)
{
	return slot_count(&fixture->domain->slots[frame]);
}

/* Maps a run with leaves of 4 KiB, with references taken for them. */
static void map_pages(struct table_fixture *fixture, uint64_t va, paddr_t paddr, unsigned nr,
		      prop_t prop)
{
	struct cursor cursor = table_cursor(fixture, va, PAGES(nr), CURSOR_MUTATE, 1);

	table_hold(fixture, paddr, nr);
	assert_int_equal(cursor_map_run(&cursor, paddr, PAGES(nr), 1, prop, true), 0);
	table_passed(fixture, paddr, nr);
	cursor_close(&cursor);
	check_audit(fixture);
}

/* What hardware does when a page is used. */
static void use(struct table_fixture *fixture, struct pt_node node, unsigned index, uint32_t prop)
{
	uint64_t with, without;

	assert_int_equal(format_leaf_bits(fixture->table.format, 1, PROP(RW | prop), false, &with),
			 0);
	assert_int_equal(format_leaf_bits(fixture->table.format, 1, PROP(RW), false, &without), 0);
	atomic_fetch_or(&node.entries[index], with & ~without);
}

/* Coalesces through a cursor of its own; audited before and after the grace period. */
static int coalesce(struct table_fixture *fixture, uint64_t va, unsigned level,
		    const struct range_flush *flush)
{
	struct cursor cursor = table_cursor(fixture, va, level_size(level), CURSOR_MUTATE, level);
	int error = cursor_coalesce(&cursor, level, flush);

	assert_int_equal(at(&cursor), va);
	cursor_close(&cursor);
	check_audit(fixture);
	domain_reclaim(fixture->domain);
	check_audit(fixture);
	return error;
}

/* INV-X6, and no count changes. */
static void test_uniform_leaves_become_one_and_nothing_else_changes(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t nr_free = allocator_free_frames(fixture->domain);
	struct view before;

	map_pages(fixture, MIB(6), guest_paddr(0), 512, PROP_RX);
	before = table_view(fixture);
	assert_int_equal(table_nodes(fixture), 4);
	assert_int_equal(coalesce(fixture, MIB(6), 2, NULL), 0);
	assert_view(fixture, &before);
	assert_int_equal(table_nodes(fixture), 3);
	assert_int_equal(allocator_free_frames(fixture->domain), nr_free - 2);
	assert_int_equal(table_look(fixture, MIB(6)).level, 2);
	assert_true(table_look(fixture, MIB(6)).tracked);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(count(fixture, TABLE_GUEST_FIRST + i), 1);
	/* One leaf is coalesced already, also if it is looked at from within. */
	assert_int_equal(coalesce(fixture, MIB(6), 2, NULL), 0);
	assert_view(fixture, &before);
	assert_int_equal(table_unmap(fixture, MIB(6), MIB(2)), 512);
	assert_int_equal(count(fixture, TABLE_GUEST_FIRST + 77), 0);
}

static void test_split_is_undone(void **state)
{
	struct table_fixture *fixture = *state;
	const struct prop_change take = { .clear = PROP_WRITE }, give = { .set = PROP_WRITE };
	struct view before;

	assert_int_equal(table_map(fixture, GIB(4), PADDR(GIB(1)), 3, PROP_RW, true), 0);
	before = table_view(fixture);
	assert_int_equal(table_protect(fixture, GIB(4) + PAGES(7), PAGES(1), take), 1);
	assert_int_equal(table_protect(fixture, GIB(4) + MIB(10), PAGES(3), take), 3);
	assert_int_equal(coalesce(fixture, GIB(4), 3, NULL), -ENOENT);
	assert_int_equal(coalesce(fixture, GIB(4), 2, NULL), -ENOENT);
	assert_int_equal(table_nodes(fixture), 2 + 3);
	assert_int_equal(table_protect(fixture, GIB(4) + PAGES(7), PAGES(1), give), 1);
	assert_int_equal(coalesce(fixture, GIB(4), 3, NULL), -ENOENT);
	assert_int_equal(table_protect(fixture, GIB(4) + MIB(10), PAGES(3), give), 3);
	assert_int_equal(table_nodes(fixture), 2 + 3);
	/* Leaves of two sizes, in three nodes. */
	assert_int_equal(coalesce(fixture, GIB(4), 3, NULL), 0);
	assert_int_equal(table_nodes(fixture), 2);
	assert_view(fixture, &before);
	assert_int_equal(table_look(fixture, GIB(4)).level, 3);
	assert_int_equal(table_unmap(fixture, GIB(4), GIB(1)), 262144);
}

static void refuse(struct table_fixture *fixture, uint64_t va)
{
	struct view before = table_view(fixture);
	uint64_t nodes = table_nodes(fixture);

	assert_int_equal(coalesce(fixture, va, 2, NULL), -ENOENT);
	assert_view(fixture, &before);
	assert_int_equal(table_nodes(fixture), nodes);
}

static void test_leaves_that_are_not_uniform_stay(void **state)
{
	struct table_fixture *fixture = *state;

	assert_int_equal(coalesce(fixture, MIB(2), 2, NULL), -ENOENT);
	/* The last is missing. */
	map_pages(fixture, MIB(2), guest_paddr(0), 511, PROP_RW);
	refuse(fixture, MIB(2));
	/* The last maps another frame. */
	map_pages(fixture, MIB(2) + PAGES(511), guest_paddr(PAGES(600)), 1, PROP_RW);
	refuse(fixture, MIB(2));
	assert_int_equal(table_unmap(fixture, MIB(2) + PAGES(511), PAGES(1)), 1);
	/* It is not tracked. */
	assert_int_equal(table_map(fixture, MIB(2) + PAGES(511), guest_paddr(PAGES(511)), 1,
				   PROP_RW, false),
			 0);
	refuse(fixture, MIB(2));
	assert_int_equal(table_unmap(fixture, MIB(2) + PAGES(511), PAGES(1)), 1);
	/* It has other rights. */
	map_pages(fixture, MIB(2) + PAGES(511), guest_paddr(PAGES(511)), 1, PROP_RO);
	refuse(fixture, MIB(2));
	assert_int_equal(table_protect(fixture, MIB(2) + PAGES(511), PAGES(1),
				       (struct prop_change){ .set = PROP_WRITE }),
			 1);
	assert_int_equal(coalesce(fixture, MIB(2), 2, NULL), 0);
	/* Contiguous, but not aligned to the large leaf's size. */
	map_pages(fixture, MIB(4), guest_paddr(PAGES(1)), 512, PROP_RW);
	refuse(fixture, MIB(4));
}

static void test_accessed_and_dirty_are_those_of_any_leaf(void **state)
{
	struct table_fixture *fixture = *state;

	map_pages(fixture, 0, guest_paddr(0), 512, PROP_RW);
	use(fixture, table_node(fixture, 0, 1), 3, PROP_ACCESSED);
	assert_int_equal(coalesce(fixture, 0, 2, NULL), 0);
	assert_mapped(fixture, 0, guest_paddr(0), PROP(RW | PROP_ACCESSED));
	map_pages(fixture, MIB(2), guest_paddr(MIB(2)), 512, PROP_RW);
	use(fixture, table_node(fixture, MIB(2), 1), 3, PROP_ACCESSED);
	use(fixture, table_node(fixture, MIB(2), 1), 511, PROP_ACCESSED | PROP_DIRTY);
	assert_int_equal(coalesce(fixture, MIB(2), 2, NULL), 0);
	assert_mapped(fixture, MIB(4) - 1, guest_paddr(MIB(4) - 1),
		      PROP(RW | PROP_ACCESSED | PROP_DIRTY));
}

/* A processor that still has the old node cached, until it is flushed. */
struct observer {
	struct table_fixture *fixture;
	struct pt_node node;
	unsigned nr_flushes;
	uint64_t start;
	uint64_t len;
};

static void use_and_flush(void *context, vaddr_t start, uint64_t len)
{
	struct observer *observer = context;
	struct pt_mapping mapping;

	observer->nr_flushes++;
	observer->start = start.value;
	observer->len = len;
	/* INV-X6: mapped as before for those in the old node, and by the new leaf. */
	assert_int_equal(pte_leaf_paddr(observer->fixture->table.format,
					node_read(observer->node, 9), 1)
				 .value,
			 guest_paddr(PAGES(9)).value);
	assert_int_equal(page_table_walk(&observer->fixture->table, VADDR(PAGES(9)), &mapping), 0);
	assert_int_equal(mapping.level, 2);
	assert_int_equal(mapping.paddr.value, guest_paddr(0).value);
	/* L-5, T-5 */
	assert_true(observer->node.slot->stray);
	assert_int_equal(atomic_load(&observer->fixture->domain->nr_deferred), 0);
	use(observer->fixture, observer->node, 9, PROP_DIRTY);
}

/* INV-X7 */
static void test_bits_that_are_set_until_the_flush_is_over_are_not_lost(void **state)
{
	struct table_fixture *fixture = *state;
	struct observer observer = { .fixture = fixture };
	const struct range_flush flush = { use_and_flush, &observer };

	map_pages(fixture, 0, guest_paddr(0), 512, PROP_RW);
	observer.node = table_node(fixture, 0, 1);
	use(fixture, observer.node, 3, PROP_ACCESSED);
	assert_int_equal(coalesce(fixture, 0, 2, &flush), 0);
	assert_int_equal(observer.nr_flushes, 1);
	assert_int_equal(observer.start, 0);
	assert_int_equal(observer.len, MIB(2));
	assert_mapped(fixture, 0, guest_paddr(0), PROP(RW | PROP_ACCESSED | PROP_DIRTY));
}

static void test_old_leaves_stay_readable_until_the_grace_period_is_over(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;
	struct pt_node node;

	map_pages(fixture, 0, guest_paddr(0), 512, PROP_RW);
	node = table_node(fixture, 0, 1);
	cursor = table_cursor(fixture, 0, MIB(2), CURSOR_MUTATE, 2);
	assert_int_equal(cursor_coalesce(&cursor, 2, NULL), 0);
	assert_true(node.slot->stray);
	assert_int_equal(lock_owner(&node.slot->lock), port_thread());
	cursor_close(&cursor);
	assert_int_equal(lock_owner(&node.slot->lock), 0);
	assert_int_equal(atomic_load(&fixture->domain->nr_deferred), 1);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(pte_leaf_paddr(fixture->table.format, node_read(node, i), 1).value,
				 guest_paddr(PAGES(i)).value);
	check_audit(fixture);
	domain_reclaim(fixture->domain);
	check_audit(fixture);
	assert_int_equal(count(fixture, TABLE_GUEST_FIRST), 1);
}

static void test_coalesce_that_cannot_be_is_refused_and_changes_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	map_pages(fixture, 0, guest_paddr(0), 512, PROP_RW);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_READ, 2);
	assert_int_equal(cursor_coalesce(&cursor, 2, NULL), -EINVAL);
	cursor_close(&cursor);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 2);
	assert_int_equal(cursor_coalesce(&cursor, 0, NULL), -EOPNOTSUPP);
	assert_int_equal(cursor_coalesce(&cursor, 1, NULL), -EINVAL);
	assert_int_equal(cursor_coalesce(&cursor, 3, NULL), -EINVAL);
	assert_int_equal(cursor_coalesce(&cursor, 4, NULL), -EOPNOTSUPP);
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(1))), 0);
	assert_int_equal(cursor_coalesce(&cursor, 2, NULL), -EINVAL);
	cursor_close(&cursor);
	cursor = table_cursor(fixture, 0, MIB(2) - PAGES(1), CURSOR_MUTATE, 2);
	assert_int_equal(cursor_coalesce(&cursor, 2, NULL), -ERANGE);
	cursor_close(&cursor);
	assert_int_equal(table_nodes(fixture), 4);
	check_audit(fixture);
}

/* The large leaf owns one reference on each of its frames: they can be given back one by one. */
static void test_coalesced_leaf_is_split_again(void **state)
{
	struct table_fixture *fixture = *state;

	map_pages(fixture, 0, guest_paddr(0), 512, PROP_RW);
	assert_int_equal(coalesce(fixture, 0, 2, NULL), 0);
	assert_int_equal(table_unmap(fixture, PAGES(5), PAGES(2)), 2);
	assert_int_equal(count(fixture, TABLE_GUEST_FIRST + 5), 0);
	assert_int_equal(count(fixture, TABLE_GUEST_FIRST + 7), 1);
	assert_mapped(fixture, PAGES(7), guest_paddr(PAGES(7)), PROP_RW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_uniform_leaves_become_one_and_nothing_else_changes),
		LARGE_TABLE_TEST(test_split_is_undone),
		TABLE_TEST(test_leaves_that_are_not_uniform_stay),
		TABLE_TEST(test_accessed_and_dirty_are_those_of_any_leaf),
		TABLE_TEST_OF(test_bits_that_are_set_until_the_flush_is_over_are_not_lost, "x86-64",
			      table_setup_x86_64),
		TABLE_TEST(test_old_leaves_stay_readable_until_the_grace_period_is_over),
		TABLE_TEST(test_coalesce_that_cannot_be_is_refused_and_changes_nothing),
		TABLE_TEST(test_coalesced_leaf_is_split_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
