/* SPDX-License-Identifier: MIT */
/*
 * Operations on one entry (2.5): what they change, what they count, and that a refusal changes
 * nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

static const struct pt_child absent = { .kind = PTE_ABSENT };

/* A lone node of the table's format and domain, which no other test code looks at. */
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
	struct memory now = remember(fixture, node);

	assert_memory_equal(now.entries, before->entries, sizeof(now.entries));
	assert_int_equal(now.nr_children, before->nr_children);
	assert_int_equal(now.nr_free, before->nr_free);
}

static void test_absent_entry_is_none_and_refers_to_nothing(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 2);
	struct pt_entry entry = entry_at(&fixture->table, node, 511);

	assert_true(entry_is_none(&entry));
	assert_false(entry_is_node(&entry));
	assert_int_equal(look(fixture, node, 511).kind, PTE_ABSENT);
	node_free(fixture->domain, node);
}

static void test_leaf_is_what_was_put(void **state)
{
	struct table_fixture *fixture = *state;

	for (unsigned level = 1; level <= 3; level++)
		for (unsigned index = 0; index < NODE_ENTRIES; index += 73) {
			struct pt_node node = make(fixture, level);
			paddr_t paddr = PADDR(level_size(level) * 3);
			struct pt_child leaf;

			put(fixture, node, index, paddr, PROP_RX, false);
			assert_int_equal(node.slot->nr_children, 1);
			leaf = look(fixture, node, index);
			assert_int_equal(leaf.kind, PTE_LEAF);
			assert_int_equal(leaf.paddr.value, paddr.value);
			assert_int_equal(leaf.level, level);
			assert_int_equal(leaf.prop.bits, PROP_RX.bits);
			assert_false(leaf.tracked);
			node_free(fixture->domain, node);
		}
}

static void refuse_leaf(struct table_fixture *fixture, struct pt_node node, paddr_t paddr,
			prop_t prop, bool tracked, int error)
{
	struct memory before = remember(fixture, node);

	assert_int_equal(node_replace_absent_with_frame(&fixture->table, node, 1, paddr, prop,
							tracked),
			 error);
	assert_unchanged(fixture, node, &before);
}

/* P-2 */
static void test_leaf_that_cannot_be_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 2);
	struct pt_node top = make(fixture, 4);

	refuse_leaf(fixture, node, PADDR(MIB(1)), PROP_RW, false, -EINVAL);
	refuse_leaf(fixture, node, PADDR(MIB(2) + 1), PROP_RW, false, -EINVAL);
	refuse_leaf(fixture, node, PADDR(UINT64_C(1) << 52), PROP_RW, false, -ERANGE);
	refuse_leaf(fixture, node, frame_number(TABLE_FRAMES), PROP_RW, true, -ERANGE);
	refuse_leaf(fixture, node, PADDR(0), PROP(PROP_WRITE), false, -EOPNOTSUPP);
	refuse_leaf(fixture, top, PADDR(0), PROP_RW, false, -EOPNOTSUPP);
	put(fixture, node, 1, PADDR(0), PROP_RW, false);
	refuse_leaf(fixture, node, PADDR(MIB(2)), PROP_RW, false, -EEXIST);
	node_free(fixture->domain, node);
	node_free(fixture->domain, top);
}

static void test_replace_gives_the_old_and_counts_children(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 2);
	struct pt_child child = { .kind = PTE_NODE, .node = make(fixture, 1) };
	struct pt_child leaf = {
		.kind = PTE_LEAF, .paddr = PADDR(MIB(4)), .level = 2, .prop = PROP_RO
	};
	struct pt_child old;

	assert_int_equal(node_replace_child(&fixture->table, node, 9, &child, &old), 0);
	assert_int_equal(old.kind, PTE_ABSENT);
	assert_int_equal(node.slot->nr_children, 1);
	assert_int_equal(node_replace_child(&fixture->table, node, 9, &leaf, &old), 0);
	assert_int_equal(old.kind, PTE_NODE);
	assert_ptr_equal(old.node.slot, child.node.slot);
	assert_int_equal(node.slot->nr_children, 1);
	assert_int_equal(node_replace_child(&fixture->table, node, 9, &absent, &old), 0);
	assert_int_equal(old.kind, PTE_LEAF);
	assert_int_equal(old.paddr.value, MIB(4));
	assert_int_equal(old.prop.bits, PROP_READ);
	assert_int_equal(node.slot->nr_children, 0);
	assert_int_equal(node_replace_child(&fixture->table, node, 9, &absent, &old), 0);
	assert_int_equal(old.kind, PTE_ABSENT);
	assert_int_equal(node.slot->nr_children, 0);
	node_free(fixture->domain, child.node);
	node_free(fixture->domain, node);
}

