/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator. A chunk of order k has 2^k frames and starts at a frame number that is a
 * multiple of 2^k; its buddy is the chunk whose number differs in bit k. Two free buddies are
 * always merged.
 */
#include "mm/allocator_private.h"

void allocator_init(struct frame_allocator *allocator)
{
	*allocator = (struct frame_allocator){ .nr_managed = 0 };
	for (unsigned order = 0; order < ALLOCATOR_ORDERS; order++)
		allocator->free[order].head = SLOT_NONE;
}

/* Frames of a chunk. */
static uint32_t chunk_size(unsigned order)
{
	return UINT32_C(1) << order;
}

/* The smallest order whose chunks have at least `nr_frames`; ALLOCATOR_ORDERS if none has. */
static unsigned order_at_least(uint64_t nr_frames)
{
	unsigned order = 0;

	while (order < ALLOCATOR_ORDERS && chunk_size(order) < nr_frames)
		order++;
	return order;
}

/* The largest chunk that may start at `number` and has at most `nr_frames`, which is not 0. */
static unsigned order_that_fits(uint64_t number, uint64_t nr_frames)
{
	unsigned order = 0;

	while (order + 1 < ALLOCATOR_ORDERS && is_aligned(number, chunk_size(order + 1)) &&
	       chunk_size(order + 1) <= nr_frames)
		order++;
	return order;
}

/* Is `number` the head of a free chunk of this order? */
static bool chunk_is_free(const struct phys_domain *domain, uint64_t number, unsigned order)
{
	const struct slot *slot = &domain->slots[number];

	return slot_state(slot) == SLOT_UNIQUE &&
	       slot_type(slot) == SLOT_TYPE(FRAME_FREE, order, 0);
}

/* Under the lock, so two steps are enough. */
static void free_frames_add(struct frame_allocator *allocator, uint64_t change)
{
	uint64_t nr_free = atomic_load_explicit(&allocator->nr_free, memory_order_relaxed);

	atomic_store_explicit(&allocator->nr_free, nr_free + change, memory_order_relaxed);
}

static void chunk_link(struct phys_domain *domain, uint32_t number, unsigned order)
{
	struct free_list *list = &domain->allocator.free[order];
	struct slot *slot = &domain->slots[number];

	slot->prev = SLOT_NONE;
	slot->next = list->head;
	if (list->head != SLOT_NONE)
		domain->slots[list->head].prev = number;
	list->head = number;
	list->nr_chunks++;
}

static void chunk_unlink(struct phys_domain *domain, uint32_t number, unsigned order)
{
	struct free_list *list = &domain->allocator.free[order];
	struct slot *slot = &domain->slots[number];

	if (slot->prev == SLOT_NONE)
		list->head = slot->next;
	else
		domain->slots[slot->prev].next = slot->next;
	if (slot->next != SLOT_NONE)
		domain->slots[slot->next].prev = slot->prev;
	list->nr_chunks--;
}

/*
 * Puts a chunk in its list. If somebody has claimed the head behind our back, the chunk is broken
 * up and that one frame is left out, until its owner gives it back.
 */
static void chunk_insert(struct phys_domain *domain, uint32_t number, unsigned order)
{
	struct slot *slot = &domain->slots[number];

	while (slot_claim(slot) != 0) {
		if (order == 0)
			return;
		order--;
		chunk_insert(domain, number + chunk_size(order), order);
	}
	slot_set_type(slot, SLOT_TYPE(FRAME_FREE, order, 0));
	chunk_link(domain, number, order);
	slot_publish_unique(slot);
	free_frames_add(&domain->allocator, chunk_size(order));
}

/* Takes a chunk out of its list; its frames are all UNUSED then. */
static void chunk_remove(struct phys_domain *domain, uint32_t number, unsigned order)
{
	struct slot *slot = &domain->slots[number];

	chunk_unlink(domain, number, order);
	free_frames_add(&domain->allocator, -(uint64_t)chunk_size(order));
	if (slot_abandon(slot) == 0)
		slot_release(slot);
}

void chunk_free(struct phys_domain *domain, uint32_t number, unsigned order)
{
	for (; order + 1 < ALLOCATOR_ORDERS; order++) {
		uint32_t buddy = number ^ chunk_size(order);

		if (buddy >= domain->nr_frames || !chunk_is_free(domain, buddy, order))
			break;
		chunk_remove(domain, buddy, order);
		number &= buddy;
	}
	chunk_insert(domain, number, order);
}

