/* SPDX-License-Identifier: MIT */
/*
 * Copy-on-write between two spaces and within one (C-13): counts, rights, leaves, and the order in
 * which others see them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/copy_fixture.h"

static void test_copied_page_is_counted_twice_and_written_by_nobody(void **state)
{
	struct pair pair;
	uint64_t pages = 77;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(3), 1, PROP_RW, true);
	pair_map(&pair, FROM + PAGES(5), guest_paddr(PAGES(3)), PAGES(1), 1, PROP_RX, true);
	assert_int_equal(space_copy((struct space_place){ &pair.source.space, VADDR(FROM) },
				    (struct space_place){ &pair.destination.space, VADDR(TO) },
				    PAGES(8), 0, &pages),
			 0);
	check_audit(pair.fixture);
	assert_int_equal(pages, 4);
	for (unsigned i = 0; i < 3; i++) {
		assert_copy_leaf(&pair.source, FROM + PAGES(i), guest_paddr(PAGES(i)), PROP_READ,
				 1);
		assert_copy_leaf(&pair.destination, TO + PAGES(i), guest_paddr(PAGES(i)), PROP_READ,
				 1);
		assert_int_equal(pair_count(&pair, guest_paddr(PAGES(i))), 2);
	}
	assert_false(recorded_look(&pair.destination, TO + PAGES(3)).present);
	assert_copy_leaf(&pair.destination, TO + PAGES(5), guest_paddr(PAGES(3)), PROP_RX.bits, 1);
	assert_int_equal(pair_count(&pair, guest_paddr(PAGES(3))), 2);
	/* What never could be written needs no flush. */
	assert_int_equal(pair.source.nr_calls, 1);
	assert_int_equal(pair.source.calls[0].start, FROM);
	assert_int_equal(pair.source.calls[0].len, PAGES(3));
	assert_int_equal(pair.source.calls[0].rights, PROP_READ | PROP_EXECUTE);
	assert_int_equal(pair.destination.nr_calls, 0);
	space_unmap(&pair.source.space, VADDR(FROM), PAGES(8), NULL);
	check_audit(pair.fixture);
	assert_int_equal(pair_count(&pair, guest_paddr(0)), 1);
	pair_close(&pair);
}

static void assert_not_readable_yet(struct recorded *source)
{
	struct pt_mapping copied = recorded_look(source->other, TO + PAGES(1));

	assert_int_equal(recorded_look(source, FROM + PAGES(1)).prop.bits, PROP_READ);
	assert_true(copied.present);
	assert_int_equal(copied.prop.bits & PROP_RIGHTS, 0);
}

/* T-5: a reader of the copy must not see what a writer of the source does later. */
static void test_source_is_flushed_before_the_copy_can_be_read(void **state)
{
	struct pair pair;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(2), 1, PROP_RW, true);
	pair.source.during = assert_not_readable_yet;
	assert_int_equal(pair_copy(&pair, FROM, TO, PAGES(2), 0), 0);
	assert_int_equal(pair.source.nr_calls, 1);
	assert_copy_leaf(&pair.destination, TO + PAGES(1), guest_paddr(PAGES(1)), PROP_READ, 1);
	/* A second copy finds nothing to take away. */
	assert_int_equal(pair_copy(&pair, FROM, TO + GIB(1), PAGES(2), 0), 0);
	assert_int_equal(pair.source.nr_calls, 1);
	assert_int_equal(pair_count(&pair, guest_paddr(PAGES(1))), 3);
	pair_close(&pair);
}

static void test_large_leaf_is_copied_as_one(void **state)
{
	struct pair pair;
	struct cursor cursor;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), MIB(4), 0, PROP_RW, true);
	pair_map(&pair, FROM + GIB(1), PADDR(GIB(1)), GIB(1), 0, PROP_RO, false);
	assert_int_equal(pair_copy(&pair, FROM, TO, MIB(2), 0), 0);
	assert_copy_leaf(&pair.destination, TO, guest_paddr(0), PROP_READ, 2);
	assert_copy_leaf(&pair.source, FROM, guest_paddr(0), PROP_READ, 2);
	assert_copy_leaf(&pair.source, FROM + MIB(2), guest_paddr(MIB(2)), PROP_RW.bits, 2);
	/* Exactly one large leaf's range (BUG-8), over an empty node of earlier times (C-12). */
	assert_int_equal(cursor_open(&cursor, &pair.destination.space.table, VADDR(TO + GIB(1)),
				     PAGES(1), CURSOR_MUTATE, 1),
			 0);
	cursor_close(&cursor);
	assert_int_equal(pair_copy(&pair, FROM + GIB(1), TO + GIB(1), GIB(1), 0), 0);
	assert_copy_leaf(&pair.destination, TO + GIB(1), PADDR(GIB(1)), PROP_READ, 3);
	pair_close(&pair);
}

