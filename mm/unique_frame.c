/* SPDX-License-Identifier: MIT */
/* Handles of a whole frame. */
#include "mm/frame.h"
#include "mm/handle.h"

int unique_frame_from_unused(struct phys_domain *domain, paddr_t paddr, enum frame_kind kind,
			     struct unique_frame *frame)
{
	struct slot *slot;
	int err = frame_kind_is_plain(kind) ? domain_slot(domain, paddr, &slot) : -EINVAL;

	if (!err)
		err = slot_claim(slot);
	if (err)
		return err;
	slot_set_type(slot, SLOT_TYPE(kind, 0, 0));
	slot_publish_unique(slot);
	*frame = (struct unique_frame){ domain, paddr };
	return 0;
}

/* UNIQUE -> BUSY: nobody's, and the caller's to end. */
static int unique_frame_abandon(const struct unique_frame *frame, struct slot **slot)
{
	*slot = unique_frame_slot(frame);
	return *slot ? slot_abandon(*slot) : -EINVAL;
}

int unique_frame_put(struct unique_frame *frame)
{
	struct slot *slot;
	int err = unique_frame_abandon(frame, &slot);

	if (err)
		return err;
	frame_end(frame->domain, slot);
	*frame = (struct unique_frame){ 0 };
	return 0;
}

int unique_frame_reset_as_unused(struct unique_frame *frame)
{
	struct slot *slot;
	int err = unique_frame_abandon(frame, &slot);

	if (err)
		return err;
	(void)frame_teardown(frame->domain, slot);
	*frame = (struct unique_frame){ 0 };
	return 0;
}

int unique_frame_repurpose(struct unique_frame *frame, enum frame_kind kind)
{
	struct slot *slot = unique_frame_slot(frame);

	if (!slot || slot_state(slot) != SLOT_UNIQUE || !frame_kind_is_plain(kind))
		return -EINVAL;
	slot_set_type(slot, SLOT_TYPE(kind, 0, 0));
	return 0;
}

int frame_from_unique(struct unique_frame *unique, struct frame *frame)
{
	struct slot *slot = unique_frame_slot(unique);
	int err = slot ? slot_to_shared(slot) : -EINVAL;

	if (err)
		return err;
	*frame = frame_from_raw(unique->domain, unique->paddr);
	*unique = (struct unique_frame){ 0 };
	return 0;
}

int unique_frame_from_shared(struct frame *frame, struct unique_frame *unique)
{
	int err = -EINVAL;

	if (frame_kind_is_plain(frame_kind_of(frame)))
		err = slot_to_unique(domain_slot_at(frame->domain, frame->paddr));
	if (err)
		return err;
	*unique = (struct unique_frame){ frame->domain, frame->paddr };
	*frame = (struct frame){ 0 };
	return 0;
}
