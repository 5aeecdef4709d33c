/* SPDX-License-Identifier: MIT */
/*
 * Frames: references, and the allocator's shelves. Whoever has a frame alone writes to its bytes:
 * a second owner would be a race.
 */
#include "tests/sched/operations.h"

#define FRAME (WORLD_DATA + 0)

static unsigned self(void)
{
	return port_thread() - 1;
}

static uint64_t result(int error)
{
	/* Between two states is as good as before it, or after. */
	if (error == -EAGAIN || error == -EBUSY || error == -EEXIST)
		error = -ENOENT;
	return (uint64_t)(int64_t)error;
}

static void write_bytes(paddr_t paddr)
{
	*(uint64_t *)domain_pointer(&world->domain, paddr) = port_thread();
}

/* What handles are left are the scenario's. */
static void count_handles(void)
{
	struct frame frame;

	if (world->unique.domain && frame_from_unique(&world->unique, &frame) == 0)
		world->held[frame.paddr.value >> PAGE_SHIFT]++;
	for (unsigned i = 0; i < sizeof(world->handles) / sizeof(world->handles[0]); i++)
		if (world->handles[i].domain)
			world->held[world->handles[i].paddr.value >> PAGE_SHIFT]++;
}

static void one_handle(void)
{
	world->handles[0] = world_hold(FRAME, FRAME_GUEST);
	world->held[FRAME] = 0;
}

static void two_handles(void)
{
	one_handle();
	EXPECT(frame_clone(&world->handles[0], &world->handles[1]) == 0);
}

static void nothing(void)
{
}

static uint64_t put(void)
{
	return result(frame_put(&world->handles[self()]));
}

static uint64_t clone_and_put(void)
{
	struct frame copy;
	int error = frame_clone(&world->handles[self()], &copy);

	EXPECT(error == 0 && frame_put(&copy) == 0);
	return result(error);
}

static uint64_t get(void)
{
	return result(
		frame_from_in_use(&world->domain, world_paddr(FRAME), &world->handles[self()]));
}

static uint64_t claim(void)
{
	int error = frame_from_unused(&world->domain, world_paddr(FRAME), FRAME_GUEST,
				      &world->handles[self()]);

	return result(error);
}

static uint64_t claim_unique(void)
{
	struct unique_frame frame;
	int error =
		unique_frame_from_unused(&world->domain, world_paddr(FRAME), FRAME_GUEST, &frame);

	if (error)
		return result(error);
	write_bytes(frame.paddr);
	EXPECT(unique_frame_put(&frame) == 0);
	return 0;
}

static uint64_t make_unique(void)
{
	int error = unique_frame_from_shared(&world->handles[self()], &world->unique);

	if (error == 0)
		write_bytes(world->unique.paddr);
	return result(error);
}

static uint64_t make_shared(void)
{
	return result(frame_from_unique(&world->unique, &world->handles[self()]));
}

/* Read by who has a reference. */
static uint64_t get_and_read(void)
{
	uint64_t got = get();

	if (got == 0)
		world->words[self()] =
			*(const uint64_t *)domain_pointer(&world->domain, world_paddr(FRAME));
	return got;
}

/* The allocator: no frame is given out twice, and none is lost. */

static uint64_t alloc(void)
{
	struct frame frame;
	int error = frame_alloc(&world->domain, FRAME_DATA, false, &frame);

	if (error)
		return 0;
	write_bytes(frame.paddr);
	EXPECT(frame_reference_count(&frame) == 1);
	world->handles[self()] = frame;
	return 0;
}

static uint64_t alloc_and_put(void)
{
	struct frame frame;

	if (frame_alloc(&world->domain, FRAME_DATA, false, &frame))
		return 0;
	write_bytes(frame.paddr);
	EXPECT(frame_put(&frame) == 0);
	return 0;
}

static uint64_t drain(void)
{
	allocator_drain(&world->domain);
	return 0;
}

static void leave_frames(unsigned left)
{
	paddr_t paddr;
	struct frame frame;

	world_share_memory();
	world_empty_shelves();
	while (allocator_free_frames(&world->domain) > left) {
		EXPECT(allocator_take(&world->domain, 1, PAGE_SIZE, &paddr) == 0);
		EXPECT(frame_from_unused(&world->domain, paddr, FRAME_DATA, &frame) == 0);
		world->held[paddr.value >> PAGE_SHIFT]++;
	}
}

static void few_frames(void)
{
	leave_frames(3);
}

