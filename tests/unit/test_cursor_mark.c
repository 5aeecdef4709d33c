/* SPDX-License-Identifier: MIT */
/*
 * Status of absent entries (3.8; INV-T1, INV-T5, BUG-7).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/audit.h"
#include "mm/census.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

static uint64_t at(const struct cursor *cursor)
{
	return cursor_virt_addr(cursor).value;
}

/* Marks a range through a cursor of its own, at the highest levels that fit; audited. */
static void mark(struct table_fixture *fixture, uint64_t va, uint64_t len, uint64_t status)
{
	struct cursor cursor = table_cursor(fixture, va, len, CURSOR_MUTATE, 4);

	assert_int_equal(cursor_mark(&cursor, len, status), 0);
	assert_int_equal(cursor_remaining(&cursor), 0);
	cursor_close(&cursor);
	check_audit(fixture);
}

static void assert_marked(struct table_fixture *fixture, uint64_t va, uint64_t status)
{
	struct pt_mapping walked, mapping = table_look(fixture, va);

	assert_false(mapping.present);
	assert_int_equal(mapping.status, status);
	assert_int_equal(page_table_walk(&fixture->table, VADDR(va), &walked), 0);
	assert_int_equal(walked.status, status);
}

static struct table_census census(struct table_fixture *fixture)
{
	struct table_census result;

	assert_int_equal(page_table_census(&fixture->table, &result), 0);
	return result;
}

static void test_every_status_comes_back_and_is_absent_in_every_format(void **state)
{
	(void)state;
	assert_int_equal(pte_of_status(0).raw, 0);
	for (unsigned bit = 0; bit < 40; bit++) {
		const uint64_t statuses[] = { UINT64_C(1) << bit, (UINT64_C(2) << bit) - 1,
					      STATUS_MAX ^ UINT64_C(1) << bit };

		for (unsigned i = 0; i < 3; i++) {
			pte_t pte = pte_of_status(statuses[i]);

			assert_int_equal(pte_status(pte), statuses[i]);
			for (unsigned id = 0; id < PT_FORMATS; id++) {
				const struct pt_format *format = pt_format_of(id);

				assert_int_equal(pte_kind(format, pte, 2), PTE_ABSENT);
				assert_true(pte_is_child(format, pte));
			}
			/* L1TF: a small number is an address above all memory. */
			if (statuses[i] >> 31 == 0)
				assert_int_equal(pte.raw >> 43 & 0x1ff, 0x1ff);
		}
	}
}

static void test_mark_is_found_again_by_query_and_walk(void **state)
{
	struct table_fixture *fixture = *state;

	mark(fixture, PAGES(3), PAGES(2), 7);
	mark(fixture, PAGES(4), PAGES(1), STATUS_MAX);
	assert_marked(fixture, PAGES(2), 0);
	assert_marked(fixture, PAGES(3), 7);
	assert_marked(fixture, PAGES(4), STATUS_MAX);
	assert_marked(fixture, PAGES(5), 0);
	assert_int_equal(table_node(fixture, 0, 1).slot->nr_children, 2);
	assert_int_equal(census(fixture).statuses[1], 2);
	mark(fixture, 0, MIB(2), 0);
	assert_marked(fixture, PAGES(3), 0);
	assert_int_equal(table_node(fixture, 0, 1).slot->nr_children, 0);
}

/* A huge status takes no memory, and is split where a part of it changes. */
static void test_whole_entries_of_upper_levels_are_marked_and_split(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_mapping mapping;

	mark(fixture, 0, GIB(512) * 2, 5);
	assert_int_equal(table_nodes(fixture), 1);
	mapping = table_look(fixture, GIB(700));
	assert_int_equal(mapping.level, 4);
	assert_int_equal(mapping.start.value, GIB(512));
	assert_int_equal(mapping.status, 5);
	/* The same once more is no change. */
	mark(fixture, GIB(3), PAGES(1), 5);
	mark(fixture, GIB(1) + MIB(2), GIB(2), 6);
	assert_marked(fixture, GIB(1) + MIB(2) - 1, 5);
	assert_marked(fixture, GIB(1) + MIB(2), 6);
	assert_marked(fixture, GIB(3) + MIB(2) - 1, 6);
	assert_marked(fixture, GIB(3) + MIB(2), 5);
	assert_int_equal(table_look(fixture, GIB(2)).level, 3);
	mark(fixture, GIB(2) + PAGES(9), PAGES(1), 0);
	assert_marked(fixture, GIB(2) + PAGES(8), 6);
	assert_marked(fixture, GIB(2) + PAGES(9), 0);
	assert_marked(fixture, GIB(2) + PAGES(10), 6);
	assert_marked(fixture, GIB(700), 5);
}

