/* SPDX-License-Identifier: MIT */
/*
 * Each rule of the audit is broken, by itself, in every way that we know of; the audit names it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/audit_subject.h"

static void set_state(struct slot *slot, uint32_t state)
{
	atomic_store(&slot->state, state);
}

/* A leaf more, counted as it should be. */
static void add_leaf(struct subject *subject, uint64_t va, unsigned level, uint64_t raw)
{
	subject_set_entry(subject, va, level, raw);
	table_node(subject->fixture, va, level).slot->nr_children++;
}

static void unused_frame_has_a_kind(struct subject *subject)
{
	slot_set_type(subject_slot(subject, SPARE_NUMBER), SLOT_TYPE(FRAME_DATA, 0, 0));
}

static void unused_frame_is_on_a_list(struct subject *subject)
{
	atomic_store(&subject_slot(subject, SPARE_NUMBER)->list, 1);
}

static void unused_frame_is_held(struct subject *subject)
{
	subject->fixture->held[SPARE_NUMBER] = 1;
}

static void unused_frame_is_mapped(struct subject *subject)
{
	add_leaf(subject, PAGES(1), 1, subject_leaf(subject, frame_number(SPARE_NUMBER), 1));
}

static void free_frame_is_held(struct subject *subject)
{
	subject->fixture->held[TABLE_POOL_FIRST + TABLE_POOL_FRAMES - 1] = 1;
}

static void free_frame_is_mapped(struct subject *subject)
{
	add_leaf(subject, PAGES(1), 1,
		 subject_leaf(subject, frame_number(TABLE_POOL_FIRST + TABLE_POOL_FRAMES - 1), 1));
}

static void unique_frame_has_no_kind(struct subject *subject)
{
	slot_set_type(subject_slot(subject, UNIQUE_NUMBER), SLOT_TYPE(FRAME_NONE, 0, 0));
}

static void unique_frame_is_mapped(struct subject *subject)
{
	add_leaf(subject, PAGES(1), 1, subject_leaf(subject, frame_number(UNIQUE_NUMBER), 1));
}

static void free_head_is_on_no_list(struct subject *subject)
{
	set_state(subject_slot(subject, SPARE_NUMBER), SLOT_UNIQUE);
	slot_set_type(subject_slot(subject, SPARE_NUMBER), SLOT_TYPE(FRAME_FREE, 0, 0));
}

static void shared_frame_has_no_kind(struct subject *subject)
{
	slot_set_type(subject_slot(subject, SHARED_NUMBER), SLOT_TYPE(FRAME_NONE, 0, 0));
}

static void shared_frame_is_a_free_chunk(struct subject *subject)
{
	slot_set_type(subject_slot(subject, SHARED_NUMBER), SLOT_TYPE(FRAME_FREE, 0, 0));
}

static void shared_frame_is_on_a_list(struct subject *subject)
{
	atomic_store(&subject_slot(subject, SHARED_NUMBER)->list, 3);
}

static void count_is_in_the_forbidden_band(struct subject *subject)
{
	set_state(subject_slot(subject, SPARE_NUMBER), SLOT_BUSY + SLOT_SHARED_MAX + 1);
}

static void frame_is_busy(struct subject *subject)
{
	set_state(subject_slot(subject, SPARE_NUMBER), SLOT_BUSY);
}

static void frame_counts_one_too_many(struct subject *subject)
{
	slot_inc(subject_slot(subject, SHARED_NUMBER));
}

static void frame_counts_one_too_few(struct subject *subject)
{
	set_state(subject_slot(subject, SHARED_NUMBER), SLOT_BUSY + 2);
}

static void large_leaf_owns_a_page_too_few(struct subject *subject)
{
	slot_inc(subject_slot(subject, SHARED_NUMBER + 512 + 300));
}

static void leaf_owns_nothing(struct subject *subject)
{
	for (unsigned i = 1; i < 3; i++)
		add_leaf(subject, PAGES(i), 1, subject_leaf(subject, guest_paddr(0), 1));
}

static void leaf_is_gone_but_not_its_reference(struct subject *subject)
{
	subject_set_entry(subject, 0, 1, 0);
	table_node(subject->fixture, 0, 1).slot->nr_children--;
}

static void node_counts_one_too_many(struct subject *subject)
{
	slot_inc(table_node(subject->fixture, 0, 2).slot);
}

static void root_counts_one_too_many(struct subject *subject)
{
	slot_inc(subject->second.root.slot);
}

