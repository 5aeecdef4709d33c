/* SPDX-License-Identifier: MIT */
/*
 * Images changed at random, the same way in every run: whatever is accepted keeps the promises of
 * vmm/image.h, whatever is refused is refused with a sentence. image_parse_copy() checks both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image_builder.h"
#include "tests/unit/image_check.h"

#define MUTATIONS 100000
#define PROGRAM_HEADERS 8

/* Numbers at which something changes: signs, halves, pages, what the sound images have. */
static const uint64_t edges[] = {
	0,
	PAGE_SIZE,
	UINT64_C(1) << 16,
	UINT64_C(1) << 20,
	UINT64_C(1) << 31,
	UINT64_C(1) << 32,
	UINT64_C(1) << 47,
	UINT64_C(1) << 63,
	UINT64_C(0xffff800000000000),
	IMAGE_ADDRESS_END,
	ELF64_TEXT,
	ELF64_DATA,
	ELF64_DATA + ELF64_DATA_LEN,
	-ELF64_TEXT,
	-ELF64_DATA,
	-ELF64_DATA_LEN,
	MULTIBOOT_TEXT,
	MULTIBOOT_DATA,
	MULTIBOOT_DATA + MULTIBOOT_DATA_LEN,
	-MULTIBOOT_TEXT,
};

#define EDGES (sizeof(edges) / sizeof(edges[0]))

static uint64_t number_near_edge(uint64_t *random)
{
	const uint64_t scales[] = { 1, 16, PAGE_SIZE };
	uint64_t edge = edges[xorshift(random) % EDGES];
	uint64_t scale = scales[xorshift(random) % 3];

	return edge + (xorshift(random) % 7 - 3) * scale;
}

/* One byte, or a field of 2, 4 or 8 bytes at its alignment, within the first `len` bytes. */
static void mutate(uint8_t *bytes, size_t len, uint64_t *random)
{
	size_t size = (size_t)1 << xorshift(random) % 4;
	size_t at = xorshift(random) % (len / size) * size;
	uint64_t value = size == 1 ? xorshift(random) : number_near_edge(random);

	memcpy(bytes + at, &value, size);
}

static void mutate_some(void *file, size_t len, uint64_t *random)
{
	for (uint64_t count = 1 + xorshift(random) % 4; count; count--)
		mutate(file, len, random);
}

/* Neither answer is so rare that the loop would test nothing. */
static void assert_both_answers(unsigned accepted)
{
	assert_in_range(accepted, MUTATIONS / 100, MUTATIONS - MUTATIONS / 100);
}

/* A segment on each page after the sound ones, so that a small change makes neighbours meet. */
static struct elf64_image elf64_of_neighbours(void)
{
	struct elf64_image file = elf64_image_make();

	for (unsigned i = BUILDER_USED; i < PROGRAM_HEADERS; i++) {
		file.program[i] = file.program[BUILDER_TEXT];
		file.program[i].p_vaddr = file.program[i].p_paddr = ELF64_DATA + i * PAGE_SIZE;
	}
	file.header.e_phnum = PROGRAM_HEADERS;
	return file;
}

static struct multiboot_image multiboot_of_neighbours(void)
{
	struct multiboot_image file = multiboot_image_make();

	for (unsigned i = BUILDER_USED; i < PROGRAM_HEADERS; i++) {
		file.program[i] = file.program[BUILDER_TEXT];
		file.program[i].p_vaddr = MULTIBOOT_DATA + i * 0x1000;
		file.program[i].p_paddr = MULTIBOOT_DATA + i * 0x1000;
	}
	file.header.e_phnum = PROGRAM_HEADERS;
	return file;
}

static void test_mutated_elf64_headers_keep_the_promises(void **state)
{
	const struct elf64_image sound = elf64_of_neighbours();
	uint64_t random = 1;
	unsigned accepted = 0;
	struct image image;
	struct image_error error;

	(void)state;
	assert_accepted(IMAGE_ELF64, &sound, sizeof(sound));
	for (unsigned i = 0; i < MUTATIONS; i++) {
		struct elf64_image file = sound;

		mutate_some(&file, offsetof(struct elf64_image, program[PROGRAM_HEADERS]), &random);
		if (!image_parse_copy(IMAGE_ELF64, &file, sizeof(file), NULL, &image, &error))
			accepted++;
	}
	assert_both_answers(accepted);
}

