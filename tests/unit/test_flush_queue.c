/* SPDX-License-Identifier: MIT */
/*
 * Observed spaces: what leaves the table waits until each observer has passed, and no longer (T-3,
 * T-5, T-6, GAP-10).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/audit.h"
#include "tests/unit/observed_fixture.h"

#define VA MIB(2)

/* T-5 */
static void test_frame_is_held_until_the_last_observer_has_passed(void **state)
{
	struct observed observed;
	struct observer first, second;

	observed_open(&observed, state);
	observed_join(&observed, &first);
	observed_join(&observed, &second);
	observed_map(&observed, VA, guest_paddr(0), PAGES(3));
	assert_int_equal(observed_unmap(&observed, VA, PAGES(2)), 2);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 1);
	observed_pass(&observed, &first);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(1))), 1);
	observed_pass(&observed, &first);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 1);
	observed_pass(&observed, &second);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 0);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(1))), 0);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(2))), 1);
	observed_close(&observed);
}

/* T-3: what was removed between the look at the epoch and the pass may still be in use. */
static void test_epoch_that_was_read_before_the_removal_does_not_pass_it(void **state)
{
	struct observed observed;
	struct observer observer;
	uint32_t epoch;

	observed_open(&observed, state);
	observed_join(&observed, &observer);
	observed_map(&observed, VA, guest_paddr(0), PAGES(1));
	epoch = observer_epoch(&observer);
	observed_unmap(&observed, VA, PAGES(1));
	observer_pass(&observer, epoch);
	assert_int_equal(observed_collect(&observed), 1);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 1);
	observed_pass(&observed, &observer);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 0);
	observed_close(&observed);
}

static void check_epochs(void **state, bool slow_first)
{
	struct observed observed;
	struct observer quick, slow;
	uint32_t epoch;

	observed_open(&observed, state);
	observed_join(&observed, slow_first ? &slow : &quick);
	observed_join(&observed, slow_first ? &quick : &slow);
	observed_map(&observed, VA, guest_paddr(0), PAGES(4));
	observed_unmap(&observed, VA, PAGES(1));
	epoch = observer_epoch(&slow);
	observed_pass(&observed, &quick);
	observed_unmap(&observed, VA + PAGES(1), PAGES(1));
	/* One lacks both epochs, the other one the second. */
	assert_int_equal(observed_collect(&observed), 2);
	observer_pass(&slow, epoch);
	assert_int_equal(observed_collect(&observed), 1);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 0);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(1))), 1);
	/* The queue goes on behind what was taken from it. */
	observed_unmap(&observed, VA + PAGES(2), PAGES(1));
	observed_pass(&observed, &quick);
	assert_int_equal(observed_collect(&observed), 2);
	observed_pass(&observed, &slow);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(1))), 0);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(2))), 0);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(3))), 1);
	observed_close(&observed);
}

static void test_each_removal_waits_for_its_own_epoch(void **state)
{
	check_epochs(state, false);
}

/* The one who is behind most counts, whoever joined first. */
static void test_each_removal_waits_for_the_slowest_observer(void **state)
{
	check_epochs(state, true);
}

static void test_observer_that_joins_later_is_not_waited_for(void **state)
{
	struct observed observed;
	struct observer early, late;

	observed_open(&observed, state);
	observed_join(&observed, &early);
	observed_map(&observed, VA, guest_paddr(0), PAGES(2));
	observed_unmap(&observed, VA, PAGES(1));
	observed_join(&observed, &late);
	observed_pass(&observed, &early);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 0);
	observed_unmap(&observed, VA + PAGES(1), PAGES(1));
	observed_pass(&observed, &early);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(1))), 1);
	observed_pass(&observed, &late);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(1))), 0);
	observed_close(&observed);
}

