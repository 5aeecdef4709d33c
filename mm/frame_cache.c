/* SPDX-License-Identifier: MIT */
/* Taking from shelves, putting on them, and what happens when they run empty or full. */
#include "mm/frame_cache.h"

void frame_clear(const struct phys_domain *domain, const struct slot *slot)
{
	uint64_t *words = domain_pointer(domain, domain_slot_paddr(domain, slot));

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		words[i] = 0;
}

/*
 * A place that was on the shelf named a frame that somebody else has claimed, or that has left the
 * place before we claimed it: the allocator finds out where it belongs.
 */
static void frame_lost(struct phys_domain *domain, struct slot *slot, bool claimed)
{
	if (claimed)
		slot_release(slot);
	(void)allocator_give(domain, domain_slot_paddr(domain, slot), 1);
}

/* Empties the last place, and claims the frame that it named: NULL if it is not to be had there. */
static struct slot *shelf_pop(struct phys_domain *domain, struct frame_shelf *shelf, uint32_t place)
{
	uint32_t entry = shelf_read(shelf, place);
	struct slot *slot = entry ? &domain->slots[entry - 1] : NULL;
	bool claimed = slot && slot_claim(slot) == 0;
	bool ours = claimed && shelf_read(shelf, place) == entry;

	shelf_write(shelf, place, 0);
	shelf_set_nr(shelf, place);
	if (ours)
		return slot;
	if (slot)
		frame_lost(domain, slot, claimed);
	return NULL;
}

/* Takes the frame off that came last: its slot is BUSY. NULL if the shelf is empty. */
static struct slot *shelf_take(struct phys_domain *domain, struct frame_shelf *shelf)
{
	uint32_t nr;

	while ((nr = shelf_nr(shelf)) > 0) {
		struct slot *slot = shelf_pop(domain, shelf, nr - 1);

		if (!slot)
			continue;
		slot->home = HOME_TAKEN;
		return slot;
	}
	return NULL;
}

/*
 * For a thread without shelves. A frame that is not unused after all is left to its owner, and is
 * in no list any more (M-6).
 */
static int take_directly(struct phys_domain *domain, struct slot **slot)
{
	paddr_t paddr;
	int error;

	do {
		error = allocator_take(domain, 1, PAGE_SIZE, &paddr);
		if (error)
			return error;
		*slot = domain_slot_at(domain, paddr);
	} while (slot_claim(*slot) != 0);
	(*slot)->home = HOME_TAKEN;
	return 0;
}

static int take(struct phys_domain *domain, struct frame_cache *cache, struct slot **slot)
{
	int error = 0;

	if (!cache)
		return take_directly(domain, slot);
	while (!(*slot = shelf_take(domain, &cache->plain)) && error == 0)
		error = allocator_fill(domain, &cache->plain, SHELF_HALF, FILL_FROM_ALL);
	return error;
}

int frame_cache_take(struct phys_domain *domain, struct slot **slot)
{
	return take(domain, frame_cache_of(domain, port_thread()), slot);
}

int frame_cache_take_zeroed(struct phys_domain *domain, struct slot **slot)
{
	struct frame_cache *cache = frame_cache_of(domain, port_thread());
	int error;

	/* The shelf is empty where memory is not private. */
	if (cache && (*slot = shelf_take(domain, &cache->zeroed)))
		return 0;
	error = take(domain, cache, slot);
	if (error == 0)
		frame_clear(domain, *slot);
	return error;
}

bool frame_cache_put(struct phys_domain *domain, struct slot *slot)
{
	struct frame_cache *cache = frame_cache_of(domain, port_thread());
	uint32_t number = domain_slot_number(domain, slot);

	if (!cache)
		return false;
	if (shelf_nr(&cache->plain) == SHELF_PLACES &&
	    allocator_empty(domain, &cache->plain, SHELF_HALF) != 0)
		return false;
	slot->home = HOME_UNKNOWN;
	shelf_push(&cache->plain, number);
	slot_release(slot);
	return true;
}

/* A frame goes from the plain shelf, which is filled from the allocator only, to the zeroed one. */
static int zero_one(struct phys_domain *domain, struct frame_cache *cache)
{
	struct slot *slot;
	int error = 0;

	while (!(slot = shelf_take(domain, &cache->plain)) && error == 0)
		error = allocator_fill(domain, &cache->plain, SHELF_HALF, FILL_FROM_CHUNKS);
	if (!slot)
		return error;
	frame_clear(domain, slot);
	slot->home = HOME_ZEROED;
	shelf_push(&cache->zeroed, domain_slot_number(domain, slot));
	slot_release(slot);
	return 0;
}

void frame_cache_fill(struct phys_domain *domain, uint32_t thread, uint32_t nr_frames)
{
	struct frame_cache *cache = frame_cache_of(domain, thread);

	if (!domain->private_memory)
		(void)allocator_fill(domain, &cache->plain, SHELF_HALF, FILL_FROM_CHUNKS);
	if (domain->private_memory)
		while (shelf_nr(&cache->zeroed) < nr_frames && zero_one(domain, cache) == 0)
			;
}
