/* SPDX-License-Identifier: MIT */
/*
 * Copies that are refused or fail half way: both spaces and all counts are as before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/copy_fixture.h"

static void test_copy_over_something_is_refused(void **state)
{
	struct pair pair;
	struct view source, destination;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(4), 1, PROP_RW, true);
	assert_int_equal(pair_copy(&pair, FROM, TO + PAGES(3), PAGES(1), 0), 0);
	source = recorded_view(&pair, &pair.source);
	destination = recorded_view(&pair, &pair.destination);
	assert_int_equal(pair_copy(&pair, FROM, TO, PAGES(4), 0), -EEXIST);
	assert_int_equal(pair_copy(&pair, FROM, TO, MIB(4), 0), -EEXIST);
	assert_recorded_view(&pair, &pair.source, &source);
	assert_recorded_view(&pair, &pair.destination, &destination);
	assert_int_equal(pair.source.nr_calls, 1);
	pair_close(&pair);
}

static void test_copy_over_a_status_is_refused(void **state)
{
	struct pair pair;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(4), 1, PROP_RW, true);
	recorded_mark(&pair.destination, TO + PAGES(4), PAGES(1), 5);
	assert_int_equal(pair_copy(&pair, FROM, TO + PAGES(1), PAGES(4), 0), -EEXIST);
	assert_int_equal(recorded_look(&pair.destination, TO + PAGES(4)).status, 5);
	assert_int_equal(pair_count(&pair, guest_paddr(0)), 1);
	assert_int_equal(pair_copy(&pair, FROM, TO, PAGES(4), 0), 0);
	pair_close(&pair);
}

static void test_arguments_are_checked_first(void **state)
{
	struct pair pair;
	struct cursor reader;
	struct copy_side side = { &reader, VADDR(FROM) };

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(4), 1, PROP_RW, true);
	assert_int_equal(pair_copy(&pair, FROM, TO, 0, 0), -EINVAL);
	assert_int_equal(pair_copy(&pair, FROM + 1, TO, PAGES(1), 0), -EINVAL);
	assert_int_equal(pair_copy(&pair, FROM, TO + 1, PAGES(1), 0), -EINVAL);
	assert_int_equal(pair_copy(&pair, FROM, TO, PAGES(1) - 1, 0), -EINVAL);
	assert_int_equal(pair_copy(&pair, FROM, TO, PAGES(1), COPY_FLAGS + 1), -EINVAL);
	assert_int_equal(pair_copy(&pair, FROM, UINT64_C(1) << 48, PAGES(1), 0), -ERANGE);
	assert_int_equal(pair_copy(&pair, FROM, TO, UINT64_MAX - PAGES(1) + 1, 0), -ERANGE);
	assert_int_equal(cursor_open(&reader, &pair.source.space.table, VADDR(FROM), PAGES(2),
				     CURSOR_READ, 1),
			 0);
	assert_int_equal(cursor_copy(side, side, PAGES(1), 0, NULL, NULL), -EINVAL);
	cursor_close(&reader);
	check_audit(pair.fixture);
	pair_close(&pair);
}

/* BUG-2, GAP-6 */
static void test_sides_lie_in_the_ranges_of_their_cursors(void **state)
{
	struct pair pair;
	struct cursor cursor;
	struct copy_side from = { &cursor, VADDR(FROM) };
	struct copy_side to = { &cursor, VADDR(FROM + PAGES(4)) };

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(4), 1, PROP_RW, true);
	assert_int_equal(cursor_open(&cursor, &pair.source.space.table, VADDR(FROM), PAGES(8),
				     CURSOR_MUTATE, 1),
			 0);
	assert_int_equal(cursor_copy(from, to, PAGES(5), 0, NULL, NULL), -ERANGE);
	assert_int_equal(cursor_copy(to, from, PAGES(5), 0, NULL, NULL), -ERANGE);
	assert_int_equal(cursor_copy(from, to, UINT64_MAX - PAGES(1) + 1, 0, NULL, NULL), -ERANGE);
	from.start = VADDR(FROM - PAGES(1));
	assert_int_equal(cursor_copy(from, to, PAGES(1), 0, NULL, NULL), -ERANGE);
	from.start = VADDR(FROM + PAGES(1));
	assert_int_equal(cursor_copy(from, to, PAGES(4), 0, NULL, NULL), -EINVAL);
	/* Both ends just fit; the cursor stays where it was. */
	from.start = VADDR(FROM);
	assert_int_equal(cursor_jump(&cursor, VADDR(FROM + PAGES(3))), 0);
	assert_int_equal(cursor_copy(from, to, PAGES(4), 0, NULL, NULL), 0);
	assert_int_equal(cursor_virt_addr(&cursor).value, FROM + PAGES(3));
	cursor_close(&cursor);
	check_audit(pair.fixture);
	assert_copy_leaf(&pair.source, FROM + PAGES(7), guest_paddr(PAGES(3)), PROP_READ, 1);
	pair_close(&pair);
}

