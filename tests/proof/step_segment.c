/* SPDX-License-Identifier: MIT */
/*
 * Shows: a segment has one reference on each of its frames, whatever is done with it; no other
 *   frame changes, and what is refused changes nothing
 * Rules: INV-M1 INV-M3 INV-M4 INV-A1 INV-A2 INV-A3 INV-H3 INV-S11 AX-12 AX-13 AX-14 AX-15 AX-16
 *   P-5 M-6 BUG-3 S-7 S-8
 * Layer: steps
 * Assumes: the allocator is as its header says, but may offer any run, and refuse
 * Assumes: one thread at a time; slot_count and slot_owner are of any number
 * Sources: mm/segment.c mm/frame.c mm/untyped.c mm/domain.c mm/slot.c tests/proof/step_slots.c
 * Geometry: 6 frames in any states; segments of 0 to 3 of them; any argument
 * Cases: STEP from_unused alloc put clone slice split next conversions from_frame get_run
 *   put_run refused
 * Cases: NR 0 1 3
 * Options: --slice-formula
 * Unwind: 7 slot_put.0:2 count_up.0:2
 * Covers: segment_from_unused segment_alloc segment_claim slots_claim segment_put references_put
 *   reference_put segment_clone segment_slice segment_share references_inc segment_split
 *   segment_next segment_from_frame segment_check_kind segment_into_raw segment_from_raw run_get
 *   run_put reference_get untyped_segment_from_segment segment_from_untyped frames_give_back
 * Unreached: reference_get if (err || frame_kind_is_untyped(frame_kind_of(&frame)))
 * Unreached: reference_get return -EINVAL;
 * Unreached: reference_put int last = kind_may_be_put(slot_kind(slot))
 * Unreached: references_put int last = kind_may_be_put(slot_kind(slot))
 * Except: slot_state_is_shared wraps one comparison for both ends of the range
 * Except: references_inc wraps a loop that counts down to 0
 * Except: slots_claim wraps a loop that counts down to 0
 * Limit: 300
 *
 * What is not reached: a frame does not become another kind between look and reference, which takes
 * another thread; and of the function that tells kinds, calls of others that the prover has for
 * candidates.
 */
#include "mm/untyped.h"
#include "tests/proof/step_slots.h"

/*
 * The frames that the step is about. Where they begin does not matter, for nothing is done with a
 * frame's number but to find its slot.
 */
#define FIRST 1u

static const paddr_t run_paddr = { (uint64_t)FIRST << PAGE_SHIFT };

static bool is_inside(unsigned number)
{
	return is_in_run(number, FIRST, NR);
}

/* Any segment of these frames: it holds one of each, and they are of kinds that it may have. */
static struct segment begin_segment(void)
{
	for (unsigned i = FIRST; i < FIRST + NR; i++)
		held[i] = any_count();
	slots_begin();
	for (unsigned i = FIRST; i < FIRST + NR; i++)
		assume(slot_kind(&slots[i]) != FRAME_NODE);
	return (struct segment){ &domain, run_paddr, NR };
}

static bool segment_is(const struct segment *segment, unsigned first, unsigned nr)
{
	return segment->domain == &domain && segment->paddr.value == frame_at(first).value &&
	       segment->nr_frames == nr;
}

static bool segment_is_whole(const struct segment *segment)
{
	return segment_is(segment, FIRST, NR);
}

static enum frame_kind any_kind(void)
{
	unsigned kind = nondet_unsigned();

	assume(kind <= FRAME_KINDS);
	return (enum frame_kind)kind;
}

/* Why the first of the frames that cannot be had cannot; 0 if all can. */
static int claim_refusal(void)
{
	for (unsigned i = FIRST; i < FIRST + NR; i++) {
		uint32_t state = slots_before[i].state;

		if (state != SLOT_UNUSED)
			return state == SLOT_UNIQUE ? -EBUSY :
			       state == SLOT_BUSY   ? -EAGAIN :
						      -EEXIST;
	}
	return 0;
}

static void hold_run(unsigned first, unsigned nr)
{
	for (unsigned i = first; i < first + nr; i++)
		held[i].count++;
}

static void from_unused(void)
{
	struct segment segment = { 0 };
	enum frame_kind kind = any_kind();

	slots_begin();
	int error = segment_from_unused(&domain, run_paddr, NR, kind, &segment);

	prove(error == (NR == 0 || !frame_kind_is_plain(kind) ? -EINVAL : claim_refusal()));
	prove(error ? segment.domain == NULL : segment_is_whole(&segment));
	if (error == 0)
		hold_run(FIRST, NR);
	prove_slots(kind);
}

