/* SPDX-License-Identifier: MIT */
/*
 * The segments of an image among each other: order, separation, and which of them is entered.
 */
#include <inttypes.h>

#include "vmm/image_parser.h"

void image_segments_sort(struct image *image)
{
	for (unsigned i = 1; i < image->nr_segments; i++) {
		struct image_segment segment = image->segments[i];
		unsigned place = i;

		while (place > 0 && image->segments[place - 1].gpa.value > segment.gpa.value) {
			image->segments[place] = image->segments[place - 1];
			place--;
		}
		image->segments[place] = segment;
	}
}

/* An address range of a segment, in either address space. Not empty. */
struct span {
	uint64_t start;
	uint64_t len;
};

static struct span span_gpa(const struct image_segment *segment)
{
	return (struct span){ segment->gpa.value, segment->memory_len };
}

static struct span span_gva(const struct image_segment *segment)
{
	return (struct span){ segment->gva.value, segment->memory_len };
}

/* The last byte, not the end, is rounded: rounding up could overflow. */
static bool spans_meet(struct span a, struct span b, uint64_t granule)
{
	uint64_t a_first = align_down(a.start, granule);
	uint64_t b_first = align_down(b.start, granule);
	uint64_t a_last = align_down(a.start + (a.len - 1), granule);
	uint64_t b_last = align_down(b.start + (b.len - 1), granule);

	return a_first <= b_last && b_first <= a_last;
}

/* Where two spans that meet do so first. */
static uint64_t spans_meeting(struct span a, struct span b, uint64_t granule)
{
	return align_down(a.start > b.start ? a.start : b.start, granule);
}

int image_segments_separate(const struct image *image, uint64_t granule, struct image_error *error)
