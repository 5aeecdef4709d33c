/* SPDX-License-Identifier: MIT */
/* Kinds of frames, and handles of one shared reference. */
#include "mm/frame.h"
#include "mm/node.h"
#include "mm/handle.h"

bool frame_kind_is_untyped(enum frame_kind kind)
{
	return kind == FRAME_DATA || kind == FRAME_GUEST;
}

bool frame_kind_is_pooled(enum frame_kind kind)
{
	return kind == FRAME_DATA || kind == FRAME_NODE;
}

const char *frame_kind_name(enum frame_kind kind)
{
	static const char *const names[] = {
		[FRAME_NONE] = "unused", [FRAME_DATA] = "data",	  [FRAME_NODE] = "node",
		[FRAME_FREE] = "free",	 [FRAME_GUEST] = "guest", [FRAME_RESERVED] = "reserved",
	};

	return kind < FRAME_KINDS ? names[kind] : "unknown";
}

bool frame_teardown(struct phys_domain *domain, struct slot *slot)
{
	enum frame_kind kind = slot_kind(slot);

	if (kind == FRAME_NODE)
		node_drop_children(domain, domain_slot_paddr(domain, slot));
	slot_release(slot);
	return frame_kind_is_pooled(kind);
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

static void frame_clear(const struct phys_domain *domain, paddr_t paddr)
{
	uint64_t *words = domain_pointer(domain, paddr);

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		words[i] = 0;
}

int frame_alloc(struct phys_domain *domain, enum frame_kind kind, bool zeroed, struct frame *frame)
{
	struct slot *slot;
	paddr_t paddr;
	int err = frame_kind_is_claimable(kind) ? allocator_take(domain, 1, PAGE_SIZE, &paddr) :
						  -EINVAL;

	if (err)
		return err;
	/* Not unused after all: it is its owner's (M-6). */
	if (claim(domain, paddr, kind, &slot) != 0)
		return -ENOMEM;
	if (zeroed)
		frame_clear(domain, paddr);
	slot_publish_shared(slot);
	*frame = frame_from_raw(domain, paddr);
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
	if (last && frame_teardown(domain, frame_slot(frame)))
		frames_give_back(domain, frame->paddr, 1);
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