/* What was offered and could not be had goes back, but for what is somebody's. */
static void alloc(void)
{
	struct segment segment = { 0 };
	enum frame_kind kind = any_kind();

	slots_begin();
	allocator_offered = FIRST;
	allocator_offers = 2;
	int error = segment_alloc(&domain, NR, PAGE_SIZE, kind, &segment);

	if (NR == 0 || !frame_kind_is_plain(kind))
		prove(error == -EINVAL);
	else
		prove(error == 0 || error == -ENOMEM);
	prove(error ? segment.domain == NULL : segment_is_whole(&segment));
	for (unsigned i = 0; i < FRAMES; i++) {
		bool unused = slots_before[i].state == SLOT_UNUSED;
		unsigned failed = 2 - allocator_offers - (error == 0);

		prove(allocator_told[i] <= (is_inside(i) && unused ? failed : 0));
		prove(implies(error == 0 && is_inside(i), slots[i].home == HOME_TAKEN));
		allocator_told[i] = 0;
	}
	if (error == 0)
		hold_run(FIRST, NR);
	prove_slots(kind);
}

static void put(void)
{
	struct segment segment = begin_segment();

	prove(segment_put(&segment) == 0 && segment.domain == NULL);
	for (unsigned i = FIRST; i < FIRST + NR; i++)
		held[i].count--;
	prove_slots(FRAME_NONE);
}

/* Is one of the frames held so often that it cannot be held once more? */
static bool is_saturated(unsigned first, unsigned nr)
{
	bool is = false;

	for (unsigned i = first; i < first + nr; i++)
		is = is || slots_before[i].state == SLOT_BUSY + SLOT_SHARED_MAX;
	return is;
}

static void clone(void)
{
	struct segment segment = begin_segment();
	struct segment copy = { 0 };
	int error = segment_clone(&segment, &copy);

	prove(segment_is_whole(&segment));
	prove(error == (is_saturated(FIRST, NR) ? -EOVERFLOW : 0));
	prove(error ? copy.domain == NULL : segment_is_whole(&copy));
	if (error == 0)
		hold_run(FIRST, NR);
	prove_slots(FRAME_NONE);
}

static void slice_of(unsigned start, unsigned end)
{
	struct segment segment = begin_segment();
	struct segment copy = { 0 };
	int error = segment_slice(&segment, (uint64_t)start << PAGE_SHIFT,
				  (uint64_t)end << PAGE_SHIFT, &copy);

	prove(segment_is_whole(&segment));
	prove(error == (is_saturated(FIRST + start, end - start) ? -EOVERFLOW : 0));
	prove(error ? copy.domain == NULL : segment_is(&copy, FIRST + start, end - start));
	if (error == 0)
		hold_run(FIRST + start, end - start);
	prove_slots(FRAME_NONE);
	assume(false);
}

static void slice(void)
{
	unsigned choice = nondet_unsigned();

	for (unsigned start = 0; start <= NR; start++)
		for (unsigned end = start; end <= NR; end++)
			if (choice == start * (NR + 1) + end)
				slice_of(start, end);
}

/* Each frame is in one of the two, and in one only. */
static void split(void)
{
	struct segment segment = begin_segment();
	struct segment low = { 0 }, high = { 0 };
	uint64_t offset = nondet_u64();
	uint64_t nr_low = offset >> PAGE_SHIFT;
	int error = segment_split(&segment, offset, &low, &high);

	if (!is_aligned(offset, PAGE_SIZE))
		prove(error == -EINVAL);
	else
		prove(error == (nr_low == 0 || nr_low >= NR ? -ERANGE : 0));
	if (error) {
		prove(segment_is_whole(&segment) && !low.domain && !high.domain);
	} else {
		prove(segment.domain == NULL);
		prove(segment_is(&low, FIRST, (unsigned)nr_low));
		prove(segment_is(&high, FIRST + (unsigned)nr_low, NR - (unsigned)nr_low));
	}
	prove_unchanged();
}

static void next(void)
{
	struct segment segment = begin_segment();
	struct frame frame = { 0 };
	int error = segment_next(&segment, &frame);

	prove(error == (NR == 0 ? -ENOENT : 0));
	if (error) {
		prove(frame.domain == NULL && segment_is_whole(&segment));
	} else {
		prove(frame.domain == &domain && frame.paddr.value == run_paddr.value);
		prove(NR == 1 ? segment.domain == NULL : segment_is(&segment, FIRST + 1, NR - 1));
	}
	prove_unchanged();
}

/* What only looks, and what moves the references. */
static void conversions(void)
{
	struct segment segment = begin_segment();
	struct untyped_segment untyped = { { 0 } };
	enum frame_kind kind = any_kind(), is = slot_kind(&slots[FIRST]);

	prove(segment_check_kind(&segment, kind) == (NR > 0 && kind == is ? 0 : -EINVAL));
	int error = untyped_segment_from_segment(&segment, &untyped);

	prove(error == (NR > 0 && (is == FRAME_DATA || is == FRAME_GUEST) ? 0 : -EINVAL));
	prove(error ? untyped.segment.domain == NULL : segment_is_whole(&untyped.segment));
	if (error == 0) {
		prove(segment.domain == NULL);
		segment = segment_from_untyped(&untyped);
		prove(untyped.segment.domain == NULL);
	}
	prove(segment_is_whole(&segment));
	prove(segment_into_raw(&segment).value == run_paddr.value && segment.domain == NULL);
	segment = segment_from_raw(&domain, run_paddr, NR);
	prove(segment_is_whole(&segment));
	prove_unchanged();
}