/* The frames [number, end) become free. */
static void run_free(struct phys_domain *domain, uint64_t number, uint64_t end)
{
	while (number < end) {
		unsigned order = order_that_fits(number, end - number);

		chunk_free(domain, (uint32_t)number, order);
		number += chunk_size(order);
	}
}

/* Does `number` lie in a free chunk? */
static bool frame_is_free(const struct phys_domain *domain, uint64_t number)
{
	for (unsigned order = 0; order < ALLOCATOR_ORDERS; order++)
		if (chunk_is_free(domain, align_down(number, chunk_size(order)), order))
			return true;
	return false;
}

/*
 * Is every frame of the run UNUSED, on no shelf, and in no free chunk? Such a chunk has its head in
 * the run, where the state shows it, or it holds the run's first frame.
 */
static bool run_is_unused(const struct phys_domain *domain, uint64_t number, uint64_t end)
{
	if (frame_is_free(domain, number) || shelves_name(&domain->allocator, number, end))
		return false;
	for (; number < end; number++)
		if (slot_state(&domain->slots[number]) != SLOT_UNUSED)
			return false;
	return true;
}

/*
 * The same of a frame alone, which somebody may be taking from a shelf, or putting on one, at this
 * moment: it is looked for while its slot is BUSY, when nobody else can.
 */
static bool frame_is_unused(struct phys_domain *domain, uint64_t number)
{
	struct slot *slot = &domain->slots[number];
	bool unused;

	if (slot_claim(slot) != 0)
		return false;
	unused = !frame_is_free(domain, number) &&
		 !shelves_name(&domain->allocator, number, number + 1);
	slot_release(slot);
	return unused;
}

static int run_give(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames,
		    bool for_the_first_time)
{
	struct frame_allocator *allocator = &domain->allocator;
	uint64_t number = paddr.value >> PAGE_SHIFT;
	int err = domain_check_run(domain, paddr, nr_frames);

	if (!err)
		err = lock_acquire(&allocator->lock, port_thread());
	if (err)
		return err;
	if (nr_frames == 1 ? !frame_is_unused(domain, number) :
			     !run_is_unused(domain, number, number + nr_frames)) {
		err = -EEXIST;
	} else {
		run_free(domain, number, number + nr_frames);
		allocator->nr_managed += for_the_first_time ? nr_frames : 0;
	}
	lock_release(&allocator->lock);
	return err;
}

int allocator_add(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames)
{
	return run_give(domain, paddr, nr_frames, true);
}

int allocator_give(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames)
{
	return run_give(domain, paddr, nr_frames, false);
}

uint64_t chunk_take(struct phys_domain *domain, uint64_t nr_frames, unsigned order,
		    uint64_t *number)
{
	const struct free_list *lists = domain->allocator.free;

	while (order < ALLOCATOR_ORDERS && lists[order].head == SLOT_NONE)
		order++;
	if (order == ALLOCATOR_ORDERS)
		return 0;
	if (nr_frames > chunk_size(order))
		nr_frames = chunk_size(order);
	*number = lists[order].head;
	chunk_remove(domain, (uint32_t)*number, order);
	run_free(domain, *number + nr_frames, *number + chunk_size(order));
	return nr_frames;
}

int allocator_take(struct phys_domain *domain, uint64_t nr_frames, uint64_t align, paddr_t *paddr)
{
	struct frame_allocator *allocator = &domain->allocator;
	uint64_t align_frames = align >> PAGE_SHIFT;
	uint64_t number = 0, taken;
	unsigned order;
	int err;

	if (nr_frames == 0 || align_frames == 0 || !is_aligned(align, align))
		return -EINVAL;
	err = lock_acquire(&allocator->lock, port_thread());
	if (err)
		return err;
	/* A chunk is aligned to its own size. */
	order = order_at_least(nr_frames > align_frames ? nr_frames : align_frames);
	taken = chunk_take(domain, nr_frames, order, &number);
	if (taken == 0 && order < ALLOCATOR_ORDERS && shelves_drain(domain) > 0)
		taken = chunk_take(domain, nr_frames, order, &number);
	lock_release(&allocator->lock);
	if (taken == 0)
		return -ENOMEM;
	*paddr = PADDR(number << PAGE_SHIFT);
	return 0;
}
