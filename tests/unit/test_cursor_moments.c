/* SPDX-License-Identifier: MIT */
/*
 * What hardware or a guest does to an entry between any two instructions of an operation: no bit is
 * lost (BUG-9), and no word leads astray.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/single_step.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

struct scene {
	struct table_fixture *fixture;
	struct cursor cursor;
	struct pt_node node;	 /* whose entry is changed */
	_Atomic uint64_t *entry; /* the one */
	uint64_t dirty;		 /* the bit */
	uint64_t word;		 /* what a guest writes */
	bool was_set;		 /* hardware found a leaf to mark */
	struct pt_fragment fragment;
	struct pt_node child;
	int result;
};

static uint64_t leaf(const struct table_fixture *fixture, uint64_t paddr, uint32_t prop)
{
	uint64_t bits;

	assert_int_equal(format_leaf_bits(fixture->table.format, 1, PROP(prop), false, &bits), 0);
	return paddr | bits;
}

static void each_moment(struct scene *scene, struct table_fixture *fixture,
			const struct single_step *step)
{
	*scene = (struct scene){ .fixture = fixture };
	scene->dirty = leaf(fixture, 0, PROP_RW.bits | PROP_DIRTY) ^ leaf(fixture, 0, PROP_RW.bits);
	single_step_each_moment(step, scene);
}

