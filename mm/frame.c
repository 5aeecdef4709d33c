/* SPDX-License-Identifier: MIT */
/* Kinds of frames, and handles of one shared reference. */
#include "mm/frame.h"
#include "mm/frame_cache.h"
#include "mm/handle.h"
#include "mm/node.h"

const char *frame_kind_name(enum frame_kind kind)
{
	static const char *const names[] = {
		[FRAME_NONE] = "unused", [FRAME_DATA] = "data",	  [FRAME_NODE] = "node",
		[FRAME_FREE] = "free",	 [FRAME_GUEST] = "guest", [FRAME_RESERVED] = "reserved",
	};

	return kind < FRAME_KINDS ? names[kind] : "unknown";
}

/* The hooks of the kinds: `on_drop`, see frame_kind_is_untyped(). The slot is BUSY (S-7). */
static void drop_content(struct phys_domain *domain, struct slot *slot)
{
	switch (slot_kind(slot)) {
	case FRAME_NODE:
		node_drop_children(domain, domain_slot_paddr(domain, slot));
		break;
	default: /* plain bytes own nothing */
		break;
	}
}

/* The second half: content is dropped. */
static bool frame_release(struct phys_domain *domain, struct slot *slot)
{
	bool pooled = frame_kind_is_pooled(slot_kind(slot));

	/* Claimed by its address from a shelf where bytes are 0, which they may not be any more. */
	if (slot->home == HOME_ZEROED) {
		allocator_forget(domain, domain_slot_paddr(domain, slot));
		pooled = true;
	}
	slot->home = HOME_UNKNOWN;
	slot_release(slot);
	return pooled;
}

bool frame_teardown(struct phys_domain *domain, struct slot *slot)
{
	drop_content(domain, slot);
	return frame_release(domain, slot);
}

void frame_end(struct phys_domain *domain, struct slot *slot)
{
	drop_content(domain, slot);
	if (slot->home == HOME_TAKEN && frame_kind_is_pooled(slot_kind(slot)) &&
	    frame_cache_put(domain, slot))
		return;
	if (frame_release(domain, slot))
		frames_give_back(domain, domain_slot_paddr(domain, slot), 1);
}

void frames_give_back(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames)
{
	if (allocator_give(domain, paddr, nr_frames) != -EEXIST)
		return;
	for (uint64_t i = 0; i < nr_frames; i++)
		(void)allocator_give(domain, PADDR(paddr.value + (i << PAGE_SHIFT)), 1);
}

static struct slot *frame_slot(const struct frame *frame)
{
	return domain_slot_at(frame->domain, frame->paddr);
}

/* UNUSED -> BUSY, with a kind. */
static int claim(const struct phys_domain *domain, paddr_t paddr, enum frame_kind kind,
		 struct slot **slot)
{
	int err = frame_kind_is_claimable(kind) ? domain_slot(domain, paddr, slot) : -EINVAL;

	if (!err)
		err = slot_claim(*slot);
	if (!err)
		slot_set_type(*slot, SLOT_TYPE(kind, 0, 0));
	return err;
}

int frame_from_unused(struct phys_domain *domain, paddr_t paddr, enum frame_kind kind,
		      struct frame *frame)
{
	struct slot *slot;
	int err = claim(domain, paddr, kind, &slot);

	if (err)
		return err;
	slot_publish_shared(slot);
	*frame = frame_from_raw(domain, paddr);
	return 0;
}

int frame_from_in_use(struct phys_domain *domain, paddr_t paddr, struct frame *frame)
{
	struct slot *slot;
	int err = domain_slot(domain, paddr, &slot);

	if (!err)
		err = slot_get(slot);
	if (!err)
		*frame = frame_from_raw(domain, paddr);
	return err;
}

int frame_alloc(struct phys_domain *domain, enum frame_kind kind, bool zeroed, struct frame *frame)
{
	struct slot *slot;
	int err = frame_kind_is_claimable(kind) ? frame_cache_take(domain, &slot) : -EINVAL;

	if (err)
		return err;
	if (zeroed)
		frame_clear(domain, slot);
	slot_set_type(slot, SLOT_TYPE(kind, 0, 0));
	slot_publish_shared(slot);
	*frame = frame_from_raw(domain, domain_slot_paddr(domain, slot));
	return 0;
}

int frame_clone(const struct frame *frame, struct frame *copy)
{
	int err = frame->domain ? slot_inc(frame_slot(frame)) : -EINVAL;

	if (!err)
		*copy = *frame;
	return err;
}

int frame_put(struct frame *frame)
{
	struct phys_domain *domain = frame->domain;
	int last = domain ? slot_put(frame_slot(frame)) : -EINVAL;

	if (last < 0)
		return last;
	if (last)
		frame_end(domain, frame_slot(frame));
	*frame = (struct frame){ 0 };
	return 0;
}

paddr_t frame_into_raw(struct frame *frame)
{
	paddr_t paddr = frame->domain ? frame->paddr : PADDR_NONE;

	*frame = (struct frame){ 0 };
	return paddr;
}

struct frame frame_from_raw(struct phys_domain *domain, paddr_t paddr)
{
	return (struct frame){ domain, paddr };
}

struct frame_ref frame_borrow(const struct frame *frame)
{
	return (struct frame_ref){ frame->domain, frame->paddr };
}

uint32_t frame_reference_count(const struct frame *frame)
{
	return frame->domain ? slot_count(frame_slot(frame)) : 0;
}

enum frame_kind frame_kind_of(const struct frame *frame)
{
	return frame->domain ? slot_kind(frame_slot(frame)) : FRAME_NONE;
}

int frame_check_kind(const struct frame *frame, enum frame_kind kind)
{
	return kind != FRAME_NONE && frame_kind_of(frame) == kind ? 0 : -EINVAL;
}
