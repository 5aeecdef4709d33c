/* SPDX-License-Identifier: MIT */
/*
 * Shows: whatever the bytes of an ELF32 file with a Multiboot header, it is refused, or all holds
 *   that image.h promises of what is accepted; nothing outside the file is read
 * Rules: BUG-3
 * Layer: input
 * Assumes: writing the sentence of a refusal (vsnprintf) is not part of it
 * Sources: vmm/image_elf.c vmm/image_multiboot.c vmm/image_segments.c
 * Geometry: files of 51, 95 and 96 bytes of any content: an ELF header, up to 3 program headers,
 *   and the Multiboot header anywhere
 * Cases: FILE_LEN 51 95 96
 * Unwind: 4 memcmp.0:17 multiboot_header_find.0:23
 * Covers: image_parse_multiboot segments_unpage entry_translate flags_check elf_open header_widen
 *   program_header_widen
 * Except: multiboot_header_find wraps the checksum is a sum in 32 bits
 * Limit: 600
 */
#include "tests/proof/image_input.h"

int main(void)
{
	size_t len;
	const void *file = any_file(&len);
	struct image image;
	struct image_error error;
	int err = image_parse_multiboot(file, len, &image, &error);

	prove(err == 0 || err == -ENOEXEC);
	if (err == 0) {
		prove(image.kind == IMAGE_MULTIBOOT && image.mode == IMAGE_MODE_PROTECTED);
		image_holds(&image, len);
	}
	return 0;
}
