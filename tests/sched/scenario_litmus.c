/* SPDX-License-Identifier: MIT */
/*
 * Litmus tests of the orderings of table 1.11, with the engine's own functions: plain accesses that
 * nothing orders are races, and loads may read old values.
 *
 * words[0] and words[1] stand for the bytes of the frame whose slot this is.
 */
#include "tests/sched/operations.h"

#define FRAME (WORLD_DATA + 0)

static struct slot *slot(void)
{
	return &world->slots[FRAME];
}

static void shared_by(uint32_t references)
{
	EXPECT(slot_claim(slot()) == 0);
	slot_set_type(slot(), SLOT_TYPE(FRAME_GUEST, 0, 0));
	slot_publish_shared(slot());
	while (--references > 0)
		EXPECT(slot_inc(slot()) == 0);
}

static void shared_by_one(void)
{
	shared_by(1);
}

static void shared_by_two(void)
{
	shared_by(2);
}

static void busy(void)
{
	EXPECT(slot_claim(slot()) == 0);
	slot_set_type(slot(), SLOT_TYPE(FRAME_GUEST, 0, 0));
}

static void unique(void)
{
	busy();
	slot_publish_unique(slot());
}

/* What is left: a frame without a reference, or one that is held. */
static void settle(void)
{
	world->held[FRAME] = slot_count(slot());
	if (slot_state(slot()) == SLOT_UNIQUE)
		EXPECT(slot_abandon(slot()) == 0);
	if (slot_state(slot()) == SLOT_BUSY)
		slot_release(slot());
}

static uint64_t claim_and_publish(void)
{
	if (slot_claim(slot()))
		return 0;
	world->words[0] = 1;
	slot_set_type(slot(), SLOT_TYPE(FRAME_GUEST, 0, 0));
	slot_publish_shared(slot());
	return 0;
}

static uint64_t get_and_read(void)
{
	if (slot_get(slot()) == 0) {
		EXPECT(world->words[0] == 1);
		EXPECT(slot_kind(slot()) == FRAME_GUEST);
	}
	return 0;
}

static uint64_t write_and_put(void)
{
	world->words[port_thread() - 1] = 1;
	if (slot_put(slot()) == 1) {
		world->words[0] = 2;
		world->words[1] = 2;
		slot_release(slot());
	}
	return 0;
}

static uint64_t release(void)
{
	world->words[0] = 1;
	slot_release(slot());
	return 0;
}

static uint64_t claim_and_write(void)
{
	if (slot_claim(slot()) == 0) {
		world->words[0] = 2;
		slot_release(slot());
	}
	return 0;
}

static uint64_t read_and_put(void)
{
	world->words[2] = world->words[0];
	EXPECT(slot_put(slot()) >= 0);
	return 0;
}

static uint64_t unique_and_write(void)
{
	if (slot_to_unique(slot()) == 0)
		world->words[0] = 1;
	return 0;
}

static uint64_t write_and_share(void)
{
	world->words[0] = 1;
	EXPECT(slot_to_shared(slot()) == 0);
	return 0;
}

/* A clone is handed over by other means; counting up needs no order of its own. */
static uint64_t clone_and_put(void)
{
	EXPECT(slot_inc(slot()) == 0);
	atomic_store_explicit(&world->flags[0], 1, memory_order_release);
	return write_and_put();
}

static uint64_t receive_and_put(void)
{
	return atomic_load_explicit(&world->flags[0], memory_order_acquire) ? write_and_put() : 0;
}

static lock_t *lock(void)
{
	return &world->domain.allocator.lock;
}

static uint64_t lock_and_write(void)
{
	EXPECT(lock_acquire(lock(), port_thread()) == 0);
	world->words[0]++;
	world->words[1] = world->words[0];
	lock_release(lock());
	return 0;
}

static uint64_t share_and_read(void)
{
	EXPECT(lock_acquire_shared(lock(), port_thread()) == 0);
	EXPECT(world->words[0] == world->words[1]);
	lock_release_shared(lock());
	return 0;
}

/* Tables, with old values. */

static void large_leaf(void)
{
	world_space(0, PT_FORMAT_X86_64_4, TABLE_WALKED_BY_HARDWARE, NULL);
	world_map(0, 0, FRAME, 2, PROP_RW, true);
}

static void large_leaf_software(void)
{
	world_space(0, PT_FORMAT_EPT_4, TABLE_WALKED_BY_SOFTWARE, NULL);
	world_map(0, 0, FRAME, 2, PROP_RW, true);
}

