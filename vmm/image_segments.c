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

/* `numbers` are of the segments that the spans belong to, `space` is their address space's name. */
static int spans_separate(struct span a, struct span b, const unsigned numbers[2],
			  const char *space, uint64_t granule, struct image_error *error)
{
	uint64_t meeting = a.start > b.start ? a.start : b.start;

	if (spans_meet(a, b, 1))
		return image_refuse(error, "segments %u and %u overlap at %s 0x%" PRIx64,
				    numbers[0], numbers[1], space, meeting);
	if (spans_meet(a, b, granule))
		return image_refuse(error,
				    "segments %u and %u share the page at %s 0x%" PRIx64
				    ": align each to %" PRIu64 ", or link with -z separate-code",
				    numbers[0], numbers[1], space, align_down(meeting, granule),
				    granule);
	return 0;
}

int image_segments_separate(const struct image *image, uint64_t granule, struct image_error *error)
{
	for (unsigned i = 0; i < image->nr_segments; i++) {
		const struct image_segment *a = &image->segments[i];

		for (unsigned j = i + 1; j < image->nr_segments; j++) {
			const struct image_segment *b = &image->segments[j];
			const unsigned numbers[2] = { a->number, b->number };
			int result = spans_separate(span_gpa(a), span_gpa(b), numbers, "GPA",
						    granule, error);

			if (!result)
				result = spans_separate(span_gva(a), span_gva(b), numbers, "GVA",
							granule, error);
			if (result)
				return result;
		}
	}
	return 0;
}

int image_entry_check(const struct image *image, struct image_error *error)
{
	for (unsigned i = 0; i < image->nr_segments; i++) {
		const struct image_segment *segment = &image->segments[i];
		struct span span = span_gva(segment);

		if (!range_within(image->entry, 1, span.start, span.start + span.len))
			continue;
		if (segment->rights & SEGMENT_EXECUTE)
			return 0;
		return image_refuse(error,
				    "the entry point 0x%" PRIx64
				    " is in segment %u, which is not executable",
				    image->entry, segment->number);
	}
	return image_refuse(error,
			    "the entry point 0x%" PRIx64
			    " is in no segment: name it with ENTRY() in the linker script",
			    image->entry);
}