static void leaf_is_in_the_root(struct subject *subject)
{
	add_leaf(subject, GIB(512), 4, subject_leaf(subject, PADDR(0), 3));
}

static void large_leaf_is_misaligned(struct subject *subject)
{
	subject_set_entry(subject, MIB(2), 2,
			  subject_leaf(subject, guest_paddr(MIB(2)), 2) + PAGE_SIZE * 2);
}

static void leaf_is_outside(struct subject *subject)
{
	add_leaf(subject, PAGES(1), 1, subject_leaf(subject, frame_number(TABLE_FRAMES), 1));
}

static void large_leaf_reaches_outside(struct subject *subject)
{
	add_leaf(subject, MIB(4), 2, subject_leaf(subject, PADDR(GIB(1)), 2));
}

static void root_has_another_level(struct subject *subject)
{
	slot_set_type(subject->second.root.slot,
		      SLOT_NODE_TYPE(3, subject->second.format->id, SLOT_UNLINKED));
}

static void entry_points_outside(struct subject *subject)
{
	subject_set_entry(subject, 0, 2,
			  pte_node(subject->fixture->table.format, PADDR(0x000ffffffffff000)).raw);
}

static void entry_points_to_data(struct subject *subject)
{
	subject_set_entry(subject, 0, 2,
			  pte_node(subject->fixture->table.format, guest_paddr(0)).raw);
}

static void entry_points_to_another_level(struct subject *subject)
{
	subject_set_entry(subject, 0, 3, node_read(table_node(subject->fixture, 0, 2), 0).raw);
}

static void entry_was_cleared(struct subject *subject)
{
	subject_set_entry(subject, PAGES(7), 1, 0);
}

static void entry_was_added(struct subject *subject)
{
	subject_set_entry(subject, PAGES(8), 1, PTE_HELD);
}

static void node_miscounts_its_children(struct subject *subject)
{
	table_node(subject->fixture, 0, 1).slot->nr_children = 511;
}

static void node_has_two_parents(struct subject *subject)
{
	add_leaf(subject, MIB(4), 2, node_read(table_node(subject->fixture, 0, 2), 0).raw);
}

static void node_is_linked_by_another_table(struct subject *subject)
{
	atomic_store(&subject->second.root.entries[0],
		     node_read(subject->fixture->table.root, 0).raw);
}

static void leaf_maps_a_node(struct subject *subject)
{
	add_leaf(subject, PAGES(1), 1,
		 subject_leaf(subject, page_table_root(&subject->fixture->table), 1));
}

static void node_is_locked(struct subject *subject)
{
	lock_try(&table_node(subject->fixture, 0, 1).slot->lock, 5);
}

static void node_has_a_reader(struct subject *subject)
{
	lock_try_shared(&table_node(subject->fixture, 0, 1).slot->lock);
}

static void node_is_waited_for(struct subject *subject)
{
	atomic_store(&table_node(subject->fixture, 0, 1).slot->lock.queue, 1);
}

static void root_is_locked(struct subject *subject)
{
	lock_try(&subject->second.root.slot->lock, 5);
}

static void linked_node_is_stray(struct subject *subject)
{
	table_node(subject->fixture, 0, 1).slot->stray = true;
}

static void deferred_node_is_not_stray(struct subject *subject)
{
	subject->deferred.slot->stray = false;
}

static void deferred_queue_is_shorter(struct subject *subject)
{
	atomic_store(&subject->fixture->domain->nr_deferred, 2);
}

static void deferred_queue_is_endless(struct subject *subject)
{
	subject->deferred.slot->next =
		domain_slot_number(subject->fixture->domain, subject->deferred.slot);
}

/* The largest free chunk's list. */
static struct free_list *some_list(struct subject *subject)
{
	struct free_list *list = subject->fixture->domain->allocator.free + ALLOCATOR_ORDERS - 1;

	while (list->head == SLOT_NONE)
		list--;
	return list;
}

static void chunk_has_a_frame_in_use(struct subject *subject)
{
	set_state(subject_slot(subject, some_list(subject)->head + 1), SLOT_BUSY + 1);
}

static void chunk_says_another_order(struct subject *subject)
{
	slot_set_type(subject_slot(subject, some_list(subject)->head), SLOT_TYPE(FRAME_FREE, 2, 0));
}

static void chunk_is_misaligned(struct subject *subject)
{
	some_list(subject)->head++;
}

static void chunk_is_outside(struct subject *subject)
{
	some_list(subject)->head = 1u << 31;
}

static void list_is_longer_than_its_count(struct subject *subject)
{
	some_list(subject)->nr_chunks--;
}

