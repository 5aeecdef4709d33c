/* SPDX-License-Identifier: MIT */
/*
 * Tables whose owner, a guest, writes to them as it likes. Operations work or say -EUCLEAN; nothing
 * crashes, hangs, or stays locked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/audit.h"
#include "mm/census.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

/* The guest writes an entry of the node of `level` on the way to va. */
static void scribble(struct table_fixture *fixture, uint64_t va, unsigned level, uint64_t raw)
{
	struct pt_node node = table_node(fixture, va, level);

	fixture->hostile = true;
	atomic_store(&node.entries[pte_index(va, level)], raw);
}

static uint64_t entry(struct table_fixture *fixture, uint64_t va, unsigned level)
{
	return node_read(table_node(fixture, va, level), pte_index(va, level)).raw;
}

static uint64_t leaf(const struct table_fixture *fixture, paddr_t paddr, unsigned level,
		     bool tracked)
{
	uint64_t bits;

	assert_int_equal(format_leaf_bits(fixture->table.format, level, PROP_RW, tracked, &bits),
			 0);
	return paddr.value | bits;
}

static void assert_nothing_locked(const struct table_fixture *fixture)
{
	assert_false(port_read_ongoing());
	for (uint64_t i = 0; i < fixture->domain->nr_frames; i++)
		if (slot_kind(&fixture->domain->slots[i]) == FRAME_NODE)
			assert_int_equal(lock_owner(&fixture->domain->slots[i].lock), 0);
}

static void assert_refused(struct table_fixture *fixture, uint64_t va, uint64_t len)
{
	struct cursor cursor;

	for (unsigned mode = CURSOR_READ; mode <= CURSOR_MUTATE; mode++) {
		assert_int_equal(cursor_open(&cursor, &fixture->table, VADDR(va), len, mode, 1),
				 -EUCLEAN);
		assert_nothing_locked(fixture);
	}
}

static void assert_works(struct table_fixture *fixture, uint64_t va, uint64_t len)
{
	struct cursor cursor = table_cursor(fixture, va, len, CURSOR_MUTATE, 1);

	assert_true(cursor_find_next(&cursor, len) >= 0);
	cursor_close(&cursor);
	assert_nothing_locked(fixture);
}

/* Two nodes of level 1, side by side. */
static void map_two(struct table_fixture *fixture)
{
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, MIB(4), guest_paddr(PAGES(1)), 1, PROP_RW, true), 0);
}

static void test_removed_node_that_is_linked_again_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct pt_mapping mapping;
	struct cursor cursor;
	uint64_t raw;

	map_two(fixture);
	raw = entry(fixture, MIB(2), 2);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_take_next(&cursor, MIB(4), &fragment), 1);
	cursor_close(&cursor);
	scribble(fixture, MIB(2), 2, raw);
	assert_refused(fixture, MIB(2), PAGES(1));
	assert_refused(fixture, 0, MIB(8));
	assert_works(fixture, MIB(4), MIB(2));
	assert_int_equal(page_table_walk(&fixture->table, VADDR(MIB(2)), &mapping), -EUCLEAN);
	fragment_drop(&fragment);
	domain_reclaim(fixture->domain);
	assert_refused(fixture, MIB(2), PAGES(1));
	assert_int_equal(atomic_load(&fixture->domain->nr_corrupt), 0);
}

static void test_node_in_two_places_is_refused_in_the_wrong_one(void **state)
{
	struct table_fixture *fixture = *state;

	map_two(fixture);
	scribble(fixture, MIB(4), 2, entry(fixture, MIB(2), 2));
	scribble(fixture, MIB(6), 2, entry(fixture, MIB(2), 2));
	assert_refused(fixture, MIB(2), MIB(6));
	assert_refused(fixture, MIB(4), PAGES(1));
	assert_refused(fixture, MIB(6), PAGES(1));
	assert_works(fixture, MIB(2), MIB(2));
}

static void test_node_of_another_table_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct page_table other;
	struct cursor cursor;

	map_two(fixture);
	assert_int_equal(page_table_create(&other, fixture->domain, fixture->table.format,
					   fixture->table.walker),
			 0);
	assert_int_equal(cursor_open(&cursor, &other, VADDR(0), PAGES(1), CURSOR_MUTATE, 1), 0);
	cursor_close(&cursor);
	atomic_store(&other.root.entries[0], entry(fixture, 0, 4));
	assert_int_equal(cursor_open(&cursor, &other, VADDR(0), PAGES(1), CURSOR_READ, 1),
			 -EUCLEAN);
	page_table_destroy(&other);
	assert_works(fixture, 0, MIB(8));
	assert_mapped(fixture, MIB(2), guest_paddr(0), PROP_RW);
	fixture->hostile = true;
}