static void test_leaves_stay_when_their_range_is_marked(void **state)
{
	struct table_fixture *fixture = *state;

	assert_int_equal(table_map(fixture, PAGES(5), guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(MIB(2)), 2, PROP_RW, true), 0);
	mark(fixture, PAGES(4), MIB(3), 9);
	assert_marked(fixture, PAGES(4), 9);
	assert_marked(fixture, PAGES(6), 9);
	assert_marked(fixture, MIB(2) - 1, 9);
	assert_mapped(fixture, PAGES(5), guest_paddr(0), PROP_RW);
	assert_mapped(fixture, MIB(3), guest_paddr(MIB(3)), PROP_RW);
	assert_marked(fixture, MIB(4), 0);
}

static void test_map_replaces_the_status_of_its_range_only(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	mark(fixture, 0, GIB(1), 3);
	assert_int_equal(table_map(fixture, PAGES(7), guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, MIB(4), guest_paddr(MIB(2)), 2, PROP_RW, true), 0);
	assert_mapped(fixture, PAGES(7), guest_paddr(0), PROP_RW);
	assert_marked(fixture, PAGES(6), 3);
	assert_marked(fixture, PAGES(8), 3);
	assert_marked(fixture, MIB(2), 3);
	assert_marked(fixture, MIB(6), 3);
	assert_int_equal(table_node(fixture, 0, 1).slot->nr_children, 512);
	cursor = table_cursor(fixture, MIB(8), MIB(8), CURSOR_MUTATE, 1);
	assert_int_equal(
		cursor_map_run(&cursor, PADDR(MIB(8)), MIB(2) + PAGES(3), 0, PROP_RW, false), 0);
	cursor_close(&cursor);
	check_audit(fixture);
	assert_int_equal(table_look(fixture, MIB(8)).level, 2);
	assert_mapped(fixture, MIB(10) + PAGES(2), PADDR(MIB(10) + PAGES(2)), PROP_RW);
	assert_marked(fixture, MIB(10) + PAGES(3), 3);
}

static void test_run_that_cannot_be_mapped_leaves_every_status(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t start = MIB(4) - PAGES(2);
	struct cursor cursor;

	mark(fixture, start, PAGES(1), 8);
	mark(fixture, start + PAGES(1), PAGES(1), 9);
	cursor = table_cursor(fixture, start, PAGES(4), CURSOR_MUTATE, 1);
	table_leave(fixture, 0);
	assert_int_equal(cursor_map_run(&cursor, PADDR(0), PAGES(4), 0, PROP_RW, false), -ENOMEM);
	assert_int_equal(at(&cursor), start);
	cursor_close(&cursor);
	table_refill(fixture);
	assert_marked(fixture, start, 8);
	assert_marked(fixture, start + PAGES(1), 9);
	check_audit(fixture);
}

static void test_unmap_takes_the_marks_of_its_range_away(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;
	uint64_t pages;

	mark(fixture, 0, MIB(8), 3);
	assert_int_equal(table_map(fixture, MIB(1), guest_paddr(0), 1, PROP_RW, true), 0);
	cursor = table_cursor(fixture, 0, MIB(8), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(4))), 0);
	assert_int_equal(cursor_unmap(&cursor, MIB(6), NULL, &pages), 0);
	assert_int_equal(at(&cursor), MIB(6) + PAGES(4));
	cursor_close(&cursor);
	assert_int_equal(pages, 1);
	check_audit(fixture);
	assert_marked(fixture, PAGES(3), 3);
	assert_marked(fixture, PAGES(4), 0);
	assert_marked(fixture, MIB(1), 0);
	assert_marked(fixture, MIB(4), 0);
	assert_marked(fixture, MIB(6) + PAGES(3), 0);
	assert_marked(fixture, MIB(6) + PAGES(4), 3);
}

