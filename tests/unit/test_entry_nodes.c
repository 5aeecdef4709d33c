/* SPDX-License-Identifier: MIT */
/*
 * Entries that become nodes: empty ones, and large leaves that are split (2.5, C-11).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define THREAD 77 /* that operations lock nodes for */

static struct pt_node make(struct table_fixture *fixture, unsigned level)
{
	struct pt_node node;

	assert_int_equal(node_alloc(fixture->domain, fixture->table.format, level, &node), 0);
	return node;
}

static void put(struct table_fixture *fixture, struct pt_node node, unsigned index, paddr_t paddr,
		prop_t prop, bool tracked)
{
	assert_int_equal(node_replace_absent_with_frame(&fixture->table, node, index, paddr, prop,
							tracked),
			 0);
}

static struct pt_child look(struct table_fixture *fixture, struct pt_node node, unsigned index)
{
	struct pt_entry entry = entry_at(&fixture->table, node, index);
	struct pt_child child;

	assert_int_equal(entry_to_ref(&entry, &child), 0);
	return child;
}

/* What a node holds and counts, to see that a refusal changed nothing. */
struct memory {
	uint64_t entries[NODE_ENTRIES];
	uint16_t nr_children;
	uint64_t nr_free;
};

static struct memory remember(struct table_fixture *fixture, struct pt_node node)
{
	struct memory memory;

	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		memory.entries[i] = node_read(node, i).raw;
	memory.nr_children = node.slot->nr_children;
	memory.nr_free = allocator_free_frames(fixture->domain);
	return memory;
}

static void assert_unchanged(struct table_fixture *fixture, struct pt_node node,
			     const struct memory *before)
{
	/* A node that was made for nothing is free once nobody can be looking at it. */
	domain_reclaim(fixture->domain);
	struct memory now = remember(fixture, node);

	assert_memory_equal(now.entries, before->entries, sizeof(now.entries));
	assert_int_equal(now.nr_children, before->nr_children);
	assert_int_equal(now.nr_free, before->nr_free);
}

static void test_alloc_if_none_links_an_empty_locked_child(void **state)
{
	struct table_fixture *fixture = *state;

	for (unsigned level = 2; level <= 4; level++) {
		struct pt_node node = make(fixture, level);
		struct pt_entry entry = entry_at(&fixture->table, node, 3);
		struct pt_node child;

		assert_int_equal(entry_alloc_if_none(&entry, THREAD, &child), 0);
		assert_true(entry_is_node(&entry));
		assert_ptr_equal(look(fixture, node, 3).node.slot, child.slot);
		assert_int_equal(node.slot->nr_children, 1);
		assert_int_equal(node_level(child), level - 1);
		assert_int_equal(child.slot->nr_children, 0);
		assert_int_equal(slot_count(child.slot), 1);
		assert_int_equal(lock_owner(&child.slot->lock), THREAD);
		lock_release(&child.slot->lock);
		node_free(fixture->domain, node);
	}
}

static void refuse_alloc(struct table_fixture *fixture, struct pt_node node, unsigned index,
			 int error)
{
	struct memory before = remember(fixture, node);
	struct pt_node child;

	assert_int_equal(node_alloc_absent_child(&fixture->table, node, index, THREAD, &child),
			 error);
	assert_unchanged(fixture, node, &before);
}

static void test_alloc_where_something_is_or_at_the_bottom_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 2);
	struct pt_node bottom = make(fixture, 1);
	struct pt_node child;

	put(fixture, node, 0, PADDR(0), PROP(0), false);
	assert_int_equal(node_alloc_absent_child(&fixture->table, node, 1, THREAD, &child), 0);
	lock_release(&child.slot->lock);
	refuse_alloc(fixture, node, 0, -EEXIST);
	refuse_alloc(fixture, node, 1, -EEXIST);
	refuse_alloc(fixture, bottom, 0, -EINVAL);
	table_leave(fixture, 0);
	refuse_alloc(fixture, node, 2, -ENOMEM);
	table_refill(fixture);
	node_free(fixture->domain, bottom);
	node_free(fixture->domain, node);
}

