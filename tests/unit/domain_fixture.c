/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/unit/domain_fixture.h"

/* Zeroes, between two pages that nobody may touch. */
static void *reserve(uint64_t size)
{
	unsigned char *memory = mmap(NULL, size + 2 * PAGE_SIZE, PROT_NONE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + PAGE_SIZE, size, PROT_READ | PROT_WRITE), 0);
	return memory + PAGE_SIZE;
}

static void release(void *memory, uint64_t size)
{
	munmap((unsigned char *)memory - PAGE_SIZE, size + 2 * PAGE_SIZE);
}

void domain_fixture_open(struct domain_fixture *fixture, uint64_t nr_frames)
{
	struct slot *slots = reserve(nr_frames * sizeof(*slots));

	fixture->remembered = NULL;
	assert_int_equal(
		domain_init(&fixture->domain, slots, nr_frames, reserve(nr_frames * PAGE_SIZE)), 0);
}

void domain_fixture_open_pool(struct domain_fixture *fixture, uint64_t nr_frames, uint64_t first,
			      uint64_t nr_pool)
{
	domain_fixture_open(fixture, nr_frames);
	assert_int_equal(allocator_add(&fixture->domain, frame_number(first), nr_pool), 0);
}

void domain_fixture_close(struct domain_fixture *fixture)
{
	uint64_t nr_frames = fixture->domain.nr_frames;

	free(fixture->remembered);
	release(fixture->domain.memory, nr_frames * PAGE_SIZE);
	release(fixture->domain.slots, nr_frames * sizeof(struct slot));
}

int domain_fixture_setup(void **state)
{
	*state = malloc(sizeof(struct domain_fixture));
	assert_non_null(*state);
	domain_fixture_open(*state, FIXTURE_FRAMES);
	return 0;
}

int domain_fixture_setup_pool(void **state)
{
	domain_fixture_setup(state);
	return allocator_add(&((struct domain_fixture *)*state)->domain,
			     frame_number(FIXTURE_POOL_FIRST), FIXTURE_POOL_FRAMES);
}

int domain_fixture_teardown(void **state)
{
	domain_fixture_close(*state);
	free(*state);
	return 0;
}

uint32_t domain_fixture_state(const struct domain_fixture *fixture, uint64_t number)
{
	return slot_state(&fixture->domain.slots[number]);
}

void domain_fixture_remember(struct domain_fixture *fixture)
{
	size_t size = fixture->domain.nr_frames * sizeof(struct slot);

	free(fixture->remembered);
	fixture->remembered = malloc(size);
	assert_non_null(fixture->remembered);
	memcpy(fixture->remembered, fixture->domain.slots, size);
	fixture->nr_free = allocator_free_frames(&fixture->domain);
}

void domain_fixture_assert_unchanged(const struct domain_fixture *fixture)
{
	size_t size = fixture->domain.nr_frames * sizeof(struct slot);

	assert_non_null(fixture->remembered);
	assert_memory_equal(fixture->remembered, fixture->domain.slots, size);
	assert_int_equal(allocator_free_frames(&fixture->domain), fixture->nr_free);
}

/* Frames of the chunk at `number`, which is asserted to be sound. */
static uint64_t assert_chunk(const struct domain_fixture *fixture, uint32_t number, unsigned order)
{
	const struct slot *slots = fixture->domain.slots;
	uint64_t size = UINT64_C(1) << order;
	uint64_t buddy = number ^ size;

	assert_true(is_aligned(number, size));
	assert_int_equal(slot_state(&slots[number]), SLOT_UNIQUE);
	assert_int_equal(slot_kind(&slots[number]), FRAME_FREE);
	assert_int_equal(slot_level(&slots[number]), order);
	for (uint64_t i = 1; i < size; i++)
		assert_int_equal(slot_state(&slots[number + i]), SLOT_UNUSED);
	if (buddy < fixture->domain.nr_frames && slot_kind(&slots[buddy]) == FRAME_FREE)
		assert_int_not_equal(slot_level(&slots[buddy]), order);
	return size;
}

/* Frames on a shelf, which are asserted to be unused. */
static uint64_t assert_shelf(const struct domain_fixture *fixture, const struct frame_shelf *shelf,
			     enum frame_home home)
{
	uint64_t sum = 0;

	for (uint32_t place = 0; place < SHELF_PLACES; place++) {
		uint32_t entry = shelf_read(shelf, place);

		if (entry == 0)
			continue;
		assert_true(place < shelf_nr(shelf));
		assert_true(entry <= fixture->domain.nr_frames);
		assert_int_equal(slot_state(&fixture->domain.slots[entry - 1]), SLOT_UNUSED);
		assert_int_equal(fixture->domain.slots[entry - 1].home, home);
		sum++;
	}
	return sum;
}

uint64_t domain_fixture_assert_allocator(const struct domain_fixture *fixture)
{
	const struct frame_allocator *allocator = &fixture->domain.allocator;
	uint64_t sum = 0;

	for (unsigned order = 0; order < ALLOCATOR_ORDERS; order++) {
		uint32_t previous = SLOT_NONE;
		uint32_t nr_chunks = 0;

		for (uint32_t number = allocator->free[order].head; number != SLOT_NONE;
		     number = fixture->domain.slots[number].next) {
			assert_int_equal(fixture->domain.slots[number].prev, previous);
			sum += assert_chunk(fixture, number, order);
			previous = number;
			nr_chunks++;
		}
		assert_int_equal(nr_chunks, allocator->free[order].nr_chunks);
	}
	assert_int_equal(sum, allocator->nr_free);
	for (unsigned i = 0; i < FRAME_CACHES; i++)
		sum += assert_shelf(fixture, &allocator->caches[i].plain, HOME_UNKNOWN) +
		       assert_shelf(fixture, &allocator->caches[i].zeroed, HOME_ZEROED);
	assert_int_equal(sum, allocator_free_frames(&fixture->domain));
	return sum;
}

void domain_fixture_assert_idle(const struct domain_fixture *fixture, uint64_t nr_free)
{
	assert_int_equal(domain_fixture_assert_allocator(fixture), nr_free);
	for (uint64_t i = 0; i < fixture->domain.nr_frames; i++) {
		const struct slot *slot = &fixture->domain.slots[i];

		if (slot_kind(slot) == FRAME_FREE)
			continue;
		assert_int_equal(slot_state(slot), SLOT_UNUSED);
		assert_int_equal(slot_kind(slot), FRAME_NONE);
		assert_int_equal(slot->list, 0);
	}
}
