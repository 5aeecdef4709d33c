/* SPDX-License-Identifier: MIT */
#include "tests/unit/image_builder.h"

#include <string.h>

struct elf64_image elf64_image_make(void)
{
	struct elf64_image image = {
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = ELF64_TEXT,
			.e_phoff = offsetof(struct elf64_image, program),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = BUILDER_USED,
		},
		.program = {
			[BUILDER_TEXT] = {
				.p_type = PT_LOAD,
				.p_flags = PF_R | PF_X,
				.p_offset = offsetof(struct elf64_image, content),
				.p_vaddr = ELF64_TEXT,
				.p_paddr = ELF64_TEXT,
				.p_filesz = sizeof(image.content),
				.p_memsz = sizeof(image.content),
			},
			[BUILDER_DATA] = {
				.p_type = PT_LOAD,
				.p_flags = PF_R | PF_W,
				.p_offset = offsetof(struct elf64_image, content),
				.p_vaddr = ELF64_DATA,
				.p_paddr = ELF64_DATA,
				.p_filesz = sizeof(image.content) / 2,
				.p_memsz = ELF64_DATA_LEN,
			},
			[BUILDER_STACK] = { .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W },
		},
	};

	return image;
}

struct multiboot_image elf32_image_make(void)
{
	struct multiboot_image image = {
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_386,
			.e_version = EV_CURRENT,
			.e_entry = MULTIBOOT_TEXT + 12,
			.e_phoff = offsetof(struct multiboot_image, program),
			.e_ehsize = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = BUILDER_USED,
		},
		.program = {
			[BUILDER_TEXT] = {
				.p_type = PT_LOAD,
				.p_flags = PF_R | PF_W | PF_X,
				.p_offset = offsetof(struct multiboot_image, content),
				.p_vaddr = MULTIBOOT_TEXT,
				.p_paddr = MULTIBOOT_TEXT,
				.p_filesz = MULTIBOOT_DATA - MULTIBOOT_TEXT,
				.p_memsz = MULTIBOOT_DATA - MULTIBOOT_TEXT,
			},
			[BUILDER_DATA] = {
				.p_type = PT_LOAD,
				.p_flags = PF_R | PF_W,
				.p_offset = offsetof(struct multiboot_image, content),
				.p_vaddr = MULTIBOOT_DATA,
				.p_paddr = MULTIBOOT_DATA,
				.p_filesz = 32,
				.p_memsz = MULTIBOOT_DATA_LEN,
			},
			[BUILDER_STACK] = { .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W },
		},
	};

	return image;
}

void multiboot_image_put(struct multiboot_image *image, size_t offset, uint32_t flags)
{
	const uint32_t fields[3] = { MULTIBOOT_MAGIC, flags, -(MULTIBOOT_MAGIC + flags) };

	memcpy(image->content + offset, fields, sizeof(fields));
}

struct multiboot_image multiboot_image_make(void)
{
	struct multiboot_image image = elf32_image_make();

	multiboot_image_put(&image, 0, 3);
	return image;
}

uint64_t xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