static void from_frame(void)
{
	struct frame frame = frame_from_raw(&domain, run_paddr);
	struct segment segment = { 0 };

	held[FIRST] = any_count();
	slots_begin();
	bool node = slot_kind(&slots[FIRST]) == FRAME_NODE;
	int error = segment_from_frame(&frame, &segment);

	prove(error == (node ? -EINVAL : 0));
	prove(frame.domain == (error ? &domain : NULL));
	prove(error ? segment.domain == NULL : segment_is(&segment, FIRST, 1));
	prove_unchanged();
}

static bool is_plain_bytes(unsigned number)
{
	enum frame_kind kind = slot_kind(&slots_before[number]);

	return slots_before[number].state > SLOT_BUSY &&
	       slots_before[number].state != SLOT_UNIQUE &&
	       (kind == FRAME_DATA || kind == FRAME_GUEST);
}

/* Leaves of a huge page: one reference on each of its frames, or on none. */
static void get_run(void)
{
	bool can;

	slots_begin();
	can = NR > 0 && !is_saturated(FIRST, NR);
	for (unsigned i = FIRST; i < FIRST + NR; i++)
		can = can && is_plain_bytes(i);
	int error = run_get(&domain, run_paddr, NR);

	prove((error == 0) == can);
	prove(error == 0 || error == -EINVAL || error == -ENOENT || error == -EBUSY ||
	      error == -EAGAIN || error == -EOVERFLOW);
	if (error == 0)
		hold_run(FIRST, NR);
	prove_slots(FRAME_NONE);
}

/* A frame that owns nothing, or holds no plain bytes, is passed over, and counted. */
static void put_run(void)
{
	uint64_t nr_refused = 0;

	for (unsigned i = FIRST; i < FIRST + NR; i++)
		held[i] = any_bool() ? NOTHING : any_count();
	slots_begin();
	for (unsigned i = FIRST; i < FIRST + NR; i++) {
		bool owned = held[i].count > 0 && is_plain_bytes(i);

		/* A reference that somebody else has would be taken for the run's. */
		assume(owned || !is_plain_bytes(i));
		nr_refused += !owned;
	}
	domain.nr_corrupt = 0;
	int error = run_put(&domain, run_paddr, NR);

	prove(error == (NR == 0 ? -EINVAL : nr_refused > 0 ? -EUCLEAN : 0));
	prove(domain.nr_corrupt == nr_refused);
	for (unsigned i = FIRST; i < FIRST + NR; i++)
		held[i].count -= is_plain_bytes(i);
	prove_slots(FRAME_NONE);
}

/* A run that is none of the domain's: domain_range has all that there are. */
static void refuse_run(uint64_t address, uint64_t nr, int error)
{
	struct segment segment = { 0 };

	prove(segment_from_unused(&domain, PADDR(address), nr, FRAME_DATA, &segment) == error);
	prove(run_get(&domain, PADDR(address), nr) == error);
	prove(run_put(&domain, PADDR(address), nr) == error);
	prove(segment.domain == NULL);
}

static void refuse_slice(const struct segment *segment, uint64_t start, uint64_t end, int error)
{
	struct segment slice = { 0 };

	prove(segment_slice(segment, start, end, &slice) == error && slice.domain == NULL);
	prove(segment_is_whole(segment));
}

/* What is no segment, and what is no part of one. */
static void refused(void)
{
	struct segment segment = begin_segment();
	struct segment empty = { 0 }, copy = { 0 }, high = { 0 };
	struct frame frame = { 0 };
	uint64_t start = nondet_u64(), end = nondet_u64();

	refuse_slice(&segment, 0, 1, -EINVAL);
	refuse_slice(&segment, PAGE_SIZE - 1, PAGE_SIZE, -EINVAL);
	refuse_slice(&segment, PAGE_SIZE, 0, -ERANGE);
	refuse_slice(&segment, 0, (NR + 1) * PAGE_SIZE, -ERANGE);
	refuse_slice(&segment, -PAGE_SIZE, 0, -ERANGE);
	refuse_slice(&segment, -PAGE_SIZE, -PAGE_SIZE, -ERANGE);
	prove(segment_clone(&empty, &copy) == -EINVAL);
	prove(segment_slice(&empty, start, end, &copy) == -EINVAL);
	prove(segment_split(&empty, start, &copy, &high) == -EINVAL);
	prove(segment_put(&empty) == -EINVAL && segment_next(&empty, &frame) == -ENOENT);
	prove(segment_into_raw(&empty).value == PADDR_NONE.value);
	prove(segment_from_frame(&frame, &copy) == -EINVAL);
	refuse_run(run_paddr.value + 1, 1, -EINVAL);
	refuse_run(run_paddr.value, 0, -EINVAL);
	refuse_run(run_paddr.value, FRAMES, -ERANGE);
	refuse_run(FRAMES * PAGE_SIZE, 1, -ERANGE);
	refuse_run(-PAGE_SIZE, 2, -ERANGE);
	refuse_run(run_paddr.value, UINT64_MAX, -ERANGE);
	prove(!copy.domain && !high.domain && !frame.domain && segment_is_whole(&segment));
	prove_unchanged();
}

int main(void)
{
	STEP();
	return 0;
}