static void test_observer_that_leaves_is_not_waited_for(void **state)
{
	struct observed observed;
	struct observer stays, leaves;

	observed_open(&observed, state);
	observed_join(&observed, &leaves);
	observed_join(&observed, &stays);
	observed_map(&observed, VA, guest_paddr(0), PAGES(2));
	observed_unmap(&observed, VA, PAGES(1));
	space_unobserve(&observed.space, &leaves);
	domain_reclaim(observed.fixture->domain);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 1);
	space_unobserve(&observed.space, &stays);
	domain_reclaim(observed.fixture->domain);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 0);
	check_audit(observed.fixture);
	/* Nobody is left to wait for. */
	observed_unmap(&observed, VA + PAGES(1), PAGES(1));
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(1))), 0);
	/* One that has left may come back. */
	assert_int_equal(space_observe(&observed.space, &leaves), 0);
	observed_close(&observed);
}

static void test_epochs_wrap(void **state)
{
	struct observed observed;
	struct observer observer;

	observed_open(&observed, state);
	atomic_store(&observed.space.queue.epoch, UINT32_MAX - 1);
	observed_join(&observed, &observer);
	observed_map(&observed, VA, guest_paddr(0), PAGES(4));
	for (unsigned i = 0; i < 4; i++)
		observed_unmap(&observed, VA + PAGES(i), PAGES(1));
	assert_int_equal(observed_collect(&observed), 4);
	observer_pass(&observer, UINT32_MAX);
	assert_int_equal(observed_collect(&observed), 3);
	observer_pass(&observer, 0);
	assert_int_equal(observed_collect(&observed), 2);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(2))), 1);
	observed_pass(&observed, &observer);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(3))), 0);
	observed_close(&observed);
}

/* Deferral is bounded: by nodes, and by how far an observer may fall behind. */
static void test_too_much_that_waits_stops_removals(void **state)
{
	struct prop_change change = { .clear = PROP_WRITE };
	struct observed observed;
	struct observer observer;
	uint64_t pages = 77;

	observed_open(&observed, state);
	observed_join(&observed, &observer);
	observed_map(&observed, VA, guest_paddr(0), PAGES(SPACE_WAITING_MAX + 2));
	for (unsigned i = 0; i < SPACE_WAITING_MAX; i++)
		assert_int_equal(space_unmap(&observed.space, VADDR(VA + PAGES(i)), PAGES(1), NULL),
				 0);
	assert_int_equal(space_unmap(&observed.space, VADDR(VA), MIB(2), &pages), -EAGAIN);
	assert_int_equal(space_protect(&observed.space, VADDR(VA), MIB(2), change, &pages),
			 -EAGAIN);
	check_audit(observed.fixture);
	assert_int_equal(pages, 77);
	observer_pass(&observer, observer_epoch(&observer));
	assert_int_equal(space_protect(&observed.space, VADDR(VA), MIB(2), change, &pages), 0);
	assert_int_equal(pages, 2);
	assert_int_equal(observed_collect(&observed), 0);
	observer_pass(&observer, observer_epoch(&observer) - EPOCH_LAG_MAX);
	assert_int_equal(space_protect(&observed.space, VADDR(VA), MIB(2), change, &pages),
			 -EAGAIN);
	assert_int_equal(space_unmap(&observed.space, VADDR(VA), MIB(2), &pages), -EAGAIN);
	observer_pass(&observer, observer_epoch(&observer));
	assert_int_equal(observed_unmap(&observed, VA, MIB(2)), 2);
	observed_close(&observed);
}

static void test_observers_are_kicked_while_one_has_to_pass(void **state)
{
	struct observed observed;
	struct observer observer;

	observed_open(&observed, state);
	observed_map(&observed, VA, guest_paddr(0), PAGES(4));
	observed_unmap(&observed, VA, PAGES(1));
	assert_int_equal(observed.nr_kicks, 0);
	observed_join(&observed, &observer);
	assert_int_equal(observed_unmap(&observed, VA, PAGES(1)), 0);
	assert_int_equal(observed.nr_kicks, 0);
	observed_unmap(&observed, VA + PAGES(1), PAGES(1));
	assert_int_equal(observed.nr_kicks, 1);
	observed.obedient = &observer;
	observed_unmap(&observed, VA + PAGES(2), PAGES(1));
	assert_int_equal(observed.nr_kicks, 2);
	assert_int_equal(observed_collect(&observed), 0);
	observed_close(&observed);
}

