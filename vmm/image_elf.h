/* SPDX-License-Identifier: MIT */
/*
 * ELF files of both classes behind one face: the checks that ELF64 and Multiboot images share.
 */
#ifndef VMM_IMAGE_ELF_H
#define VMM_IMAGE_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/image.h"

/* An ELF file whose header has been checked. Refers to the caller's bytes, owns nothing. */
struct elf_file {
	const uint8_t *bytes;
	size_t len;
	Elf64_Ehdr header; /* widened if the file is ELF32 */
};

/* Whether the file begins with the ELF magic. */
bool elf_magic_present(const void *file, size_t len);

/*
 * Fills *elf if the file has a sound ELF header of this class: little endian, version 1, ET_EXEC,
 * for x86-64 (ELFCLASS64) or i386 (ELFCLASS32), with at least one program header, each of them
 * inside the file. 0 or -ENOEXEC with *error.
 */
int elf_open(struct elf_file *elf, unsigned char class, const void *file, size_t len,
	     struct image_error *error);

/*
 * Fills image->segments and nr_segments (> 0) with the PT_LOADs, in the order of the file: GPA from
 * p_paddr, GVA from p_vaddr, rights from p_flags, none of the three checked. What is checked: the
 * lengths, the place in the file, the count, and that no dynamic linker is asked for. 0 or
 * -ENOEXEC.
 */
int elf_read_segments(const struct elf_file *elf, struct image *image, struct image_error *error);

#endif
