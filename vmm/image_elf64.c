/* SPDX-License-Identifier: MIT */
/*
 * ELF64 images: what a segment must be so that page tables can give it its own rights.
 */
#include <inttypes.h>

#include "vmm/image_elf.h"
#include "vmm/image_parser.h"

/* Of the 48-bit canonical addresses (SDM 1 3.3.7.1). */
#define LOWER_HALF_END (UINT64_C(1) << 47)
#define UPPER_HALF_START (UINT64_MAX - LOWER_HALF_END + 1)

static int rights_check(const struct image_segment *segment, struct image_error *error)
{
	const unsigned write_execute = SEGMENT_WRITE | SEGMENT_EXECUTE;

	if (!segment->rights)
		return image_refuse(error,
				    "segment %u has no right: mark it readable, or do not load it",
				    segment->number);
	if ((segment->rights & write_execute) == write_execute)
		return image_refuse(error,
				    "segment %u is writable and executable: keep code and data in "
				    "segments of their own, and link without -N",
				    segment->number);
	return 0;
}

static bool range_canonical(uint64_t start, uint64_t len)
{
	return range_within(start, len, 0, LOWER_HALF_END) ||
	       range_within(start, len, UPPER_HALF_START, IMAGE_ADDRESS_END);
}

static int range_check(const struct image_segment *segment, struct image_error *error)
{
	uint64_t gpa = segment->gpa.value;
	uint64_t gva = segment->gva.value;
	uint64_t len = segment->memory_len;

	if (!range_within(gpa, len, 0, IMAGE_ADDRESS_END))
		return image_refuse(error,
				    "segment %u, 0x%" PRIx64 " bytes at GPA 0x%" PRIx64
				    ", reaches beyond the end of the address space",
				    segment->number, len, gpa);
	if (!range_canonical(gva, len))
		return image_refuse(error,
				    "segment %u, 0x%" PRIx64 " bytes at GVA 0x%" PRIx64
				    ", is not within one half of the canonical addresses (48 bits)",
				    segment->number, len, gva);
	if (gpa < PAGE_SIZE || gva < PAGE_SIZE)
		return image_refuse(error,
				    "segment %u begins in page 0, at %s 0x%" PRIx64
				    ": page 0 must stay absent, link it at 0x1000 or above",
				    segment->number, gva < PAGE_SIZE ? "GVA" : "GPA",
				    gva < PAGE_SIZE ? gva : gpa);
	if (!is_aligned(gva ^ gpa, PAGE_SIZE))
		return image_refuse(error,
				    "segment %u: GVA 0x%" PRIx64 " and GPA 0x%" PRIx64
				    " differ in their offset in the page, so no table can map it",
				    segment->number, gva, gpa);
	return 0;
}

int image_parse_elf64(const void *file, size_t len, struct image *image, struct image_error *error)
{
	struct elf_file elf;
	int result = elf_open(&elf, ELFCLASS64, file, len, error);

	if (!result)
		result = elf_read_segments(&elf, image, error);
	for (unsigned i = 0; !result && i < image->nr_segments; i++) {
		result = rights_check(&image->segments[i], error);
		if (!result)
			result = range_check(&image->segments[i], error);
		image->segments[i].rights |= SEGMENT_READ;
	}
	if (result)
		return result;

	image->kind = IMAGE_ELF64;
	image->mode = IMAGE_MODE_LONG;
	image->entry = elf.header.e_entry;
	image_segments_sort(image);
	result = image_segments_separate(image, PAGE_SIZE, error);
	return result ? result : image_entry_check(image, error);
}
