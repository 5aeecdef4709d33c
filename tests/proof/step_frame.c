/* SPDX-License-Identifier: MIT */
/*
 * Shows: a step of a handle of one frame, shared, unique or untyped, changes this frame as the
 *   design says, and no other frame; what is refused changes nothing
 * Rules: INV-M1 INV-M2 INV-M3 INV-M4 INV-A1 INV-A2 INV-A3 INV-H1 INV-H2 AX-9 AX-10 AX-11 AX-14
 *   AX-17 AX-18 S-7 S-8 S-9 S-10 S-11 M-6
 * Layer: steps
 * Assumes: the allocator is as its header says, but may offer any frame, and refuse
 * Assumes: what the entries of a node own is given up as mm/node.h says
 * Assumes: one thread at a time; frame_handle is of any number
 * Sources: mm/frame.c mm/unique_frame.c mm/untyped.c mm/domain.c mm/slot.c
 *   tests/proof/step_slots.c
 * Geometry: 6 frames in any states, any handle of one of them; any address and kind
 * Cases: STEP from_unused from_in_use alloc clone put conversions unique_from_unused unique_put
 *   unique_reset unique_repurpose to_shared to_unique empty
 * Options: --slice-formula
 * Unwind: 7 slot_put.0:2 count_up.0:2
 * Covers: frame_from_unused frame_from_in_use frame_alloc frame_clone frame_put frame_end
 *   frame_release frame_teardown drop_content frames_give_back claim frame_into_raw
 *   frame_from_raw frame_borrow frame_reference_count frame_kind_of frame_check_kind
 *   unique_frame_from_unused unique_frame_put unique_frame_reset_as_unused unique_frame_abandon
 *   unique_frame_repurpose frame_from_unique unique_frame_from_shared untyped_frame_from_frame
 *   frame_from_untyped
 * Except: slot_state_is_shared wraps one comparison for both ends of the range
 * Limit: 300
 */
#include "mm/untyped.h"
#include "tests/proof/step_slots.h"

/*
 * The frame that the step is about, if its address is one of a frame. Which one it is does not
 * matter, for nothing is done with a frame's number but to find its slot.
 */
static const unsigned number = 3;

static enum frame_kind any_kind(void)
{
	unsigned kind = nondet_unsigned();

	assume(kind <= FRAME_KINDS);
	return (enum frame_kind)kind;
}

/* A handle of a shared frame; there may be others of the step's. */
static struct frame begin_shared(void)
{
	held[number] = any_count();
	slots_begin();
	return frame_from_raw(&domain, frame_at(number));
}

/* Any address: the frame's, or one that is no frame's. */
static paddr_t any_address(void)
{
	paddr_t paddr = PADDR(nondet_u64());

	assume(!is_aligned(paddr.value, PAGE_SIZE) || paddr.value >= FRAMES * PAGE_SIZE ||
	       paddr.value == frame_at(number).value);
	return paddr;
}

/* Why the address is refused; 0 if it is the frame's. */
static int address_refusal(paddr_t paddr)
{
	if (!is_aligned(paddr.value, PAGE_SIZE))
		return -EINVAL;
	return paddr.value >= FRAMES * PAGE_SIZE ? -ERANGE : 0;
}

/* Why a claim is refused; 0 if the frame can be had. */
static int claim_refusal(paddr_t paddr)
{
	int refusal = address_refusal(paddr);
	uint32_t state = slots_before[number].state;

	if (refusal || state == SLOT_UNUSED)
		return refusal;
	return state == SLOT_UNIQUE ? -EBUSY : state == SLOT_BUSY ? -EAGAIN : -EEXIST;
}

static void prove_frame(int error, const struct frame *frame)
{
	prove(frame->domain == (error ? NULL : &domain));
	prove(error || frame->paddr.value == frame_at(number).value);
}

static void from_unused(void)
{
	struct frame frame = { 0 };
	enum frame_kind kind = any_kind();

	slots_begin();
	paddr_t paddr = any_address();
	int error = frame_from_unused(&domain, paddr, kind, &frame);

	prove(error == (frame_kind_is_claimable(kind) ? claim_refusal(paddr) : -EINVAL));
	prove_frame(error, &frame);
	if (error == 0)
		hold(number);
	prove_slots(kind);
}

