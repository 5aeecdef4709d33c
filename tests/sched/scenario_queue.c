/* SPDX-License-Identifier: MIT */
/*
 * Spaces with observers: what has left the table is not given up before everybody who may be using
 * it has passed. Frames are owned by leaves alone here, and observers read their bytes: that is a
 * use after free if they are early or the owner late.
 */
#include "tests/sched/operations.h"

#define F(number) (WORLD_DATA + (number))

static const struct space_operations observed = { NULL, NULL };

/* The leaves own their frames, and nobody else does. */
static void pages(unsigned nr)
{
	world_space(0, PT_FORMAT_EPT_4, TABLE_WALKED_BY_SOFTWARE, &observed);
	for (unsigned i = 0; i < nr; i++) {
		struct frame frame;

		world_map(0, i, F(i), 1, PROP_RW, true);
		frame = frame_from_raw(&world->domain, world_paddr(F(i)));
		EXPECT(frame_put(&frame) == 0);
		world->held[F(i)] = 0;
	}
}

static void observe(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		EXPECT(space_observe(&world->spaces[0], &world->observers[i]) == 0);
}

static void one_observer(void)
{
	pages(2);
	observe(1);
}

static void two_observers(void)
{
	pages(2);
	observe(2);
}

static void no_observer(void)
{
	pages(2);
}

/* A point at which others may go on: the removers write here. */
static void pause(void)
{
	(void)atomic_load_explicit(&world->flags[3], memory_order_relaxed);
}

static void use(const struct pt_mapping *mapping)
{
	const uint64_t *bytes = domain_pointer(&world->domain, mapping->paddr);

	if (mapping->present)
		world->words[port_thread() - 1] = *bytes;
}

/* Looks pages up and uses them later: what a vCPU does between two flushes. */
static void round_of(struct observer *observer)
{
	uint32_t epoch = observer_epoch(observer);
	struct pt_mapping first, second;

	EXPECT(page_table_walk(world_table(0), world_page(0), &first) == 0);
	EXPECT(page_table_walk(world_table(0), world_page(1), &second) == 0);
	pause();
	use(&first);
	use(&second);
	observer_pass(observer, epoch);
}

static uint64_t round_0(void)
{
	round_of(&world->observers[0]);
	return 0;
}

static uint64_t round_1(void)
{
	round_of(&world->observers[1]);
	return 0;
}

/* Has nothing to forget: no look at the table, no read section. */
static uint64_t pass_0(void)
{
	observer_pass(&world->observers[0], observer_epoch(&world->observers[0]));
	return 0;
}

static uint64_t join_and_leave(void)
{
	EXPECT(space_observe(&world->spaces[0], &world->observers[0]) == 0);
	round_of(&world->observers[0]);
	space_unobserve(&world->spaces[0], &world->observers[0]);
	return 0;
}

static uint64_t unmap_0(void)
{
	atomic_store_explicit(&world->flags[3], 1, memory_order_relaxed);
	return op_unmap(0, 0, 1);
}

static uint64_t unmap_both(void)
{
	atomic_store_explicit(&world->flags[3], 1, memory_order_relaxed);
	return op_unmap(0, 0, 4);
}

/* Gives up what has been passed, and uses it for something else. */
static uint64_t collect(void)
{
	struct unique_frame frame;

	(void)space_collect(&world->spaces[0]);
	domain_reclaim(&world->domain);
	if (unique_frame_from_unused(&world->domain, world_paddr(F(0)), FRAME_GUEST, &frame))
		return 0;
	*(uint64_t *)domain_pointer(&world->domain, frame.paddr) = 1;
	EXPECT(unique_frame_put(&frame) == 0);
	return 0;
}

/* An observer that uses its right to write, and passes. */
static uint64_t write_and_pass(void)
{
	struct observer *observer = &world->observers[0];
	uint32_t epoch = observer_epoch(observer);
	struct pt_mapping mapping;

	EXPECT(page_table_walk(world_table(0), world_page(0), &mapping) == 0);
	pause();
	if (mapping.present && mapping.prop.bits & PROP_WRITE)
		*(uint64_t *)domain_pointer(&world->domain, mapping.paddr) = 1;
	observer_pass(observer, epoch);
	return 0;
}

/* When the space is quiet nobody can write any more: its bytes may be read. */
static uint64_t protect_and_read(void)
{
	struct prop_change change = { .clear = PROP_WRITE };

	atomic_store_explicit(&world->flags[3], 1, memory_order_relaxed);
	EXPECT(space_protect(&world->spaces[0], world_page(0), PAGE_SIZE, change, NULL) == 0);
	if (space_is_quiet(&world->spaces[0]))
		world->words[2] =
			*(const uint64_t *)domain_pointer(&world->domain, world_paddr(F(0)));
	return 0;
}

const struct scenario queue_scenarios[] = {
	{ .name = "observe-unmap",
	  .text = "a page is unmapped while an observer uses it",
	  .setup = one_observer,
	  .threads = { { unmap_0, collect }, { round_0, round_0 } } },
	{ .name = "observe-unmap-node",
	  .text = "a node goes as a whole",
	  .setup = one_observer,
	  .threads = { { unmap_both, collect }, { round_0, round_0 } } },
	{ .name = "observe-two",
	  .text = "two observers, who pass at different times",
	  .setup = two_observers,
	  .threads = { { unmap_0, collect }, { round_0 }, { round_1 } } },
	{ .name = "observe-join",
	  .text = "an observer comes while a page is unmapped, and leaves",
	  .setup = no_observer,
	  .threads = { { unmap_0, collect }, { join_and_leave } } },
	{ .name = "observe-collect",
	  .text = "two collect, while the observer passes",
	  .setup = one_observer,
	  .threads = { { unmap_0, collect }, { round_0, collect } } },
	{ .name = "observe-protect",
	  .text = "a right to write is taken away while an observer uses it",
	  .setup = one_observer,
	  .threads = { { protect_and_read }, { write_and_pass, write_and_pass } } },
	{ .name = "litmus-epoch-read",
	  .text = "T-3: who has passed an epoch sees the stores that came before it",
	  .setup = one_observer,
	  .threads = { { unmap_0, collect }, { pass_0, round_0 } },
	  .weak = true },
	{ .name = "litmus-epoch-pass",
	  .text = "T-3: what an observer did comes before what is done when it has passed",
	  .setup = one_observer,
	  .threads = { { unmap_0, collect }, { round_0, pass_0 } },
	  .weak = true },
	{ .name = "litmus-retired-node",
	  .text = "P-8: a walk into a node that is removed and waits makes sense",
	  .setup = one_observer,
	  .threads = { { unmap_both, collect }, { round_0 } },
	  .weak = true },
	{ .name = "litmus-epoch-join",
	  .text = "T-3: an observer comes while a page is unmapped, with old values",
	  .setup = no_observer,
	  .threads = { { unmap_0, collect }, { join_and_leave } },
	  .weak = true },
	{ .name = "litmus-epoch-protect",
	  .text = "T-3: a right to write is taken away, with old values",
	  .setup = one_observer,
	  .threads = { { protect_and_read }, { write_and_pass } },
	  .weak = true },
	{ 0 },
};
