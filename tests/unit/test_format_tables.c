/* SPDX-License-Identifier: MIT */
/*
 * Tables of every format: what holds of an entry in one holds in all of them (E-4, P-3, P-4), and
 * what a format adds (levels, protection keys) goes through entries and cursors unharmed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define PROP_END UINT32_C(0x10000) /* every property there is */

static void open_table(struct table_fixture *fixture, unsigned id, unsigned walker)
{
	table_fixture_open(fixture, (enum pt_format_id)id, (enum table_walker)walker, TABLE_FRAMES);
}

/* Each level has a place of its own, for nodes of smaller leaves may stay, empty. */
static vaddr_t place(unsigned level)
{
	return VADDR(GIB(level));
}

/* Puts an untracked leaf there. */
static struct cursor leaf_cursor(struct table_fixture *fixture, unsigned level, uint32_t prop)
{
	struct cursor cursor =
		table_cursor(fixture, place(level).value, level_size(level), CURSOR_MUTATE, level);

	assert_int_equal(cursor_map(&cursor, PADDR(level_size(level)), level, PROP(prop), false),
			 0);
	return cursor;
}

/*
 * Changes the leaf to `prop`: it has that and nothing else has changed, or it is refused and is
 * what it was.
 */
static void check_change(struct cursor *cursor, unsigned level, uint32_t before, uint32_t prop)
{
	const struct pt_format *format = cursor->table->format;
	struct pt_mapping mapping;
	uint64_t bits;
	int error = format_leaf_bits(format, level, PROP(prop), false, &bits);

	assert_int_equal(cursor_jump(cursor, place(level)), 0);
	assert_int_equal(cursor_protect(cursor, level_size(level),
					(struct prop_change){ PROP_CHANGEABLE, prop }, NULL, NULL),
			 prop & ~PROP_CHANGEABLE ? -EINVAL : error);
	assert_int_equal(cursor_jump(cursor, place(level)), 0);
	assert_int_equal(cursor_query(cursor, &mapping), 0);
	assert_true(mapping.present);
	assert_int_equal(mapping.prop.bits, error ? before : prop);
	assert_int_equal(mapping.paddr.value, level_size(level));
	assert_int_equal(mapping.level, level);
	assert_false(mapping.tracked);
	if (error)
		return;
	assert_int_equal(cursor_jump(cursor, place(level)), 0);
	assert_int_equal(cursor_protect(cursor, level_size(level),
					(struct prop_change){ PROP_CHANGEABLE, before }, NULL,
					NULL),
			 0);
}

/* E-4, P-3 */
static void test_protect_sets_every_property_that_can_be_said_and_nothing_else(void **state)
{
	(void)state;
	for (unsigned id = 0; id < PT_FORMATS; id++)
		for (unsigned level = 1; level <= 3; level++) {
			struct table_fixture fixture;
			struct cursor cursor;

			open_table(&fixture, id, level % 2);
			cursor = leaf_cursor(&fixture, level, PROP_READ);
			for (uint32_t prop = 0; prop < PROP_END; prop++)
				check_change(&cursor, level, PROP_READ, prop);
			cursor_close(&cursor);
			table_fixture_close(&fixture);
		}
}

/* E-4 */
static void test_protect_of_an_absent_entry_changes_nothing(void **state)
{
	(void)state;
	for (unsigned id = 0; id < PT_FORMATS; id++) {
		struct table_fixture fixture;

		open_table(&fixture, id, TABLE_WALKED_BY_HARDWARE);
		for (unsigned level = 1; level <= fixture.table.format->levels; level++) {
			struct pt_node node;
			prop_t old;

			assert_int_equal(
				node_alloc(fixture.domain, fixture.table.format, level, &node), 0);
			assert_int_equal(node_protect_child(&fixture.table, node, 7,
							    (struct prop_change){ 0, PROP_READ },
							    &old),
					 -ENOENT);
			assert_int_equal(node_read(node, 7).raw, 0);
			node_free(fixture.domain, node);
		}
		table_fixture_close(&fixture);
	}
}

/* Every property that a leaf of 2 MiB or 1 GiB has, its 512 parts have. */
static void check_split(struct table_fixture *fixture, unsigned level, uint32_t prop)
{
	struct cursor cursor = leaf_cursor(fixture, level, prop);
	struct pt_fragment fragment;
	struct pt_mapping mapping;

	assert_int_equal(cursor_jump(&cursor, place(level)), 0);
	assert_int_equal(cursor_take_next(&cursor, PAGE_SIZE, &fragment), 1);
	assert_int_equal(fragment.pages, 1);
	fragment_drop(&fragment);
	for (uint64_t at = PAGE_SIZE; at < level_size(level); at += mapping.len) {
		assert_int_equal(cursor_jump(&cursor, VADDR(place(level).value + at)), 0);
		assert_int_equal(cursor_query(&cursor, &mapping), 0);
		assert_true(mapping.present);
		assert_int_equal(mapping.prop.bits, prop);
		assert_int_equal(mapping.start.value, place(level).value + at);
		assert_int_equal(mapping.paddr.value, level_size(level) + at);
	}
	assert_int_equal(cursor_jump(&cursor, place(level)), 0);
	assert_int_equal(cursor_unmap(&cursor, level_size(level), NULL, NULL), 0);
	cursor_close(&cursor);
	domain_reclaim(fixture->domain);
	check_audit(fixture);
}

