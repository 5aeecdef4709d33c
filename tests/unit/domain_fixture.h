/* SPDX-License-Identifier: MIT */
/*
 * A domain for tests: memory of its own, slots, and an allocator that has a part of it.
 *
 * Memory is reserved, not filled: domains of many GiB are cheap while few frames are touched. What
 * goes wrong here fails the running test.
 */
#ifndef TESTS_DOMAIN_FIXTURE_H
#define TESTS_DOMAIN_FIXTURE_H

#include "mm/frame.h"

struct domain_fixture {
	struct phys_domain domain;
	struct slot *remembered; /* slots as domain_fixture_remember() saw them, or NULL */
	uint64_t nr_free;
};

/* Makes a domain of `nr_frames` frames, all UNUSED; the allocator has nothing. */
void domain_fixture_open(struct domain_fixture *fixture, uint64_t nr_frames);

/* The same, and the allocator has `nr_pool` frames from frame `first` on. */
void domain_fixture_open_pool(struct domain_fixture *fixture, uint64_t nr_frames, uint64_t first,
			      uint64_t nr_pool);

void domain_fixture_close(struct domain_fixture *fixture);

/*
 * For cmocka: *state is a small domain, in the second form with a pool in its upper part, whose
 * first chunk has 16 frames and the other 32.
 */
#define FIXTURE_FRAMES 64
#define FIXTURE_POOL_FIRST 16
#define FIXTURE_POOL_FRAMES 48

int domain_fixture_setup(void **state);
int domain_fixture_setup_pool(void **state);
int domain_fixture_teardown(void **state);

#define DOMAIN_TEST(name) \
	cmocka_unit_test_setup_teardown(name, domain_fixture_setup, domain_fixture_teardown)
#define POOL_TEST(name) \
	cmocka_unit_test_setup_teardown(name, domain_fixture_setup_pool, domain_fixture_teardown)

/* Physical address of a frame. */
static inline paddr_t frame_number(uint64_t number)
{
	return PADDR(number << PAGE_SHIFT);
}

/* State of a frame's slot. */
uint32_t domain_fixture_state(const struct domain_fixture *fixture, uint64_t number);

/* Keeps a copy of all slots and the allocator's count, for domain_fixture_assert_unchanged(). */
void domain_fixture_remember(struct domain_fixture *fixture);

/* Every slot's state, kind, list and links are as they were remembered. */
void domain_fixture_assert_unchanged(const struct domain_fixture *fixture);

/* `nr_free` frames are the allocator's, and its chunks are sound; no other frame is anybody's. */
void domain_fixture_assert_idle(const struct domain_fixture *fixture, uint64_t nr_free);

/*
 * Asserts what the allocator claims of itself: lists linked both ways, heads where they may be, no
 * two free buddies, frames inside chunks and on shelves unused, and a count that is the sum. Gives
 * the sum.
 */
uint64_t domain_fixture_assert_allocator(const struct domain_fixture *fixture);

#endif
