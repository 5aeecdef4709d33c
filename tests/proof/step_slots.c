/* SPDX-License-Identifier: MIT */
#include "tests/proof/step_slots.h"

#include "mm/frame_cache.h"
#include "mm/node.h"

struct phys_domain domain;
struct slot slots[FRAMES];
struct slot slots_before[FRAMES];
struct holding held[FRAMES];
unsigned allocator_offers;
unsigned allocator_offered;
unsigned allocator_told[FRAMES];
unsigned children_dropped[FRAMES];

static struct phys_domain domain_before;
static struct holding held_before[FRAMES];
static struct holding others[FRAMES];
static bool is_claimed_by_others[FRAMES];

/* INV-M1: an unused frame has no kind, is on no list, and is not given out. */
static bool unused_is_sound(const struct slot *slot)
{
	return slot->type == 0 && slot_list_of(slot) == 0 && slot->home != HOME_TAKEN;
}

/* INV-M2, INV-H2: a unique frame has a kind, and may be on a list; a free chunk's head is one. */
static bool unique_is_sound(const struct slot *slot)
{
	enum frame_kind kind = slot_kind(slot);

	return kind == FRAME_FREE || frame_kind_is_plain(kind);
}

/* INV-M3: a shared frame has a kind and is on no list; the word of a node is its lock's queue. */
static bool shared_is_sound(const struct slot *slot)
{
	enum frame_kind kind = slot_kind(slot);

	return frame_kind_is_claimable(kind) && (kind == FRAME_NODE || slot_list_of(slot) == 0);
}

bool slot_is_sound(const struct slot *slot)
{
	switch (slot->state) {
	case SLOT_UNUSED:
		return unused_is_sound(slot);
	case SLOT_BUSY: /* INV-M5 */
		return slot_list_of(slot) == 0;
	case SLOT_UNIQUE:
		return unique_is_sound(slot);
	default: /* INV-M4 */
		return slot->state <= SLOT_BUSY + SLOT_SHARED_MAX && shared_is_sound(slot);
	}
}

/* INV-A1 to A3: the word is what the step and all others hold, and nothing else. */
static bool is_accounted(unsigned number)
{
	return world_is_valid(held[number], others[number]) &&
	       slots[number].state == world_word(held[number], others[number]);
}

/* What others hold of a frame with this word, of which the step holds `held`. */
static struct holding rest_of(uint32_t state, struct holding holding)
{
	if (state == SLOT_BUSY)
		return BUSY;
	if (state == SLOT_UNIQUE)
		return holding.how == HOLDS_UNIQUE ? NOTHING : UNIQUE;
	if (state == SLOT_UNUSED || holding.how != HOLDS_COUNT || holding.count > state - SLOT_BUSY)
		return NOTHING;
	return COUNT(state - SLOT_BUSY - holding.count);
}

struct holding any_count(void)
{
	struct holding any = COUNT(nondet_u32());

	assume(any.count > 0 && any.count <= SLOT_SHARED_MAX);
	return any;
}

/* Member by member: a union that is any as a whole is not one thing to all who read it. */
static void slot_set_any(struct slot *slot)
{
	struct slot any;

	slot->type = any.type;
	slot->next = any.next;
	slot->prev = any.prev;
	slot->unlisted = any.unlisted;
	slot->list = any.list;
	slot->locked_next = any.locked_next;
	slot->nr_children = any.nr_children;
	slot->stray = any_bool();
	slot->marked = any_bool();
	slot->home = any.home;
	assume(slot->home <= HOME_ZEROED);
}

void slots_begin(void)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		slot_set_any(&slots[i]);
		slots[i].state = held[i].how == HOLDS_UNIQUE ? SLOT_UNIQUE : nondet_u32();
		assume(slot_is_sound(&slots[i]));
		others[i] = rest_of(slots[i].state, held[i]);
		assume(is_accounted(i));
		/* Who waits for the lock of a node keeps the node. */
		if (slot_kind(&slots[i]) == FRAME_NODE && slot_list_of(&slots[i]) != 0)
			assume(others[i].how != HOLDS_COUNT || others[i].count > 0);
	}
	domain.slots = slots;
	domain.nr_frames = FRAMES;
	domain.last_list = nondet_u32();
	slots_remember();
}

void slots_remember(void)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		slots_before[i] = slots[i];
		held_before[i] = held[i];
	}
	domain_before = domain;
}

void hold(unsigned number)
{
	held[number].count++;
}

static bool is_same_but_links(const struct slot *a, const struct slot *b)
{
	return a->type == b->type && a->unlisted == b->unlisted &&
	       a->locked_next == b->locked_next && a->nr_children == b->nr_children &&
	       a->stray == b->stray && a->marked == b->marked && a->home == b->home;
}

static bool is_same_but_word(const struct slot *a, const struct slot *b)
{
	return is_same_but_links(a, b) && a->next == b->next && a->prev == b->prev &&
	       slot_list_of(a) == slot_list_of(b);
}

static bool nobody_was_told(unsigned number)
{
	return allocator_told[number] == 0 && children_dropped[number] == 0;
}

bool slot_is_unchanged(unsigned number)
{
	return is_same_but_word(&slots[number], &slots_before[number]) &&
	       slots[number].state == slots_before[number].state && nobody_was_told(number);
}

static bool holdings_are_same(struct holding a, struct holding b)
{
	return a.how == b.how && a.count == b.count;
}

/* Is the frame nobody's, if the step holds this of it? */
static bool is_nobodys(unsigned number, struct holding holding)
{
	return world_word(holding, others[number]) == SLOT_UNUSED;
}

