/* SPDX-License-Identifier: MIT */
/*
 * Harvest of accessed and dirty bits (9.6.6, INV-X7, BUG-9).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/single_step.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)
#define RW (PROP_READ | PROP_WRITE)
#define USED (PROP_ACCESSED | PROP_DIRTY)

static uint64_t at(const struct cursor *cursor)
{
	return cursor_virt_addr(cursor).value;
}

/* What `prop` (accessed, dirty) looks like in an entry. */
static uint64_t bits_of(const struct table_fixture *fixture, uint32_t prop)
{
	uint64_t with, without;

	assert_int_equal(format_leaf_bits(fixture->table.format, 1, PROP(RW | prop), false, &with),
			 0);
	assert_int_equal(format_leaf_bits(fixture->table.format, 1, PROP(RW), false, &without), 0);
	return with & ~without;
}

/* Does what hardware does when a page is used. */
static void use(struct table_fixture *fixture, uint64_t va, uint32_t prop)
{
	unsigned level = table_look(fixture, va).level;

	atomic_fetch_or(&table_node(fixture, va, level).entries[pte_index(va, level)],
			bits_of(fixture, prop));
}

static void map_linear(struct table_fixture *fixture, uint64_t va, uint64_t len)
{
	struct cursor cursor = table_cursor(fixture, va, len, CURSOR_MUTATE, 2);

	assert_int_equal(cursor_map_run(&cursor, PADDR(va), len, 0, PROP(RW), false), 0);
	cursor_close(&cursor);
}

/* Harvests one leaf, which must be that at `start`, and had `old`. */
static void harvest_one(struct cursor *cursor, uint32_t bits, uint64_t start, uint32_t old)
{
	struct pt_mapping leaf;

	assert_int_equal(cursor_harvest_next(cursor, cursor_remaining(cursor), bits, &leaf), 1);
	assert_int_equal(leaf.start.value, start);
	assert_true(leaf.present);
	assert_int_equal(leaf.paddr.value, start);
	assert_int_equal(leaf.prop.bits, old);
}

static void test_harvest_finds_the_marked_leaves_only_and_steps_behind_them(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_mapping leaf;
	struct cursor cursor;

	map_linear(fixture, PAGES(500), PAGES(100));
	use(fixture, PAGES(503), USED);
	use(fixture, PAGES(504), PROP_ACCESSED);
	use(fixture, PAGES(511), USED);
	use(fixture, PAGES(512), USED);
	cursor = table_cursor(fixture, 0, MIB(8), CURSOR_MUTATE, 1);
	harvest_one(&cursor, PROP_DIRTY, PAGES(503), RW | USED);
	assert_int_equal(at(&cursor), PAGES(504));
	harvest_one(&cursor, PROP_DIRTY, PAGES(511), RW | USED);
	harvest_one(&cursor, PROP_DIRTY, PAGES(512), RW | USED);
	assert_int_equal(cursor_harvest_next(&cursor, PAGES(2), PROP_DIRTY, &leaf), 0);
	assert_int_equal(at(&cursor), PAGES(515));
	assert_int_equal(cursor_harvest_next(&cursor, cursor_remaining(&cursor), PROP_DIRTY, &leaf),
			 0);
	assert_int_equal(at(&cursor), MIB(8));
	assert_int_equal(cursor_harvest_next(&cursor, 0, PROP_DIRTY, &leaf), 0);
	cursor_close(&cursor);
	check_audit(fixture);
}

static void test_harvest_takes_exactly_the_bits_that_it_is_given(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	map_linear(fixture, 0, PAGES(4));
	use(fixture, PAGES(1), USED);
	cursor = table_cursor(fixture, 0, PAGES(4), CURSOR_MUTATE, 1);
	harvest_one(&cursor, PROP_DIRTY, PAGES(1), RW | USED);
	assert_int_equal(cursor_jump(&cursor, VADDR(0)), 0);
	harvest_one(&cursor, USED, PAGES(1), RW | PROP_ACCESSED);
	cursor_close(&cursor);
	assert_mapped(fixture, PAGES(1), PADDR(PAGES(1)), PROP(RW));
	check_audit(fixture);
}

