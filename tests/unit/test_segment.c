/* SPDX-License-Identifier: MIT */
/*
 * Runs of frames: segments, and the references of leaves (1.6, 5.4, 8.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/domain_fixture.h"

static const struct segment empty;

static void assert_counts(const struct domain_fixture *fixture, uint64_t first, uint64_t nr_frames,
			  uint32_t count)
{
	for (uint64_t i = first; i < first + nr_frames; i++)
		assert_int_equal(slot_count(&fixture->domain.slots[i]), count);
}

static void test_segment_has_one_reference_on_each_frame(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment;

	assert_int_equal(segment_from_unused(&fixture->domain, frame_number(2), 5, FRAME_GUEST,
					     &segment),
			 0);
	assert_ptr_equal(segment.domain, &fixture->domain);
	assert_int_equal(segment.paddr.value, frame_number(2).value);
	assert_int_equal(segment.nr_frames, 5);
	assert_counts(fixture, 2, 5, 1);
	for (unsigned i = 2; i < 7; i++)
		assert_int_equal(slot_kind(&fixture->domain.slots[i]), FRAME_GUEST);
	assert_int_equal(domain_fixture_state(fixture, 1), SLOT_UNUSED);
	assert_int_equal(domain_fixture_state(fixture, 7), SLOT_UNUSED);
}

static void assert_refused(struct domain_fixture *fixture, paddr_t paddr, uint64_t nr_frames,
			   enum frame_kind kind, int expected)
{
	struct segment segment = empty;

	domain_fixture_remember(fixture);
	assert_int_equal(segment_from_unused(&fixture->domain, paddr, nr_frames, kind, &segment),
			 expected);
	domain_fixture_assert_unchanged(fixture);
	assert_memory_equal(&segment, &empty, sizeof(segment));
}

static void test_segment_that_is_empty_misaligned_or_outside_is_refused(void **state)
{
	assert_refused(*state, frame_number(0), 0, FRAME_DATA, -EINVAL);
	assert_refused(*state, PADDR(PAGE_SIZE + 1), 1, FRAME_DATA, -EINVAL);
	assert_refused(*state, frame_number(0), FIXTURE_FRAMES + 1, FRAME_DATA, -ERANGE);
	assert_refused(*state, frame_number(FIXTURE_FRAMES), 1, FRAME_DATA, -ERANGE);
	assert_refused(*state, frame_number(1), UINT64_MAX, FRAME_DATA, -ERANGE);
	assert_refused(*state, frame_number(1), UINT64_C(1) << 52, FRAME_DATA, -ERANGE);
}

static void test_segment_of_the_engines_own_kinds_is_refused(void **state)
{
	assert_refused(*state, frame_number(0), 1, FRAME_NONE, -EINVAL);
	assert_refused(*state, frame_number(0), 1, FRAME_FREE, -EINVAL);
	assert_refused(*state, frame_number(0), 1, FRAME_NODE, -EINVAL);
	assert_refused(*state, frame_number(0), 1, FRAME_KINDS, -EINVAL);
}

/* S-13 */
static void test_segment_that_fails_in_the_middle_changes_nothing(void **state)
{
	struct domain_fixture *fixture = *state;
	struct unique_frame unique;
	struct frame frame;

	/* One obstacle of each sort: first, in the middle, last. */
	frame_from_unused(&fixture->domain, frame_number(3), FRAME_GUEST, &frame);
	unique_frame_from_unused(&fixture->domain, frame_number(8), FRAME_GUEST, &unique);
	assert_int_equal(slot_claim(&fixture->domain.slots[12]), 0);
	for (uint64_t first = 0; first <= 3; first++)
		assert_refused(fixture, frame_number(first), 8, FRAME_DATA, -EEXIST);
	assert_refused(fixture, frame_number(4), 5, FRAME_DATA, -EBUSY);
	assert_refused(fixture, frame_number(9), 4, FRAME_DATA, -EAGAIN);
}