static void test_tracked_gib_is_counted_frame_by_frame(void **state)
{
	paddr_t paddr = PADDR((uint64_t)TABLE_GIB_FIRST << PAGE_SHIFT);
	struct pair pair;

	pair_open(&pair, state);
	pair_map(&pair, FROM, paddr, GIB(1), 0, PROP_RW, true);
	assert_int_equal(pair_copy(&pair, FROM, TO, GIB(1), 0), 0);
	assert_copy_leaf(&pair.destination, TO, paddr, PROP_READ, 3);
	assert_copy_leaf(&pair.source, FROM, paddr, PROP_READ, 3);
	assert_int_equal(pair_count(&pair, PADDR(paddr.value + GIB(1) - PAGES(1))), 2);
	/* Two MiB off: no leaf of a GiB fits there. */
	assert_int_equal(pair_copy(&pair, FROM, TO + GIB(2) + MIB(2), GIB(1), 0), 0);
	assert_copy_leaf(&pair.destination, TO + GIB(2) + MIB(2), paddr, PROP_READ, 2);
	assert_int_equal(pair_count(&pair, paddr), 3);
	pair_close(&pair);
}

static void test_copy_to_another_alignment_has_smaller_leaves(void **state)
{
	struct pair pair;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), MIB(4), 0, PROP_RW, true);
	assert_int_equal(pair_copy(&pair, FROM, TO + PAGES(1), MIB(4), COPY_MARK), 0);
	assert_copy_leaf(&pair.source, FROM, guest_paddr(0), PROP_READ | PROP_SOFT, 2);
	for (unsigned i = 0; i < 1024; i += 1023)
		assert_copy_leaf(&pair.destination, TO + PAGES(1 + i), guest_paddr(PAGES(i)),
				 PROP_READ | PROP_SOFT, 1);
	assert_false(recorded_look(&pair.destination, TO).present);
	assert_false(recorded_look(&pair.destination, TO + PAGES(1025)).present);
	assert_int_equal(pair_count(&pair, guest_paddr(MIB(4) - PAGES(1))), 2);
	pair_close(&pair);
}

/* INV-X6 */
static void test_leaf_over_an_end_is_split_and_copied_in_part(void **state)
{
	struct pair pair;
	struct view view;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), MIB(6), 0, PROP_RW, true);
	assert_int_equal(pair_copy(&pair, FROM + MIB(1), TO + MIB(1), MIB(4), 0), 0);
	view = recorded_view(&pair, &pair.source);
	assert_int_equal(view.nr_runs, 3);
	assert_int_equal(view.runs[1].start, FROM + MIB(1));
	assert_int_equal(view.runs[1].len, MIB(4));
	assert_int_equal(view.runs[1].prop, PROP_READ);
	assert_int_equal(view.runs[2].prop, PROP_RW.bits);
	assert_copy_leaf(&pair.destination, TO + MIB(2), guest_paddr(MIB(2)), PROP_READ, 2);
	assert_copy_leaf(&pair.destination, TO + MIB(5) - PAGES(1), guest_paddr(MIB(5) - PAGES(1)),
			 PROP_READ, 1);
	assert_int_equal(pair_count(&pair, guest_paddr(MIB(1) - PAGES(1))), 1);
	assert_int_equal(pair_count(&pair, guest_paddr(MIB(5))), 1);
	assert_int_equal(pair_count(&pair, guest_paddr(MIB(1))), 2);
	pair_close(&pair);
}

static void test_untracked_leaf_is_copied_as_it_is_or_refused(void **state)
{
	struct pair pair;
	struct view before;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(2), 1, PROP_RW, true);
	pair_map(&pair, FROM + PAGES(2), PADDR(GIB(8)), PAGES(2), 1, PROP_RW, false);
	before = recorded_view(&pair, &pair.source);
	assert_int_equal(pair_copy(&pair, FROM, TO, PAGES(4), COPY_TRACKED_ONLY), -EOPNOTSUPP);
	assert_recorded_view(&pair, &pair.source, &before);
	assert_int_equal(recorded_view(&pair, &pair.destination).nr_runs, 0);
	assert_int_equal(pair.source.nr_calls, 0);
	assert_int_equal(pair_copy(&pair, FROM, TO, PAGES(4), COPY_MARK), 0);
	assert_copy_leaf(&pair.source, FROM + PAGES(3), PADDR(GIB(8) + PAGES(1)), PROP_RW.bits, 1);
	assert_copy_leaf(&pair.destination, TO + PAGES(3), PADDR(GIB(8) + PAGES(1)), PROP_RW.bits,
			 1);
	assert_false(recorded_look(&pair.destination, TO + PAGES(3)).tracked);
	assert_copy_leaf(&pair.destination, TO, guest_paddr(0), PROP_READ | PROP_SOFT, 1);
	pair_close(&pair);
}

