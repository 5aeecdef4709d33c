/* SPDX-License-Identifier: MIT */
/*
 * Segments copied, cut, taken apart and converted (1.5, 1.6, 8.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/untyped.h"
#include "tests/unit/domain_fixture.h"

#define NR_FRAMES 6
#define BYTES(nr_frames) ((uint64_t)(nr_frames)*PAGE_SIZE)

static const struct segment empty;
static const struct frame no_frame;

static struct segment allocate(struct domain_fixture *fixture)
{
	struct segment segment;

	assert_int_equal(
		segment_alloc(&fixture->domain, NR_FRAMES, PAGE_SIZE, FRAME_DATA, &segment), 0);
	return segment;
}

static void assert_segment(const struct segment *segment, const struct domain_fixture *fixture,
			   paddr_t paddr, uint64_t nr_frames)
{
	assert_ptr_equal(segment->domain, &fixture->domain);
	assert_int_equal(segment->paddr.value, paddr.value);
	assert_int_equal(segment->nr_frames, nr_frames);
	assert_int_equal(segment_size(segment), BYTES(nr_frames));
}

/* Counts of the frames [first, first + nr_frames) behind paddr. */
static void assert_counts(const struct domain_fixture *fixture, paddr_t paddr, uint64_t first,
			  uint64_t nr_frames, uint32_t count)
{
	const struct slot *slots = domain_slot_at(&fixture->domain, paddr);

	for (uint64_t i = first; i < first + nr_frames; i++)
		assert_int_equal(slot_count(&slots[i]), count);
}

static void saturate(struct domain_fixture *fixture, paddr_t paddr, uint64_t index)
{
	atomic_store(&domain_slot_at(&fixture->domain, paddr)[index].state,
		     SLOT_BUSY + SLOT_SHARED_MAX);
}

