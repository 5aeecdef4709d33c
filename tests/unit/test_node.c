/* SPDX-License-Identifier: MIT */
/*
 * Nodes: made, confirmed before they are followed, torn down with what they own, and put off until
 * nobody looks (2.4, P-7 to P-11).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

/* A node of the table's format; `level` names its own. */
static struct pt_node make(struct table_fixture *fixture, unsigned level)
{
	struct pt_node node;

	assert_int_equal(node_alloc(fixture->domain, fixture->table.format, level, &node), 0);
	return node;
}

static void link_child(struct table_fixture *fixture, struct pt_node parent, unsigned index,
		       struct pt_node child)
{
	struct pt_child new = { .kind = PTE_NODE, .node = child };
	struct pt_child old;

	assert_int_equal(node_replace_child(&fixture->table, parent, index, &new, &old), 0);
	assert_int_equal(old.kind, PTE_ABSENT);
}

static void link_leaf(struct table_fixture *fixture, struct pt_node node, unsigned index,
		      paddr_t paddr, bool tracked)
{
	assert_int_equal(node_replace_absent_with_frame(&fixture->table, node, index, paddr,
							PROP_RW, tracked),
			 0);
}

static uint64_t free_frames(const struct table_fixture *fixture)
{
	return allocator_free_frames(fixture->domain);
}

static void test_new_node_is_absent_everywhere_unlocked_and_has_one_reference(void **state)
{
	struct table_fixture *fixture = *state;
	unsigned char *memory = domain_pointer(fixture->domain, frame_number(TABLE_POOL_FIRST));
	struct pt_node node;

	/* Frames are not zero when they are handed out. */
	memset(memory + PAGE_SIZE, 0xff, (TABLE_POOL_FRAMES - 1) * PAGE_SIZE);
	node = make(fixture, 3);
	assert_int_equal(slot_count(node.slot), 1);
	assert_int_equal(slot_kind(node.slot), FRAME_NODE);
	assert_int_equal(node_level(node), 3);
	assert_int_equal(slot_format(node.slot), fixture->table.format->id);
	assert_int_equal(node.slot->nr_children, 0);
	assert_false(node.slot->stray);
	assert_int_equal(lock_owner(&node.slot->lock), 0);
	for (unsigned index = 0; index < NODE_ENTRIES; index++)
		assert_int_equal(node_read(node, index).raw, 0);
	node_free(fixture->domain, node);
}

static void test_node_cannot_be_made_without_a_frame(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node;

	table_leave(fixture, 0);
	assert_int_equal(node_alloc(fixture->domain, fixture->table.format, 1, &node), -ENOMEM);
}

/* M-6: the allocator is wrong about a frame. */
static void test_node_is_not_made_of_a_frame_that_is_in_use(void **state)
{
	struct table_fixture *fixture = *state;
	struct frame frame;
	struct pt_node node;
	paddr_t paddr;

	table_leave(fixture, 1);
	assert_int_equal(allocator_take(fixture->domain, 1, PAGE_SIZE, &paddr), 0);
	assert_int_equal(allocator_give(fixture->domain, paddr, 1), 0);
	/* The allocator's own mark is taken from it behind its back. */
	assert_int_equal(slot_to_shared(domain_slot_at(fixture->domain, paddr)), 0);
	assert_int_equal(node_alloc(fixture->domain, fixture->table.format, 1, &node), -ENOMEM);
	frame = frame_from_raw(fixture->domain, paddr);
	assert_int_equal(frame_reference_count(&frame), 1);
	fixture->hostile = true;
}

static int child_of(struct table_fixture *fixture, struct pt_node parent, unsigned index,
		    struct pt_node *child)
{
	return node_child(fixture->domain, fixture->table.format, parent, index,
			  node_read(parent, index), child);
}

static void test_linked_node_is_confirmed(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node parent = make(fixture, 2);
	struct pt_node child = make(fixture, 1);
	struct pt_node found;

	link_child(fixture, parent, 7, child);
	assert_int_equal(child_of(fixture, parent, 7, &found), 0);
	assert_ptr_equal(found.slot, child.slot);
	assert_ptr_equal(found.entries, child.entries);
	assert_int_equal(node_paddr(fixture->domain, found).value,
			 node_paddr(fixture->domain, child).value);
	node_free(fixture->domain, parent);
}

/* Nothing is followed that its slot does not confirm. */
static void assert_refused(struct table_fixture *fixture, struct pt_node parent, pte_t pte)
{
	struct pt_node child;

	node_write(parent, 0, pte);
	assert_int_equal(child_of(fixture, parent, 0, &child), -EUCLEAN);
	node_write(parent, 0, PTE(0));
}

static void test_entry_that_points_to_no_node_one_level_down_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	const struct pt_format *format = fixture->table.format;
	struct pt_node parent = make(fixture, 3);
	struct pt_node below = make(fixture, 2);
	struct pt_node level_1 = make(fixture, 1);
	struct frame data;

	assert_int_equal(frame_alloc(fixture->domain, FRAME_DATA, true, &data), 0);
	assert_refused(fixture, parent, pte_node(format, frame_number(TABLE_FRAMES)));
	assert_refused(fixture, parent, pte_node(format, PADDR(0x000ffffffffff000)));
	assert_refused(fixture, parent, pte_node(format, frame_number(0)));
	assert_refused(fixture, parent, pte_node(format, data.paddr));
	assert_refused(fixture, parent, pte_node(format, node_paddr(fixture->domain, parent)));
	assert_refused(fixture, parent, pte_node(format, node_paddr(fixture->domain, level_1)));
	assert_refused(fixture, parent, pte_node(format, page_table_root(&fixture->table)));
	slot_set_type(below.slot, SLOT_TYPE(FRAME_NODE, 2, format->id ^ 1));
	assert_refused(fixture, parent, pte_node(format, node_paddr(fixture->domain, below)));
	frame_put(&data);
	node_free(fixture->domain, level_1);
	node_free(fixture->domain, below);
	assert_refused(fixture, parent, pte_node(format, node_paddr(fixture->domain, below)));
	node_free(fixture->domain, parent);
}