static void test_mutated_multiboot_headers_keep_the_promises(void **state)
{
	const struct multiboot_image sound = multiboot_of_neighbours();
	const size_t len = offsetof(struct multiboot_image, content) + 64;
	uint64_t random = 2;
	unsigned accepted = 0;
	struct image image;
	struct image_error error;

	(void)state;
	assert_accepted(IMAGE_MULTIBOOT, &sound, len);
	for (unsigned i = 0; i < MUTATIONS; i++) {
		struct multiboot_image file;

		memcpy(&file, &sound, len);
		mutate_some(&file, offsetof(struct multiboot_image, program[PROGRAM_HEADERS]),
			    &random);
		if (xorshift(&random) % 8 == 0)
			mutate(file.content, 12, &random);
		if (!image_parse_copy(IMAGE_MULTIBOOT, &file, len, NULL, &image, &error))
			accepted++;
	}
	assert_both_answers(accepted);
}

static void test_raw_images_anywhere_keep_the_promises(void **state)
{
	static const uint8_t content[2 * PAGE_SIZE];
	uint64_t random = 3;
	unsigned accepted = 0;
	struct image image;
	struct image_error error;

	(void)state;
	for (unsigned i = 0; i < MUTATIONS; i++) {
		size_t len = xorshift(&random) % (sizeof(content) + 1);
		uint64_t load = number_near_edge(&random);
		struct image_raw_options options = {
			.mode = (enum image_mode)(xorshift(&random) % 3),
			.load = GPA(load),
			.entry = load + xorshift(&random) % sizeof(content),
		};

		if (!image_parse_copy(IMAGE_RAW, content, len, &options, &image, &error))
			accepted++;
	}
	assert_both_answers(accepted);
}

/* An image is identified if a parser accepts it, and as that kind. */
static void test_mutated_image_that_is_accepted_is_identified(void **state)
{
	const struct multiboot_image sound = multiboot_of_neighbours();
	const size_t len = offsetof(struct multiboot_image, content) + 64;
	uint64_t random = 4;
	unsigned accepted = 0;
	struct image image;
	struct image_error error;

	(void)state;
	for (unsigned i = 0; i < MUTATIONS; i++) {
		struct multiboot_image file;
		enum image_kind kind = IMAGE_RAW;
		int result;

		memcpy(&file, &sound, len);
		mutate_some(&file, len, &random);
		result = image_identify_copy(&file, len, &kind, &error);
		if (image_parse_copy(IMAGE_MULTIBOOT, &file, len, NULL, &image, &error))
			continue;
		accepted++;
		assert_int_equal(result, 0);
		assert_int_equal(kind, IMAGE_MULTIBOOT);
	}
	assert_both_answers(accepted);
}

static void parse_with(unsigned number, size_t field, uint64_t value)
{
	struct elf64_image file = elf64_image_make();
	struct image image;
	struct image_error error;

	memcpy((uint8_t *)&file.program[number] + field, &value, sizeof(value));
	image_parse_copy(IMAGE_ELF64, &file, sizeof(file), NULL, &image, &error);
}

/* Each 64-bit field of a program header, alone, within some bytes and some pages of each edge. */
static void test_no_field_overflows_near_any_edge(void **state)
{
	const size_t fields[] = { offsetof(Elf64_Phdr, p_offset), offsetof(Elf64_Phdr, p_vaddr),
				  offsetof(Elf64_Phdr, p_paddr),  offsetof(Elf64_Phdr, p_filesz),
				  offsetof(Elf64_Phdr, p_memsz),  offsetof(Elf64_Phdr, p_align) };

	(void)state;
	for (size_t field = 0; field < sizeof(fields) / sizeof(fields[0]); field++) {
		for (size_t edge = 0; edge < EDGES; edge++) {
			for (uint64_t near = 0; near <= 0x4000; near += near < 66 ? 1 : 0xfff) {
				parse_with(BUILDER_TEXT, fields[field], edges[edge] - near);
				parse_with(BUILDER_TEXT, fields[field], edges[edge] + near);
				parse_with(BUILDER_DATA, fields[field], edges[edge] - near);
				parse_with(BUILDER_DATA, fields[field], edges[edge] + near);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mutated_elf64_headers_keep_the_promises),
		cmocka_unit_test(test_mutated_multiboot_headers_keep_the_promises),
		cmocka_unit_test(test_raw_images_anywhere_keep_the_promises),
		cmocka_unit_test(test_mutated_image_that_is_accepted_is_identified),
		cmocka_unit_test(test_no_field_overflows_near_any_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
