/* SPDX-License-Identifier: MIT */
/*
 * Figures for people: nodes and leaves of a table, frames of a domain by kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/census.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

static void test_table_census_counts_nodes_and_leaves_by_level(void **state)
{
	struct table_fixture *fixture = *state;
	struct table_census census;

	assert_int_equal(page_table_census(&fixture->table, &census), 0);
	assert_int_equal(census.nodes, 1);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(table_map(fixture, PAGES(3 * i), guest_paddr(PAGES(i)), 1, PROP_RW,
					   i < 2),
				 0);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(
			table_map(fixture, MIB(2 * i), guest_paddr(MIB(2)), 2, PROP(0), i == 1), 0);
	assert_int_equal(table_map(fixture, GIB(513), PADDR(0), 3, PROP_RW, false), 0);
	assert_int_equal(page_table_census(&fixture->table, &census), 0);
	assert_int_equal(census.nodes, 1 + 3 + 1);
	assert_int_equal(census.leaves[1], 5);
	assert_int_equal(census.leaves[2], 3);
	assert_int_equal(census.leaves[3], 1);
	assert_int_equal(census.leaves[4], 0);
	assert_int_equal(census.tracked, 3);
	assert_false(port_read_ongoing());
}

static void test_table_census_counts_statuses_by_level(void **state)
{
	struct table_fixture *fixture = *state;
	struct table_census census;
	struct cursor cursor;

	assert_int_equal(cursor_open(&cursor, &fixture->table, VADDR(0), MIB(6), CURSOR_MUTATE, 1),
			 0);
	assert_int_equal(cursor_mark(&cursor, PAGES(3), 7), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2))), 0);
	assert_int_equal(cursor_mark(&cursor, MIB(4), 9), 0);
	cursor_close(&cursor);
	assert_int_equal(page_table_census(&fixture->table, &census), 0);
	assert_int_equal(census.statuses[1], 3);
	assert_int_equal(census.statuses[2], 2);
	assert_int_equal(census.statuses[3], 0);
}

static void test_census_of_a_table_that_makes_no_sense_says_so(void **state)
{
	struct table_fixture *fixture = *state;
	struct table_census census;
	struct pt_node node;
	pte_t before;

	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	assert_int_equal(table_map(fixture, GIB(1), PADDR(0), 1, PROP_RW, false), 0);
	node = table_node(fixture, GIB(1), 3);
	before = node_read(node, 1);
	node_write(node, 1, pte_node(fixture->table.format, guest_paddr(0)));
	assert_int_equal(page_table_census(&fixture->table, &census), -EUCLEAN);
	assert_int_equal(census.leaves[1], 1);
	assert_false(port_read_ongoing());
	node_write(node, 1, before);
	assert_int_equal(page_table_census(&fixture->table, &census), 0);
	assert_int_equal(census.leaves[1], 2);
}

static void assert_frames(const struct phys_domain *domain, const uint64_t *expected)
{
	struct domain_census census;
	uint64_t sum = 0;

	memset(&census, 0xee, sizeof(census));
	domain_census(domain, &census);
	for (unsigned kind = 0; kind < FRAME_KINDS; kind++) {
		assert_int_equal(census.frames[kind], expected[kind]);
		sum += census.frames[kind];
	}
	assert_int_equal(sum, domain->nr_frames);
}

static void test_domain_census_counts_each_frame_once(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t expected[FRAME_KINDS] = {
		[FRAME_NONE] = TABLE_FRAMES - TABLE_POOL_FRAMES,
		[FRAME_FREE] = TABLE_POOL_FRAMES - 1,
		[FRAME_NODE] = 1,
	};
	struct unique_frame unique;
	struct segment segment;
	struct frame frame;

	assert_frames(fixture->domain, expected);
	table_hold(fixture, guest_paddr(0), 7);
	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(segment_alloc(fixture->domain, 5, PAGE_SIZE, FRAME_DATA, &segment), 0);
	assert_int_equal(
		frame_from_unused(fixture->domain, frame_number(3), FRAME_RESERVED, &frame), 0);
	assert_int_equal(unique_frame_from_unused(fixture->domain, frame_number(4), FRAME_GUEST,
						  &unique),
			 0);
	expected[FRAME_FREE] -= 5 + 3;
	expected[FRAME_NONE] -= 7 + 1 + 1;
	expected[FRAME_DATA] = 5;
	expected[FRAME_NODE] = 4;
	expected[FRAME_GUEST] = 7 + 1;
	expected[FRAME_RESERVED] = 1;
	assert_frames(fixture->domain, expected);
	segment_put(&segment);
	frame_put(&frame);
	unique_frame_put(&unique);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_table_census_counts_nodes_and_leaves_by_level),
		TABLE_TEST(test_table_census_counts_statuses_by_level),
		TABLE_TEST(test_census_of_a_table_that_makes_no_sense_says_so),
		TABLE_TEST(test_domain_census_counts_each_frame_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