/* Never splits: a large leaf is reported as it is, also if only a part of it is asked about. */
static void test_large_leaf_is_harvested_as_a_whole(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_mapping leaf;
	struct cursor cursor;
	uint64_t nodes;

	assert_int_equal(table_map(fixture, MIB(4), guest_paddr(MIB(2)), 2, PROP(RW | USED), true),
			 0);
	nodes = table_nodes(fixture);
	cursor = table_cursor(fixture, MIB(4), MIB(1), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(4) + PAGES(7))), 0);
	assert_int_equal(cursor_harvest_next(&cursor, PAGES(2), PROP_DIRTY, &leaf), 1);
	assert_int_equal(leaf.start.value, MIB(4));
	assert_int_equal(leaf.len, MIB(2));
	assert_int_equal(leaf.level, 2);
	assert_true(leaf.tracked);
	assert_int_equal(at(&cursor), MIB(4) + PAGES(9));
	assert_int_equal(cursor_harvest_next(&cursor, cursor_remaining(&cursor), PROP_DIRTY, &leaf),
			 0);
	assert_int_equal(at(&cursor), MIB(5));
	cursor_close(&cursor);
	assert_int_equal(table_nodes(fixture), nodes);
	assert_mapped(fixture, MIB(4), guest_paddr(MIB(2)), PROP(RW | PROP_ACCESSED));
	check_audit(fixture);
}

static void test_harvest_that_cannot_be_is_refused_and_changes_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_mapping leaf;
	struct cursor cursor;

	map_linear(fixture, 0, PAGES(1));
	use(fixture, 0, USED);
	cursor = table_cursor(fixture, 0, PAGES(4), CURSOR_READ, 1);
	assert_int_equal(cursor_harvest_next(&cursor, PAGES(1), USED, &leaf), -EINVAL);
	cursor_close(&cursor);
	cursor = table_cursor(fixture, 0, PAGES(4), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_harvest_next(&cursor, PAGES(1), 0, &leaf), -EINVAL);
	assert_int_equal(cursor_harvest_next(&cursor, PAGES(1), USED | PROP_WRITE, &leaf), -EINVAL);
	assert_int_equal(cursor_harvest_next(&cursor, 1, USED, &leaf), -EINVAL);
	assert_int_equal(cursor_harvest_next(&cursor, PAGES(5), USED, &leaf), -ERANGE);
	assert_int_equal(cursor_harvest_next(&cursor, -PAGES(1), USED, &leaf), -ERANGE);
	assert_int_equal(cursor_harvest(&cursor, PAGES(5), USED, NULL, NULL), -ERANGE);
	assert_int_equal(at(&cursor), 0);
	cursor_close(&cursor);
	assert_mapped(fixture, 0, PADDR(0), PROP(RW | USED));
}

struct runs {
	unsigned nr;
	uint64_t start[8];
	uint64_t len[8];
};

static void note_run(void *context, vaddr_t start, uint64_t len)
{
	struct runs *runs = context;

	assert_in_range(runs->nr, 0, 7);
	runs->start[runs->nr] = start.value;
	runs->len[runs->nr++] = len;
}

static void test_harvest_of_a_range_flushes_the_runs_that_were_marked(void **state)
{
	struct table_fixture *fixture = *state;
	struct runs runs = { .nr = 0 };
	const struct range_flush flush = { note_run, &runs };
	struct cursor cursor;
	uint64_t pages = 99;

	map_linear(fixture, 0, MIB(4) + PAGES(8)); /* two large leaves and eight small ones */
	use(fixture, MIB(2), PROP_DIRTY);
	for (unsigned i = 0; i < 3; i++)
		use(fixture, MIB(4) + PAGES(i), PROP_DIRTY);
	use(fixture, MIB(4) + PAGES(5), USED);
	cursor = table_cursor(fixture, PAGES(1), MIB(5), CURSOR_MUTATE, 1);
	assert_int_equal(
		cursor_harvest(&cursor, cursor_remaining(&cursor), PROP_DIRTY, &flush, &pages), 0);
	assert_int_equal(at(&cursor), MIB(5) + PAGES(1));
	assert_int_equal(pages, 512 + 4);
	assert_int_equal(runs.nr, 2);
	assert_int_equal(runs.start[0], MIB(2));
	assert_int_equal(runs.len[0], MIB(2) + PAGES(3));
	assert_int_equal(runs.start[1], MIB(4) + PAGES(5));
	assert_int_equal(runs.len[1], PAGES(1));
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(1))), 0);
	assert_int_equal(
		cursor_harvest(&cursor, cursor_remaining(&cursor), PROP_DIRTY, &flush, &pages), 0);
	assert_int_equal(pages, 0);
	assert_int_equal(runs.nr, 2);
	cursor_close(&cursor);
	check_audit(fixture);
}