static void test_two_domains_do_not_share_frames(void **state)
{
	struct pair pair;
	struct table_fixture other;
	struct recorded space;

	pair_open(&pair, state);
	table_fixture_open(&other, PT_FORMAT_EPT_4, TABLE_WALKED_BY_SOFTWARE, TABLE_FRAMES);
	recorded_create(&other, &space);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(1), 1, PROP_RW, true);
	assert_int_equal(space_copy((struct space_place){ &pair.source.space, VADDR(FROM) },
				    (struct space_place){ &space.space, VADDR(TO) }, PAGES(1), 0,
				    NULL),
			 -EINVAL);
	space_destroy(&space.space);
	table_fixture_close(&other);
	pair_close(&pair);
}

/* What a table cannot say is not copied in part (GAP-5). */
static void test_property_of_another_format_is_refused(void **state)
{
	struct pair pair;
	struct recorded ept;

	pair_open(&pair, state);
	ept = (struct recorded){ .nr_calls = 0 };
	assert_int_equal(space_create(&ept.space, pair.fixture->domain,
				      pt_format_of(PT_FORMAT_EPT_4), TABLE_WALKED_BY_SOFTWARE,
				      NULL),
			 0);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(1), 1, PROP_RW, true);
	pair_map(&pair, FROM + PAGES(1), guest_paddr(PAGES(1)), PAGES(1), 1,
		 PROP(PROP_RW.bits | PROP_USER), true);
	assert_int_equal(space_copy((struct space_place){ &pair.source.space, VADDR(FROM) },
				    (struct space_place){ &ept.space, VADDR(TO) }, PAGES(2), 0,
				    NULL),
			 -EOPNOTSUPP);
	check_audit(pair.fixture);
	assert_false(recorded_look(&ept, TO).present);
	assert_copy_leaf(&pair.source, FROM, guest_paddr(0), PROP_RW.bits, 1);
	assert_int_equal(space_copy((struct space_place){ &pair.source.space, VADDR(FROM) },
				    (struct space_place){ &ept.space, VADDR(TO) }, PAGES(1), 0,
				    NULL),
			 0);
	assert_copy_leaf(&ept, TO, guest_paddr(0), PROP_READ, 1);
	space_destroy(&ept.space);
	pair_close(&pair);
}

/* Copies with `left` nodes to be had, from new spaces each time. */
static int copy_with(void **state, unsigned left)
{
	struct pair pair;
	struct view view;
	int error;

	pair_open(&pair, state);
	pair_map(&pair, FROM + MIB(6) - PAGES(2), guest_paddr(PAGES(510)), PAGES(2), 1, PROP_RW,
		 true);
	pair_map(&pair, FROM + MIB(6), guest_paddr(MIB(2)), MIB(4), 2, PROP_RW, true);
	recorded_mark(&pair.source, FROM, PAGES(1), 5);
	recorded_mark(&pair.source, FROM + MIB(2), PAGES(1), 6);
	view = recorded_view(&pair, &pair.source);
	table_leave(pair.fixture, left);
	error = pair_copy(&pair, FROM, TO + PAGES(1), MIB(9), 0);
	table_refill(pair.fixture);
	check_audit(pair.fixture);
	assert_int_equal(pair_count(&pair, guest_paddr(PAGES(511))), error ? 1 : 2);
	assert_int_equal(pair_count(&pair, guest_paddr(MIB(2))), error ? 1 : 2);
	assert_int_equal(pair.source.nr_calls, error ? 0 : 1);
	if (error) {
		assert_recorded_view(&pair, &pair.source, &view);
		assert_int_equal(recorded_view(&pair, &pair.destination).nr_runs, 0);
	}
	assert_int_equal(recorded_look(&pair.destination, TO + PAGES(1)).status, error ? 0 : 5);
	assert_int_equal(recorded_look(&pair.destination, TO + MIB(2) + PAGES(1)).status,
			 error ? 0 : 6);
	pair_close(&pair);
	return error;
}