/* T-6: rights, and memory that nobody counts, are in use until the observers have passed, too. */
static void test_epoch_begins_also_where_nothing_waits(void **state)
{
	struct observed observed;
	struct observer observer;

	observed_open(&observed, state);
	observed_join(&observed, &observer);
	observed_map(&observed, VA, guest_paddr(0), PAGES(1));
	assert_int_equal(space_map(&observed.space, VADDR(GIB(1)), PADDR(GIB(8)), PAGES(1), 0,
				   PROP_RW, false),
			 0);
	assert_true(space_is_quiet(&observed.space));
	assert_int_equal(space_protect(&observed.space, VADDR(VA), PAGES(1),
				       (struct prop_change){ .clear = PROP_WRITE }, NULL),
			 0);
	assert_false(space_is_quiet(&observed.space));
	observed_pass(&observed, &observer);
	assert_true(space_is_quiet(&observed.space));
	assert_int_equal(observed_unmap(&observed, GIB(1), PAGES(1)), 1);
	assert_false(space_is_quiet(&observed.space));
	assert_int_equal(observed_collect(&observed), 0);
	observed_pass(&observed, &observer);
	assert_true(space_is_quiet(&observed.space));
	observed_close(&observed);
}

static void test_only_an_observed_space_is_observed_and_by_each_once(void **state)
{
	struct table_fixture *fixture = *state;
	struct observed observed;
	struct vm_space space;
	struct observer observer;

	observed_open(&observed, state);
	assert_int_equal(space_create(&space, fixture->domain, fixture->table.format,
				      fixture->table.walker, NULL),
			 0);
	observed_join(&observed, &observer);
	assert_int_equal(space_observe(&observed.space, &observer), -EINVAL);
	space_unobserve(&observed.space, &observer);
	assert_int_equal(space_observe(&space, &observer), -EINVAL);
	space_destroy(&space);
	observed_close(&observed);
}

static void test_range_can_be_mapped_again_while_its_frames_wait(void **state)
{
	struct observed observed;
	struct observer observer;

	observed_open(&observed, state);
	observed_join(&observed, &observer);
	observed_map(&observed, VA, guest_paddr(0), PAGES(4));
	observed_unmap(&observed, VA, MIB(2));
	/* A large leaf in the place of the node, which waits as well, and the same frames. */
	observed_map(&observed, VA, guest_paddr(0), MIB(2));
	check_audit(observed.fixture);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(3))), 2);
	observed_pass(&observed, &observer);
	assert_int_equal(observed_count(&observed, guest_paddr(PAGES(3))), 1);
	observed_close(&observed);
}

/* C-12 */
static void test_empty_node_in_the_way_of_a_large_leaf_waits(void **state)
{
	struct observed observed;
	struct observer observer;

	observed_open(&observed, state);
	observed_join(&observed, &observer);
	observed_map(&observed, VA, guest_paddr(0), PAGES(1));
	observed_unmap(&observed, VA, PAGES(1));
	observed_pass(&observed, &observer);
	assert_int_equal(observed_collect(&observed), 0);
	observed_map(&observed, VA, guest_paddr(0), MIB(2));
	assert_int_equal(observed_collect(&observed), 1);
	observed_pass(&observed, &observer);
	assert_int_equal(observed_collect(&observed), 0);
	assert_int_equal(space_map(&observed.space, VADDR(VA), guest_paddr(0), MIB(2), 0, PROP_RW,
				   false),
			 -EEXIST);
	observed_close(&observed);
}

static void test_destroyed_space_gives_up_what_waits_and_its_observers(void **state)
{
	struct observed observed;
	struct observer first, second;

	observed_open(&observed, state);
	observed_join(&observed, &first);
	observed_join(&observed, &second);
	observed_map(&observed, VA, guest_paddr(0), PAGES(600));
	observed_unmap(&observed, VA, PAGES(300));
	observed_close(&observed);
	assert_null(first.queue);
	assert_null(second.queue);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 0);
}

