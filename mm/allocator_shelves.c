/* SPDX-License-Identifier: MIT */
/*
 * What the allocator has to do with the threads' shelves: it fills and empties them, counts what
 * lies there, and takes it back when there is nothing else.
 */
#include "mm/allocator_private.h"

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

bool shelves_name(const struct frame_allocator *allocator, uint64_t number, uint64_t end)
{
	for (unsigned i = 0; i < FRAME_CACHES; i++)
		if (shelf_names(&allocator->caches[i].plain, number, end) ||
		    shelf_names(&allocator->caches[i].zeroed, number, end))
			return true;
	return false;
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

uint64_t shelves_drain(struct phys_domain *domain)
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