static void refuse_replace(struct table_fixture *fixture, struct pt_node node,
			   const struct pt_child *new, int error)
{
	struct memory before = remember(fixture, node);
	struct pt_child old;

	assert_int_equal(node_replace_child(&fixture->table, node, 0, new, &old), error);
	assert_unchanged(fixture, node, &before);
}

static void test_replace_by_something_of_another_level_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 3);
	struct pt_node other = make(fixture, 1);
	struct pt_child child = { .kind = PTE_NODE, .node = other };
	struct pt_child leaf = { .kind = PTE_LEAF, .level = 2, .prop = PROP_RW };

	refuse_replace(fixture, node, &child, -EINVAL);
	refuse_replace(fixture, node, &leaf, -EINVAL);
	leaf.level = 4;
	refuse_replace(fixture, node, &leaf, -EINVAL);
	child.node = node;
	refuse_replace(fixture, node, &child, -EINVAL);
	child = (struct pt_child){ .kind = PTE_ABSENT, .status = STATUS_MAX + 1 };
	refuse_replace(fixture, node, &child, -EINVAL);
	node_free(fixture->domain, other);
	node_free(fixture->domain, node);
}

static void assert_linked_nowhere(const struct table_fixture *fixture, struct pt_node node)
{
	assert_int_equal(slot_type(node.slot),
			 SLOT_NODE_TYPE(node_level(node), fixture->table.format->id,
					SLOT_UNLINKED));
}

/* What a guest wrote to the entry is in the way; the first look is `seen`, an older one (P-11). */
static void refuse_node(struct table_fixture *fixture, struct pt_entry *seen, struct pt_node child,
			pte_t written)
{
	struct pt_child new = { .kind = PTE_NODE, .node = child };
	struct pt_child old;

	node_write(seen->node, seen->index, written);
	assert_int_equal(entry_replace(seen, &new, &old), -EUCLEAN);
	assert_linked_nowhere(fixture, child);
	node_write(seen->node, seen->index, PTE(0));
}

static void test_node_that_is_refused_stays_linked_nowhere(void **state)
{
	struct table_fixture *fixture = *state;
	const struct pt_format *format = fixture->table.format;
	struct pt_node node = make(fixture, 3), child = make(fixture, 2);
	pte_t nowhere = pte_node(format, frame_number(TABLE_FRAMES));
	struct pt_entry entry;

	fixture->table.walker = TABLE_WALKED_BY_HARDWARE;
	node_write(node, 0, nowhere);
	entry = entry_at(&fixture->table, node, 0);
	refuse_node(fixture, &entry, child, nowhere);
	entry = entry_at(&fixture->table, node, 0);
	refuse_node(fixture, &entry, child, nowhere);
	/* Nor is it what was there before. */
	entry = entry_at(&fixture->table, node, 0);
	refuse_node(fixture, &entry, child, pte_node(format, node_paddr(fixture->domain, child)));
	node_free(fixture->domain, child);
	node_free(fixture->domain, node);
}

static struct prop_change change(uint32_t clear, uint32_t set)
{
	return (struct prop_change){ .clear = clear, .set = set };
}

static void test_protect_changes_the_property_and_nothing_else(void **state)
{
	struct table_fixture *fixture = *state;

	for (unsigned level = 1; level <= 3; level++) {
		struct pt_node node = make(fixture, level);
		struct pt_child leaf;
		prop_t old = PROP(0);

		put(fixture, node, 5, PADDR(0), PROP(PROP_RW.bits | PROP_SOFT), false);
		assert_int_equal(node_protect_child(&fixture->table, node, 5,
						    change(PROP_WRITE, PROP_DIRTY), &old),
				 0);
		assert_int_equal(old.bits, PROP_RW.bits | PROP_SOFT);
		leaf = look(fixture, node, 5);
		assert_int_equal(leaf.kind, PTE_LEAF);
		assert_int_equal(leaf.prop.bits, PROP_READ | PROP_SOFT | PROP_DIRTY);
		assert_int_equal(leaf.paddr.value, 0);
		assert_int_equal(node.slot->nr_children, 1);
		node_free(fixture->domain, node);
	}
}