static void test_mark_tells_what_could_be_written_before(void **state)
{
	struct pair pair;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(1), 1, PROP_RW, true);
	pair_map(&pair, FROM + PAGES(1), guest_paddr(PAGES(1)), PAGES(1), 1, PROP_RO, true);
	assert_int_equal(pair_copy(&pair, FROM, TO, PAGES(2), COPY_MARK), 0);
	assert_copy_leaf(&pair.source, FROM, guest_paddr(0), PROP_READ | PROP_SOFT, 1);
	assert_copy_leaf(&pair.source, FROM + PAGES(1), guest_paddr(PAGES(1)), PROP_READ, 1);
	/* A copy of a copy keeps the mark, with and without the option. */
	assert_int_equal(pair_copy(&pair, FROM, TO + PAGES(2), PAGES(2), COPY_MARK), 0);
	assert_int_equal(pair_copy(&pair, FROM, TO + PAGES(4), PAGES(2), 0), 0);
	for (unsigned i = 0; i < 6; i += 2) {
		assert_copy_leaf(&pair.destination, TO + PAGES(i), guest_paddr(0),
				 PROP_READ | PROP_SOFT, 1);
		assert_copy_leaf(&pair.destination, TO + PAGES(i + 1), guest_paddr(PAGES(1)),
				 PROP_READ, 1);
	}
	pair_close(&pair);
}

/* INV-X7 */
static void test_copy_has_not_been_accessed_and_its_source_still_has(void **state)
{
	struct pair pair;
	uint32_t used = PROP_ACCESSED | PROP_DIRTY;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(1), 1, PROP(PROP_RW.bits | used), true);
	assert_int_equal(pair_copy(&pair, FROM, TO, PAGES(1), 0), 0);
	assert_copy_leaf(&pair.source, FROM, guest_paddr(0), PROP_READ | used, 1);
	assert_copy_leaf(&pair.destination, TO, guest_paddr(0), PROP_READ, 1);
	pair_close(&pair);
}

static void test_copy_keeps_caching_and_leaves_that_grant_nothing(void **state)
{
	uint32_t cached = PROP_READ | PROP_UNCACHEABLE;
	struct pair pair;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(1), 1, PROP(cached | PROP_WRITE), true);
	pair_map(&pair, FROM + PAGES(1), guest_paddr(PAGES(1)), PAGES(1), 1, PROP(0), true);
	assert_int_equal(pair_copy(&pair, FROM, TO, PAGES(2), 0), 0);
	assert_copy_leaf(&pair.destination, TO, guest_paddr(0), cached, 1);
	assert_copy_leaf(&pair.destination, TO + PAGES(1), guest_paddr(PAGES(1)), 0, 1);
	assert_int_equal(pair_count(&pair, guest_paddr(PAGES(1))), 2);
	pair_close(&pair);
}

/* 3.8 */
static void test_statuses_are_copied(void **state)
{
	struct pair pair;

	pair_open(&pair, state);
	recorded_mark(&pair.source, FROM, GIB(1), 5);
	recorded_mark(&pair.source, FROM + MIB(6), PAGES(1), 7);
	pair_map(&pair, FROM + MIB(2), guest_paddr(0), MIB(4), 0, PROP_RW, true);
	assert_int_equal(pair_copy(&pair, FROM + MIB(1), TO + PAGES(1), MIB(8), 0), 0);
	assert_int_equal(recorded_look(&pair.destination, TO).status, 0);
	assert_int_equal(recorded_look(&pair.destination, TO + PAGES(1)).status, 5);
	assert_copy_leaf(&pair.destination, TO + MIB(1) + PAGES(1), guest_paddr(0), PROP_READ, 1);
	assert_int_equal(recorded_look(&pair.destination, TO + MIB(5) + PAGES(1)).status, 7);
	assert_int_equal(recorded_look(&pair.destination, TO + MIB(5) + PAGES(2)).status, 5);
	assert_int_equal(recorded_look(&pair.destination, TO + MIB(8)).status, 5);
	assert_int_equal(recorded_look(&pair.destination, TO + MIB(8) + PAGES(1)).status, 0);
	assert_int_equal(recorded_look(&pair.source, FROM + MIB(6)).status, 7);
	/* A large range that is only marked stays one entry. */
	recorded_mark(&pair.source, FROM + GIB(8), GIB(1), 9);
	assert_int_equal(pair_copy(&pair, FROM + GIB(8), TO + GIB(8), GIB(1), 0), 0);
	assert_int_equal(recorded_look(&pair.destination, TO + GIB(8)).status, 9);
	assert_int_equal(recorded_look(&pair.destination, TO + GIB(8)).level, 3);
	pair_close(&pair);
}