/* C-13: observers cannot be flushed in the middle of a copy. */
static void test_source_of_a_copy_is_protected_and_passed_first(void **state)
{
	struct observed observed;
	struct observer observer;
	struct space_place from = { &observed.space, VADDR(VA) };
	struct space_place to = { &observed.space, VADDR(GIB(1)) };

	observed_open(&observed, state);
	observed_join(&observed, &observer);
	observed_map(&observed, VA, guest_paddr(0), PAGES(2));
	assert_int_equal(space_copy(from, to, PAGES(2), 0, NULL), -EBUSY);
	assert_int_equal(space_protect(&observed.space, VADDR(VA), PAGES(2),
				       (struct prop_change){ .clear = PROP_WRITE }, NULL),
			 0);
	assert_int_equal(space_copy(from, to, PAGES(2), 0, NULL), -EAGAIN);
	check_audit(observed.fixture);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 1);
	observed_pass(&observed, &observer);
	assert_int_equal(space_copy(from, to, PAGES(2), 0, NULL), 0);
	check_audit(observed.fixture);
	assert_int_equal(observed_count(&observed, guest_paddr(0)), 2);
	observed_close(&observed);
}

static const char *audited_rule(struct table_fixture *fixture)
{
	struct audit_report report;

	mm_audit(fixture->domain, fixture->scratch, NULL, NULL, &report);
	return report.violation.rule;
}

static void test_audit_knows_what_waits(void **state)
{
	struct observed observed;
	struct observer observer;
	struct flush_queue *queue = &observed.space.queue;
	struct slot *slot;
	uint32_t epoch;

	observed_open(&observed, state);
	observed_join(&observed, &observer);
	observed_map(&observed, VA, guest_paddr(0), PAGES(2));
	observed_unmap(&observed, VA, PAGES(1));
	observed_unmap(&observed, VA + PAGES(1), PAGES(1));
	slot = &observed.fixture->domain->slots[queue->first];
	assert_null(audited_rule(observed.fixture));
	/* A reference that is not in the queue, a frame that was given up early. */
	observed.fixture->domain->queues = NULL;
	assert_string_equal(audited_rule(observed.fixture), "INV-A3");
	observed.fixture->domain->queues = queue;
	atomic_store(&domain_slot_at(observed.fixture->domain, guest_paddr(0))->state, SLOT_UNUSED);
	assert_string_equal(audited_rule(observed.fixture), "INV-A1");
	atomic_store(&domain_slot_at(observed.fixture->domain, guest_paddr(0))->state,
		     SLOT_BUSY + 1);
	/* Wrong order, an epoch to come, a wrong length. */
	epoch = atomic_load(&slot->epoch);
	atomic_store(&slot->epoch, epoch + 2);
	assert_string_equal(audited_rule(observed.fixture), "GAP-10");
	atomic_store(&slot->epoch, epoch);
	atomic_fetch_add(&queue->nr_waiting, 1);
	assert_string_equal(audited_rule(observed.fixture), "INV-X2");
	atomic_fetch_sub(&queue->nr_waiting, 1);
	assert_null(audited_rule(observed.fixture));
	observed_close(&observed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_frame_is_held_until_the_last_observer_has_passed),
		TABLE_TEST(test_epoch_that_was_read_before_the_removal_does_not_pass_it),
		TABLE_TEST(test_each_removal_waits_for_its_own_epoch),
		TABLE_TEST(test_each_removal_waits_for_the_slowest_observer),
		TABLE_TEST(test_observer_that_joins_later_is_not_waited_for),
		TABLE_TEST(test_observer_that_leaves_is_not_waited_for),
		TABLE_TEST(test_epochs_wrap),
		TABLE_TEST(test_too_much_that_waits_stops_removals),
		TABLE_TEST(test_observers_are_kicked_while_one_has_to_pass),
		TABLE_TEST(test_epoch_begins_also_where_nothing_waits),
		TABLE_TEST(test_only_an_observed_space_is_observed_and_by_each_once),
		TABLE_TEST(test_range_can_be_mapped_again_while_its_frames_wait),
		TABLE_TEST(test_empty_node_in_the_way_of_a_large_leaf_waits),
		TABLE_TEST(test_destroyed_space_gives_up_what_waits_and_its_observers),
		TABLE_TEST(test_source_of_a_copy_is_protected_and_passed_first),
		TABLE_TEST(test_audit_knows_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
