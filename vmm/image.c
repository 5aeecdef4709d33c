/* SPDX-License-Identifier: MIT */
/*
 * Which kind of guest image a file is, and how one is refused.
 */
#include "vmm/image.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "vmm/image_elf.h"
#include "vmm/image_parser.h"

int image_refuse(struct image_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return -ENOEXEC;
}

/* An ELF32 file is a Multiboot image or nothing: if it is for another machine, that is the news. */
static int identify_elf32(const void *file, size_t len, enum image_kind *kind,
			  struct image_error *error)
{
	struct multiboot_header header;
	struct image_error no_header;
	struct elf_file elf;
	int result;

	if (multiboot_header_find(file, len, &header, &no_header) == 0) {
		*kind = IMAGE_MULTIBOOT;
		return 0;
	}
	result = elf_open(&elf, ELFCLASS32, file, len, error);
	if (result)
		return result;
	*error = no_header;
	return -ENOEXEC;
}

int image_identify(const void *file, size_t len, enum image_kind *kind, struct image_error *error)
{
	const unsigned char *ident = file;

	if (!elf_magic_present(file, len)) {
		*kind = IMAGE_RAW;
		return 0;
	}
	if (len <= EI_CLASS)
		return image_refuse(error, "the file ends within its ELF header, after %zu bytes",
				    len);

	switch (ident[EI_CLASS]) {
	case ELFCLASS64:
		*kind = IMAGE_ELF64;
		return 0;
	case ELFCLASS32:
		return identify_elf32(file, len, kind, error);
	default:
		return image_refuse(error, "the ELF file is of class %u; wanted is 1 or 2",
				    ident[EI_CLASS]);
	}
}