bool slot_has_ended(unsigned number)
{
	return !is_nobodys(number, held_before[number]) && is_nobodys(number, held[number]);
}

bool slot_is_for_allocator(const struct slot *slot)
{
	return frame_kind_is_pooled(slot_kind(slot)) || slot->home == HOME_ZEROED;
}

static void prove_claimed(unsigned number, enum frame_kind kind)
{
	struct slot as_before = slots_before[number];

	as_before.type = SLOT_TYPE(kind, 0, 0);
	as_before.home = slots[number].home;
	prove(is_same_but_word(&slots[number], &as_before));
	prove(slots[number].home == slots_before[number].home || slots[number].home == HOME_TAKEN);
	prove(nobody_was_told(number));
}

/* Once; but for a frame that somebody else has claimed as soon as it was UNUSED. */
static bool allocator_knows(unsigned number)
{
	return allocator_told[number] == 1 ||
	       (allocator_told[number] == 0 && is_claimed_by_others[number]);
}

static void prove_ended(unsigned number)
{
	const struct slot *before = &slots_before[number];

	prove(slot_is_for_allocator(before) ? allocator_knows(number) :
					      allocator_told[number] == 0);
	prove(children_dropped[number] == (slot_kind(before) == FRAME_NODE));
}

static void prove_slot(unsigned number, enum frame_kind claimed)
{
	if (holdings_are_same(held[number], held_before[number])) {
		prove(slot_is_unchanged(number));
		return;
	}
	prove(is_accounted(number));
	prove(slot_is_sound(&slots[number]));
	if (is_nobodys(number, held_before[number]))
		prove_claimed(number, claimed);
	else if (slot_has_ended(number))
		prove_ended(number);
	else
		prove(is_same_but_word(&slots[number], &slots_before[number]) &&
		      nobody_was_told(number));
}

void prove_slots(enum frame_kind claimed)
{
	for (unsigned i = 0; i < FRAMES; i++)
		prove_slot(i, claimed);
	prove(domain.slots == slots && domain.nr_frames == FRAMES);
}

void prove_unchanged(void)
{
	for (unsigned i = 0; i < FRAMES; i++)
		prove(slot_is_unchanged(i));
	prove(domain.last_list == domain_before.last_list &&
	      domain.nr_corrupt == domain_before.nr_corrupt);
}

/* The allocator, as its header has it. */

void allocator_init(struct frame_allocator *allocator)
{
	(void)allocator;
}

/* Told of frames that are UNUSED by now (S-8). Somebody may have claimed one of them meanwhile. */
int allocator_give(struct phys_domain *of, paddr_t paddr, uint64_t nr_frames)
{
	uint64_t first = paddr.value >> PAGE_SHIFT;
	bool refused = any_bool();

	prove(of == &domain && is_aligned(paddr.value, PAGE_SIZE));
	if (nr_frames == 0)
		return -EINVAL;
	prove(first < FRAMES && nr_frames <= FRAMES - first);
	for (unsigned i = 0; i < FRAMES; i++)
		if (is_in_run(i, first, nr_frames)) {
			prove(slots[i].state == SLOT_UNUSED ||
			      slots[i].state == slots_before[i].state);
			refused = refused || slots[i].state != SLOT_UNUSED;
		}
	for (unsigned i = 0; i < FRAMES; i++)
		if (is_in_run(i, first, nr_frames)) {
			allocator_told[i] += !refused;
			is_claimed_by_others[i] = is_claimed_by_others[i] ||
						  (refused && nr_frames == 1);
		}
	return refused ? -EEXIST : 0;
}

void allocator_forget(struct phys_domain *of, paddr_t paddr)
{
	prove(of == &domain && paddr.value >> PAGE_SHIFT < FRAMES);
	prove(slot_state(domain_slot_at(of, paddr)) == SLOT_BUSY);
}

/* Any run of the domain, free or not: the slots are the authority (M-6). */
int allocator_take(struct phys_domain *of, uint64_t nr_frames, uint64_t align, paddr_t *paddr)
{
	prove(of == &domain);
	(void)align;
	if (nr_frames == 0)
		return -EINVAL;
	if (allocator_offers == 0 || any_bool())
		return -ENOMEM;
	allocator_offers--;
	*paddr = frame_at(allocator_offered);
	return 0;
}

/* A frame that was UNUSED, and is BUSY now. */
int frame_cache_take(struct phys_domain *of, struct slot **slot)
{
	prove(of == &domain);
	if (any_bool() || slots[allocator_offered].state != SLOT_UNUSED)
		return -ENOMEM;
	*slot = &slots[allocator_offered];
	(*slot)->state = SLOT_BUSY;
	(*slot)->home = HOME_TAKEN;
	return 0;
}

bool frame_cache_put(struct phys_domain *of, struct slot *slot)
{
	prove(of == &domain && slot->state == SLOT_BUSY && slot->home == HOME_TAKEN);
	if (any_bool())
		return false;
	slot->home = HOME_UNKNOWN;
	slot_release(slot);
	allocator_told[slot - slots]++;
	return true;
}

void frame_clear(const struct phys_domain *of, const struct slot *slot)
{
	prove(of == &domain && slot->state == SLOT_BUSY);
}

/* Before the frame is UNUSED, and once (1.4). What its entries own is not this step's. */
void node_drop_children(struct phys_domain *of, paddr_t node)
{
	unsigned number = (unsigned)(node.value >> PAGE_SHIFT);

	prove(of == &domain && number < FRAMES && slots[number].state == SLOT_BUSY);
	children_dropped[number]++;
}
