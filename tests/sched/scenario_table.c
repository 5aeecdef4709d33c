/* SPDX-License-Identifier: MIT */
/*
 * Transactions on tables. All operations are linearisable: results and the final state are those
 * of some serial order.
 *
 * A node of level 1 has pages 0 to 3, 4 to 7, ...; one of level 2 has 0 to 15, and so on.
 */
#include "tests/sched/operations.h"

#define F(number) (WORLD_DATA + (number))

static void hold_frames(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		world_hold(F(i), FRAME_GUEST);
}

static void empty(void)
{
	hold_frames(4);
	world_space(0, PT_FORMAT_X86_64_4, TABLE_WALKED_BY_HARDWARE, NULL);
}

/* Pages 0 to 3, each in frame of the same number. */
static void four_pages(void)
{
	empty();
	for (unsigned i = 0; i < 4; i++)
		world_map(0, i, F(i), 1, PROP_RW, true);
}

/* One page in each of four nodes of level 1. */
static void four_nodes(void)
{
	empty();
	for (unsigned i = 0; i < 4; i++)
		world_map(0, i * 4, F(i), 1, PROP_RW, true);
}

/* A leaf of four pages. */
static void large_leaf(void)
{
	empty();
	world_map(0, 0, F(0), 2, PROP_RW, true);
}

static void large_leaf_ept(void)
{
	hold_frames(4);
	world_space(0, PT_FORMAT_EPT_4, TABLE_WALKED_BY_SOFTWARE, NULL);
	world_map(0, 0, F(0), 2, PROP_RW, false);
}

static void empty_node(void)
{
	empty();
	world_map(0, 0, F(0), 1, PROP_RW, true);
	world_map(0, 16, F(1), 1, PROP_RW, true);
	op_unmap(0, 0, 1);
}

static void two_spaces(void)
{
	four_pages();
	world_space(1, PT_FORMAT_X86_64_4, TABLE_WALKED_BY_HARDWARE, NULL);
	world_map(1, 8, F(3), 1, PROP_RW, true);
}

static uint64_t map_0_to_1(void)
{
	return op_map(0, 0, F(1), 1, PROP_RW);
}

static uint64_t map_0_to_2(void)
{
	return op_map(0, 0, F(2), 1, PROP_RW);
}

static uint64_t map_1_to_2(void)
{
	return op_map(0, 1, F(2), 1, PROP_RW);
}

static uint64_t map_5_to_2(void)
{
	return op_map(0, 5, F(2), 1, PROP_RW);
}

static uint64_t map_0_to_3(void)
{
	return op_map(0, 0, F(0), 4, PROP_RW);
}

