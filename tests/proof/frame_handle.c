/* SPDX-License-Identifier: MIT */
/*
 * Shows: a handle of a frame owns what it says, among any number of threads; the frame of the last
 *   is torn down once, given back once, and only when nobody has it
 * Rules: S-1 S-2 S-3 S-4 S-5 S-6 S-7 S-8 S-9 S-10 S-11 M-6
 * Layer: slots
 * Assumes: the allocator and the thread's shelf are as their headers say
 * Sources: mm/frame.c mm/unique_frame.c mm/domain.c mm/slot.c tests/proof/slot_world.c
 * Hooks: interference
 * Geometry: one frame, any number of threads
 * Cases: HANDLE from_unused from_in_use clone put unique_from_unused unique_put unique_reset
 *   unique_repurpose to_unique to_shared empty
 * Unwind: 3
 * Covers: frame_from_unused frame_from_in_use frame_clone frame_put frame_end frame_release
 *   drop_content frames_give_back claim unique_frame_from_unused unique_frame_put
 *   unique_frame_reset_as_unused unique_frame_abandon frame_from_unique unique_frame_from_shared
 *   unique_frame_repurpose
 * Except: slot_state_is_shared wraps one comparison for both ends of the range
 * Limit: 60
 * Quick: yes
 */
#include "mm/frame.h"
#include "mm/frame_cache.h"
#include "mm/handle.h"
#include "tests/proof/slot_world.h"

static struct phys_domain domain;
static unsigned told;	 /* times that the allocator, or a shelf, was told of the frame */
static unsigned given;	 /* times that it took it: not if somebody has claimed it meanwhile */
static unsigned dropped; /* times that the children of a node were dropped */

/* The allocator, as its header has it. */
void allocator_init(struct frame_allocator *allocator)
{
	(void)allocator;
}

int allocator_give(struct phys_domain *of, paddr_t paddr, uint64_t nr_frames)
{
	prove(of == &domain && paddr.value == 0 && nr_frames == 1);
	/* Only now that nobody has it by us (S-8). */
	prove(mine.how == HOLDS_COUNT && mine.count == 0);
	prove(given == 0);
	told++;
	if (any_bool())
		return -EEXIST;
	given++;
	return 0;
}

void allocator_forget(struct phys_domain *of, paddr_t paddr)
{
	prove(of == &domain && paddr.value == 0);
	prove(mine.how == HOLDS_BUSY);
}

bool frame_cache_put(struct phys_domain *of, struct slot *slot)
{
	prove(of == &domain && slot == &proof_slot);
	prove(mine.how == HOLDS_BUSY && slot->home == HOME_TAKEN);
	if (any_bool())
		return false;
	slot->home = HOME_UNKNOWN;
	slot_release(slot);
	told++;
	given++;
	return true;
}

int frame_cache_take(struct phys_domain *of, struct slot **slot)
{
	(void)of;
	(void)slot;
	return -ENOMEM;
}

void frame_clear(const struct phys_domain *of, const struct slot *slot)
{
	(void)of;
	(void)slot;
}

void node_drop_children(struct phys_domain *of, paddr_t node)
{
	prove(of == &domain && node.value == 0 && mine.how == HOLDS_BUSY);
	dropped++;
}

static void begin(struct holding holding)
{
	world_begin(holding);
	domain.slots = &proof_slot;
	domain.nr_frames = 1;
	/* What is held is of a kind that is held, and not in a list. */
	if (holding.how != HOLDS_COUNT || holding.count > 0)
		assume(frame_kind_is_claimable(slot_kind(&proof_slot)));
	assume(proof_slot.list == 0);
	assume(proof_slot.home <= HOME_ZEROED);
}

static uint32_t any_count(void)
{
	uint32_t held = nondet_u32();

	assume(held > 0 && held <= SLOT_SHARED_MAX);
	return held;
}

/* Nothing is ours any more. The allocator was told if the frame is its own, and never else. */
static void ended(bool pooled, bool node)
{
	world_end(NOTHING);
	prove((told > 0) == pooled && given <= 1);
	prove(dropped == node);
}

static void from_unused(void)
{
	struct frame frame = { 0 };
	unsigned kind = nondet_unsigned();
	paddr_t paddr;

	begin(NOTHING);
	assume(kind <= FRAME_KINDS);
	int err = frame_from_unused(&domain, paddr, (enum frame_kind)kind, &frame);

	prove((err == 0) == (frame.domain == &domain));
	prove(implies(err == 0, paddr.value == 0 && slot_kind(&proof_slot) == kind));
	prove(implies(err != 0, proof_steps == 0));
	world_end(err ? NOTHING : COUNT(1));
}

static void from_in_use(void)
{
	struct frame frame = { 0 };
	paddr_t paddr;

	begin(NOTHING);
	int err = frame_from_in_use(&domain, paddr, &frame);

	prove((err == 0) == (frame.domain == &domain));
	world_end(err ? NOTHING : COUNT(1));
}

