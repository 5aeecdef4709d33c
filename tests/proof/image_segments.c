/* SPDX-License-Identifier: MIT */
/*
 * Shows: of any segments, those that overlap or share a page are refused, the others are put in
 *   order, and an entry is accepted only in one that is executable
 * Rules: BUG-3
 * Layer: input
 * Assumes: no segment is empty or wraps, as the parsers have checked before
 * Sources: vmm/image_segments.c
 * Geometry: up to 2 segments of any address and length
 * Cases: MODE IMAGE_MODE_LONG IMAGE_MODE_PROTECTED
 * Unwind: 3
 * Covers: image_segments_sort image_segments_separate spans_separate spans_meet image_entry_check
 * Limit: 300
 */
#include "tests/proof/image_input.h"

static bool ranges_are_sound(const struct image *image)
{
	for (unsigned i = 0; i < image->nr_segments; i++) {
		const struct image_segment *segment = &image->segments[i];

		if (segment->memory_len == 0 ||
		    segment->gpa.value + (exact_t)segment->memory_len > IMAGE_ADDRESS_END ||
		    segment->gva.value + (exact_t)segment->memory_len > IMAGE_ADDRESS_END)
			return false;
	}
	return true;
}

int main(void)
{
	struct image image;
	struct image_error error;
	unsigned i, j, k;
	uint64_t granule = MODE == IMAGE_MODE_LONG ? PAGE_SIZE : 1;

	image.mode = MODE;
	assume(image.nr_segments > 0 && image.nr_segments <= 2);
	assume(ranges_are_sound(&image));
	struct image_segment before = image.segments[k % 2];
	assume(k < image.nr_segments);

	image_segments_sort(&image);
	bool kept = false;
	for (unsigned at = 0; at < image.nr_segments; at++)
		kept |= image.segments[at].gpa.value == before.gpa.value &&
			image.segments[at].gva.value == before.gva.value &&
			image.segments[at].memory_len == before.memory_len;
	prove(kept);
	if (image_segments_separate(&image, granule, &error) || image_entry_check(&image, &error))
		return 0;

	assume(i < j && j < image.nr_segments);
	const struct image_segment *a = &image.segments[i], *b = &image.segments[j];
	prove(a->gpa.value < b->gpa.value);
	prove(apart(&image, a->gpa.value, a->memory_len, b->gpa.value, b->memory_len));
	prove(apart(&image, a->gva.value, a->memory_len, b->gva.value, b->memory_len));
	bool entered = false;
	for (unsigned at = 0; at < image.nr_segments; at++)
		entered |= image.segments[at].rights & SEGMENT_EXECUTE &&
			   image.entry >= image.segments[at].gva.value &&
			   image.entry - image.segments[at].gva.value <
				   image.segments[at].memory_len;
	prove(entered);
	return 0;
}