static void test_unmap_without_memory_to_split_a_status_unmaps_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	mark(fixture, MIB(2), MIB(2), 3);
	assert_int_equal(table_map(fixture, PAGES(8), guest_paddr(0), 1, PROP_RW, true), 0);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	table_leave(fixture, 0);
	assert_int_equal(cursor_unmap(&cursor, MIB(3), NULL, NULL), -ENOMEM);
	assert_int_equal(at(&cursor), 0);
	cursor_close(&cursor);
	table_refill(fixture);
	assert_mapped(fixture, PAGES(8), guest_paddr(0), PROP_RW);
	assert_marked(fixture, MIB(2), 3);
	check_audit(fixture);
}

static void test_marked_entry_is_absent_to_other_operations(void **state)
{
	struct table_fixture *fixture = *state;
	const struct prop_change change = { .clear = PROP_WRITE };
	struct pt_fragment fragment;
	struct pt_mapping mapping;
	struct cursor cursor;
	uint64_t pages = 99;

	mark(fixture, PAGES(8), MIB(4), 11);
	cursor = table_cursor(fixture, PAGES(1), MIB(6), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_find_next(&cursor, MIB(6)), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(1))), 0);
	assert_int_equal(cursor_protect_next(&cursor, MIB(6), change, &mapping), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(1))), 0);
	assert_int_equal(cursor_protect(&cursor, MIB(6), change, NULL, &pages), 0);
	assert_int_equal(pages, 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(1))), 0);
	assert_int_equal(cursor_harvest(&cursor, MIB(6), PROP_DIRTY, NULL, &pages), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(PAGES(1))), 0);
	assert_int_equal(cursor_take_next(&cursor, PAGES(20), &fragment), 0);
	cursor_close(&cursor);
	assert_marked(fixture, PAGES(8), 11);
	assert_marked(fixture, MIB(2), 11);
	check_audit(fixture);
}

/* BUG-7: what is marked is not counted as mapped. */
static void test_pages_of_a_subtree_do_not_include_the_marked(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, MIB(2) + PAGES(3), guest_paddr(0), 1, PROP_RW, true),
			 0);
	mark(fixture, MIB(2) + PAGES(3), PAGES(100), 4);
	cursor = table_cursor(fixture, 0, MIB(8), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_take_next(&cursor, MIB(8), &fragment), 1);
	cursor_close(&cursor);
	assert_int_equal(fragment.kind, FRAGMENT_SUBTREE);
	assert_int_equal(fragment.pages, 1);
	fragment_drop(&fragment);
	check_audit(fixture);
	domain_reclaim(fixture->domain);
	check_audit(fixture);
	assert_marked(fixture, MIB(2) + PAGES(5), 0);
}

static void test_node_with_a_status_is_not_empty(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	mark(fixture, MIB(2) + PAGES(3), PAGES(1), 4);
	cursor = table_cursor(fixture, MIB(2), MIB(2), CURSOR_MUTATE, 2);
	assert_int_equal(cursor_reclaim(&cursor, MIB(2), NULL), 0);
	assert_int_equal(cursor_coalesce(&cursor, 2, NULL), -ENOENT);
	assert_int_equal(table_node(fixture, MIB(2), 1).slot->stray, false);
	assert_int_equal(cursor_mark(&cursor, MIB(2), 0), 0);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2))), 0);
	assert_int_equal(cursor_reclaim(&cursor, MIB(2), NULL), 0);
	cursor_close(&cursor);
	assert_int_equal(table_look(fixture, MIB(2)).level, 2);
	check_audit(fixture);
}

static void test_replaced_status_is_given(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_fragment fragment;
	struct cursor cursor;

	mark(fixture, 0, MIB(2), 12);
	cursor = table_cursor(fixture, 0, MIB(2), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_replace(&cursor, PADDR(0), 1, PROP_RW, false, &fragment), 0);
	cursor_close(&cursor);
	assert_int_equal(fragment.kind, FRAGMENT_NONE);
	assert_int_equal(fragment.leaf.status, 12);
	assert_mapped(fixture, 0, PADDR(0), PROP_RW);
	assert_marked(fixture, PAGES(1), 12);
	check_audit(fixture);
}

static void refuse(struct table_fixture *fixture, struct cursor *cursor, uint64_t len,
		   uint64_t status, int error)
{
	uint64_t position = at(cursor);

	assert_int_equal(cursor_mark(cursor, len, status), error);
	assert_int_equal(at(cursor), position);
	assert_int_equal(census(fixture).statuses[1], 1);
}