static void test_range_is_copied_within_one_space(void **state)
{
	struct pair pair;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(2), 1, PROP_RW, true);
	pair_map(&pair, FROM + MIB(2), guest_paddr(MIB(2)), MIB(2), 0, PROP_RW, true);
	/* Upwards and downwards, far and near. */
	assert_int_equal(pair_copy_within(&pair, FROM, TO, MIB(4)), 0);
	assert_int_equal(pair_copy_within(&pair, TO, MIB(4), MIB(4)), 0);
	assert_int_equal(pair_copy_within(&pair, FROM, FROM + PAGES(2), PAGES(2)), 0);
	assert_copy_leaf(&pair.source, FROM + PAGES(3), guest_paddr(PAGES(1)), PROP_READ, 1);
	assert_copy_leaf(&pair.source, TO + PAGES(1), guest_paddr(PAGES(1)), PROP_READ, 1);
	assert_copy_leaf(&pair.source, TO + MIB(2), guest_paddr(MIB(2)), PROP_READ, 2);
	assert_copy_leaf(&pair.source, MIB(6), guest_paddr(MIB(2)), PROP_READ, 2);
	assert_int_equal(pair_count(&pair, guest_paddr(PAGES(1))), 4);
	assert_int_equal(pair_count(&pair, guest_paddr(MIB(2))), 3);
	assert_int_equal(space_unmap(&pair.source.space, VADDR(0), GIB(128), NULL), 0);
	domain_reclaim(pair.fixture->domain);
	assert_int_equal(pair_count(&pair, guest_paddr(PAGES(1))), 0);
	pair_close(&pair);
}

static void test_ranges_of_one_space_must_not_overlap(void **state)
{
	struct pair pair;
	struct view view;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(2), 1, PROP_RW, true);
	view = recorded_view(&pair, &pair.source);
	assert_int_equal(pair_copy_within(&pair, FROM, FROM, PAGES(2)), -EINVAL);
	assert_int_equal(pair_copy_within(&pair, FROM, FROM + PAGES(2), PAGES(3)), -EINVAL);
	assert_int_equal(pair_copy_within(&pair, FROM + PAGES(2), FROM, PAGES(3)), -EINVAL);
	assert_int_equal(pair_copy_within(&pair, 0, UINT64_MAX - PAGES(1) + 1, PAGES(2)), -ERANGE);
	assert_int_equal(pair_copy_within(&pair, PAGES(1), UINT64_MAX - MIB(2) + 1, MIB(2)),
			 -ERANGE);
	assert_recorded_view(&pair, &pair.source, &view);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_copied_page_is_counted_twice_and_written_by_nobody),
		TABLE_TEST(test_source_is_flushed_before_the_copy_can_be_read),
		TABLE_TEST(test_large_leaf_is_copied_as_one),
		TABLE_TEST_OF(test_tracked_gib_is_counted_frame_by_frame, "EPT",
			      table_setup_large_ept),
		TABLE_TEST(test_copy_to_another_alignment_has_smaller_leaves),
		TABLE_TEST(test_leaf_over_an_end_is_split_and_copied_in_part),
		TABLE_TEST(test_untracked_leaf_is_copied_as_it_is_or_refused),
		TABLE_TEST(test_mark_tells_what_could_be_written_before),
		TABLE_TEST(test_copy_has_not_been_accessed_and_its_source_still_has),
		TABLE_TEST(test_copy_keeps_caching_and_leaves_that_grant_nothing),
		TABLE_TEST(test_statuses_are_copied),
		TABLE_TEST(test_range_is_copied_within_one_space),
		TABLE_TEST(test_ranges_of_one_space_must_not_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