static void refuse_take(struct table_fixture *fixture, struct cursor *cursor)
{
	struct pt_fragment fragment;
	struct pt_node guard = cursor->path[cursor->guard_level];
	pte_t before = node_read(guard, 0);

	assert_int_equal(cursor_take_next(cursor, GIB(1), &fragment), -EUCLEAN);
	assert_int_equal(cursor_virt_addr(cursor).value, 0);
	assert_int_equal(cursor_unmap(cursor, GIB(1), NULL, NULL), -EUCLEAN);
	assert_int_equal(node_read(guard, 0).raw, before.raw);
	cursor_close(cursor);
	assert_nothing_locked(fixture);
}

static void test_subtree_that_makes_no_sense_is_not_taken(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;
	uint64_t raw;

	map_two(fixture);
	raw = entry(fixture, MIB(2), 2);
	cursor = table_cursor(fixture, 0, GIB(2), CURSOR_MUTATE, 1);
	scribble(fixture, MIB(2), 2, entry(fixture, MIB(4), 2));
	refuse_take(fixture, &cursor);
	/* A node that was not there when the cursor was opened, so that it is not locked. */
	scribble(fixture, MIB(2), 2, 0);
	cursor = table_cursor(fixture, 0, GIB(2), CURSOR_MUTATE, 1);
	scribble(fixture, MIB(2), 2, raw);
	refuse_take(fixture, &cursor);
	fixture->hostile = false;
}

/* 512 * 512 * 512 ways to one node. */
static void test_census_of_a_table_that_folds_back_on_itself_ends(void **state)
{
	struct table_fixture *fixture = *state;
	struct table_census census;

	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	for (unsigned level = 4; level > 1; level--)
		for (unsigned index = 1; index < NODE_ENTRIES / 2; index++)
			scribble(fixture, index * level_size(level), level,
				 entry(fixture, 0, level));
	assert_int_equal(page_table_census(&fixture->table, &census), -EUCLEAN);
	assert_in_range(census.nodes, 1, 4);
}

/* Words that a guest may leave in an entry, each made from what is in the table. */
static uint64_t hostile_word(struct table_fixture *fixture, unsigned number)
{
	const struct pt_format *format = fixture->table.format;
	const paddr_t targets[] = {
		PADDR(0),
		page_table_root(&fixture->table),
		PADDR(page_table_root(&fixture->table).value + PAGE_SIZE),
		PADDR(page_table_root(&fixture->table).value + 2 * PAGE_SIZE),
		PADDR(page_table_root(&fixture->table).value + 3 * PAGE_SIZE),
		guest_paddr(0),
		frame_number(TABLE_POOL_FIRST + TABLE_POOL_FRAMES - 1),
		frame_number(TABLE_FRAMES - 1),
		frame_number(TABLE_FRAMES),
		PADDR(0x000ffffffffff000),
		PADDR(GIB(1) - MIB(2)),
	};
	const unsigned nr_targets = sizeof(targets) / sizeof(*targets);
	uint64_t flags[] = {
		pte_node(format, PADDR(0)).raw,	  leaf(fixture, PADDR(0), 1, false),
		leaf(fixture, PADDR(0), 1, true), leaf(fixture, PADDR(0), 2, true),
		PTE_HELD | PTE_TRACKED,		  0xfff0000000000fff,
	};

	return targets[number % nr_targets].value | flags[number / nr_targets % 6];
}

#define NR_WORDS (11 * 6)

static bool is_sane(int result)
{
	return result == 0 || result == 1 || result == -EUCLEAN || result == -EEXIST ||
	       result == -EOPNOTSUPP || result == -ERANGE || result == -EINVAL;
}

