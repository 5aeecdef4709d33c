/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator: how runs become chunks and chunks runs (1.8, 8.2), M-6 included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/domain_fixture.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static void add(struct domain_fixture *fixture, uint64_t first, uint64_t nr_frames)
{
	assert_int_equal(allocator_add(&fixture->domain, frame_number(first), nr_frames), 0);
}

/* Number of the first frame. */
static uint64_t take(struct domain_fixture *fixture, uint64_t nr_frames)
{
	paddr_t paddr = PADDR_NONE;

	assert_int_equal(allocator_take(&fixture->domain, nr_frames, PAGE_SIZE, &paddr), 0);
	return paddr.value / PAGE_SIZE;
}

static void give(struct domain_fixture *fixture, uint64_t first, uint64_t nr_frames)
{
	assert_int_equal(allocator_give(&fixture->domain, frame_number(first), nr_frames), 0);
}

/* The allocator has exactly one chunk of each order whose bit is set in `orders`. */
static void assert_chunks(const struct domain_fixture *fixture, uint64_t orders)
{
	assert_int_equal(domain_fixture_assert_allocator(fixture), orders);
	for (unsigned order = 0; order < ALLOCATOR_ORDERS; order++)
		assert_int_equal(fixture->domain.allocator.free[order].nr_chunks,
				 orders >> order & 1);
}

static void assert_take_fails(struct domain_fixture *fixture, uint64_t nr_frames, uint64_t align,
			      int expected)
{
	paddr_t paddr = PADDR_NONE;

	domain_fixture_remember(fixture);
	assert_int_equal(allocator_take(&fixture->domain, nr_frames, align, &paddr), expected);
	assert_int_equal(paddr.value, PADDR_NONE.value);
	domain_fixture_assert_unchanged(fixture);
}

static void test_new_allocator_has_nothing(void **state)
{
	assert_chunks(*state, 0);
	assert_take_fails(*state, 1, PAGE_SIZE, -ENOMEM);
}

