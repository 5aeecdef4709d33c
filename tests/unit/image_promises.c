/* SPDX-License-Identifier: MIT */
#include "tests/unit/image_promises.h"

#include <stdbool.h>
#include <string.h>

typedef unsigned __int128 wide_t; /* no sum of two 64-bit numbers overflows */

static bool disjoint(wide_t a, wide_t a_len, wide_t b, wide_t b_len)
{
	return a + a_len <= b || b + b_len <= a;
}

/* The pages of [start, start + len), as a range of page numbers. */
static bool pages_disjoint(wide_t a, wide_t a_len, wide_t b, wide_t b_len)
{
	wide_t a_page = a / 4096, a_end = (a + a_len + 4095) / 4096;
	wide_t b_page = b / 4096, b_end = (b + b_len + 4095) / 4096;

	return disjoint(a_page, a_end - a_page, b_page, b_end - b_page);
}

static wide_t address_end(enum image_mode mode)
{
	switch (mode) {
	case IMAGE_MODE_PROTECTED:
		return (wide_t)1 << 32;
	case IMAGE_MODE_REAL:
		return (wide_t)1 << 20;
	default:
		return ((wide_t)1 << 64) - 4096;
	}
}

static bool canonical(wide_t start, wide_t len)
{
	wide_t lower_end = (wide_t)1 << 47, end = (wide_t)1 << 64;

	return start + len <= lower_end || (start >= end - lower_end && start + len <= end);
}

static const char *long_mode_broken(const struct image *image, const struct image_segment *segment)
{
	const unsigned write_execute = SEGMENT_WRITE | SEGMENT_EXECUTE;

	if (!canonical(segment->gva.value, segment->memory_len))
		return "a GVA range is not canonical or not in one half";
	if (segment->gva.value % 4096 != segment->gpa.value % 4096)
		return "GVA and GPA differ in their page offset";
	if (segment->gva.value < 4096 || segment->gpa.value < 4096)
		return "a segment is in page 0";
	if (!(segment->rights & SEGMENT_READ))
		return "a segment is not readable";
	if (image->kind == IMAGE_ELF64 && (segment->rights & write_execute) == write_execute)
		return "a segment is writable and executable";
	return NULL;
}

static const char *segment_broken(const struct image *image, const struct image_segment *segment,
				  size_t len)
{
	wide_t end = address_end(image->mode);

	if (segment->memory_len == 0)
		return "a segment is empty";
	if (segment->file_len > segment->memory_len)
		return "a segment has more bytes in the file than in memory";
	if ((wide_t)segment->file_offset + segment->file_len > len)
		return "a segment is not inside the file";
	if ((wide_t)segment->gpa.value + segment->memory_len > end)
		return "a GPA range ends too high";
	if ((wide_t)segment->gva.value + segment->memory_len > end)
		return "a GVA range ends too high";
	if (segment->rights & ~(unsigned)(SEGMENT_READ | SEGMENT_WRITE | SEGMENT_EXECUTE))
		return "a segment has an unknown right";
	if (image->kind != IMAGE_ELF64 && segment->gva.value != segment->gpa.value)
		return "GVA is not GPA in an image that is not ELF64";
	if (image->kind != IMAGE_ELF64 && segment->rights != 7)
		return "a right is missing in an image that is not ELF64";
	return image->mode == IMAGE_MODE_LONG ? long_mode_broken(image, segment) : NULL;
}

static const char *pair_broken(const struct image *image, const struct image_segment *a,
			       const struct image_segment *b)
{
	if (a->gpa.value >= b->gpa.value)
		return "the segments are not ascending by GPA";
	if (!disjoint(a->gpa.value, a->memory_len, b->gpa.value, b->memory_len))
		return "two segments overlap by GPA";
	if (!disjoint(a->gva.value, a->memory_len, b->gva.value, b->memory_len))
		return "two segments overlap by GVA";
	if (image->mode != IMAGE_MODE_LONG)
		return NULL;
	if (!pages_disjoint(a->gpa.value, a->memory_len, b->gpa.value, b->memory_len))
		return "two segments share a page by GPA";
	if (!pages_disjoint(a->gva.value, a->memory_len, b->gva.value, b->memory_len))
		return "two segments share a page by GVA";
	return NULL;
}

static bool entry_executable(const struct image *image)
{
	for (unsigned i = 0; i < image->nr_segments; i++) {
		const struct image_segment *segment = &image->segments[i];

		if ((segment->rights & SEGMENT_EXECUTE) &&
		    !disjoint(image->entry, 1, segment->gva.value, segment->memory_len))
			return true;
	}
	return false;
}

const char *image_broken_promise(const struct image *image, size_t len)
{
	const char *broken;

	if (image->nr_segments == 0 || image->nr_segments > IMAGE_SEGMENTS_MAX)
		return "the number of segments is out of range";
	for (unsigned i = 0; i < image->nr_segments; i++) {
		broken = segment_broken(image, &image->segments[i], len);
		for (unsigned j = i + 1; !broken && j < image->nr_segments; j++)
			broken = pair_broken(image, &image->segments[i], &image->segments[j]);
		if (broken)
			return broken;
	}
	return entry_executable(image) ? NULL : "the entry point is in no executable segment";
}

const char *image_error_broken_promise(const struct image_error *error)
{
	size_t len = strnlen(error->text, sizeof(error->text));

	if (len == 0)
		return "the sentence is empty";
	if (len >= sizeof(error->text) - 1)
		return "the sentence is cut off";
	if (error->text[len - 1] == '.')
		return "the sentence ends in a full stop";
	for (size_t i = 0; i < len; i++)
		if (error->text[i] < ' ' || error->text[i] > '~')
			return "the sentence has a byte that is not printable";
	return NULL;
}