static void list_runs_in_a_circle(struct subject *subject)
{
	struct free_list *list = some_list(subject);

	subject_slot(subject, list->head)->next = list->head;
	list->nr_chunks = UINT32_MAX;
}

static void allocator_miscounts(struct subject *subject)
{
	atomic_fetch_add(&subject->fixture->domain->allocator.nr_free, 1);
}

static void table_claimed_what_it_did_not_have(struct subject *subject)
{
	atomic_store(&subject->fixture->domain->nr_corrupt, 1);
}

static const struct breach {
	void (*commit)(struct subject *subject);
	const char *rule;
} breaches[] = {
	{ unused_frame_has_a_kind, "INV-A1" },
	{ unused_frame_is_on_a_list, "INV-A1" },
	{ unused_frame_is_held, "INV-A1" },
	{ unused_frame_is_mapped, "INV-A1" },
	{ free_frame_is_held, "INV-A1" },
	{ free_frame_is_mapped, "INV-A1" },
	{ unique_frame_has_no_kind, "INV-M2" },
	{ unique_frame_is_mapped, "INV-M2" },
	{ free_head_is_on_no_list, "INV-M2" },
	{ shared_frame_has_no_kind, "INV-M3" },
	{ shared_frame_is_a_free_chunk, "INV-M3" },
	{ shared_frame_is_on_a_list, "INV-M3" },
	{ count_is_in_the_forbidden_band, "INV-M4" },
	{ frame_is_busy, "INV-M5" },
	{ frame_counts_one_too_many, "INV-A3" },
	{ frame_counts_one_too_few, "INV-A3" },
	{ large_leaf_owns_a_page_too_few, "INV-A3" },
	{ leaf_owns_nothing, "INV-A3" },
	{ leaf_is_gone_but_not_its_reference, "INV-A3" },
	{ node_counts_one_too_many, "INV-A3" },
	{ root_counts_one_too_many, "INV-A3" },
	{ leaf_is_in_the_root, "INV-T2" },
	{ large_leaf_is_misaligned, "INV-T2" },
	{ leaf_is_outside, "INV-T2" },
	{ large_leaf_reaches_outside, "INV-T2" },
	{ root_has_another_level, "INV-T3" },
	{ entry_points_outside, "INV-T4" },
	{ entry_points_to_data, "INV-T4" },
	{ entry_points_to_another_level, "INV-T4" },
	{ entry_was_cleared, "INV-T5" },
	{ entry_was_added, "INV-T5" },
	{ node_miscounts_its_children, "INV-T5" },
	{ node_has_two_parents, "INV-T6" },
	{ node_is_linked_by_another_table, "INV-T6" },
	{ leaf_maps_a_node, "INV-T7" },
	{ node_is_locked, "INV-X1" },
	{ node_has_a_reader, "INV-X1" },
	{ node_is_waited_for, "INV-X1" },
	{ root_is_locked, "INV-X1" },
	{ linked_node_is_stray, "INV-X2" },
	{ deferred_node_is_not_stray, "INV-X2" },
	{ deferred_queue_is_shorter, "INV-X2" },
	{ deferred_queue_is_endless, "INV-X2" },
	{ chunk_has_a_frame_in_use, "GAP-9" },
	{ chunk_says_another_order, "GAP-9" },
	{ chunk_is_misaligned, "GAP-9" },
	{ chunk_is_outside, "GAP-9" },
	{ list_is_longer_than_its_count, "GAP-9" },
	{ list_runs_in_a_circle, "INV-A1" },
	{ allocator_miscounts, "INV-X5" },
	{ table_claimed_what_it_did_not_have, "INV-R4" },
};

static void test_each_broken_rule_is_named(void **state)
{
	const struct table_fixture *like = *state;

	for (unsigned i = 0; i < sizeof(breaches) / sizeof(*breaches); i++) {
		struct table_fixture fixture;
		struct subject subject;

		table_fixture_open(&fixture, like->table.format->id, like->table.walker,
				   TABLE_FRAMES);
		subject_arrange(&subject, &fixture);
		assert_int_equal(subject_audit(&subject), 0);
		breaches[i].commit(&subject);
		if (subject_audit(&subject) == 0)
			fail_msg("breach %u, %s, is not seen", i, breaches[i].rule);
		if (strcmp(subject.report.violation.rule, breaches[i].rule) != 0)
			fail_msg("breach %u, %s, is called %s", i, breaches[i].rule,
				 subject.report.violation.rule);
		table_fixture_abandon(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_each_broken_rule_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