static void test_mark_that_cannot_be_is_refused_and_changes_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	mark(fixture, PAGES(1), PAGES(1), 2);
	cursor = table_cursor(fixture, 0, MIB(1), CURSOR_READ, 1);
	refuse(fixture, &cursor, PAGES(1), 3, -EINVAL);
	cursor_close(&cursor);
	cursor = table_cursor(fixture, 0, MIB(1), CURSOR_MUTATE, 1);
	refuse(fixture, &cursor, PAGES(1), STATUS_MAX + 1, -EINVAL);
	refuse(fixture, &cursor, 1, 3, -EINVAL);
	refuse(fixture, &cursor, MIB(1) + PAGES(1), 3, -ERANGE);
	refuse(fixture, &cursor, -PAGES(1), 3, -ERANGE);
	refuse(fixture, &cursor, 0, 3, 0);
	cursor_close(&cursor);
}

static void test_mark_without_memory_to_split_marks_nothing(void **state)
{
	struct table_fixture *fixture = *state;

	mark(fixture, 0, GIB(1), 2);
	for (unsigned left = 0; left < 3; left++) {
		struct cursor cursor = table_cursor(fixture, 0, GIB(1) + MIB(2), CURSOR_MUTATE, 3);

		/* Two nodes for one edge, one for the other. */
		table_leave(fixture, left);
		assert_int_equal(cursor_jump(&cursor, VADDR(MIB(5))), 0);
		assert_int_equal(cursor_mark(&cursor, GIB(1) - MIB(10) + PAGES(1), 3), -ENOMEM);
		assert_int_equal(at(&cursor), MIB(5));
		cursor_close(&cursor);
		table_refill(fixture);
		check_audit(fixture);
		for (uint64_t va = 0; va < GIB(1); va += MIB(1))
			assert_marked(fixture, va, 2);
		/* As it was in the beginning: one huge status. */
		assert_int_equal(table_unmap(fixture, 0, GIB(2)), 0);
		mark(fixture, 0, GIB(1), 2);
	}
}

/* The audit knows what a status looks like. */
static void test_forged_status_is_found(void **state)
{
	struct table_fixture *fixture = *state;
	struct audit_report report;
	struct pt_node node;

	mark(fixture, PAGES(1), PAGES(1), 2);
	node = table_node(fixture, 0, 1);
	atomic_fetch_or(&node.entries[1], UINT64_C(1) << 60);
	assert_int_equal(mm_audit(fixture->domain, fixture->scratch, NULL, NULL, &report),
			 -EUCLEAN);
	assert_string_equal(report.violation.rule, "INV-T1");
	assert_int_equal(report.violation.index, 1);
	atomic_fetch_and(&node.entries[1], ~(UINT64_C(1) << 60));
	node.slot->marked = false;
	assert_int_equal(mm_audit(fixture->domain, fixture->scratch, NULL, NULL, &report),
			 -EUCLEAN);
	assert_string_equal(report.violation.rule, "INV-T5");
	node.slot->marked = true;
	check_audit(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_status_comes_back_and_is_absent_in_every_format),
		TABLE_TEST(test_mark_is_found_again_by_query_and_walk),
		TABLE_TEST(test_whole_entries_of_upper_levels_are_marked_and_split),
		TABLE_TEST(test_leaves_stay_when_their_range_is_marked),
		TABLE_TEST(test_map_replaces_the_status_of_its_range_only),
		TABLE_TEST(test_run_that_cannot_be_mapped_leaves_every_status),
		TABLE_TEST(test_unmap_takes_the_marks_of_its_range_away),
		TABLE_TEST(test_unmap_without_memory_to_split_a_status_unmaps_nothing),
		TABLE_TEST(test_marked_entry_is_absent_to_other_operations),
		TABLE_TEST(test_pages_of_a_subtree_do_not_include_the_marked),
		TABLE_TEST(test_node_with_a_status_is_not_empty),
		TABLE_TEST(test_replaced_status_is_given),
		TABLE_TEST(test_mark_that_cannot_be_is_refused_and_changes_nothing),
		TABLE_TEST(test_mark_without_memory_to_split_marks_nothing),
		TABLE_TEST(test_forged_status_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