static void clone(void)
{
	uint32_t held = any_count();
	struct frame copy = { 0 };

	begin(COUNT(held));
	struct frame frame = frame_from_raw(&domain, PADDR(0));
	int err = frame_clone(&frame, &copy);

	prove(err == 0 || err == -EOVERFLOW);
	prove((err == 0) == (copy.domain == &domain) && frame.domain == &domain);
	world_end(COUNT(err ? held : held + 1));
}

static void put(void)
{
	uint32_t held = any_count();

	begin(COUNT(held));
	struct frame frame = frame_from_raw(&domain, PADDR(0));
	enum frame_kind kind = slot_kind(&proof_slot);
	bool pooled = frame_kind_is_pooled(kind) || proof_slot.home == HOME_ZEROED;

	prove(frame_put(&frame) == 0 && frame.domain == NULL);
	bool ended_by_us = proof_steps > 1;
	prove(implies(!ended_by_us, told == 0 && dropped == 0));
	if (ended_by_us)
		ended(pooled, kind == FRAME_NODE);
	else
		world_end(COUNT(held - 1));
}

static void unique_from_unused(void)
{
	struct unique_frame frame = { 0 };
	unsigned kind = nondet_unsigned();
	paddr_t paddr;

	begin(NOTHING);
	assume(kind <= FRAME_KINDS);
	int err = unique_frame_from_unused(&domain, paddr, (enum frame_kind)kind, &frame);

	prove((err == 0) == (frame.domain == &domain));
	prove(implies(err == 0, kind != FRAME_NODE && slot_kind(&proof_slot) == kind));
	world_end(err ? NOTHING : UNIQUE);
}

static struct unique_frame begin_unique(void)
{
	begin(UNIQUE);
	assume(frame_kind_is_plain(slot_kind(&proof_slot)));
	return (struct unique_frame){ &domain, PADDR(0) };
}

static void unique_put(void)
{
	struct unique_frame frame = begin_unique();
	bool pooled = frame_kind_is_pooled(slot_kind(&proof_slot)) ||
		      proof_slot.home == HOME_ZEROED;

	prove(unique_frame_put(&frame) == 0 && frame.domain == NULL);
	ended(pooled, false);
}

static void unique_reset(void)
{
	struct unique_frame frame = begin_unique();

	prove(unique_frame_reset_as_unused(&frame) == 0 && frame.domain == NULL);
	ended(false, false);
}

static void unique_repurpose(void)
{
	struct unique_frame frame = begin_unique();
	unsigned kind = nondet_unsigned();
	uint32_t before = proof_slot.type;

	assume(kind <= FRAME_KINDS);
	int err = unique_frame_repurpose(&frame, (enum frame_kind)kind);

	prove(implies(err == 0, slot_kind(&proof_slot) == kind && kind != FRAME_NODE));
	prove(implies(err != 0, err == -EINVAL && proof_slot.type == before));
	world_end(UNIQUE);
}

static void to_unique(void)
{
	uint32_t held = any_count();
	struct unique_frame unique = { 0 };

	begin(COUNT(held));
	struct frame frame = frame_from_raw(&domain, PADDR(0));
	int err = unique_frame_from_shared(&frame, &unique);

	prove((err == 0) == (unique.domain == &domain) && (err == 0) == (frame.domain == NULL));
	prove(implies(err == 0, held == 1 && slot_kind(&proof_slot) != FRAME_NODE));
	world_end(err ? COUNT(held) : UNIQUE);
}

static void to_shared(void)
{
	struct unique_frame unique = begin_unique();
	struct frame frame = { 0 };

	prove(frame_from_unique(&unique, &frame) == 0);
	prove(frame.domain == &domain && unique.domain == NULL);
	world_end(COUNT(1));
}

/* A handle that owns nothing is refused, and nothing happens. */
static void empty(void)
{
	struct frame frame = { 0 }, copy = { 0 };
	struct unique_frame unique = { 0 };
	unsigned kind = nondet_unsigned();

	begin(NOTHING);
	assume(kind <= FRAME_KINDS);
	prove(frame_put(&frame) == -EINVAL && frame_clone(&frame, &copy) == -EINVAL);
	prove(unique_frame_put(&unique) == -EINVAL);
	prove(unique_frame_reset_as_unused(&unique) == -EINVAL);
	prove(unique_frame_repurpose(&unique, (enum frame_kind)kind) == -EINVAL);
	prove(frame_from_unique(&unique, &frame) == -EINVAL);
	prove(unique_frame_from_shared(&frame, &unique) == -EINVAL);
	prove(proof_steps == 0 && told == 0 && dropped == 0);
	world_end(NOTHING);
}

int main(void)
{
	HANDLE();
	return 0;
}