static void test_clone_has_a_reference_of_its_own_on_each_frame(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment = allocate(fixture), copy;
	paddr_t paddr = segment.paddr;

	assert_int_equal(segment_clone(&segment, &copy), 0);
	assert_segment(&copy, fixture, paddr, NR_FRAMES);
	assert_counts(fixture, paddr, 0, NR_FRAMES, 2);
	assert_int_equal(segment_put(&segment), 0);
	assert_counts(fixture, paddr, 0, NR_FRAMES, 1);
	assert_int_equal(segment_put(&copy), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_clone_that_fails_in_the_middle_changes_nothing(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment = allocate(fixture), stale, copy = empty;

	assert_int_equal(segment_clone(&empty, &copy), -EINVAL);
	saturate(fixture, segment.paddr, 4);
	domain_fixture_remember(fixture);
	assert_int_equal(segment_clone(&segment, &copy), -EOVERFLOW);
	assert_int_equal(segment_slice(&segment, BYTES(1), BYTES(5), &copy), -EOVERFLOW);
	domain_fixture_assert_unchanged(fixture);
	stale = segment_from_raw(&fixture->domain, frame_number(0), 3);
	assert_int_equal(segment_clone(&stale, &copy), -EINVAL);
	domain_fixture_assert_unchanged(fixture);
	assert_memory_equal(&copy, &empty, sizeof(copy));
}

static void test_split_makes_two_and_changes_no_count(void **state)
{
	struct domain_fixture *fixture = *state;

	for (uint64_t nr_low = 1; nr_low < NR_FRAMES; nr_low++) {
		struct segment segment = allocate(fixture), low, high;
		paddr_t paddr = segment.paddr;

		assert_int_equal(segment_split(&segment, BYTES(nr_low), &low, &high), 0);
		assert_memory_equal(&segment, &empty, sizeof(segment));
		assert_segment(&low, fixture, paddr, nr_low);
		assert_segment(&high, fixture, PADDR(paddr.value + BYTES(nr_low)),
			       NR_FRAMES - nr_low);
		assert_counts(fixture, paddr, 0, NR_FRAMES, 1);
		assert_int_equal(segment_put(&low), 0);
		assert_counts(fixture, paddr, 0, nr_low, 0);
		assert_counts(fixture, paddr, nr_low, NR_FRAMES - nr_low, 1);
		assert_int_equal(segment_put(&high), 0);
		domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
	}
}

static void test_split_not_inside_or_not_at_a_frame_is_refused(void **state)
{
	static const struct {
		uint64_t offset;
		int error;
	} bad[] = {
		{ 0, -ERANGE },
		{ BYTES(NR_FRAMES), -ERANGE },
		{ BYTES(NR_FRAMES + 1), -ERANGE },
		{ -PAGE_SIZE, -ERANGE },
		{ 1, -EINVAL },
		{ BYTES(2) + 8, -EINVAL },
		{ UINT64_MAX, -EINVAL },
	};
	struct domain_fixture *fixture = *state;
	struct segment segment = allocate(fixture), low = empty, high = empty, nothing = empty;
	const struct segment before = segment;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(segment_split(&segment, bad[i].offset, &low, &high), bad[i].error);
	assert_int_equal(segment_split(&nothing, BYTES(1), &low, &high), -EINVAL);
	assert_memory_equal(&segment, &before, sizeof(segment));
	assert_memory_equal(&low, &empty, sizeof(low));
	assert_memory_equal(&high, &empty, sizeof(high));
}

static void test_slice_has_references_on_its_own_frames_only(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment = allocate(fixture), slice;
	paddr_t paddr = segment.paddr;

	assert_int_equal(segment_slice(&segment, BYTES(2), BYTES(5), &slice), 0);
	assert_segment(&slice, fixture, PADDR(paddr.value + BYTES(2)), 3);
	assert_counts(fixture, paddr, 0, 2, 1);
	assert_counts(fixture, paddr, 2, 3, 2);
	assert_counts(fixture, paddr, 5, 1, 1);
	assert_int_equal(segment_put(&segment), 0);
	assert_counts(fixture, paddr, 2, 3, 1);
	assert_int_equal(segment_put(&slice), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_slice_may_be_empty(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment = allocate(fixture), slice;
	struct frame frame = no_frame;

	domain_fixture_remember(fixture);
	for (uint64_t at = 0; at <= NR_FRAMES; at += NR_FRAMES / 2) {
		assert_int_equal(segment_slice(&segment, BYTES(at), BYTES(at), &slice), 0);
		assert_int_equal(segment_size(&slice), 0);
		assert_int_equal(segment_next(&slice, &frame), -ENOENT);
		assert_int_equal(segment_put(&slice), 0);
	}
	domain_fixture_assert_unchanged(fixture);
}

/* BUG-3: offsets whose sum with anything wraps. */
static void test_slice_outside_is_refused_also_where_sums_wrap(void **state)
{
	static const struct {
		uint64_t start;
		uint64_t end;
		int error;
	} bad[] = {
		{ 0, BYTES(NR_FRAMES + 1), -ERANGE },
		{ BYTES(NR_FRAMES + 1), BYTES(NR_FRAMES + 1), -ERANGE },
		{ BYTES(3), BYTES(2), -ERANGE },
		{ -PAGE_SIZE, -PAGE_SIZE, -ERANGE },
		{ -PAGE_SIZE, 0, -ERANGE },
		{ BYTES(1), -PAGE_SIZE, -ERANGE },
		{ UINT64_C(1) << 63, UINT64_C(1) << 63, -ERANGE },
		{ 1, BYTES(2), -EINVAL },
		{ 0, BYTES(2) + 1, -EINVAL },
	};
	struct domain_fixture *fixture = *state;
	struct segment segment = allocate(fixture), slice = empty;

	domain_fixture_remember(fixture);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(segment_slice(&segment, bad[i].start, bad[i].end, &slice),
				 bad[i].error);
	assert_int_equal(segment_slice(&empty, 0, 0, &slice), -EINVAL);
	domain_fixture_assert_unchanged(fixture);
	assert_memory_equal(&slice, &empty, sizeof(slice));
}

static void test_next_hands_out_each_frame_with_its_reference(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment = allocate(fixture);
	paddr_t paddr = segment.paddr;
	struct frame frame;

	for (uint64_t i = 0; i < NR_FRAMES; i++) {
		assert_int_equal(segment.nr_frames, NR_FRAMES - i);
		assert_int_equal(segment_next(&segment, &frame), 0);
		assert_int_equal(frame.paddr.value, paddr.value + BYTES(i));
		assert_int_equal(frame_reference_count(&frame), 1);
		assert_int_equal(frame_check_kind(&frame, FRAME_DATA), 0);
		assert_int_equal(frame_put(&frame), 0);
		assert_counts(fixture, paddr, i + 1, NR_FRAMES - 1 - i, 1);
	}
	assert_int_equal(segment_next(&segment, &frame), -ENOENT);
	assert_int_equal(segment_put(&segment), -EINVAL);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_segment_taken_apart_half_way_still_puts_the_rest(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment = allocate(fixture);
	struct frame frame;

	assert_int_equal(segment_next(&segment, &frame), 0);
	assert_int_equal(segment_put(&segment), 0);
	assert_int_equal(domain_fixture_assert_allocator(fixture), FIXTURE_POOL_FRAMES - 1);
	assert_int_equal(frame_put(&frame), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_frame_becomes_a_segment_of_one(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment = empty;
	struct frame frame, node;
	paddr_t paddr;

	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	frame_alloc(&fixture->domain, FRAME_NODE, true, &node);
	paddr = frame.paddr;
	assert_int_equal(segment_from_frame(&node, &segment), -EINVAL);
	assert_ptr_equal(node.domain, &fixture->domain);
	assert_int_equal(segment_from_frame(&frame, &segment), 0);
	assert_memory_equal(&frame, &no_frame, sizeof(frame));
	assert_int_equal(segment_from_frame(&frame, &segment), -EINVAL);
	assert_segment(&segment, fixture, paddr, 1);
	assert_counts(fixture, paddr, 0, 1, 1);
	segment_put(&segment);
	frame_put(&node);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_segment_survives_into_raw_and_back(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment = allocate(fixture);
	paddr_t paddr = segment_into_raw(&segment);

	segment = segment_from_raw(&fixture->domain, paddr, NR_FRAMES);
	assert_segment(&segment, fixture, paddr, NR_FRAMES);
	assert_counts(fixture, paddr, 0, NR_FRAMES, 1);
	assert_int_equal(segment_put(&segment), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_typed_checks_tell_kinds_apart(void **state)
{
	static const enum frame_kind kinds[] = { FRAME_DATA, FRAME_GUEST, FRAME_RESERVED };
	struct domain_fixture *fixture = *state;

	for (unsigned i = 0; i < 3; i++) {
		struct segment segment;
		struct frame frame;

		assert_int_equal(segment_from_unused(&fixture->domain, frame_number(4 * i), 2,
						     kinds[i], &segment),
				 0);
		assert_int_equal(frame_from_in_use(&fixture->domain, segment.paddr, &frame), 0);
		for (enum frame_kind kind = FRAME_NONE; kind <= FRAME_KINDS; kind++) {
			int expected = kind == kinds[i] ? 0 : -EINVAL;

			assert_int_equal(segment_check_kind(&segment, kind), expected);
			assert_int_equal(frame_check_kind(&frame, kind), expected);
		}
	}
	assert_int_equal(segment_check_kind(&empty, FRAME_NONE), -EINVAL);
	assert_int_equal(frame_check_kind(&no_frame, FRAME_NONE), -EINVAL);
}

static void test_untyped_frames_convert_both_ways(void **state)
{
	static const enum frame_kind kinds[] = { FRAME_DATA, FRAME_GUEST };
	struct domain_fixture *fixture = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct untyped_frame untyped;
		struct frame frame;

		frame_from_unused(&fixture->domain, frame_number(i), kinds[i], &frame);
		assert_true(frame_is_untyped(&frame));
		assert_int_equal(untyped_frame_from_frame(&frame, &untyped), 0);
		assert_memory_equal(&frame, &no_frame, sizeof(frame));
		assert_int_equal(untyped_frame_from_frame(&frame, &untyped), -EINVAL);
		frame = frame_from_untyped(&untyped);
		assert_memory_equal(&untyped.frame, &no_frame, sizeof(no_frame));
		assert_int_equal(frame.paddr.value, frame_number(i).value);
		assert_int_equal(frame_check_kind(&frame, kinds[i]), 0);
		assert_int_equal(frame_reference_count(&frame), 1);
	}
}

static void test_frames_of_other_kinds_are_not_untyped(void **state)
{
	static const enum frame_kind kinds[] = { FRAME_NODE, FRAME_RESERVED };
	struct domain_fixture *fixture = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct untyped_frame untyped = { no_frame };
		struct frame frame;

		frame_from_unused(&fixture->domain, frame_number(i), kinds[i], &frame);
		assert_false(frame_is_untyped(&frame));
		assert_int_equal(untyped_frame_from_frame(&frame, &untyped), -EINVAL);
		assert_ptr_equal(frame.domain, &fixture->domain);
		assert_memory_equal(&untyped.frame, &no_frame, sizeof(no_frame));
	}
	assert_false(frame_is_untyped(&no_frame));
}

static void test_untyped_segments_convert_both_ways(void **state)
{
	struct domain_fixture *fixture = *state;
	struct untyped_segment untyped = { empty };
	struct segment segment = allocate(fixture), reserved;
	paddr_t paddr = segment.paddr;

	assert_int_equal(untyped_segment_from_segment(&segment, &untyped), 0);
	assert_memory_equal(&segment, &empty, sizeof(segment));
	assert_int_equal(untyped_segment_from_segment(&segment, &untyped), -EINVAL);
	segment = segment_from_untyped(&untyped);
	assert_memory_equal(&untyped.segment, &empty, sizeof(empty));
	assert_segment(&segment, fixture, paddr, NR_FRAMES);
	assert_counts(fixture, paddr, 0, NR_FRAMES, 1);

	segment_from_unused(&fixture->domain, frame_number(2), 2, FRAME_GUEST, &segment);
	assert_int_equal(untyped_segment_from_segment(&segment, &untyped), 0);
	segment = segment_from_untyped(&untyped);
	assert_segment(&segment, fixture, frame_number(2), 2);

	segment_from_unused(&fixture->domain, frame_number(0), 2, FRAME_RESERVED, &reserved);
	assert_int_equal(untyped_segment_from_segment(&reserved, &untyped), -EINVAL);
	assert_ptr_equal(reserved.domain, &fixture->domain);
	assert_memory_equal(&untyped.segment, &empty, sizeof(empty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_clone_has_a_reference_of_its_own_on_each_frame),
		POOL_TEST(test_clone_that_fails_in_the_middle_changes_nothing),
		POOL_TEST(test_split_makes_two_and_changes_no_count),
		POOL_TEST(test_split_not_inside_or_not_at_a_frame_is_refused),
		POOL_TEST(test_slice_has_references_on_its_own_frames_only),
		POOL_TEST(test_slice_may_be_empty),
		POOL_TEST(test_slice_outside_is_refused_also_where_sums_wrap),
		POOL_TEST(test_next_hands_out_each_frame_with_its_reference),
		POOL_TEST(test_segment_taken_apart_half_way_still_puts_the_rest),
		POOL_TEST(test_frame_becomes_a_segment_of_one),
		POOL_TEST(test_segment_survives_into_raw_and_back),
		DOMAIN_TEST(test_typed_checks_tell_kinds_apart),
		DOMAIN_TEST(test_untyped_frames_convert_both_ways),
		DOMAIN_TEST(test_frames_of_other_kinds_are_not_untyped),
		POOL_TEST(test_untyped_segments_convert_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
