/* SPDX-License-Identifier: MIT */
/*
 * Walks without a lock against everything that changes a table. Of one page a walk says what was so
 * at one moment.
 */
#include "tests/sched/operations.h"

#define F(number) (WORLD_DATA + (number))

static void four_pages(void)
{
	world_space(0, PT_FORMAT_X86_64_4, TABLE_WALKED_BY_HARDWARE, NULL);
	for (unsigned i = 0; i < 4; i++)
		world_map(0, i, F(i), 1, PROP_RW, true);
}

static void four_nodes(void)
{
	world_share_memory();
	world_space(0, PT_FORMAT_X86_64_4, TABLE_WALKED_BY_HARDWARE, NULL);
	for (unsigned i = 0; i < 4; i++)
		world_map(0, i * 4, F(i), 1, PROP_RW, true);
}

static void large_leaf(void)
{
	world_space(0, PT_FORMAT_X86_64_4, TABLE_WALKED_BY_HARDWARE, NULL);
	world_map(0, 0, F(0), 2, PROP_RW, true);
}

static void empty_node(void)
{
	four_nodes();
	op_unmap(0, 0, 1);
}

static void two_spaces(void)
{
	four_pages();
	world_space(1, PT_FORMAT_EPT_4, TABLE_WALKED_BY_SOFTWARE, NULL);
}

static void empty(void)
{
	world_hold(F(2), FRAME_GUEST);
	world_space(0, PT_FORMAT_X86_64_4, TABLE_WALKED_BY_HARDWARE, NULL);
}

static uint64_t walk_0(void)
{
	return op_walk(0, 0);
}

static uint64_t walk_1(void)
{
	return op_walk(0, 1);
}

static uint64_t walk_2(void)
{
	return op_walk(0, 2);
}

static uint64_t walk_20(void)
{
	return op_walk(0, 20);
}

static uint64_t unmap_1(void)
{
	return op_unmap(0, 1, 1);
}

static uint64_t unmap_0_to_3(void)
{
	return op_unmap(0, 0, 4);
}

static uint64_t unmap_0_to_15(void)
{
	return op_unmap(0, 0, 16);
}

static uint64_t unmap_4_to_7(void)
{
	return op_unmap(0, 4, 4);
}

static uint64_t mark_0_to_3(void)
{
	return op_mark(0, 0, 4, 7);
}

static uint64_t map_1_to_2(void)
{
	return op_map(0, 1, F(2), 1, PROP_RW);
}

static uint64_t map_20_to_2(void)
{
	return op_map(0, 20, F(2), 1, PROP_RW);
}

static uint64_t replace_0(void)
{
	return op_replace(0, 0, F(3), PROP_RO);
}

static uint64_t coalesce_0(void)
{
	return op_coalesce(0, 0, 2);
}

static uint64_t reclaim_0_to_15(void)
{
	return op_reclaim(0, 0, 16, 2);
}

static uint64_t protect_0_to_3(void)
{
	return op_protect(0, 0, 4, PROP_WRITE, 0);
}

static uint64_t copy_there(void)
{
	return op_copy(0, 0, 1, 0, 4);
}

/* A split and a coalesce change nothing: what was mapped is mapped at each moment (INV-X6). */
static uint64_t walk_2_is_mapped(void)
{
	struct pt_mapping mapping;

	EXPECT(page_table_walk(world_table(0), world_page(2), &mapping) == 0);
	EXPECT(mapping.present);
	EXPECT(world_result(0, &mapping, 2) >> 16 == F(2));
	return 0;
}

/* Who can read the copy reads what nobody can write to any more (C-13). */
static uint64_t walk_copy(void)
{
	struct pt_mapping copy, source;

	EXPECT(page_table_walk(world_table(1), world_page(3), &copy) == 0);
	EXPECT(page_table_walk(world_table(0), world_page(3), &source) == 0);
	if (copy.present && copy.prop.bits & PROP_READ)
		EXPECT(!(source.prop.bits & PROP_WRITE));
	return 0;
}

const struct scenario walk_scenarios[] = {
	{ .name = "walk-unmap-node",
	  .text = "a walk through a node that is removed",
	  .setup = four_pages,
	  .threads = { { unmap_0_to_3 }, { walk_0, walk_2 } },
	  .atomic = true },
	{ .name = "walk-unmap-subtree",
	  .text = "a walk through a tree that is removed, freed and used again",
	  .setup = four_nodes,
	  .threads = { { unmap_0_to_15, op_reclaim_domain, map_20_to_2 }, { walk_0, walk_20 } },
	  .atomic = true },
	{ .name = "walk-reuse",
	  .text = "a walk through a node that is removed, freed and used at another place",
	  .setup = four_nodes,
	  .threads = { { unmap_0_to_3, op_reclaim_domain, map_20_to_2 }, { walk_0, walk_1 } },
	  .atomic = true },
	{ .name = "walk-reclaim",
	  .text = "a walk through an empty node that is reclaimed and made again",
	  .setup = empty_node,
	  .threads = { { reclaim_0_to_15, op_reclaim_domain, map_1_to_2 }, { walk_1, walk_0 } },
	  .atomic = true },
	{ .name = "walk-split",
	  .text = "a large leaf is split: its other pages stay mapped",
	  .setup = large_leaf,
	  .threads = { { unmap_1 }, { walk_2_is_mapped }, { walk_1 } },
	  .atomic = true },
	{ .name = "walk-coalesce",
	  .text = "four leaves become one, and are split again: they stay mapped",
	  .setup = four_pages,
	  .threads = { { coalesce_0, op_reclaim_domain, unmap_1 }, { walk_2_is_mapped, walk_1 } },
	  .atomic = true },
	{ .name = "walk-replace",
	  .text = "a leaf is replaced: a walk sees either",
	  .setup = four_pages,
	  .threads = { { replace_0 }, { walk_0, walk_0 } },
	  .atomic = true },
	{ .name = "walk-protect",
	  .text = "rights are changed: a walk sees either",
	  .setup = large_leaf,
	  .threads = { { protect_0_to_3, unmap_1 }, { walk_0, walk_2 } },
	  .atomic = true },
	{ .name = "walk-map",
	  .text = "a page is mapped, and its nodes are made, during walks",
	  .setup = empty,
	  .threads = { { map_1_to_2, unmap_1 }, { walk_1, walk_1 } },
	  .atomic = true },
	{ .name = "walk-mark",
	  .text = "what is absent is marked during walks",
	  .setup = empty_node,
	  .threads = { { mark_0_to_3, map_1_to_2 }, { walk_1, walk_1 } },
	  .atomic = true },
	{ .name = "walk-free-free",
	  .text = "two threads remove nodes and free what they find removed, during a walk",
	  .setup = four_nodes,
	  .threads = { { unmap_0_to_3, op_reclaim_domain },
		       { unmap_4_to_7, op_reclaim_domain },
		       { walk_0 } },
	  .atomic = true },
	{ .name = "walk-copy",
	  .text = "a copy can be read only when its source cannot be written any more",
	  .setup = two_spaces,
	  .threads = { { copy_there }, { walk_copy }, { walk_copy } } },
	{ 0 },
};