static void from_in_use(void)
{
	struct frame frame = { 0 };

	slots_begin();
	paddr_t paddr = any_address();
	uint32_t count = slot_count(&slots[number]);
	int error = frame_from_in_use(&domain, paddr, &frame);
	int refusal = address_refusal(paddr);

	if (refusal == 0 && count == SLOT_SHARED_MAX)
		refusal = -EOVERFLOW;
	else if (refusal == 0 && count == 0)
		refusal = claim_refusal(paddr) ? claim_refusal(paddr) : -ENOENT;
	prove(error == refusal);
	prove_frame(error, &frame);
	if (error == 0)
		hold(number);
	prove_slots(FRAME_NONE);
}

static void alloc(void)
{
	struct frame frame = { 0 };
	enum frame_kind kind = any_kind();

	slots_begin();
	allocator_offered = number;
	int error = frame_alloc(&domain, kind, any_bool(), &frame);

	prove(error == 0 || error == (frame_kind_is_claimable(kind) ? -ENOMEM : -EINVAL));
	prove_frame(error, &frame);
	prove(error || slots[number].home == HOME_TAKEN);
	if (error == 0)
		hold(number);
	prove_slots(kind);
}

static void clone(void)
{
	struct frame frame = begin_shared();
	struct frame copy = { 0 };
	uint32_t count = slot_count(&slots[number]);
	int error = frame_clone(&frame, &copy);

	prove(error == (count == SLOT_SHARED_MAX ? -EOVERFLOW : 0));
	prove_frame(0, &frame);
	prove_frame(error, &copy);
	if (error == 0)
		hold(number);
	prove_slots(FRAME_NONE);
}

static void put(void)
{
	struct frame frame = begin_shared();

	prove(frame_put(&frame) == 0 && frame.domain == NULL);
	held[number].count--;
	prove_slots(FRAME_NONE);
}

/* What only looks, and what moves the reference. */
static void conversions(void)
{
	struct frame frame = begin_shared();
	enum frame_kind kind = any_kind();
	struct frame_ref ref = frame_borrow(&frame);
	struct untyped_frame untyped = { { 0 } };
	bool plain = slot_kind(&slots[number]) == FRAME_DATA ||
		     slot_kind(&slots[number]) == FRAME_GUEST;

	prove(ref.domain == &domain && ref.paddr.value == frame_at(number).value);
	prove(frame_reference_count(&frame) == slot_count(&slots[number]));
	prove(frame_check_kind(&frame, kind) == (kind == slot_kind(&slots[number]) ? 0 : -EINVAL));

	int error = untyped_frame_from_frame(&frame, &untyped);

	prove(error == (plain ? 0 : -EINVAL));
	prove_frame(error, &untyped.frame);
	if (error == 0) {
		prove(frame.domain == NULL);
		frame = frame_from_untyped(&untyped);
		prove(untyped.frame.domain == NULL);
	}
	prove_frame(0, &frame);
	prove(frame_into_raw(&frame).value == frame_at(number).value && frame.domain == NULL);
	prove_unchanged();
}

static void unique_from_unused(void)
{
	struct unique_frame frame = { 0 };
	enum frame_kind kind = any_kind();

	slots_begin();
	paddr_t paddr = any_address();
	int error = unique_frame_from_unused(&domain, paddr, kind, &frame);

	prove(error == (frame_kind_is_plain(kind) ? claim_refusal(paddr) : -EINVAL));
	prove(frame.domain == (error ? NULL : &domain));
	prove(error || frame.paddr.value == frame_at(number).value);
	if (error == 0)
		held[number] = UNIQUE;
	prove_slots(kind);
}

/*
 * A unique handle, or a stale copy of one: the frame is not unique any more, has been swallowed by
 * a list, or has become the head of a free chunk.
 */
static struct unique_frame begin_unique(void)
{
	bool stale = any_bool();

	held[number] = stale ? NOTHING : UNIQUE;
	slots_begin();
	bool loose = slots[number].state == SLOT_UNIQUE && slot_list_of(&slots[number]) == 0 &&
		     slot_kind(&slots[number]) != FRAME_FREE;

