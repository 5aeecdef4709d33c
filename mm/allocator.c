/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator. A chunk of order k has 2^k frames and starts at a frame number that is a
 * multiple of 2^k; its buddy is the chunk whose number differs in bit k. Two free buddies are
 * always merged.
 */
#include "mm/allocator.h"
#include "mm/domain.h"

void allocator_init(struct frame_allocator *allocator)
{
	*allocator = (struct frame_allocator){ .nr_managed = 0 };
	for (unsigned order = 0; order < ALLOCATOR_ORDERS; order++)
		allocator->free[order].head = SLOT_NONE;
}

static uint64_t shelf_count(const struct frame_shelf *shelf)
{
	uint64_t nr_frames = 0;

	for (uint32_t place = 0, nr = shelf_nr(shelf); place < nr; place++)
		nr_frames += shelf_read(shelf, place) != 0;
	return nr_frames;
}

uint64_t allocator_free_frames(const struct phys_domain *domain)
{
	const struct frame_allocator *allocator = &domain->allocator;
	uint64_t nr_frames = atomic_load_explicit(&allocator->nr_free, memory_order_relaxed);

	for (unsigned i = 0; i < FRAME_CACHES; i++)
		nr_frames += shelf_count(&allocator->caches[i].plain) +
			     shelf_count(&allocator->caches[i].zeroed);
	return nr_frames;
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

/* A chunk becomes free and merges with its buddy, the two with theirs, as long as that is free. */
static void chunk_free(struct phys_domain *domain, uint32_t number, unsigned order)
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

/* Does a place of the shelf name one of the frames [number, end)? */
static bool shelf_names(const struct frame_shelf *shelf, uint64_t number, uint64_t end)
{
	for (uint32_t place = 0, nr = shelf_nr(shelf); place < nr; place++) {
		uint32_t entry = shelf_read(shelf, place);

		if (entry > number && entry <= end)
			return true;
	}
	return false;
}

static bool shelves_name(const struct frame_allocator *allocator, uint64_t number, uint64_t end)
{
	for (unsigned i = 0; i < FRAME_CACHES; i++)
		if (shelf_names(&allocator->caches[i].plain, number, end) ||
		    shelf_names(&allocator->caches[i].zeroed, number, end))
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
	if (!run_is_unused(domain, number, number + nr_frames)) {
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

/*
 * Takes up to `nr_frames` from the start of the smallest chunk of at least `order`; the others stay
 * free. Returns how many, 0 if there is no such chunk.
 */
static uint64_t chunk_take(struct phys_domain *domain, uint64_t nr_frames, unsigned order,
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

/*
 * Another thread's shelf: its places are cleared only while we have the frame's slot BUSY, so that
 * the thread, which may be taking the same frame at this moment, gets it or we do.
 */
static uint64_t shelf_drain(struct phys_domain *domain, struct frame_shelf *shelf)
{
	uint64_t nr_frames = 0;

	for (uint32_t place = 0, nr = shelf_nr(shelf); place < nr; place++) {
		uint32_t entry = shelf_read(shelf, place);
		struct slot *slot = entry ? &domain->slots[entry - 1] : NULL;
		bool ours;

		if (!slot || slot_claim(slot) != 0)
			continue;
		ours = atomic_compare_exchange_strong_explicit(&shelf->places[place], &entry, 0,
							       memory_order_relaxed,
							       memory_order_relaxed);
		if (ours)
			slot->home = HOME_UNKNOWN;
		slot_release(slot);
		if (!ours)
			continue;
		chunk_free(domain, domain_slot_number(domain, slot), 0);
		nr_frames++;
	}
	return nr_frames;
}

static uint64_t shelves_drain(struct phys_domain *domain)
{
	struct frame_allocator *allocator = &domain->allocator;
	uint64_t nr_frames = 0;

	for (unsigned i = 0; i < FRAME_CACHES; i++)
		nr_frames += shelf_drain(domain, &allocator->caches[i].plain) +
			     shelf_drain(domain, &allocator->caches[i].zeroed);
	return nr_frames;
}

uint64_t allocator_drain(struct phys_domain *domain)
{
	uint64_t nr_frames;

	if (lock_acquire(&domain->allocator.lock, port_thread()))
		return 0;
	nr_frames = shelves_drain(domain);
	lock_release(&domain->allocator.lock);
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

/* Up to `wanted` single frames, from the smallest chunks there are. Returns how many. */
static uint32_t frames_take(struct phys_domain *domain, uint32_t *numbers, uint32_t wanted)
{
	uint32_t nr = 0;

	while (nr < wanted) {
		uint64_t number;
		uint64_t taken = chunk_take(domain, wanted - nr, 0, &number);

		if (taken == 0)
			break;
		while (taken-- > 0)
			numbers[nr++] = (uint32_t)number++;
	}
	return nr;
}

/* Half of what lies on all shelves: the other threads will want some, too. */
static uint32_t frames_take_back(struct phys_domain *domain, uint32_t *numbers, uint32_t wanted)
{
	uint64_t half = (shelves_drain(domain) + 1) / 2;

	return frames_take(domain, numbers, half < wanted ? (uint32_t)half : wanted);
}

/* The first that was taken is put there last, and so is the first to be used. */
int allocator_fill(struct phys_domain *domain, struct frame_shelf *shelf, uint32_t nr_frames,
		   enum fill_source source)
{
	lock_t *lock = &domain->allocator.lock;
	uint32_t room = SHELF_PLACES - shelf_nr(shelf);
	uint32_t numbers[SHELF_HALF];
	uint32_t nr;
	int err = lock_acquire(lock, port_thread());

	if (err)
		return err;
	if (nr_frames > room)
		nr_frames = room;
	nr = frames_take(domain, numbers, nr_frames);
	if (nr == 0 && source == FILL_FROM_ALL)
		nr = frames_take_back(domain, numbers, nr_frames);
	err = nr > 0 ? 0 : -ENOMEM;
	while (nr > 0)
		shelf_push(shelf, numbers[--nr]);
	lock_release(lock);
	return err;
}

int allocator_empty(struct phys_domain *domain, struct frame_shelf *shelf, uint32_t nr_frames)
{
	uint32_t nr = shelf_nr(shelf);
	int err = lock_acquire(&domain->allocator.lock, port_thread());

	if (err)
		return err;
	for (uint32_t place = 0; place < nr; place++) {
		uint32_t entry = shelf_read(shelf, place);

		shelf_write(shelf, place, 0);
		if (place >= nr_frames)
			shelf_write(shelf, place - nr_frames, entry);
		else if (entry)
			chunk_free(domain, entry - 1, 0);
	}
	shelf_set_nr(shelf, nr > nr_frames ? nr - nr_frames : 0);
	lock_release(&domain->allocator.lock);
	return 0;
}

void allocator_forget(struct phys_domain *domain, paddr_t paddr)
{
	struct frame_allocator *allocator = &domain->allocator;
	uint32_t entry = (uint32_t)(paddr.value >> PAGE_SHIFT) + 1;

	if (lock_acquire(&allocator->lock, port_thread()))
		return;
	for (unsigned i = 0; i < FRAME_CACHES; i++)
		for (uint32_t place = 0; place < SHELF_PLACES; place++) {
			uint32_t expected = entry;

			atomic_compare_exchange_strong_explicit(
				&allocator->caches[i].zeroed.places[place], &expected, 0,
				memory_order_relaxed, memory_order_relaxed);
		}
	lock_release(&allocator->lock);
}