static void test_run_becomes_the_fewest_aligned_chunks(void **state)
{
	static const struct {
		uint64_t first, nr_frames, orders;
	} runs[] = {
		{ 0, 64, 1 << 6 },
		{ 16, 48, 1 << 5 | 1 << 4 },
		{ 63, 1, 1 },
		{ 1, 31, 1 << 4 | 1 << 3 | 1 << 2 | 1 << 1 | 1 },
		{ 32, 31, 1 << 4 | 1 << 3 | 1 << 2 | 1 << 1 | 1 },
		{ 6, 10, 1 << 3 | 1 << 1 },
		{ 3, 5, 1 << 2 | 1 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(runs); i++) {
		struct domain_fixture fixture;

		domain_fixture_open_pool(&fixture, 64, runs[i].first, runs[i].nr_frames);
		assert_chunks(&fixture, runs[i].orders);
		assert_int_equal(fixture.domain.allocator.nr_managed, runs[i].nr_frames);
		domain_fixture_close(&fixture);
	}
}

static void test_neighbours_that_are_buddies_merge_and_others_do_not(void **state)
{
	struct domain_fixture *fixture = *state;

	add(fixture, 8, 4);
	add(fixture, 4, 4);
	/* 4..7 and 8..11 are neighbours, not buddies. */
	assert_int_equal(fixture->domain.allocator.free[2].nr_chunks, 2);
	assert_int_equal(domain_fixture_assert_allocator(fixture), 8);
	add(fixture, 12, 4);
	assert_chunks(fixture, 1 << 2 | 1 << 3);
	add(fixture, 0, 4);
	assert_chunks(fixture, 1 << 4);
	assert_int_equal(fixture->domain.allocator.nr_managed, 16);
}

static void test_memory_behind_the_domain_is_no_buddy(void **state)
{
	struct slot slots[4] = { 0 };
	struct phys_domain domain;

	(void)state;
	assert_int_equal(domain_init(&domain, slots, 3, NULL), 0);
	atomic_store(&slots[3].state, SLOT_UNIQUE);
	slot_set_type(&slots[3], SLOT_TYPE(FRAME_FREE, 0, 0));
	assert_int_equal(allocator_add(&domain, frame_number(2), 1), 0);
	assert_int_equal(domain.allocator.free[0].nr_chunks, 1);
	assert_int_equal(slot_state(&slots[3]), SLOT_UNIQUE);
}

static void test_chunk_is_split_and_its_parts_merge_again(void **state)
{
	struct domain_fixture *fixture = *state;

	add(fixture, 16, 16);
	assert_int_equal(take(fixture, 1), 16);
	assert_chunks(fixture, 1 | 1 << 1 | 1 << 2 | 1 << 3);
	assert_int_equal(take(fixture, 1), 17);
	assert_chunks(fixture, 1 << 1 | 1 << 2 | 1 << 3);
	assert_int_equal(take(fixture, 2), 18);
	assert_chunks(fixture, 1 << 2 | 1 << 3);
	assert_int_equal(take(fixture, 4), 20);
	assert_chunks(fixture, 1 << 3);
	assert_int_equal(take(fixture, 8), 24);
	assert_chunks(fixture, 0);
	assert_take_fails(fixture, 1, PAGE_SIZE, -ENOMEM);

	give(fixture, 18, 2);
	give(fixture, 24, 8);
	give(fixture, 16, 1);
	assert_chunks(fixture, 1 | 1 << 1 | 1 << 3);
	give(fixture, 20, 4);
	give(fixture, 17, 1);
	assert_chunks(fixture, 1 << 4);
	assert_int_equal(take(fixture, 16), 16);
}

static void test_take_gives_the_rest_of_the_chunk_back(void **state)
{
	struct domain_fixture *fixture = *state;

	add(fixture, 0, 64);
	for (uint64_t nr_frames = 1; nr_frames <= 64; nr_frames++) {
		assert_int_equal(take(fixture, nr_frames), 0);
		/* 64 - n is what the bits say: each chunk once. */
		assert_chunks(fixture, 64 - nr_frames);
		give(fixture, 0, nr_frames);
		assert_chunks(fixture, 64);
	}
}

static void test_smallest_chunk_that_fits_is_taken(void **state)
{
	struct domain_fixture *fixture = *state;

	add(fixture, 32, 32);
	add(fixture, 2, 2);
	add(fixture, 8, 8);
	assert_int_equal(take(fixture, 2), 2);
	assert_int_equal(take(fixture, 5), 8);
	assert_int_equal(take(fixture, 32), 32);
}

static void test_taken_run_is_aligned_and_unused(void **state)
{
	struct domain_fixture *fixture = *state;

	add(fixture, 1, 63);
	for (uint64_t nr_frames = 1; nr_frames <= 4; nr_frames++) {
		for (uint64_t align = 1; align <= 32; align *= 2) {
			struct unique_frame frame;
			paddr_t paddr;

			assert_int_equal(allocator_take(&fixture->domain, nr_frames,
							align * PAGE_SIZE, &paddr),
					 0);
			assert_true(is_aligned(paddr.value, align * PAGE_SIZE));
			assert_int_equal(domain_fixture_assert_allocator(fixture), 63 - nr_frames);
			for (uint64_t i = 0; i < nr_frames; i++) {
				uint64_t number = paddr.value / PAGE_SIZE + i;

				assert_int_equal(unique_frame_from_unused(&fixture->domain,
									  frame_number(number),
									  FRAME_DATA, &frame),
						 0);
				assert_int_equal(unique_frame_reset_as_unused(&frame), 0);
			}
			assert_int_equal(allocator_give(&fixture->domain, paddr, nr_frames), 0);
			domain_fixture_assert_idle(fixture, 63);
		}
	}
}

static void test_large_alignments_are_met_in_a_large_pool(void **state)
{
	const uint64_t nr_frames = UINT64_C(3) << 18; /* 3 GiB */
	struct domain_fixture fixture;
	paddr_t small, large, huge;

	(void)state;
	domain_fixture_open_pool(&fixture, nr_frames, 1, nr_frames - 1);
	assert_int_equal(allocator_take(&fixture.domain, 1, UINT64_C(2) << 20, &small), 0);
	assert_int_equal(allocator_take(&fixture.domain, 512, UINT64_C(2) << 20, &large), 0);
	assert_int_equal(allocator_take(&fixture.domain, 1 << 18, UINT64_C(1) << 30, &huge), 0);
	assert_true(is_aligned(small.value, UINT64_C(2) << 20));
	assert_true(is_aligned(large.value, UINT64_C(2) << 20));
	assert_true(is_aligned(huge.value, UINT64_C(1) << 30));
	assert_int_equal(allocator_free_frames(&fixture.domain),
			 nr_frames - 1 - 1 - 512 - (1 << 18));
	assert_int_equal(allocator_give(&fixture.domain, huge, 1 << 18), 0);
	assert_int_equal(allocator_give(&fixture.domain, large, 512), 0);
	assert_int_equal(allocator_give(&fixture.domain, small, 1), 0);
	assert_int_equal(allocator_free_frames(&fixture.domain), nr_frames - 1);
	domain_fixture_close(&fixture);
}

static void test_any_part_of_a_run_can_be_given_back(void **state)
{
	struct domain_fixture *fixture = *state;

	add(fixture, 0, 64);
	assert_int_equal(take(fixture, 64), 0);
	/* One by one, in an order that visits each once. */
	for (uint64_t i = 0; i < 64; i++) {
		give(fixture, i * 29 % 64, 1);
		assert_int_equal(domain_fixture_assert_allocator(fixture), i + 1);
	}
	assert_chunks(fixture, 64);
	assert_int_equal(fixture->domain.allocator.nr_managed, 64);
	/* In runs that are no chunks. */
	assert_int_equal(take(fixture, 64), 0);
	give(fixture, 13, 38);
	give(fixture, 51, 13);
	give(fixture, 0, 13);
	assert_chunks(fixture, 64);
}

/* M-6: a frame is claimed by its address where a split wants to put the head of a chunk. */
static void test_frame_claimed_inside_a_chunk_is_left_out_when_that_is_split(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame stolen;

	add(fixture, 0, 16);
	frame_from_unused(&fixture->domain, frame_number(8), FRAME_DATA, &stolen);
	assert_int_equal(take(fixture, 1), 0);
	/* 1, 2..3, 4..7, and of 8..15 all but 8: 9, 10..11, 12..15. */
	assert_int_equal(domain_fixture_assert_allocator(fixture), 14);
	for (unsigned order = 0; order <= 2; order++)
		assert_int_equal(fixture->domain.allocator.free[order].nr_chunks, 2);
	assert_int_equal(frame_reference_count(&stolen), 1);
	give(fixture, 0, 1);
	assert_int_equal(frame_put(&stolen), 0);
	assert_chunks(fixture, 16);
}

#define NR_RUNS 10

/* Random runs, given back in random pieces: what is taken is nobody else's. */
static void test_random_runs_are_disjoint_and_all_come_back(void **state)
{
	struct domain_fixture *fixture = *state;
	struct {
		uint64_t first, nr_frames;
	} runs[NR_RUNS] = { 0 };
	uint32_t random = 7;
	uint64_t taken = 0; /* a bit for each frame of the domain */

	add(fixture, 0, 64);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (random >> 16) % NR_RUNS;
		uint64_t nr_frames = 1 + (random >> 24) % 20;
		paddr_t paddr;

		random = random * 1664525 + 1013904223;
		if (runs[i].nr_frames > 0) {
			uint64_t part = nr_frames < runs[i].nr_frames ? nr_frames :
									runs[i].nr_frames;

			runs[i].nr_frames -= part;
			give(fixture, runs[i].first + runs[i].nr_frames, part);
			taken &= ~(((UINT64_C(1) << part) - 1)
				   << (runs[i].first + runs[i].nr_frames));
		} else if (allocator_take(&fixture->domain, nr_frames, PAGE_SIZE, &paddr) == 0) {
			uint64_t bits = ((UINT64_C(1) << nr_frames) - 1)
					<< (paddr.value / PAGE_SIZE);

			assert_int_equal(taken & bits, 0);
			taken |= bits;
			runs[i].first = paddr.value / PAGE_SIZE;
			runs[i].nr_frames = nr_frames;
		}
		assert_int_equal(domain_fixture_assert_allocator(fixture),
				 64 - (unsigned)__builtin_popcountll(taken));
	}
	for (unsigned i = 0; i < NR_RUNS; i++)
		if (runs[i].nr_frames > 0)
			give(fixture, runs[i].first, runs[i].nr_frames);
	assert_chunks(fixture, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DOMAIN_TEST(test_new_allocator_has_nothing),
		cmocka_unit_test(test_run_becomes_the_fewest_aligned_chunks),
		DOMAIN_TEST(test_neighbours_that_are_buddies_merge_and_others_do_not),
		cmocka_unit_test(test_memory_behind_the_domain_is_no_buddy),
		DOMAIN_TEST(test_chunk_is_split_and_its_parts_merge_again),
		DOMAIN_TEST(test_take_gives_the_rest_of_the_chunk_back),
		DOMAIN_TEST(test_smallest_chunk_that_fits_is_taken),
		DOMAIN_TEST(test_taken_run_is_aligned_and_unused),
		cmocka_unit_test(test_large_alignments_are_met_in_a_large_pool),
		DOMAIN_TEST(test_any_part_of_a_run_can_be_given_back),
		DOMAIN_TEST(test_frame_claimed_inside_a_chunk_is_left_out_when_that_is_split),
		DOMAIN_TEST(test_random_runs_are_disjoint_and_all_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