/* P-10 */
static void test_last_reference_of_a_node_drops_all_that_hangs_under_it(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t nr_free = free_frames(fixture);
	struct pt_node top = make(fixture, 3);
	struct pt_node middle = make(fixture, 2);
	struct pt_node bottom = make(fixture, 1);

	table_hold(fixture, guest_paddr(0), 512);
	table_hold(fixture, guest_paddr(MIB(2)), 3);
	table_hold(fixture, guest_paddr(MIB(2)), 3);
	link_child(fixture, top, 511, middle);
	link_child(fixture, middle, 0, bottom);
	link_leaf(fixture, middle, 511, guest_paddr(0), true);
	for (unsigned i = 0; i < 3; i++)
		link_leaf(fixture, bottom, i * 200, guest_paddr(MIB(2) + i * PAGE_SIZE), true);
	link_leaf(fixture, bottom, 511, guest_paddr(MIB(2)), false);
	table_passed(fixture, guest_paddr(0), 512);
	table_passed(fixture, guest_paddr(MIB(2)), 3);
	node_free(fixture->domain, top);
	assert_int_equal(free_frames(fixture), nr_free);
	check_audit(fixture);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(domain_fixture_state(&fixture->base, TABLE_GUEST_FIRST + i),
				 SLOT_UNUSED);
}

static void test_node_with_other_references_keeps_what_hangs_under_it(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 1);
	struct frame other;

	assert_int_equal(
		frame_from_in_use(fixture->domain, node_paddr(fixture->domain, node), &other), 0);
	table_hold(fixture, guest_paddr(0), 1);
	link_leaf(fixture, node, 3, guest_paddr(0), true);
	node_free(fixture->domain, node);
	assert_int_equal(domain_fixture_state(&fixture->base, TABLE_GUEST_FIRST), SLOT_BUSY + 1);
	table_passed(fixture, guest_paddr(0), 1);
	assert_int_equal(frame_put(&other), 0);
	assert_int_equal(domain_fixture_state(&fixture->base, TABLE_GUEST_FIRST), SLOT_UNUSED);
}

static void test_entry_that_owns_nothing_is_counted_when_its_node_goes(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 2);
	uint64_t bits;

	assert_int_equal(format_leaf_bits(fixture->table.format, 2, PROP_RW, true, &bits), 0);
	node_write(node, 0, pte_node(fixture->table.format, guest_paddr(0)));
	node_write(node, 1, PTE(guest_paddr(0).value | bits));
	node.slot->nr_children = 2;
	node_free(fixture->domain, node);
	assert_int_equal(atomic_load(&fixture->domain->nr_corrupt), 1 + 512);
	atomic_store(&fixture->domain->nr_corrupt, 0);
}

static void test_node_that_is_free_already_is_counted_and_not_freed_again(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 1);
	uint64_t nr_free = free_frames(fixture);

	node_free(fixture->domain, node);
	node_free(fixture->domain, node);
	assert_int_equal(free_frames(fixture), nr_free + 1);
	assert_int_equal(atomic_load(&fixture->domain->nr_corrupt), 1);
	atomic_store(&fixture->domain->nr_corrupt, 0);
	check_audit(fixture);
}

static void test_deferred_node_lives_until_it_is_reclaimed(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t nr_free = free_frames(fixture);
	struct pt_node first = make(fixture, 1);
	struct pt_node second = make(fixture, 2);

	first.slot->stray = second.slot->stray = true;
	port_read_lock();
	node_defer(fixture->domain, first);
	node_defer(fixture->domain, second);
	port_read_unlock();
	assert_int_equal(atomic_load(&fixture->domain->nr_deferred), 2);
	assert_int_equal(slot_count(first.slot), 1);
	check_audit(fixture);
	domain_reclaim(fixture->domain);
	assert_int_equal(atomic_load(&fixture->domain->nr_deferred), 0);
	assert_int_equal(free_frames(fixture), nr_free);
	domain_reclaim(fixture->domain);
	check_audit(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_new_node_is_absent_everywhere_unlocked_and_has_one_reference),
		TABLE_TEST(test_node_cannot_be_made_without_a_frame),
		TABLE_TEST(test_node_is_not_made_of_a_frame_that_is_in_use),
		TABLE_TEST(test_linked_node_is_confirmed),
		TABLE_TEST(test_entry_that_points_to_no_node_one_level_down_is_refused),
		TABLE_TEST(test_last_reference_of_a_node_drops_all_that_hangs_under_it),
		TABLE_TEST(test_node_with_other_references_keeps_what_hangs_under_it),
		TABLE_TEST(test_entry_that_owns_nothing_is_counted_when_its_node_goes),
		TABLE_TEST(test_node_that_is_free_already_is_counted_and_not_freed_again),
		TABLE_TEST(test_deferred_node_lives_until_it_is_reclaimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