static void test_segment_put_frees_each_frame_that_nobody_else_holds(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment;
	struct frame frame;

	assert_int_equal(segment_alloc(&fixture->domain, 10, PAGE_SIZE, FRAME_DATA, &segment), 0);
	frame_from_in_use(&fixture->domain, PADDR(segment.paddr.value + 4 * PAGE_SIZE), &frame);
	assert_int_equal(segment_put(&segment), 0);
	assert_memory_equal(&segment, &empty, sizeof(segment));
	assert_int_equal(frame_reference_count(&frame), 1);
	assert_int_equal(domain_fixture_assert_allocator(fixture), FIXTURE_POOL_FRAMES - 1);
	frame_put(&frame);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_segment_that_was_given_up_is_empty(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment;

	segment_alloc(&fixture->domain, 2, PAGE_SIZE, FRAME_DATA, &segment);
	segment_put(&segment);
	assert_int_equal(segment_put(&segment), -EINVAL);
	assert_int_equal(segment_into_raw(&segment).value, PADDR_NONE.value);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_segment_put_through_a_stale_copy_is_reported(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment, stale;

	segment_alloc(&fixture->domain, 3, PAGE_SIZE, FRAME_DATA, &segment);
	stale = segment;
	segment_put(&segment);
	assert_int_equal(segment_put(&stale), -EUCLEAN);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_freed_segment_is_the_next_to_be_allocated(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment;
	paddr_t paddr;

	segment_alloc(&fixture->domain, 3, PAGE_SIZE, FRAME_DATA, &segment);
	paddr = segment.paddr;
	segment_put(&segment);
	assert_int_equal(segment_alloc(&fixture->domain, 3, PAGE_SIZE, FRAME_DATA, &segment), 0);
	assert_int_equal(segment.paddr.value, paddr.value);
}

static void test_segment_alloc_is_contiguous_and_aligned(void **state)
{
	struct domain_fixture *fixture = *state;

	for (uint64_t nr_frames = 1; nr_frames <= 32; nr_frames++) {
		for (uint64_t align = PAGE_SIZE; align <= 32 * PAGE_SIZE; align *= 2) {
			struct segment segment;

			assert_int_equal(segment_alloc(&fixture->domain, nr_frames, align,
						       FRAME_DATA, &segment),
					 0);
			assert_true(is_aligned(segment.paddr.value, align));
			assert_int_equal(segment.nr_frames, nr_frames);
			assert_counts(fixture, segment.paddr.value / PAGE_SIZE, nr_frames, 1);
			assert_int_equal(allocator_free_frames(&fixture->domain),
					 FIXTURE_POOL_FRAMES - nr_frames);
			assert_int_equal(segment_put(&segment), 0);
			domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
		}
	}
}

static void test_segment_alloc_of_none_or_too_many_frames_changes_nothing(void **state)
{
	static const uint64_t too_many[] = { 33, FIXTURE_POOL_FRAMES + 1, UINT64_C(1) << 31,
					     UINT64_C(1) << 52, UINT64_MAX };
	struct domain_fixture *fixture = *state;
	struct segment segment = empty;

	domain_fixture_remember(fixture);
	for (unsigned i = 0; i < sizeof(too_many) / sizeof(too_many[0]); i++)
		assert_int_equal(segment_alloc(&fixture->domain, too_many[i], PAGE_SIZE, FRAME_DATA,
					       &segment),
				 -ENOMEM);
	assert_int_equal(segment_alloc(&fixture->domain, 0, PAGE_SIZE, FRAME_DATA, &segment),
			 -EINVAL);
	assert_int_equal(segment_alloc(&fixture->domain, 1, 0, FRAME_DATA, &segment), -EINVAL);
	assert_int_equal(segment_alloc(&fixture->domain, 1, PAGE_SIZE, FRAME_NODE, &segment),
			 -EINVAL);
	domain_fixture_assert_unchanged(fixture);
	assert_memory_equal(&segment, &empty, sizeof(segment));
}

/* M-6: the run fails, the frame keeps its one owner, and the allocator has the others again. */
static void test_segment_alloc_over_a_frame_in_use_takes_nothing(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment = empty;
	struct frame stolen;

	frame_from_unused(&fixture->domain, frame_number(FIXTURE_POOL_FIRST + 21), FRAME_DATA,
			  &stolen);
	assert_int_equal(segment_alloc(&fixture->domain, 32, PAGE_SIZE, FRAME_DATA, &segment),
			 -ENOMEM);
	assert_memory_equal(&segment, &empty, sizeof(segment));
	assert_int_equal(frame_reference_count(&stolen), 1);
	assert_int_equal(domain_fixture_assert_allocator(fixture), FIXTURE_POOL_FRAMES - 1);
	assert_int_equal(frame_put(&stolen), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* M-6: a thread may lose a race for frames, but is not told that there are none. */
static void test_segment_alloc_passes_over_a_frame_in_use(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment = empty;
	struct frame stolen;

	frame_from_unused(&fixture->domain, frame_number(FIXTURE_POOL_FIRST + 1), FRAME_DATA,
			  &stolen);
	assert_int_equal(segment_alloc(&fixture->domain, 8, PAGE_SIZE, FRAME_DATA, &segment), 0);
	assert_counts(fixture, segment.paddr.value / PAGE_SIZE, 8, 1);
	assert_int_equal(frame_reference_count(&stolen), 1);
	assert_int_equal(segment_put(&segment), 0);
	assert_int_equal(frame_put(&stolen), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_references_survive_segment_into_raw(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment;
	paddr_t paddr;

	segment_alloc(&fixture->domain, 4, PAGE_SIZE, FRAME_DATA, &segment);
	paddr = segment_into_raw(&segment);
	assert_memory_equal(&segment, &empty, sizeof(segment));
	assert_counts(fixture, paddr.value / PAGE_SIZE, 4, 1);
	assert_int_equal(run_put(&fixture->domain, paddr, 4), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* P-5 */
static void test_run_get_and_put_count_each_frame(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment;

	segment_from_unused(&fixture->domain, frame_number(2), 4, FRAME_GUEST, &segment);
	assert_int_equal(run_get(&fixture->domain, frame_number(3), 2), 0);
	assert_counts(fixture, 2, 1, 1);
	assert_counts(fixture, 3, 2, 2);
	assert_counts(fixture, 5, 1, 1);
	assert_int_equal(run_put(&fixture->domain, frame_number(3), 2), 0);
	assert_counts(fixture, 2, 4, 1);
	assert_int_equal(fixture->domain.nr_corrupt, 0);
}

static void assert_run_refused(struct domain_fixture *fixture, paddr_t paddr, uint64_t nr_frames,
			       int expected)
{
	domain_fixture_remember(fixture);
	assert_int_equal(run_get(&fixture->domain, paddr, nr_frames), expected);
	domain_fixture_assert_unchanged(fixture);
}

static void test_run_get_that_fails_in_the_middle_changes_nothing(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment;
	struct unique_frame unique;

	segment_from_unused(&fixture->domain, frame_number(0), 8, FRAME_GUEST, &segment);
	unique_frame_from_unused(&fixture->domain, frame_number(9), FRAME_GUEST, &unique);
	assert_run_refused(fixture, frame_number(0), 9, -ENOENT);
	assert_run_refused(fixture, frame_number(9), 1, -EBUSY);
	atomic_store(&fixture->domain.slots[5].state, SLOT_BUSY + SLOT_SHARED_MAX);
	assert_run_refused(fixture, frame_number(0), 8, -EOVERFLOW);
	atomic_store(&fixture->domain.slots[5].state, SLOT_BUSY);
	assert_run_refused(fixture, frame_number(0), 8, -EAGAIN);
}

static void test_run_that_is_empty_misaligned_or_outside_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment;

	segment_from_unused(&fixture->domain, frame_number(0), FIXTURE_FRAMES, FRAME_GUEST,
			    &segment);
	assert_run_refused(fixture, frame_number(0), 0, -EINVAL);
	assert_run_refused(fixture, PADDR(16), 1, -EINVAL);
	assert_run_refused(fixture, frame_number(0), FIXTURE_FRAMES + 1, -ERANGE);
	assert_run_refused(fixture, frame_number(1), UINT64_MAX, -ERANGE);
	assert_int_equal(run_put(&fixture->domain, frame_number(0), 0), -EINVAL);
	assert_int_equal(run_put(&fixture->domain, PADDR(16), 1), -EINVAL);
	assert_int_equal(run_put(&fixture->domain, frame_number(1), UINT64_MAX), -ERANGE);
	domain_fixture_assert_unchanged(fixture);
	assert_int_equal(fixture->domain.nr_corrupt, 0);
}

/* A hostile table names nodes, reserved frames, the allocator's own: none is touched. */
static void test_run_never_touches_frames_of_the_engines_own_kinds(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment reserved;
	struct frame node;

	segment_from_unused(&fixture->domain, frame_number(0), 2, FRAME_RESERVED, &reserved);
	frame_from_unused(&fixture->domain, frame_number(4), FRAME_NODE, &node);
	assert_run_refused(fixture, frame_number(0), 2, -EINVAL);
	assert_run_refused(fixture, frame_number(4), 1, -EINVAL);
	assert_run_refused(fixture, frame_number(FIXTURE_POOL_FIRST), 1, -EINVAL);
	assert_int_equal(run_put(&fixture->domain, frame_number(0), 2), -EUCLEAN);
	assert_int_equal(run_put(&fixture->domain, frame_number(4), 1), -EUCLEAN);
	assert_int_equal(run_put(&fixture->domain, frame_number(FIXTURE_POOL_FIRST), 1), -EUCLEAN);
	domain_fixture_assert_unchanged(fixture);
	assert_int_equal(fixture->domain.nr_corrupt, 4);
}

static void test_run_put_goes_on_past_frames_that_own_nothing_and_counts_them(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame;
	struct segment segment;

	segment_alloc(&fixture->domain, 8, PAGE_SIZE, FRAME_DATA, &segment);
	for (unsigned i = 2; i < 6; i += 3) {
		frame = frame_from_raw(&fixture->domain,
				       PADDR(segment.paddr.value + i * PAGE_SIZE));
		frame_put(&frame);
	}
	assert_int_equal(run_put(&fixture->domain, segment_into_raw(&segment), 8), -EUCLEAN);
	assert_int_equal(fixture->domain.nr_corrupt, 2);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

#define NR_HELD 12
#define NR_STEPS 20000

/* Random runs and single frames: nothing overlaps, nothing is lost. */
static void test_random_allocations_never_overlap_and_all_come_back(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment held[NR_HELD] = { 0 };
	uint64_t nr_held = 0;
	uint32_t random = 1;

	for (unsigned step = 0; step < NR_STEPS; step++) {
		struct segment *segment = &held[(random >> 8) % NR_HELD];
		uint64_t nr_frames = random >> 28 ? 1 : 10;

		random = random * 1664525 + 1013904223;
		if (segment->domain) {
			nr_held -= segment->nr_frames;
			assert_int_equal(segment_put(segment), 0);
		} else if (segment_alloc(&fixture->domain, nr_frames, PAGE_SIZE, FRAME_DATA,
					 segment) == 0) {
			nr_held += nr_frames;
		}
		assert_int_equal(domain_fixture_assert_allocator(fixture),
				 FIXTURE_POOL_FRAMES - nr_held);
	}
	for (unsigned i = 0; i < NR_HELD; i++)
		segment_put(&held[i]);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_segment_has_one_reference_on_each_frame),
		POOL_TEST(test_segment_that_is_empty_misaligned_or_outside_is_refused),
		POOL_TEST(test_segment_of_the_engines_own_kinds_is_refused),
		POOL_TEST(test_segment_that_fails_in_the_middle_changes_nothing),
		POOL_TEST(test_segment_put_frees_each_frame_that_nobody_else_holds),
		POOL_TEST(test_segment_that_was_given_up_is_empty),
		POOL_TEST(test_segment_put_through_a_stale_copy_is_reported),
		POOL_TEST(test_freed_segment_is_the_next_to_be_allocated),
		POOL_TEST(test_segment_alloc_is_contiguous_and_aligned),
		POOL_TEST(test_segment_alloc_of_none_or_too_many_frames_changes_nothing),
		POOL_TEST(test_segment_alloc_over_a_frame_in_use_takes_nothing),
		POOL_TEST(test_segment_alloc_passes_over_a_frame_in_use),
		POOL_TEST(test_references_survive_segment_into_raw),
		DOMAIN_TEST(test_run_get_and_put_count_each_frame),
		DOMAIN_TEST(test_run_get_that_fails_in_the_middle_changes_nothing),
		DOMAIN_TEST(test_run_that_is_empty_misaligned_or_outside_is_refused),
		POOL_TEST(test_run_never_touches_frames_of_the_engines_own_kinds),
		POOL_TEST(test_run_put_goes_on_past_frames_that_own_nothing_and_counts_them),
		POOL_TEST(test_random_allocations_never_overlap_and_all_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