static void nodes(void)
{
	world_share_memory();
	world_space(0, PT_FORMAT_X86_64_4, TABLE_WALKED_BY_HARDWARE, NULL);
	world_map(0, 0, FRAME, 1, PROP_RW, true);
	world_map(0, 20, FRAME + 1, 1, PROP_RW, true);
}

static uint64_t unmap_1(void)
{
	return op_unmap(0, 1, 1);
}

static uint64_t walk_2_is_mapped(void)
{
	struct pt_mapping mapping;

	EXPECT(page_table_walk(world_table(0), world_page(2), &mapping) == 0);
	EXPECT(mapping.present);
	EXPECT(world_result(0, &mapping, 2) >> 16 == FRAME + 2);
	return 0;
}

static uint64_t unmap_0_to_15(void)
{
	return op_unmap(0, 0, 16);
}

static uint64_t map_24_to_2(void)
{
	return op_map(0, 24, FRAME + 1, 1, PROP_RW);
}

/* Nothing else was ever mapped there. */
static uint64_t walk_0(void)
{
	struct pt_mapping mapping;

	EXPECT(page_table_walk(world_table(0), world_page(0), &mapping) == 0);
	EXPECT(!mapping.present || mapping.paddr.value == world_paddr(FRAME).value);
	return 0;
}

static uint64_t query_0(void)
{
	uint64_t got = op_query(0, 0);

	EXPECT(got == 0 || got >> 16 == FRAME);
	return 0;
}

const struct scenario litmus_scenarios[] = {
	{ .name = "litmus-publish-get",
	  .text = "S-1, S-2: who gets a frame sees it as it was published",
	  .setup = NULL,
	  .threads = { { claim_and_publish }, { get_and_read }, { get_and_read } },
	  .end = settle,
	  .weak = true },
	{ .name = "litmus-release-claim",
	  .text = "S-1, S-7: who claims a frame comes after its teardown",
	  .setup = busy,
	  .threads = { { release }, { claim_and_write }, { claim_and_write } },
	  .end = settle,
	  .weak = true },
	{ .name = "litmus-clone",
	  .text = "S-3: a clone handed over to another thread",
	  .setup = shared_by_one,
	  .threads = { { clone_and_put }, { receive_and_put } },
	  .end = settle,
	  .weak = true },
	{ .name = "litmus-last-put",
	  .text = "S-4: the teardown comes after what all holders did",
	  .setup = shared_by_two,
	  .threads = { { write_and_put }, { write_and_put } },
	  .end = settle,
	  .weak = true },
	{ .name = "litmus-to-shared",
	  .text = "S-5: who gets a frame that was unique sees what its owner wrote",
	  .setup = unique,
	  .threads = { { write_and_share }, { get_and_read }, { get_and_read } },
	  .end = settle,
	  .weak = true },
	{ .name = "litmus-to-unique",
	  .text = "S-6: the unique owner comes after what the last sharer did",
	  .setup = shared_by_two,
	  .threads = { { read_and_put }, { unique_and_write } },
	  .end = settle,
	  .weak = true },
	{ .name = "litmus-lock",
	  .text = "P-6: what a lock protects, with old values of its words",
	  .setup = NULL,
	  .threads = { { lock_and_write }, { lock_and_write } },
	  .weak = true },
	{ .name = "litmus-lock-shared",
	  .text = "P-6: the same with a reader",
	  .setup = NULL,
	  .threads = { { lock_and_write }, { share_and_read } },
	  .weak = true },
	{ .name = "litmus-split",
	  .text = "P-8: who sees a new node sees it filled",
	  .setup = large_leaf,
	  .threads = { { unmap_1 }, { walk_2_is_mapped } },
	  .weak = true },
	{ .name = "litmus-split-software",
	  .text = "P-8: the same where no hardware walks, and entries are stored",
	  .setup = large_leaf_software,
	  .threads = { { unmap_1 }, { walk_2_is_mapped } },
	  .weak = true },
	{ .name = "litmus-walk",
	  .text = "P-8: a walk against removal, free and new use of nodes",
	  .setup = nodes,
	  .threads = { { unmap_0_to_15, op_reclaim_domain, map_24_to_2 }, { walk_0 } },
	  .weak = true },
	{ .name = "litmus-query",
	  .text = "P-8, L-5: a cursor against removal, free and new use of nodes",
	  .setup = nodes,
	  .threads = { { unmap_0_to_15, op_reclaim_domain, map_24_to_2 }, { query_0 } },
	  .weak = true },
	{ 0 },
};
