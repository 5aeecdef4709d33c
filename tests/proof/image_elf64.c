/* SPDX-License-Identifier: MIT */
/*
 * Shows: whatever the bytes of an ELF64 image, it is refused, or all holds that image.h promises of
 *   what is accepted; nothing outside the file is read
 * Rules: BUG-3
 * Layer: input
 * Assumes: writing the sentence of a refusal (vsnprintf) is not part of it
 * Sources: vmm/image_elf.c vmm/image_elf64.c vmm/image_segments.c
 * Geometry: files of up to 120 bytes of any content: a header and up to 2 program headers
 * Defines: FILE_MAX=120
 * Unwind: 4 memcmp.0:17
 * Covers: image_parse_elf64 rights_check range_check range_canonical
 * Limit: 600
 */
#include "tests/proof/image_input.h"

int main(void)
{
	size_t len;
	const void *file = any_file(&len);
	struct image image;
	struct image_error error;
	int err = image_parse_elf64(file, len, &image, &error);

	prove(err == 0 || err == -ENOEXEC);
	if (err == 0) {
		prove(image.kind == IMAGE_ELF64 && image.mode == IMAGE_MODE_LONG);
		image_holds(&image, len);
	}
	return 0;
}