/* Everything that a cursor can do, whatever comes of it. */
static void do_everything(struct table_fixture *fixture, struct cursor *cursor, uint64_t va)
{
	const struct prop_change change = { .clear = PROP_WRITE, .set = PROP_SOFT };
	struct pt_fragment fragment;
	struct pt_mapping mapping;
	int found;

	assert_true(is_sane(cursor_query(cursor, &mapping)));
	assert_true(is_sane(cursor_find_next(cursor, cursor_remaining(cursor))));
	assert_int_equal(cursor_jump(cursor, VADDR(va)), 0);
	for (unsigned level = 1; level <= 3; level++)
		assert_true(is_sane(cursor_map(cursor, PADDR(0), level, PROP_RW, false)));
	assert_int_equal(cursor_jump(cursor, VADDR(va)), 0);
	assert_true(is_sane(cursor_map_run(cursor, PADDR(0), MIB(2), 0, PROP_RW, false)));
	assert_int_equal(cursor_jump(cursor, VADDR(va)), 0);
	assert_true(is_sane(cursor_protect_next(cursor, PAGES(1), change, &mapping)));
	assert_int_equal(cursor_jump(cursor, VADDR(va)), 0);
	assert_true(is_sane(cursor_protect(cursor, MIB(1), change, NULL, NULL)));
	assert_int_equal(cursor_jump(cursor, VADDR(va)), 0);
	assert_true(is_sane(cursor_query_next(cursor, MIB(1), &mapping)));
	assert_true(is_sane(cursor_harvest(cursor, MIB(1), PROP_DIRTY, NULL, NULL)));
	assert_int_equal(cursor_jump(cursor, VADDR(va)), 0);
	found = cursor_coalesce(cursor, 2, NULL);
	assert_true(is_sane(found) || found == -ENOENT);
	assert_true(is_sane(cursor_reclaim(cursor, cursor_remaining(cursor), NULL)));
	found = cursor_replace(cursor, PADDR(0), 1, PROP_RO, false, &fragment);
	assert_true(is_sane(found));
	if (found == 0)
		fragment_drop(&fragment);
	assert_int_equal(cursor_jump(cursor, VADDR(va)), 0);
	found = cursor_take_next(cursor, PAGES(3), &fragment);
	assert_true(is_sane(found));
	if (found > 0)
		fragment_drop(&fragment);
	assert_true(is_sane(cursor_unmap(cursor, cursor_remaining(cursor), NULL, NULL)));
	assert_true(is_sane(page_table_walk(&fixture->table, VADDR(va), &mapping)));
}

static void look_at_everything(struct table_fixture *fixture)
{
	struct table_census census;
	struct audit_report report;

	(void)page_table_census(&fixture->table, &census);
	(void)mm_audit(fixture->domain, fixture->scratch, NULL, NULL, &report);
}

/* A fresh table, one bad entry, before or after the cursor is opened; then a good table again. */
static void try_word(enum pt_format_id id, unsigned level, unsigned number, bool before)
{
	const uint64_t base = GIB(3);
	struct table_fixture fixture;
	struct cursor cursor;
	int error;

	table_fixture_open(&fixture, id, TABLE_WALKED_BY_HARDWARE, TABLE_FRAMES);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(table_map(&fixture, base + MIB(2 * i), guest_paddr(PAGES(i)), 1,
					   PROP_RW, true),
				 0);
	assert_int_equal(table_map(&fixture, base + MIB(6), guest_paddr(MIB(2)), 2, PROP_RW, true),
			 0);
	if (before)
		scribble(&fixture, base, level, hostile_word(&fixture, number));
	error = cursor_open(&cursor, &fixture.table, VADDR(base), MIB(8), CURSOR_MUTATE, 1);
	assert_true(error == 0 || (before && error == -EUCLEAN));
	if (!before)
		scribble(&fixture, base, level, hostile_word(&fixture, number));
	if (error == 0) {
		do_everything(&fixture, &cursor, base);
		cursor_close(&cursor);
	}
	assert_nothing_locked(&fixture);
	look_at_everything(&fixture);
	domain_reclaim(fixture.domain);
	assert_works(&fixture, GIB(600), MIB(4));
	table_fixture_close(&fixture);
}

static void test_any_word_in_any_entry_is_survived(void **state)
{
	(void)state;
	for (unsigned id = 0; id < 2; id++)
		for (unsigned level = 1; level <= 4; level++)
			for (unsigned number = 0; number < NR_WORDS; number++) {
				try_word(id, level, number, true);
				try_word(id, level, number, false);
			}
}