/* C-11, P-4 */
static void test_split_maps_the_same_frames_with_the_same_property(void **state)
{
	struct table_fixture *fixture = *state;
	prop_t prop = PROP(PROP_READ | PROP_EXECUTE | PROP_DIRTY | PROP_WRITE_THROUGH);

	for (unsigned level = 2; level <= 3; level++) {
		struct pt_node node = make(fixture, level);
		struct pt_entry entry;
		struct pt_node child;

		put(fixture, node, 100, PADDR(level_size(level) * 7), prop, false);
		entry = entry_at(&fixture->table, node, 100);
		assert_int_equal(entry_split_if_mapped_huge(&entry, THREAD, &child), 0);
		assert_ptr_equal(look(fixture, node, 100).node.slot, child.slot);
		assert_int_equal(node.slot->nr_children, 1);
		assert_int_equal(child.slot->nr_children, NODE_ENTRIES);
		assert_int_equal(lock_owner(&child.slot->lock), THREAD);
		for (unsigned i = 0; i < NODE_ENTRIES; i++) {
			struct pt_child leaf = look(fixture, child, i);

			assert_int_equal(leaf.kind, PTE_LEAF);
			assert_int_equal(leaf.paddr.value,
					 level_size(level) * 7 + i * level_size(level - 1));
			assert_int_equal(leaf.prop.bits, prop.bits);
		}
		lock_release(&child.slot->lock);
		node_free(fixture->domain, node);
	}
}

/* P-8 */
static void test_split_of_a_tracked_leaf_changes_no_count(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 2);
	struct pt_entry entry;
	struct pt_node child;

	table_hold(fixture, guest_paddr(0), 512);
	table_hold(fixture, guest_paddr(0), 512);
	put(fixture, node, 0, guest_paddr(0), PROP_RW, true);
	table_passed(fixture, guest_paddr(0), 512);
	entry = entry_at(&fixture->table, node, 0);
	assert_int_equal(entry_split_if_mapped_huge(&entry, THREAD, &child), 0);
	for (unsigned i = 0; i < 512; i++) {
		assert_int_equal(slot_count(&fixture->domain->slots[TABLE_GUEST_FIRST + i]), 2);
		assert_true(look(fixture, child, i).tracked);
	}
	lock_release(&child.slot->lock);
	node_free(fixture->domain, node);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(slot_count(&fixture->domain->slots[TABLE_GUEST_FIRST + i]), 1);
}

static void refuse_split(struct table_fixture *fixture, struct pt_node node, unsigned index,
			 int error)
{
	struct memory before = remember(fixture, node);
	struct pt_entry entry = entry_at(&fixture->table, node, index);
	struct pt_node child;

	assert_int_equal(entry_split_if_mapped_huge(&entry, THREAD, &child), error);
	assert_unchanged(fixture, node, &before);
}

static void test_split_of_what_is_no_large_leaf_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 2);
	struct pt_node bottom = make(fixture, 1);
	struct pt_node child;

	put(fixture, bottom, 0, PADDR(0), PROP_RW, false);
	put(fixture, node, 0, PADDR(0), PROP_RW, false);
	assert_int_equal(node_alloc_absent_child(&fixture->table, node, 1, THREAD, &child), 0);
	lock_release(&child.slot->lock);
	refuse_split(fixture, bottom, 0, -ENOENT);
	refuse_split(fixture, node, 1, -ENOENT);
	refuse_split(fixture, node, 2, -ENOENT);
	table_leave(fixture, 0);
	refuse_split(fixture, node, 0, -ENOMEM);
	table_refill(fixture);
	node_free(fixture->domain, bottom);
	node_free(fixture->domain, node);
}

/* A guest was faster: the entry is not what the snapshot says any more (BUG-9). */
static void check_forestalled(struct table_fixture *fixture, uint64_t before, uint64_t after,
			      int (*operation)(struct pt_entry *, uint32_t, struct pt_node *),
			      int error)
{
	struct pt_node node = make(fixture, 2);
	struct memory memory;
	struct pt_entry entry;
	struct pt_node child;

	node_write(node, 3, PTE(before));
	entry = entry_at(&fixture->table, node, 3);
	node_write(node, 3, PTE(after));
	memory = remember(fixture, node);
	assert_int_equal(operation(&entry, THREAD, &child), error);
	assert_unchanged(fixture, node, &memory);
	assert_int_equal(entry.pte.raw, after);
	/* The node that was made for nothing can be had again, unlocked. */
	child = make(fixture, 1);
	assert_int_equal(lock_owner(&child.slot->lock), 0);
	assert_int_equal(child.slot->nr_children, 0);
	node_free(fixture->domain, child);
	node_write(node, 3, PTE(0));
	node_free(fixture->domain, node);
}