static void test_copy_without_memory_leaves_everything_at_each_allocation(void **state)
{
	/*
	 * Two nodes above the destination's leaves, one to split the source's, three for leaves,
	 * and two for statuses.
	 */
	for (unsigned left = 0; left < 8; left++)
		assert_int_equal(copy_with(state, left), -ENOMEM);
	assert_int_equal(copy_with(state, 8), 0);
}

static void test_copy_that_saturates_a_count_takes_every_reference_back(void **state)
{
	struct pair pair;
	struct slot *slot;
	uint32_t before;
	struct view view;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(4), 1, PROP_RW, true);
	pair_map(&pair, FROM + MIB(2), guest_paddr(MIB(2)), MIB(2), 0, PROP_RW, true);
	slot = domain_slot_at(pair.fixture->domain, guest_paddr(MIB(2) + PAGES(300)));
	before = slot_state(slot);
	view = recorded_view(&pair, &pair.source);
	atomic_store(&slot->state, SLOT_BUSY + SLOT_SHARED_MAX);
	assert_int_equal(space_copy((struct space_place){ &pair.source.space, VADDR(FROM) },
				    (struct space_place){ &pair.destination.space, VADDR(TO) },
				    MIB(4), 0, NULL),
			 -EOVERFLOW);
	assert_int_equal(slot_state(slot), SLOT_BUSY + SLOT_SHARED_MAX);
	atomic_store(&slot->state, before);
	check_audit(pair.fixture);
	assert_recorded_view(&pair, &pair.source, &view);
	assert_int_equal(recorded_view(&pair, &pair.destination).nr_runs, 0);
	assert_int_equal(pair_count(&pair, guest_paddr(0)), 1);
	assert_int_equal(pair_count(&pair, guest_paddr(MIB(2) + PAGES(299))), 1);
	assert_int_equal(pair.source.nr_calls, 0);
	assert_int_equal(pair_copy(&pair, FROM, TO, MIB(4), 0), 0);
	pair_close(&pair);
}

/* A guest turns its own entry to another frame, which nobody has counted for the copy. */
static void turn(struct recorded *source)
{
	struct table_fixture fixture = { .domain = source->space.table.domain };

	fixture.table = source->space.table;
	node_write(table_node(&fixture, FROM + PAGES(1), 1), 1,
		   PTE(node_read(table_node(&fixture, FROM + PAGES(1), 1), 1).raw ^ PAGES(8)));
}

static void test_source_that_a_guest_rewrites_gives_no_leaf_without_reference(void **state)
{
	struct pair pair;

	pair_open(&pair, state);
	pair_map(&pair, FROM, guest_paddr(0), PAGES(3), 1, PROP_RW, true);
	pair.source.during = turn;
	assert_int_equal(space_copy((struct space_place){ &pair.source.space, VADDR(FROM) },
				    (struct space_place){ &pair.destination.space, VADDR(TO) },
				    PAGES(3), 0, NULL),
			 -EUCLEAN);
	turn(&pair.source);
	check_audit(pair.fixture);
	assert_int_equal(recorded_look(&pair.destination, TO + PAGES(1)).prop.bits & PROP_RIGHTS,
			 0);
	assert_int_equal(recorded_look(&pair.destination, TO + PAGES(1)).paddr.value,
			 guest_paddr(PAGES(1)).value);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_copy_over_something_is_refused),
		TABLE_TEST(test_copy_over_a_status_is_refused),
		TABLE_TEST(test_arguments_are_checked_first),
		TABLE_TEST(test_sides_lie_in_the_ranges_of_their_cursors),
		TABLE_TEST(test_two_domains_do_not_share_frames),
		TABLE_TEST_OF(test_property_of_another_format_is_refused, "x86-64",
			      table_setup_x86_64),
		TABLE_TEST(test_copy_without_memory_leaves_everything_at_each_allocation),
		TABLE_TEST(test_copy_that_saturates_a_count_takes_every_reference_back),
		TABLE_TEST(test_source_that_a_guest_rewrites_gives_no_leaf_without_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