static void test_frames_beyond_the_domain_spoil_nothing_that_is_dropped(void **state)
{
	struct table_fixture *fixture = *state;
	const paddr_t last = frame_number(TABLE_FRAMES - 1);
	uint64_t pages = 0;
	struct cursor cursor;

	for (unsigned i = 0; i < 2; i++)
		for (unsigned page = 0; page < 2; page++)
			assert_int_equal(table_map(fixture, MIB(2 * i) + PAGES(page), last, 1,
						   PROP_RW, page == 0),
					 0);
	for (unsigned i = 0; i < 2; i++)
		scribble(fixture, MIB(2 * i) + PAGES(1), 1,
			 leaf(fixture, frame_number(TABLE_FRAMES), 1, true));
	assert_int_equal(slot_count(domain_slot_at(fixture->domain, last)), 2);
	/* Leaf by leaf, and with its node. */
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_unmap(&cursor, PAGES(2), NULL, &pages), 0);
	assert_int_equal(pages, 2);
	assert_int_equal(cursor_unmap(&cursor, cursor_remaining(&cursor), NULL, &pages), 0);
	assert_int_equal(pages, 2);
	cursor_close(&cursor);
	domain_reclaim(fixture->domain);
	assert_int_equal(domain_fixture_state(&fixture->base, TABLE_FRAMES - 1), SLOT_UNUSED);
	assert_int_equal(atomic_load(&fixture->domain->nr_corrupt), 2);
}

static void test_leaf_that_owns_nothing_is_counted_and_frees_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;
	uint64_t nr_free;

	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	scribble(fixture, PAGES(1), 1, leaf(fixture, guest_paddr(PAGES(8)), 1, true));
	scribble(fixture, PAGES(2), 1, leaf(fixture, page_table_root(&fixture->table), 1, true));
	scribble(fixture, PAGES(3), 1,
		 leaf(fixture, frame_number(TABLE_POOL_FIRST + TABLE_POOL_FRAMES - 1), 1, true));
	nr_free = allocator_free_frames(fixture->domain);
	cursor = table_cursor(fixture, 0, PAGES(4), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_unmap(&cursor, PAGES(4), NULL, NULL), 0);
	cursor_close(&cursor);
	assert_int_equal(atomic_load(&fixture->domain->nr_corrupt), 3);
	assert_int_equal(allocator_free_frames(fixture->domain), nr_free);
	assert_int_equal(slot_count(fixture->table.root.slot), 1);
	domain_fixture_assert_allocator(&fixture->base);
}

/* nr_children is ours: entries that the guest adds or clears move it no further than 0 to 512. */
static void test_entries_that_a_guest_adds_or_clears_do_not_unsettle_the_count(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node;

	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	node = table_node(fixture, 0, 1);
	for (unsigned round = 0; round < 3; round++) {
		struct cursor cursor = table_cursor(fixture, 0, MIB(2), CURSOR_MUTATE, 1);

		for (unsigned i = 0; i < NODE_ENTRIES; i++)
			scribble(fixture, PAGES(i), 1, leaf(fixture, PADDR(PAGES(i)), 1, false));
		assert_int_equal(cursor_unmap(&cursor, MIB(2), NULL, NULL), 0);
		assert_int_equal(node.slot->nr_children, 0);
		assert_int_equal(cursor_jump(&cursor, VADDR(0)), 0);
		for (unsigned i = 0; i < NODE_ENTRIES; i++) {
			assert_int_equal(cursor_map(&cursor, PADDR(0), 1, PROP_RW, false), 0);
			scribble(fixture, PAGES(i), 1, 0);
		}
		assert_int_equal(cursor_jump(&cursor, VADDR(0)), 0);
		for (unsigned i = 0; i < NODE_ENTRIES; i++)
			assert_int_equal(cursor_map(&cursor, PADDR(0), 1, PROP_RW, false), 0);
		assert_in_range(node.slot->nr_children, 0, NODE_ENTRIES);
		cursor_close(&cursor);
	}
	assert_nothing_locked(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_node_in_two_places_is_refused_in_the_wrong_one),
		TABLE_TEST(test_node_of_another_table_is_refused),
		TABLE_TEST(test_subtree_that_makes_no_sense_is_not_taken),
		TABLE_TEST(test_census_of_a_table_that_folds_back_on_itself_ends),
		TABLE_TEST(test_removed_node_that_is_linked_again_is_refused),
		cmocka_unit_test(test_any_word_in_any_entry_is_survived),
		TABLE_TEST(test_frames_beyond_the_domain_spoil_nothing_that_is_dropped),
		TABLE_TEST(test_leaf_that_owns_nothing_is_counted_and_frees_nothing),
		TABLE_TEST(test_entries_that_a_guest_adds_or_clears_do_not_unsettle_the_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