/* INV-X7: splits, changes of rights and reads leave the bits where they are. */
static void test_only_the_harvest_takes_bits_away(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;
	uint64_t pages;

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 2, PROP(RW), true), 0);
	use(fixture, 0, USED);
	assert_int_equal(table_protect(fixture, PAGES(9), PAGES(3),
				       (struct prop_change){ PROP_WRITE, 0 }),
			 3);
	assert_int_equal(table_unmap(fixture, PAGES(20), PAGES(1)), 1);
	for (unsigned i = 0; i < 512; i++)
		if (i != 20)
			assert_int_equal(table_look(fixture, PAGES(i)).prop.bits & USED, USED);
	cursor = table_cursor(fixture, 0, MIB(2), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_harvest(&cursor, MIB(2), USED, NULL, &pages), 0);
	cursor_close(&cursor);
	assert_int_equal(pages, 511);
	assert_mapped(fixture, PAGES(10), guest_paddr(PAGES(10)), PROP_RO);
	assert_mapped(fixture, PAGES(12), guest_paddr(PAGES(12)), PROP(RW));
	check_audit(fixture);
}

/* INV-X7: whenever hardware sets the dirty bit, it is harvested now or next time, and only once. */
struct hardware {
	struct table_fixture *fixture;
	_Atomic uint64_t *entry;
	uint64_t dirty; /* the bit */
	struct cursor cursor;
	unsigned nr_dirty;
	unsigned nr_accessed;
};

static void map_accessed(void *context)
{
	struct hardware *hardware = context;

	table_unmap(hardware->fixture, 0, PAGES(1));
	map_linear(hardware->fixture, 0, PAGES(1));
	use(hardware->fixture, 0, PROP_ACCESSED);
	hardware->entry = table_node(hardware->fixture, 0, 1).entries;
	hardware->dirty = bits_of(hardware->fixture, PROP_DIRTY);
	hardware->nr_dirty = hardware->nr_accessed = 0;
	hardware->cursor = table_cursor(hardware->fixture, 0, PAGES(1), CURSOR_MUTATE, 1);
}

static void harvest(void *context)
{
	struct hardware *hardware = context;
	struct pt_mapping leaf;

	if (cursor_harvest_next(&hardware->cursor, PAGES(1), USED, &leaf) > 0) {
		hardware->nr_dirty += (leaf.prop.bits & PROP_DIRTY) != 0;
		hardware->nr_accessed += (leaf.prop.bits & PROP_ACCESSED) != 0;
	}
}

static void set_dirty(void *context)
{
	struct hardware *hardware = context;

	atomic_fetch_or(hardware->entry, hardware->dirty);
}

static void harvest_again_and_check(void *context)
{
	struct hardware *hardware = context;

	assert_int_equal(cursor_jump(&hardware->cursor, VADDR(0)), 0);
	harvest(hardware);
	cursor_close(&hardware->cursor);
	assert_int_equal(hardware->nr_dirty, 1);
	assert_int_equal(hardware->nr_accessed, 1);
	assert_mapped(hardware->fixture, 0, PADDR(0), PROP(RW));
}

/* V-8 */
static void test_each_bit_that_hardware_sets_is_harvested_once(void **state)
{
	struct hardware hardware = { .fixture = *state };
	const struct single_step step = { map_accessed, harvest, set_dirty,
					  harvest_again_and_check };

	single_step_each_moment(&step, &hardware);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_harvest_finds_the_marked_leaves_only_and_steps_behind_them),
		TABLE_TEST(test_harvest_takes_exactly_the_bits_that_it_is_given),
		TABLE_TEST(test_large_leaf_is_harvested_as_a_whole),
		TABLE_TEST(test_harvest_that_cannot_be_is_refused_and_changes_nothing),
		TABLE_TEST(test_harvest_of_a_range_flushes_the_runs_that_were_marked),
		TABLE_TEST(test_only_the_harvest_takes_bits_away),
		TABLE_TEST_OF(test_each_bit_that_hardware_sets_is_harvested_once, "x86-64",
			      table_setup_x86_64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