static void test_leaf_without_rights_is_a_leaf_still_and_gets_them_back(void **state)
{
	struct table_fixture *fixture = *state;

	for (unsigned level = 1; level <= 3; level++) {
		struct pt_node node = make(fixture, level);
		pte_t pte;

		put(fixture, node, 0, PADDR(0), PROP_RW, false);
		assert_int_equal(node_protect_child(&fixture->table, node, 0,
						    change(PROP_RIGHTS, 0), NULL),
				 0);
		pte = node_read(node, 0);
		assert_int_equal(pte.raw & fixture->table.format->present, 0);
		assert_int_equal(look(fixture, node, 0).kind, PTE_LEAF);
		assert_int_equal(look(fixture, node, 0).prop.bits, 0);
		assert_int_equal(node_protect_child(&fixture->table, node, 0,
						    change(0, PROP_READ | PROP_EXECUTE), NULL),
				 0);
		assert_int_equal(look(fixture, node, 0).prop.bits, PROP_RX.bits);
		assert_int_equal(node_read(node, 0).raw & PTE_HELD, 0);
		node_free(fixture->domain, node);
	}
}

/* P-12 */
static void test_protect_never_changes_who_owns_the_frame(void **state)
{
	struct table_fixture *fixture = *state;

	for (unsigned tracked = 0; tracked <= 1; tracked++)
		for (uint32_t flags = 0; flags <= PROP_FLAGS; flags++) {
			struct pt_node node = make(fixture, 1);

			if (tracked) {
				table_hold(fixture, guest_paddr(0), 1);
				table_passed(fixture, guest_paddr(0), 1);
			}
			put(fixture, node, 0, guest_paddr(0), PROP_RW, tracked);
			(void)node_protect_child(&fixture->table, node, 0,
						 change(PROP_CHANGEABLE, flags), NULL);
			assert_int_equal(look(fixture, node, 0).tracked, tracked);
			assert_int_equal(look(fixture, node, 0).paddr.value, guest_paddr(0).value);
			node_free(fixture->domain, node);
		}
}

static void refuse_protect(struct table_fixture *fixture, struct pt_node node, unsigned index,
			   struct prop_change wanted, int error)
{
	struct memory before = remember(fixture, node);
	prop_t old;

	assert_int_equal(node_protect_child(&fixture->table, node, index, wanted, &old), error);
	assert_unchanged(fixture, node, &before);
}

static void test_protect_that_cannot_be_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_node node = make(fixture, 2);
	struct pt_node child;

	put(fixture, node, 0, PADDR(0), PROP_RW, false);
	assert_int_equal(node_alloc_absent_child(&fixture->table, node, 1, 1, &child), 0);
	refuse_protect(fixture, node, 0, change(PROP_READ, 0), -EOPNOTSUPP);
	refuse_protect(fixture, node, 0, change(0, PROP_CACHE), -EOPNOTSUPP);
	refuse_protect(fixture, node, 0, change(0, UINT32_C(1) << 11), -EINVAL);
	refuse_protect(fixture, node, 0, change(UINT32_C(1) << 31, 0), -EINVAL);
	refuse_protect(fixture, node, 1, change(PROP_WRITE, 0), -ENOENT);
	refuse_protect(fixture, node, 2, change(PROP_WRITE, 0), -ENOENT);
	node_free(fixture->domain, node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_absent_entry_is_none_and_refers_to_nothing),
		TABLE_TEST(test_leaf_is_what_was_put),
		TABLE_TEST(test_leaf_that_cannot_be_is_refused),
		TABLE_TEST(test_replace_gives_the_old_and_counts_children),
		TABLE_TEST(test_replace_by_something_of_another_level_is_refused),
		TABLE_TEST(test_node_that_is_refused_stays_linked_nowhere),
		TABLE_TEST(test_protect_changes_the_property_and_nothing_else),
		TABLE_TEST(test_leaf_without_rights_is_a_leaf_still_and_gets_them_back),
		TABLE_TEST(test_protect_never_changes_who_owns_the_frame),
		TABLE_TEST(test_protect_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
