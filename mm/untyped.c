/* SPDX-License-Identifier: MIT */
/* Conversions between handles of any kind and of plain bytes. No count changes. */
#include "mm/untyped.h"

int untyped_frame_from_frame(struct frame *frame, struct untyped_frame *untyped)
{
	if (!frame_is_untyped(frame))
		return -EINVAL;
	untyped->frame = *frame;
	*frame = (struct frame){ 0 };
	return 0;
}

int untyped_segment_from_segment(struct segment *segment, struct untyped_segment *untyped)
{
	if (segment_check_kind(segment, FRAME_DATA) && segment_check_kind(segment, FRAME_GUEST))
		return -EINVAL;
	untyped->segment = *segment;
	*segment = (struct segment){ 0 };
	return 0;
}

struct frame frame_from_untyped(struct untyped_frame *untyped)
{
	struct frame frame = untyped->frame;

	untyped->frame = (struct frame){ 0 };
	return frame;
}

struct segment segment_from_untyped(struct untyped_segment *untyped)
{
	struct segment segment = untyped->segment;

	untyped->segment = (struct segment){ 0 };
	return segment;
}
