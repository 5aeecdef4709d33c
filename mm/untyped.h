/* SPDX-License-Identifier: MIT */
/*
 * Handles of frames that are known to hold plain bytes (UFrame, USegment: 1.5): what mm/io.h reads
 * and writes. The kind was checked when the handle was made and cannot change while it is held, so
 * nothing needs to be checked again.
 */
#ifndef MM_UNTYPED_H
#define MM_UNTYPED_H

#include "mm/frame.h"

struct untyped_frame {
	struct frame frame;
};

struct untyped_segment {
	struct segment segment;
};

static inline bool frame_is_untyped(const struct frame *frame)
{
	return frame_kind_is_untyped(frame_kind_of(frame));
}

/*
 * To the untyped form: consumes on success. -EINVAL for an empty handle and for other kinds; the
 * caller keeps his handle then. A segment must have at least one frame.
 */
int untyped_frame_from_frame(struct frame *frame, struct untyped_frame *untyped);
int untyped_segment_from_segment(struct segment *segment, struct untyped_segment *untyped);

/* And back, which never fails. Consumes. */
struct frame frame_from_untyped(struct untyped_frame *untyped);
struct segment segment_from_untyped(struct untyped_segment *untyped);

#endif