	assume(stale != loose);
	return (struct unique_frame){ &domain, frame_at(number) };
}

static bool is_stale(void)
{
	return held[number].how == HOLDS_COUNT;
}

/* The handle is used up, or refused and left as it was; `after` is what is held then. */
static void end_unique(const struct unique_frame *frame, int error, struct holding after)
{
	prove(error == (is_stale() ? -EINVAL : 0));
	prove(frame->domain == (error ? &domain : NULL));
	prove(error == 0 || frame->paddr.value == frame_at(number).value);
	if (error == 0)
		held[number] = after;
}

static void unique_put(void)
{
	struct unique_frame frame = begin_unique();
	int error = unique_frame_put(&frame);

	end_unique(&frame, error, NOTHING);
	prove_slots(FRAME_NONE);
}

/* As a put, but the allocator is not told (S-10). */
static void unique_reset(void)
{
	struct unique_frame frame = begin_unique();
	int error = unique_frame_reset_as_unused(&frame);

	end_unique(&frame, error, NOTHING);
	for (unsigned i = 0; i < FRAMES; i++)
		prove(allocator_told[i] == 0);
	if (error == 0)
		allocator_told[number] = slot_is_for_allocator(&slots_before[number]);
	prove_slots(FRAME_NONE);
}

static void unique_repurpose(void)
{
	struct unique_frame frame = begin_unique();
	enum frame_kind kind = any_kind();
	bool refused = is_stale() || !frame_kind_is_plain(kind);
	int error = unique_frame_repurpose(&frame, kind);

	prove(error == (refused ? -EINVAL : 0));
	prove(frame.domain == &domain && frame.paddr.value == frame_at(number).value);
	/* All else is as it was. */
	if (error == 0) {
		prove(slots[number].type == SLOT_TYPE(kind, 0, 0));
		slots[number].type = slots_before[number].type;
	}
	prove_slots(FRAME_NONE);
}

static void to_shared(void)
{
	struct unique_frame unique = begin_unique();
	struct frame frame = { 0 };
	int error = frame_from_unique(&unique, &frame);

	end_unique(&unique, error, COUNT(1));
	prove_frame(error, &frame);
	prove_slots(FRAME_NONE);
}

static void to_unique(void)
{
	struct frame frame = begin_shared();
	struct unique_frame unique = { 0 };
	bool node = slot_kind(&slots[number]) == FRAME_NODE;
	uint32_t count = slot_count(&slots[number]);
	int error = unique_frame_from_shared(&frame, &unique);

	prove(error == (node ? -EINVAL : count == 1 ? 0 : -EBUSY));
	prove(unique.domain == (error ? NULL : &domain));
	prove(frame.domain == (error ? &domain : NULL));
	if (error == 0) {
		prove(unique.paddr.value == frame_at(number).value);
		held[number] = UNIQUE;
	}
	prove_slots(FRAME_NONE);
}

/* A handle that owns nothing is refused, and nothing happens. */
static void empty(void)
{
	struct frame frame = { 0 }, copy = { 0 };
	struct unique_frame unique = { 0 };
	struct untyped_frame untyped = { { 0 } };
	enum frame_kind kind = any_kind();

	slots_begin();
	prove(frame_put(&frame) == -EINVAL && frame_clone(&frame, &copy) == -EINVAL);
	prove(frame_into_raw(&frame).value == PADDR_NONE.value);
	prove(frame_reference_count(&frame) == 0 && frame_kind_of(&frame) == FRAME_NONE);
	prove(frame_check_kind(&frame, kind) == -EINVAL);
	prove(untyped_frame_from_frame(&frame, &untyped) == -EINVAL);
	prove(unique_frame_put(&unique) == -EINVAL);
	prove(unique_frame_reset_as_unused(&unique) == -EINVAL);
	prove(unique_frame_repurpose(&unique, kind) == -EINVAL);
	prove(frame_from_unique(&unique, &frame) == -EINVAL);
	prove(unique_frame_from_shared(&frame, &unique) == -EINVAL);
	prove(!frame.domain && !copy.domain && !unique.domain && !untyped.frame.domain);
	prove_unchanged();
}

int main(void)
{
	STEP();
	return 0;
}
