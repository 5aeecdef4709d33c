/* SPDX-License-Identifier: MIT */
/*
 * Guest image files in memory, sound until a test changes a field. For unit tests and fuzzing.
 */
#ifndef TESTS_UNIT_IMAGE_BUILDER_H
#define TESTS_UNIT_IMAGE_BUILDER_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#define BUILDER_PROGRAM_HEADERS 40

enum builder_segment {
	BUILDER_TEXT,
	BUILDER_DATA,
	BUILDER_STACK, /* PT_GNU_STACK: nothing to load */
	BUILDER_USED,  /* e_phnum; the headers after are PT_NULL */
};

/*
 * Text: R+X, the whole content, entered at its first byte.
 * Data: R+W, on the page after, the content's first half and as many pages of zeros as it says.
 */
#define ELF64_TEXT UINT64_C(0x400000)
#define ELF64_DATA UINT64_C(0x401000)
#define ELF64_DATA_LEN UINT64_C(0x2800)

struct elf64_image {
	Elf64_Ehdr header;
	Elf64_Phdr program[BUILDER_PROGRAM_HEADERS];
	uint8_t content[64];
};

struct elf64_image elf64_image_make(void);

#define MULTIBOOT_TEXT UINT32_C(0x100000)
#define MULTIBOOT_DATA UINT32_C(0x100040) /* right after the text, on the same page */
#define MULTIBOOT_DATA_LEN UINT32_C(0x2800)
#define MULTIBOOT_MAGIC UINT32_C(0x1badb002)

/* The content is long enough for a Multiboot header beyond the first 8 KiB of the file. */
struct multiboot_image {
	Elf32_Ehdr header;
	Elf32_Phdr program[BUILDER_PROGRAM_HEADERS];
	uint8_t content[8192];
};

/* Without a Multiboot header. */
struct multiboot_image elf32_image_make(void);

/* With one, flags 3, at the beginning of the content. */
struct multiboot_image multiboot_image_make(void);

/* Puts a Multiboot header with the right checksum at an offset in the content. */
void multiboot_image_put(struct multiboot_image *image, size_t offset, uint32_t flags);

/* A sequence of numbers that is the same in every run. *state is any number but 0. */
uint64_t xorshift(uint64_t *state);

#endif