/* P-4 */
static void test_split_keeps_every_property(void **state)
{
	(void)state;
	for (unsigned id = 0; id < PT_FORMATS; id++) {
		struct table_fixture fixture;

		open_table(&fixture, id, id % 2);
		for (uint32_t prop = 0; prop < PROP_END; prop++) {
			uint64_t bits;

			/* Each takes a thousand looks: a few combinations of each property do. */
			if (prop % 29 == 0 && format_leaf_bits(fixture.table.format, 2, PROP(prop),
							       false, &bits) == 0)
				check_split(&fixture, 2 + prop % 2, prop);
		}
		table_fixture_close(&fixture);
	}
}

/* Page 3 of a 2 MiB leaf gets another right, the whole another key, a page of it yet another. */
static void test_protection_key_survives_protect_and_split_and_can_be_set(void **state)
{
	const struct prop_change read_only = { PROP_WRITE | PROP_EXECUTE, 0 };
	const uint32_t rw = PROP_READ | PROP_WRITE | PROP_USER;

	(void)state;
	for (unsigned id = PT_FORMAT_X86_64_4_KEYS; id <= PT_FORMAT_X86_64_5_KEYS; id++) {
		struct table_fixture fixture;

		open_table(&fixture, id, TABLE_WALKED_BY_HARDWARE);
		assert_int_equal(
			table_map(&fixture, 0, guest_paddr(0), 2, PROP(rw | PROP_KEY(9)), true), 0);
		assert_int_equal(table_protect(&fixture, KIB(12), KIB(4), read_only), 1);
		assert_mapped(&fixture, KIB(12), guest_paddr(KIB(12)),
			      PROP(PROP_READ | PROP_USER | PROP_KEY(9)));
		assert_mapped(&fixture, KIB(16), guest_paddr(KIB(16)), PROP(rw | PROP_KEY(9)));
		assert_int_equal(table_protect(&fixture, 0, MIB(2),
					       (struct prop_change){ PROP_KEYS, PROP_KEY(6) }),
				 512);
		assert_int_equal(table_protect(&fixture, KIB(8), KIB(4),
					       (struct prop_change){ PROP_KEYS, PROP_KEY(15) }),
				 1);
		assert_mapped(&fixture, KIB(8), guest_paddr(KIB(8)), PROP(rw | PROP_KEY(15)));
		assert_mapped(&fixture, KIB(12), guest_paddr(KIB(12)),
			      PROP(PROP_READ | PROP_USER | PROP_KEY(6)));
		/* NX is the neighbour of the key. */
		assert_int_equal(table_protect(&fixture, KIB(8), KIB(4),
					       (struct prop_change){ 0, PROP_EXECUTE }),
				 1);
		assert_mapped(&fixture, KIB(8), guest_paddr(KIB(8)),
			      PROP(rw | PROP_EXECUTE | PROP_KEY(15)));
		table_fixture_close(&fixture);
	}
}

/* The fifth level translates what the fourth cannot, in all five of its nodes. */
static void test_fifth_level_reaches_57_bits(void **state)
{
	const uint64_t far = UINT64_C(1) << 55;

	(void)state;
	for (unsigned id = 0; id < PT_FORMATS; id++) {
		struct table_fixture fixture;
		struct cursor cursor;

		open_table(&fixture, id, TABLE_WALKED_BY_SOFTWARE);
		if (fixture.table.format->levels == 4) {
			assert_int_equal(cursor_open(&cursor, &fixture.table, VADDR(far), PAGE_SIZE,
						     CURSOR_MUTATE, 1),
					 -ERANGE);
		} else {
			assert_int_equal(table_map(&fixture, far, guest_paddr(0), 1, PROP_RW, true),
					 0);
			assert_int_equal(table_map(&fixture, 2 * far - MIB(2), guest_paddr(MIB(2)),
						   2, PROP_RW, true),
					 0);
			assert_int_equal(table_nodes(&fixture), 1 + 4 + 3);
			assert_mapped(&fixture, far, guest_paddr(0), PROP_RW);
			assert_mapped(&fixture, 2 * far - 1, guest_paddr(MIB(4) - 1), PROP_RW);
			assert_unmapped(&fixture, 0);
			assert_int_equal(table_unmap(&fixture, far, far), 1 + 512);
		}
		table_fixture_close(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_protect_sets_every_property_that_can_be_said_and_nothing_else),
		cmocka_unit_test(test_protect_of_an_absent_entry_changes_nothing),
		cmocka_unit_test(test_split_keeps_every_property),
		cmocka_unit_test(test_protection_key_survives_protect_and_split_and_can_be_set),
		cmocka_unit_test(test_fifth_level_reaches_57_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
