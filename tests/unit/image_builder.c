/* SPDX-License-Identifier: MIT */
#include "tests/unit/image_builder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image_promises.h"

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

static int parse(enum image_kind kind, const void *file, size_t len,
		 const struct image_raw_options *options, struct image *image,
		 struct image_error *error)
{
	switch (kind) {
	case IMAGE_ELF64:
		return image_parse_elf64(file, len, image, error);
	case IMAGE_MULTIBOOT:
		return image_parse_multiboot(file, len, image, error);
	default:
		return image_parse_raw(file, len, options, image, error);
	}
}

static void *copy_of(const void *file, size_t len)
{
	void *copy = malloc(len);

	assert_true(copy || !len);
	if (len)
		memcpy(copy, file, len);
	return copy;
}

static void assert_promises(int result, const struct image *image, size_t len,
			    const struct image_error *error)
{
	const char *broken = result ? image_error_broken_promise(error) :
				      image_broken_promise(image, len);

	if (result && result != -ENOEXEC)
		fail_msg("the result is %d", result);
	if (broken && result)
		fail_msg("%s: '%.*s'", broken, (int)sizeof(error->text), error->text);
	if (broken)
		fail_msg("%s", broken);
}

int image_parse_copy(enum image_kind kind, const void *file, size_t len,
		     const struct image_raw_options *options, struct image *image,
		     struct image_error *error)
{
	void *copy = copy_of(file, len);
	int result;

	memset(error, 0xff, sizeof(*error));
	memset(image, 0xff, sizeof(*image));
	result = parse(kind, copy, len, options, image, error);
	free(copy);
	assert_promises(result, image, len, error);
	return result;
}

int image_identify_copy(const void *file, size_t len, enum image_kind *kind,
			struct image_error *error)
{
	void *copy = copy_of(file, len);
	int result = image_identify(copy, len, kind, error);

	free(copy);
	if (result)
		assert_promises(result, NULL, 0, error);
	return result;
}

void assert_refused(enum image_kind kind, const void *file, size_t len, const char *words)
{
	struct image image;
	struct image_error error;

	if (image_parse_copy(kind, file, len, NULL, &image, &error) == 0)
		fail_msg("accepted, but should be refused: %s", words);
	if (!strstr(error.text, words))
		fail_msg("the sentence '%s' does not say '%s'", error.text, words);
}

struct image assert_accepted(enum image_kind kind, const void *file, size_t len)
{
	struct image image;
	struct image_error error;

	if (image_parse_copy(kind, file, len, NULL, &image, &error))
		fail_msg("refused: %s", error.text);
	assert_int_equal(image.kind, kind);
	return image;
}

uint64_t xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
