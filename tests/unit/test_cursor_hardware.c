/* SPDX-License-Identifier: MIT */
/*
 * Tables that hardware walks while we change them: every accessed and dirty bit that it sets is
 * found by somebody (BUG-9). A thread does what the page walker does: it sets the bit in an entry
 * that is present, by one atomic step, and counts.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define NR_SET 1000 /* bits that are set before the walker goes */

struct walker {
	const struct pt_format *format;
	unsigned level; /* of the leaf */
	_Atomic uint64_t *entry;
	uint64_t dirty; /* the bit */
	_Atomic unsigned nr_set;
	_Atomic bool over;
};

/* What a store of the guest does to the leaf that maps its page. */
static void store(struct walker *walker)
{
	uint64_t raw = atomic_load_explicit(walker->entry, memory_order_relaxed);

	do {
		if (!(raw & walker->format->present) || (raw & walker->dirty) ||
		    pte_kind(walker->format, PTE(raw), walker->level) != PTE_LEAF)
			return;
	} while (!atomic_compare_exchange_weak_explicit(walker->entry, &raw, raw | walker->dirty,
							memory_order_relaxed,
							memory_order_relaxed));
	atomic_fetch_add_explicit(&walker->nr_set, 1, memory_order_relaxed);
}

static void *store_all_the_time(void *argument)
{
	struct walker *walker = argument;

	uint64_t random = 0x9e3779b97f4a7c15;

	/* At any moment of a change, not only just after the last one. */
	for (unsigned i = 0; !atomic_load_explicit(&walker->over, memory_order_relaxed); i++) {
		for (uint64_t delay = random_next(&random) % 1024; delay > 0; delay--)
			atomic_signal_fence(memory_order_seq_cst);
		store(walker);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static struct cursor open_leaf(struct page_table *table, unsigned level)
{
	struct cursor cursor;

	assert_int_equal(
		cursor_open(&cursor, table, VADDR(0), level_size(level), CURSOR_MUTATE, level), 0);
	return cursor;
}

static void map_leaf(struct cursor *cursor, unsigned level)
{
	assert_int_equal(cursor_jump(cursor, VADDR(0)), 0);
	assert_int_equal(cursor_map(cursor, guest_paddr(0), level, PROP_RW, false), 0);
	assert_int_equal(cursor_jump(cursor, VADDR(0)), 0);
}

static uint64_t dirty_bit(const struct pt_format *format)
{
	uint64_t clean, dirty;

	assert_int_equal(format_leaf_bits(format, 1, PROP_RW, false, &clean), 0);
	assert_int_equal(
		format_leaf_bits(format, 1, PROP(PROP_RW.bits | PROP_DIRTY), false, &dirty), 0);
	return clean ^ dirty;
}

/* Changes the leaf at 0 and gives how many dirty bits it found; `round` counts from 0. */
typedef unsigned (*change_t)(struct page_table *table, struct cursor *cursor, unsigned round);

static unsigned is_dirty(prop_t prop)
{
	return (prop.bits & PROP_DIRTY) != 0;
}

/* Changes a leaf under the walker's eyes: as many bits are found as were set. */
static void check(struct table_fixture *fixture, unsigned level, change_t change)
{
	struct walker walker = { .format = fixture->table.format, .level = level };
	struct page_table table;
	struct cursor cursor;
	unsigned nr_found = 0;
	pthread_t thread;

	walker.dirty = dirty_bit(walker.format);
	assert_int_equal(page_table_create(&table, fixture->domain, walker.format,
					   TABLE_WALKED_BY_HARDWARE),
			 0);
	cursor = open_leaf(&table, level);
	map_leaf(&cursor, level);
	walker.entry = cursor.path[level].entries;
	assert_int_equal(pthread_create(&thread, NULL, store_all_the_time, &walker), 0);
	for (unsigned round = 0;
	     atomic_load_explicit(&walker.nr_set, memory_order_relaxed) < NR_SET; round++) {
		nr_found += change(&table, &cursor, round);
		if (round % 64 == 0)
			sched_yield();
	}
	atomic_store(&walker.over, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	nr_found += (atomic_load(walker.entry) & walker.dirty) != 0;
	assert_int_equal(nr_found, walker.nr_set);
	cursor_close(&cursor);
	page_table_destroy(&table);
}

/* Harvests the bit, and gives and takes rights in between, which must not lose it. */
static unsigned protect_next(struct page_table *table, struct cursor *cursor, unsigned round)
{
	static const struct prop_change changes[] = {
		{ .clear = PROP_DIRTY }, { .set = PROP_SOFT },	 { .clear = PROP_WRITE },
		{ .set = PROP_WRITE },	 { .clear = PROP_SOFT },
	};
	struct pt_mapping mapping;

	(void)table;
	assert_int_equal(cursor_jump(cursor, VADDR(0)), 0);
	assert_int_equal(cursor_protect_next(cursor, PAGE_SIZE, changes[round % 5], &mapping), 1);
	return round % 5 == 0 ? is_dirty(mapping.prop) : 0;
}

static void test_protect_next_loses_no_dirty_bit(void **state)
{
	check(*state, 1, protect_next);
}

/* Whole ranges do not say what they found, so the bit is harvested leaf by leaf in between. */
static unsigned protect_range(struct page_table *table, struct cursor *cursor, unsigned round)
{
	const struct prop_change toggle = { .clear = PROP_SOFT, .set = round & 1 ? PROP_SOFT : 0 };

	if (round % 5 == 0)
		return protect_next(table, cursor, 0);
	assert_int_equal(cursor_jump(cursor, VADDR(0)), 0);
	assert_int_equal(cursor_protect(cursor, PAGE_SIZE, toggle, NULL, NULL), 0);
	return 0;
}

static void test_protect_of_a_range_loses_no_dirty_bit(void **state)
{
	check(*state, 1, protect_range);
}

static unsigned take_and_map(struct page_table *table, struct cursor *cursor, unsigned round)
{
	struct pt_fragment fragment;

	(void)table;
	(void)round;
	assert_int_equal(cursor_take_next(cursor, PAGE_SIZE, &fragment), 1);
	map_leaf(cursor, 1);
	return is_dirty(fragment.leaf.prop);
}

static void test_take_next_loses_no_dirty_bit(void **state)
{
	check(*state, 1, take_and_map);
}

static unsigned replace_leaf(struct page_table *table, struct cursor *cursor, unsigned round)
{
	const struct pt_child new = {
		.kind = PTE_LEAF,
		.paddr = guest_paddr(round % 2 * PAGE_SIZE),
		.level = 1,
		.prop = PROP_RW,
	};
	struct pt_child old;

	assert_int_equal(node_replace_child(table, cursor->path[1], 0, &new, &old), 0);
	assert_int_equal(old.kind, PTE_LEAF);
	return is_dirty(old.prop);
}

static void test_replace_loses_no_dirty_bit(void **state)
{
	check(*state, 1, replace_leaf);
}

/* Once it is split, the walker leaves it alone, and its first part says whether it was dirty. */
static unsigned split_and_join(struct page_table *table, struct cursor *cursor, unsigned round)
{
	const struct prop_change toggle = { .set = PROP_SOFT };
	struct pt_fragment fragment;
	struct pt_mapping mapping;

	(void)round;
	assert_int_equal(cursor_protect_next(cursor, PAGE_SIZE, toggle, &mapping), 1);
	assert_int_equal(cursor_jump(cursor, VADDR(0)), 0);
	assert_int_equal(cursor_take_next(cursor, MIB(2), &fragment), 1);
	assert_int_equal(fragment.kind, FRAGMENT_SUBTREE);
	fragment_drop(&fragment);
	cursor_close(cursor);
	domain_reclaim(table->domain);
	*cursor = open_leaf(table, 2);
	map_leaf(cursor, 2);
	return is_dirty(mapping.prop);
}

static void test_split_loses_no_dirty_bit(void **state)
{
	check(*state, 2, split_and_join);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_protect_next_loses_no_dirty_bit),
		TABLE_TEST(test_protect_of_a_range_loses_no_dirty_bit),
		TABLE_TEST(test_take_next_loses_no_dirty_bit),
		TABLE_TEST(test_replace_loses_no_dirty_bit),
		TABLE_TEST(test_split_loses_no_dirty_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