static uint64_t unmap_0(void)
{
	return op_unmap(0, 0, 1);
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

static uint64_t unmap_0_to_63(void)
{
	return op_unmap(0, 0, 64);
}

static uint64_t query_0(void)
{
	return op_query(0, 0);
}

static uint64_t query_2(void)
{
	return op_query(0, 2);
}

static uint64_t query_5(void)
{
	return op_query(0, 5);
}

static uint64_t count_0_to_15(void)
{
	return op_count(0, 0, 16);
}

static uint64_t protect_0_to_3(void)
{
	return op_protect(0, 0, 4, PROP_WRITE, 0);
}

static uint64_t protect_1_to_2(void)
{
	return op_protect(0, 1, 2, PROP_WRITE, PROP_EXECUTE);
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

static uint64_t copy_there(void)
{
	return op_copy(0, 0, 1, 0, 4);
}

static uint64_t copy_back(void)
{
	return op_copy(1, 8, 0, 8, 4);
}

static uint64_t unmap_1_of_other(void)
{
	return op_unmap(1, 0, 4);
}

static uint64_t copy_within(void)
{
	return op_copy(0, 0, 0, 8, 4);
}

static uint64_t mark_0_to_3(void)
{
	return op_mark(0, 0, 4, 7);
}

static uint64_t mark_0_to_15(void)
{
	return op_mark(0, 0, 16, 9);
}

static uint64_t harvest(void)
{
	return op_harvest(0, 0, 4);
}

static uint64_t hardware_reads(void)
{
	return op_hardware(0, 1, PROP_ACCESSED);
}

static uint64_t hardware_writes(void)
{
	return op_hardware(0, 1, PROP_ACCESSED | PROP_DIRTY);
}

/* Two cursors of one thread: it reads twice in a node, whoever waits for it (BUG-10). */
static uint64_t read_twice(void)
{
	struct cursor first, second;

	EXPECT(cursor_open(&first, world_table(0), world_page(0), PAGE_SIZE, CURSOR_READ, 1) == 0);
	EXPECT(cursor_open(&second, world_table(0), world_page(2), PAGE_SIZE, CURSOR_READ, 1) == 0);
	cursor_close(&first);
	cursor_close(&second);
	return 0;
}

/* And has one range while it asks for another: it may be refused, and does not wait for ever. */
static uint64_t change_twice(uint64_t page, uint64_t other)
{
	struct cursor first, second;
	int error;

	EXPECT(cursor_open(&first, world_table(0), world_page(page), PAGE_SIZE, CURSOR_MUTATE, 1) ==
	       0);
	error = cursor_open(&second, world_table(0), world_page(other), PAGE_SIZE, CURSOR_MUTATE,
			    1);
	EXPECT(error == 0 || error == -EDEADLK);
	if (error == 0)
		cursor_close(&second);
	cursor_close(&first);
	return 0;
}

static uint64_t change_0_and_4(void)
{
	return change_twice(0, 4);
}

static uint64_t change_4_and_0(void)
{
	return change_twice(4, 0);
}

static lock_t *a_lock(void)
{
	return &world->domain.allocator.lock;
}

/* Nobody else is there. */
static uint64_t own_lock(void)
{
	EXPECT(lock_acquire(a_lock(), port_thread()) == 0);
	world->words[0]++;
	EXPECT(lock_owner(a_lock()) == port_thread());
	lock_release(a_lock());
	return 0;
}

static uint64_t share_lock(void)
{
	EXPECT(lock_acquire_shared(a_lock(), port_thread()) == 0);
	world->words[port_thread()] = world->words[0];
	EXPECT(lock_readers(a_lock()) > 0);
	lock_release_shared(a_lock());
	return 0;
}

const struct scenario table_scenarios[] = {
	{ .name = "lock-owners",
	  .text = "three own a lock in turn: nobody is left asleep",
	  .threads = { { own_lock }, { own_lock }, { own_lock } } },
	{ .name = "lock-readers",
	  .text = "two readers and an owner",
	  .threads = { { share_lock }, { share_lock }, { own_lock } } },
	{ .name = "lock-reader",
	  .text = "a reader and two owners",
	  .threads = { { own_lock }, { share_lock }, { own_lock } } },
	{ .name = "query-query-unmap",
	  .text = "two readers share a node that is removed",
	  .setup = four_pages,
	  .threads = { { query_0 }, { query_2 }, { unmap_0_to_3 } },
	  .atomic = true },
	{ .name = "read-twice",
	  .text = "a thread reads a node twice while another waits to remove it",
	  .setup = four_pages,
	  .threads = { { read_twice }, { unmap_0_to_3 }, { query_0 } } },
	{ .name = "change-twice",
	  .text = "two threads have a range each and ask for the other's",
	  .setup = four_nodes,
	  .threads = { { change_0_and_4 }, { change_4_and_0 } } },
	{ .name = "map-map",
	  .text = "two map the same page, whose nodes are missing",
	  .setup = empty,
	  .threads = { { map_0_to_1 }, { map_0_to_2 } },
	  .atomic = true },
	{ .name = "map-unmap",
	  .text = "one maps a page, another unmaps it",
	  .setup = four_pages,
	  .threads = { { unmap_0, query_0 }, { map_0_to_1, query_0 } },
	  .atomic = true },
	{ .name = "map-unmap-query",
	  .text = "three threads at one page",
	  .setup = empty,
	  .threads = { { map_0_to_1 }, { unmap_0 }, { query_0 } },
	  .atomic = true },
	{ .name = "unmap-node-query",
	  .text = "a node is removed against cursors that go into it",
	  .setup = four_pages,
	  .threads = { { unmap_0_to_3 }, { query_2, query_2 } },
	  .atomic = true },
	{ .name = "unmap-node-map",
	  .text = "a node is removed against a map in it",
	  .setup = four_pages,
	  .threads = { { unmap_0_to_3 }, { map_1_to_2 }, { unmap_1 } },
	  .atomic = true },
	{ .name = "unmap-subtree-map",
	  .text = "a tree of five nodes is removed against a map in one of them",
	  .setup = four_nodes,
	  .threads = { { unmap_0_to_15 }, { map_5_to_2, query_5 } },
	  .atomic = true },
	{ .name = "unmap-guard-open",
	  .text = "a cursor is opened against removal of its guard, and of what is above",
	  .setup = four_nodes,
	  .threads = { { unmap_0_to_63 }, { unmap_0_to_15 }, { map_1_to_2 } },
	  .atomic = true },
	{ .name = "unmap-range-count",
	  .text = "a range is unmapped at once, for who looks at all of it",
	  .setup = four_nodes,
	  .threads = { { unmap_0_to_15 }, { count_0_to_15 } },
	  .atomic = true },
	{ .name = "split-query",
	  .text = "a large leaf is split against cursors in its other part",
	  .setup = large_leaf,
	  .threads = { { unmap_1 }, { query_2, query_2 } },
	  .atomic = true },
	{ .name = "split-split",
	  .text = "two split the same large leaf",
	  .setup = large_leaf_ept,
	  .threads = { { unmap_1 }, { unmap_0 } },
	  .atomic = true },
	{ .name = "protect-map",
	  .text = "a range is protected against a map in it",
	  .setup = four_nodes,
	  .threads = { { protect_0_to_3 }, { map_1_to_2 } },
	  .atomic = true },
	{ .name = "protect-protect",
	  .text = "two protect overlapping parts of a large leaf, and split it",
	  .setup = large_leaf,
	  .threads = { { protect_0_to_3 }, { protect_1_to_2 }, { query_2 } },
	  .atomic = true },
	{ .name = "replace-unmap",
	  .text = "a leaf is replaced against unmap and query",
	  .setup = four_pages,
	  .threads = { { replace_0 }, { unmap_0 }, { query_0 } },
	  .atomic = true },
	{ .name = "copy-unmap",
	  .text = "a range is copied to another space, and unmapped on both sides",
	  .setup = two_spaces,
	  .threads = { { copy_there }, { unmap_1 }, { unmap_1_of_other } },
	  .atomic = true },
	{ .name = "copy-copy",
	  .text = "two spaces are copied into each other",
	  .setup = two_spaces,
	  .threads = { { copy_there }, { copy_back } },
	  .atomic = true },
	{ .name = "copy-within",
	  .text = "a copy in one space against an unmap of its source",
	  .setup = four_pages,
	  .threads = { { copy_within }, { unmap_0 } },
	  .atomic = true },
	{ .name = "reclaim-map",
	  .text = "an empty node is reclaimed against a map in it",
	  .setup = empty_node,
	  .threads = { { reclaim_0_to_15 }, { map_1_to_2 } },
	  .atomic = true },
	{ .name = "reclaim-map-unmap",
	  .text = "the same, and an unmap that may empty it again",
	  .setup = empty_node,
	  .threads = { { reclaim_0_to_15 }, { map_1_to_2 }, { unmap_1 } },
	  .atomic = true },
	{ .name = "coalesce-query",
	  .text = "four leaves become one against cursors in them",
	  .setup = four_pages,
	  .threads = { { coalesce_0 }, { query_2, query_2 } },
	  .atomic = true },
	{ .name = "coalesce-unmap",
	  .text = "the same against unmap of one",
	  .setup = four_pages,
	  .threads = { { coalesce_0 }, { unmap_1 }, { query_0 } },
	  .atomic = true },
	{ .name = "map-large-unmap",
	  .text = "a large leaf is mapped where an empty node was, against a small one",
	  .setup = empty_node,
	  .threads = { { map_0_to_3 }, { map_1_to_2 } },
	  .atomic = true },
	{ .name = "mark-map",
	  .text = "absent pages are marked against maps and unmaps of them",
	  .setup = empty,
	  .threads = { { mark_0_to_3 }, { map_1_to_2, unmap_1 } },
	  .atomic = true },
	{ .name = "mark-mark",
	  .text = "overlapping ranges are marked",
	  .setup = four_nodes,
	  .threads = { { mark_0_to_3 }, { mark_0_to_15 }, { query_2 } },
	  .atomic = true },
	{ .name = "harvest-hardware",
	  .text = "bits that hardware sets are harvested, each once (INV-X7)",
	  .setup = four_pages,
	  .threads = { { harvest, harvest }, { hardware_reads, hardware_writes } },
	  .atomic = true },
	{ .name = "protect-hardware",
	  .text = "rights are changed while hardware sets bits, and none is lost",
	  .setup = four_pages,
	  .threads = { { protect_0_to_3 }, { hardware_writes } },
	  .atomic = true },
	{ .name = "unmap-hardware",
	  .text = "a leaf is taken away while hardware sets bits: never in a leaf that is gone",
	  .setup = four_pages,
	  .threads = { { unmap_1 }, { hardware_writes } },
	  .atomic = true },
	{ 0 },
};
