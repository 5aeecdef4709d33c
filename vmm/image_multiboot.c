/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 1 images (Multiboot Specification 0.6.96, section 3.1): the header and what it
 * requires, and the segments at their physical addresses.
 */
#include <inttypes.h>
#include <string.h>

#include "vmm/image_elf.h"
#include "vmm/image_parser.h"

#define HEADER_MAGIC UINT32_C(0x1badb002)
#ifndef HEADER_SEARCH /* a proof has it smaller */
#define HEADER_SEARCH 8192
#endif
#define HEADER_ALIGNMENT 4

#define FLAGS_REQUIRED UINT32_C(0xffff) /* the loader must satisfy these or refuse */
#define FLAG_ALIGN_MODULES UINT32_C(0x1)
#define FLAG_MEMORY_INFORMATION UINT32_C(0x2)
#define FLAG_VIDEO_MODE UINT32_C(0x4)
#define FLAGS_SATISFIED (FLAG_ALIGN_MODULES | FLAG_MEMORY_INFORMATION)

#define ADDRESS_END (UINT64_C(1) << 32)

int multiboot_header_find(const void *file, size_t len, struct multiboot_header *header,
			  struct image_error *error)
{
	const uint8_t *bytes = file;
	size_t search_len = len < HEADER_SEARCH ? len : HEADER_SEARCH;
	size_t wrong_at = search_len;

	for (size_t at = 0; range_within(at, sizeof(*header), 0, search_len);
	     at += HEADER_ALIGNMENT) {
		memcpy(header, bytes + at, sizeof(*header));
		if (header->magic != HEADER_MAGIC)
			continue;
		if (header->magic + header->flags + header->checksum == 0)
			return 0;
		if (wrong_at == search_len)
			wrong_at = at;
	}
	if (wrong_at != search_len)
		return image_refuse(error,
				    "the checksum of the Multiboot header at offset 0x%zx is wrong:"
				    " magic + flags + checksum must be 0 in 32 bits",
				    wrong_at);
	return image_refuse(error, "the file has no Multiboot 1 header, aligned to 4, in its first "
				   "8192 bytes, as an ELF32 image needs it");
}

static int flags_check(uint32_t flags, struct image_error *error)
{
	uint32_t unmet = flags & FLAGS_REQUIRED & ~FLAGS_SATISFIED;

	if (unmet & FLAG_VIDEO_MODE)
		return image_refuse(error, "the Multiboot header requires a video mode (flag 2), "
					   "but there is no display: clear the flag");
	if (unmet)
		return image_refuse(error,
				    "the Multiboot header has the flags 0x%" PRIx32
				    ", of which 0x%" PRIx32 " are required and unknown",
				    flags, unmet);
	return 0;
}

/* The entry point's GPA: see image.h. */
static uint64_t entry_translate(const struct image *image, uint64_t entry)
{
	for (unsigned i = 0; i < image->nr_segments; i++) {
		const struct image_segment *segment = &image->segments[i];
		uint64_t gva = segment->gva.value;

		if (entry >= gva && entry - gva < segment->memory_len)
			return segment->gpa.value + (entry - gva);
	}
	return entry;
}

/* Paging is off at entry: nothing translates, and nothing enforces the program headers' rights. */
static int segments_unpage(struct image *image, struct image_error *error)
{
	for (unsigned i = 0; i < image->nr_segments; i++) {
		struct image_segment *segment = &image->segments[i];

		if (!range_within(segment->gpa.value, segment->memory_len, 0, ADDRESS_END))
			return image_refuse(error,
					    "segment %u, 0x%" PRIx64 " bytes at GPA 0x%" PRIx64
					    ", reaches beyond 4 GiB",
					    segment->number, segment->memory_len,
					    segment->gpa.value);
		segment->gva = GVA(segment->gpa.value);
		segment->rights = SEGMENT_READ | SEGMENT_WRITE | SEGMENT_EXECUTE;
	}
	return 0;
}

int image_parse_multiboot(const void *file, size_t len, struct image *image,
			  struct image_error *error)
{
	struct multiboot_header header;
	struct elf_file elf;
	int result = elf_open(&elf, ELFCLASS32, file, len, error);

	if (!result)
		result = multiboot_header_find(file, len, &header, error);
	if (!result)
		result = flags_check(header.flags, error);
	if (!result)
		result = elf_read_segments(&elf, image, error);
	if (result)
		return result;

	image->kind = IMAGE_MULTIBOOT;
	image->mode = IMAGE_MODE_PROTECTED;
	image->entry = entry_translate(image, elf.header.e_entry);
	result = segments_unpage(image, error);
	if (result)
		return result;
	image_segments_sort(image);
	result = image_segments_separate(image, 1, error);
	return result ? result : image_entry_check(image, error);
}