/* A page at 0 that nobody has written to. */
static void map_clean(void *context)
{
	struct scene *scene = context;

	table_unmap(scene->fixture, 0, PAGES(1));
	assert_int_equal(table_map(scene->fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	scene->node = table_node(scene->fixture, 0, 1);
	scene->entry = &scene->node.entries[0];
	scene->cursor = table_cursor(scene->fixture, 0, PAGES(1), CURSOR_MUTATE, 1);
}

/* What hardware does for a store of the guest. */
static void set_dirty(void *context)
{
	struct scene *scene = context;
	uint64_t raw = atomic_load(scene->entry);

	scene->was_set = (raw & scene->fixture->table.format->present) != 0;
	if (scene->was_set)
		atomic_store(scene->entry, raw | scene->dirty);
}

static void check_is_dirty(void *context)
{
	struct scene *scene = context;

	cursor_close(&scene->cursor);
	assert_int_equal(scene->result, 0);
	assert_mapped(scene->fixture, 0, PADDR(0), PROP(PROP_READ | PROP_DIRTY));
	check_audit(scene->fixture);
}

static void protect_one(void *context)
{
	struct scene *scene = context;
	const struct prop_change change = { .clear = PROP_WRITE };

	scene->result = cursor_protect_next(&scene->cursor, PAGES(1), change, NULL) - 1;
}

static void test_protect_next_loses_no_bit_at_any_moment(void **state)
{
	const struct single_step step = { map_clean, protect_one, set_dirty, check_is_dirty };
	struct scene scene;

	each_moment(&scene, *state, &step);
}

static void protect_range(void *context)
{
	struct scene *scene = context;
	const struct prop_change change = { .clear = PROP_WRITE };

	scene->result = cursor_protect(&scene->cursor, PAGES(1), change, NULL, NULL);
}

static void test_protect_of_a_range_loses_no_bit_at_any_moment(void **state)
{
	const struct single_step step = { map_clean, protect_range, set_dirty, check_is_dirty };
	struct scene scene;

	each_moment(&scene, *state, &step);
}

static void take_one(void *context)
{
	struct scene *scene = context;

	scene->result = cursor_take_next(&scene->cursor, PAGES(1), &scene->fragment) - 1;
}

static void check_fragment_is_dirty(void *context)
{
	struct scene *scene = context;

	cursor_close(&scene->cursor);
	assert_int_equal(scene->result, 0);
	assert_int_equal((scene->fragment.leaf.prop.bits & PROP_DIRTY) != 0, scene->was_set);
	assert_unmapped(scene->fixture, 0);
	check_audit(scene->fixture);
}

static void test_take_next_loses_no_bit_at_any_moment(void **state)
{
	const struct single_step step = { map_clean, take_one, set_dirty, check_fragment_is_dirty };
	struct scene scene;

	each_moment(&scene, *state, &step);
}

/* A guest writes. Its word stands there from then on, or the operation has overwritten it. */
static void write_word(void *context)
{
	struct scene *scene = context;

	atomic_store(scene->entry, scene->word);
}

static void assert_in_order(struct scene *scene)
{
	assert_true(cursor_virt_addr(&scene->cursor).value <= MIB(4));
	cursor_close(&scene->cursor);
	assert_false(port_read_ongoing());
	assert_int_equal(lock_owner(&scene->node.slot->lock), 0);
	assert_in_range(scene->node.slot->nr_children, 0, NODE_ENTRIES);
}

/* Some pages at 0, of which the guest will take the first; a range over two nodes. */
static void map_some(void *context)
{
	struct scene *scene = context;
	struct cursor cursor;

	scene->fixture->hostile = true;
	table_unmap(scene->fixture, 0, MIB(4));
	cursor = table_cursor(scene->fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_map_run(&cursor, PADDR(0), PAGES(3), 1, PROP_RW, false), 0);
	cursor_close(&cursor);
	scene->node = table_node(scene->fixture, 0, 1);
	scene->entry = &scene->node.entries[0];
	scene->cursor = table_cursor(scene->fixture, 0, MIB(4), CURSOR_MUTATE, 1);
}

static void unmap_leaves(void *context)
{
	struct scene *scene = context;

	scene->result = cursor_unmap(&scene->cursor, PAGES(3), NULL, NULL);
}

static void check_leaves(void *context)
{
	struct scene *scene = context;

	assert_true(scene->result == 0 || scene->result == -EUCLEAN);
	assert_in_order(scene);
	/* Counts are right again when the guest's own is gone. */
	atomic_store(scene->entry, 0);
	scene->node.slot->nr_children = 0;
	for (unsigned i = 1; i < 3; i++)
		scene->node.slot->nr_children +=
			pte_is_present(scene->fixture->table.format, node_read(scene->node, i));
	check_audit(scene->fixture);
}

static void test_unmap_survives_a_leaf_that_goes_at_any_moment(void **state)
{
	const struct single_step step = { map_some, unmap_leaves, write_word, check_leaves };
	struct scene scene;

	each_moment(&scene, *state, &step);
}

/* The node over the pages, which is taken whole; the guest writes the entry that points to it. */
static void map_some_below(void *context)
{
	struct scene *scene = context;

	map_some(context);
	scene->node = table_node(scene->fixture, 0, 2);
	scene->entry = &scene->node.entries[0];
	scene->child = table_node(scene->fixture, 0, 1);
}

static void unmap_subtree(void *context)
{
	struct scene *scene = context;

	scene->result = cursor_unmap(&scene->cursor, MIB(4), NULL, NULL);
}

static void check_subtree(void *context)
{
	struct scene *scene = context;

	assert_true(scene->result == 0 || scene->result == -EUCLEAN);
	assert_in_order(scene);
	domain_reclaim(scene->fixture->domain);
	atomic_store(scene->entry, 0);
	scene->node.slot->nr_children = 0;
	/* Out of the table and free, or still the table's and lost to it by the guest's doing. */
	if (slot_count(scene->child.slot) == 1)
		node_free(scene->fixture->domain, scene->child);
	assert_int_equal(slot_count(scene->child.slot), 0);
	check_audit(scene->fixture);
}

static void test_unmap_survives_a_node_that_goes_at_any_moment(void **state)
{
	const struct single_step step = { map_some_below, unmap_subtree, write_word,
					  check_subtree };
	struct table_fixture *fixture = *state;
	struct scene scene = { .fixture = fixture, .word = leaf(fixture, 0, PROP_RW.bits) };

	scene.word |= fixture->table.format->huge;
	single_step_each_moment(&step, &scene);
}

/* Only where hardware walks does anybody else write. */
#define HARDWARE_TEST(test) TABLE_TEST_OF(test, "x86-64", table_setup_x86_64)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HARDWARE_TEST(test_protect_next_loses_no_bit_at_any_moment),
		HARDWARE_TEST(test_protect_of_a_range_loses_no_bit_at_any_moment),
		HARDWARE_TEST(test_take_next_loses_no_bit_at_any_moment),
		HARDWARE_TEST(test_unmap_survives_a_leaf_that_goes_at_any_moment),
		HARDWARE_TEST(test_unmap_survives_a_node_that_goes_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
