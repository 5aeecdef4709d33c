/* SPDX-License-Identifier: MIT */
/*
 * Shows: whatever the bytes of a file, its kind is one of those there are, or it is refused;
 *   nothing outside the file is read
 * Rules: BUG-3
 * Layer: input
 * Assumes: writing the sentence of a refusal (vsnprintf) is not part of it
 * Sources: vmm/image_elf.c vmm/image_multiboot.c vmm/image_segments.c
 * Geometry: files of up to 96 bytes of any content
 * Defines: FILE_MAX=96
 * Unwind: 6 memcmp.0:17 multiboot_header_find.0:25
 * Covers: image_identify identify_elf32 image_refuse
 * Unreached: image_identify }
 * Except: multiboot_header_find wraps the checksum is a sum in 32 bits
 * Limit: 120
 */
#define IMAGE_REFUSE_IS_LINKED
#include "tests/proof/image_input.h"
#include "vmm/image.c"

/* The sentence is not what is proved here. */
int vsnprintf(char *text, size_t len, const char *format, va_list arguments)
{
	(void)arguments;
	prove(len > 0 && format != NULL);
	text[0] = 0;
	return 0;
}

int main(void)
{
	size_t len;
	const void *file = any_file(&len);
	enum image_kind kind;
	struct image_error error;
	int err = image_identify(file, len, &kind, &error);

	prove(err == 0 || err == -ENOEXEC);
	prove(implies(err == 0,
		      kind == IMAGE_RAW || kind == IMAGE_ELF64 || kind == IMAGE_MULTIBOOT));
	return 0;
}