static uint64_t leaf_word(const struct table_fixture *fixture, uint64_t paddr)
{
	uint64_t bits;

	assert_int_equal(format_leaf_bits(fixture->table.format, 2, PROP_RW, false, &bits), 0);
	return paddr | bits;
}

static void test_node_that_a_guest_forestalls_is_given_back(void **state)
{
	struct table_fixture *fixture = *state;

	check_forestalled(fixture, 0, leaf_word(fixture, 0), entry_alloc_if_none, -EEXIST);
	check_forestalled(fixture, 0, pte_node(fixture->table.format, PADDR(0)).raw,
			  entry_alloc_if_none, -EEXIST);
}

static void test_split_that_a_guest_forestalls_is_undone(void **state)
{
	struct table_fixture *fixture = *state;
	/* Writing alone: its parts could not be said. */
	uint64_t unsayable = (leaf_word(fixture, 0) & ~UINT64_C(1)) | PTE_HELD;

	check_forestalled(fixture, leaf_word(fixture, 0), 0, entry_split_if_mapped_huge, -ENOENT);
	check_forestalled(fixture, leaf_word(fixture, 0),
			  pte_node(fixture->table.format, PADDR(0)).raw, entry_split_if_mapped_huge,
			  -ENOENT);
	check_forestalled(fixture, leaf_word(fixture, 0), unsayable, entry_split_if_mapped_huge,
			  -EOPNOTSUPP);
}

static void test_split_of_a_leaf_that_changes_meanwhile_is_of_the_new_one(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 2);
	struct pt_entry entry;
	struct pt_node child;

	node_write(node, 0, PTE(leaf_word(fixture, 0)));
	node.slot->nr_children = 1;
	entry = entry_at(&fixture->table, node, 0);
	node_write(node, 0, PTE(leaf_word(fixture, MIB(6))));
	assert_int_equal(entry_split_if_mapped_huge(&entry, THREAD, &child), 0);
	assert_int_equal(look(fixture, child, 5).paddr.value, MIB(6) + 5 * PAGE_SIZE);
	lock_release(&child.slot->lock);
	node_free(fixture->domain, node);
}

/* Only where hardware walks does anybody else write. */
#define FORESTALLED_TEST(test) TABLE_TEST_OF(test, "x86-64", table_setup_x86_64)

/* A guest may have written an entry that leads to it, and somebody may wait for its lock (L-5). */
static void test_node_that_is_not_published_after_all_lives_on_for_who_sees_it(void **state)
{
	struct table_fixture *fixture = *state;
	uint64_t nr_free = allocator_free_frames(fixture->domain);
	struct pt_node node = make(fixture, 2), child;
	struct pt_entry none, large;

	fixture->table.walker = TABLE_WALKED_BY_HARDWARE;
	none = entry_at(&fixture->table, node, 0);
	put(fixture, node, 0, PADDR(0), PROP_RW, false);
	large = entry_at(&fixture->table, node, 0);
	assert_int_equal(entry_alloc_if_none(&none, THREAD, &child), -EEXIST);
	assert_int_equal(atomic_load(&fixture->domain->nr_deferred), 1);
	node_write(node, 0, PTE(0));
	assert_int_equal(entry_split_if_mapped_huge(&large, THREAD, &child), -ENOENT);
	assert_int_equal(atomic_load(&fixture->domain->nr_deferred), 2);
	for (uint32_t number = fixture->domain->deferred; number != SLOT_NONE;
	     number = fixture->domain->slots[number].next) {
		assert_true(fixture->domain->slots[number].stray);
		assert_true(lock_is_free(&fixture->domain->slots[number].lock));
	}
	domain_reclaim(fixture->domain);
	node_free(fixture->domain, node);
	assert_int_equal(allocator_free_frames(fixture->domain), nr_free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_alloc_if_none_links_an_empty_locked_child),
		TABLE_TEST(test_alloc_where_something_is_or_at_the_bottom_is_refused),
		TABLE_TEST(test_split_maps_the_same_frames_with_the_same_property),
		TABLE_TEST(test_split_of_a_tracked_leaf_changes_no_count),
		TABLE_TEST(test_split_of_what_is_no_large_leaf_is_refused),
		FORESTALLED_TEST(test_node_that_a_guest_forestalls_is_given_back),
		FORESTALLED_TEST(test_split_that_a_guest_forestalls_is_undone),
		FORESTALLED_TEST(test_split_of_a_leaf_that_changes_meanwhile_is_of_the_new_one),
		TABLE_TEST(test_node_that_is_not_published_after_all_lives_on_for_who_sees_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