/* Two buddies, the upper one to be taken first: on their way back they merge, and it is no head. */
static void buddies_on_a_shelf(void)
{
	struct frame_shelf *shelf = &world->domain.allocator.caches[0].plain;
	paddr_t paddr;

	leave_frames(2);
	EXPECT(allocator_take(&world->domain, 2, 2 * PAGE_SIZE, &paddr) == 0);
	EXPECT(shelf_push(shelf, (uint32_t)(paddr.value >> PAGE_SHIFT)));
	EXPECT(shelf_push(shelf, (uint32_t)(paddr.value >> PAGE_SHIFT) + 1));
}

static void one_on_a_shelf(void)
{
	paddr_t paddr;

	leave_frames(1);
	EXPECT(allocator_take(&world->domain, 1, PAGE_SIZE, &paddr) == 0);
	EXPECT(shelf_push(&world->domain.allocator.caches[0].plain,
			  (uint32_t)(paddr.value >> PAGE_SHIFT)));
}

/* The frame that will be taken first. */
static uint32_t next_of_shelf(const struct frame_shelf *shelf)
{
	return shelf_read(shelf, shelf_nr(shelf) - 1) - 1;
}

static void shared_memory(void)
{
	world_share_memory();
	world->words[3] = next_of_shelf(&world->domain.allocator.caches[0].plain);
}

static void private_memory(void)
{
	world->words[3] = next_of_shelf(&world->domain.allocator.caches[0].zeroed);
}

/* By its address, while it lies on another thread's shelf. */
static uint64_t claim_from_shelf(void)
{
	paddr_t paddr = PADDR(world->words[3] << PAGE_SHIFT);
	struct frame frame;

	if (frame_from_unused(&world->domain, paddr, FRAME_DATA, &frame))
		return 0;
	write_bytes(paddr);
	EXPECT(frame_reference_count(&frame) == 1);
	EXPECT(frame_put(&frame) == 0);
	return 0;
}

/* A node comes zeroed. */
static uint64_t make_node(void)
{
	struct pt_node node;

	if (node_alloc(&world->domain, pt_format_of(PT_FORMAT_EPT_4), 1, &node))
		return 0;
	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		EXPECT(node_read(node, i).raw == 0);
	node_free(&world->domain, node);
	return 0;
}

const struct scenario frame_scenarios[] = {
	{ .name = "put-get",
	  .text = "the last put against a get by address",
	  .setup = one_handle,
	  .threads = { { put }, { get } },
	  .end = count_handles,
	  .atomic = true },
	{ .name = "put-put-get",
	  .text = "two puts, and a get by address",
	  .setup = two_handles,
	  .threads = { { put }, { put }, { get } },
	  .end = count_handles,
	  .atomic = true },
	{ .name = "put-clone-get",
	  .text = "a put, a clone and a get",
	  .setup = two_handles,
	  .threads = { { put }, { clone_and_put, put }, { get } },
	  .end = count_handles,
	  .atomic = true },
	{ .name = "put-claim",
	  .text = "the last put against a claim, and against a get",
	  .setup = one_handle,
	  .threads = { { put }, { claim }, { get } },
	  .end = count_handles },
	{ .name = "claim-claim",
	  .text = "three claim an unused frame",
	  .setup = nothing,
	  .threads = { { claim }, { claim }, { claim_unique } },
	  .end = count_handles },
	{ .name = "unique-get",
	  .text = "from shared to unique and back against a get",
	  .setup = one_handle,
	  .threads = { { make_unique, make_shared }, { get_and_read } },
	  .end = count_handles,
	  .atomic = true },
	{ .name = "unique-put",
	  .text = "from shared to unique against the put of the other reference, and a get",
	  .setup = two_handles,
	  .threads = { { make_unique }, { put }, { get_and_read } },
	  .end = count_handles,
	  .atomic = true },
	{ .name = "alloc-alloc",
	  .text = "three threads take the last frames, and give one back",
	  .setup = few_frames,
	  .threads = { { alloc }, { alloc_and_put }, { alloc } },
	  .end = count_handles },
	{ .name = "alloc-lost",
	  .text = "a frame is fetched from a shelf, used and put on another while it is taken",
	  .setup = one_on_a_shelf,
	  .threads = { { alloc }, { alloc_and_put } },
	  .end = count_handles },
	{ .name = "alloc-drain",
	  .text = "frames are taken from shelves and put there while the shelves are emptied",
	  .setup = buddies_on_a_shelf,
	  .threads = { { alloc_and_put, alloc }, { drain } },
	  .end = count_handles },
	{ .name = "alloc-claim",
	  .text = "a frame is taken from a shelf against a claim by its address",
	  .setup = shared_memory,
	  .threads = { { alloc }, { claim_from_shelf }, { drain } },
	  .end = count_handles },
	{ .name = "node-claim",
	  .text = "a zeroed frame is claimed by its address, spoilt and given back",
	  .setup = private_memory,
	  .threads = { { make_node, make_node }, { claim_from_shelf } },
	  .end = count_handles },
	{ 0 },
};
