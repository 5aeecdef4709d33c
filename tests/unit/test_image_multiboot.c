/* SPDX-License-Identifier: MIT */
/*
 * Multiboot images: the Multiboot header, and what differs from ELF64 because paging is off. What
 * both share of ELF is in test_image_elf64.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image_builder.h"
#include "tests/unit/image_check.h"

#define ALL_RIGHTS (SEGMENT_READ | SEGMENT_WRITE | SEGMENT_EXECUTE)

static void refused(const struct multiboot_image *file, const char *words)
{
	assert_refused(IMAGE_MULTIBOOT, file, sizeof(*file), words);
}

static struct image accepted(const struct multiboot_image *file)
{
	return assert_accepted(IMAGE_MULTIBOOT, file, sizeof(*file));
}

static void place(Elf32_Phdr *header, uint32_t gva, uint32_t gpa)
{
	header->p_vaddr = gva;
	header->p_paddr = gpa;
}

static void test_sound_image_is_taken_as_it_is(void **state)
{
	struct multiboot_image file = multiboot_image_make();
	struct image image = accepted(&file);
	const struct image_segment *text = &image.segments[0];
	const struct image_segment *data = &image.segments[1];

	(void)state;
	assert_int_equal(image.mode, IMAGE_MODE_PROTECTED);
	assert_int_equal(image.entry, MULTIBOOT_TEXT + 12);
	assert_int_equal(image.nr_segments, 2);
	assert_int_equal(text->gpa.value, MULTIBOOT_TEXT);
	assert_int_equal(text->file_offset, offsetof(struct multiboot_image, content));
	assert_int_equal(text->file_len, MULTIBOOT_DATA - MULTIBOOT_TEXT);
	assert_int_equal(text->memory_len, MULTIBOOT_DATA - MULTIBOOT_TEXT);
	assert_int_equal(text->rights, ALL_RIGHTS);
	assert_int_equal(data->gpa.value, MULTIBOOT_DATA);
	assert_int_equal(data->file_len, 32);
	assert_int_equal(data->memory_len, MULTIBOOT_DATA_LEN);
	assert_int_equal(data->rights, ALL_RIGHTS);
	assert_int_equal(data->number, BUILDER_DATA);
}

static void test_truncation_at_every_byte_is_refused(void **state)
{
	struct multiboot_image file = multiboot_image_make();
	const size_t headers_end = offsetof(struct multiboot_image, content) + 12;

	(void)state;
	for (size_t len = 0; len < headers_end; len++)
		assert_refused(IMAGE_MULTIBOOT, &file, len, "");
	assert_refused(IMAGE_MULTIBOOT, &file, headers_end - 1, "no Multiboot 1 header");
	assert_refused(IMAGE_MULTIBOOT, &file, headers_end, "segment 0");
}

static void test_other_elf_files_are_refused(void **state)
{
	struct multiboot_image file = multiboot_image_make();

	(void)state;
	file.header.e_machine = EM_X86_64;
	refused(&file, "is for machine 62 (x86-64); wanted is machine 3 (i386)");
	file = multiboot_image_make();
	file.header.e_type = ET_DYN;
	refused(&file, "-no-pie");
	file = multiboot_image_make();
	file.header.e_type = ET_REL;
	refused(&file, "object file");
	file = multiboot_image_make();
	file.header.e_version = 0;
	refused(&file, "version");
	file = multiboot_image_make();
	file.header.e_ident[EI_DATA] = ELFDATA2MSB;
	refused(&file, "little endian");
	file = multiboot_image_make();
	file.header.e_ident[EI_CLASS] = ELFCLASS64;
	refused(&file, "wanted is class 1 (ELF32)");
	file = multiboot_image_make();
	file.header.e_phentsize = sizeof(Elf64_Phdr);
	refused(&file, "wanted is 32");
}

static void test_table_must_lie_in_the_file(void **state)
{
	struct multiboot_image file = multiboot_image_make();

	(void)state;
	file.header.e_phoff = UINT32_MAX;
	refused(&file, "reach beyond the file");
	file.header.e_phoff = -(uint32_t)(BUILDER_USED * sizeof(Elf32_Phdr));
	refused(&file, "reach beyond the file");
	file = multiboot_image_make();
	file.header.e_phnum = PN_XNUM - 1;
	refused(&file, "reach beyond the file");
	file.header.e_phnum = PN_XNUM;
	refused(&file, "65535 program headers or more");
	file.header.e_phnum = 0;
	refused(&file, "no program headers");
}

static void test_need_of_a_dynamic_linker_is_refused(void **state)
{
	struct multiboot_image file = multiboot_image_make();

	(void)state;
	file.program[BUILDER_STACK].p_type = PT_INTERP;
	refused(&file, "PT_INTERP");
	file.program[BUILDER_STACK].p_type = PT_DYNAMIC;
	refused(&file, "PT_DYNAMIC");
}

/* Offsets in the content; the file's are `content` more. */
static void test_header_is_found_at_every_aligned_place_of_8_kib(void **state)
{
	const size_t content = offsetof(struct multiboot_image, content);

	(void)state;
	for (size_t offset = 0; offset + 12 <= 8192; offset++) {
		struct multiboot_image file = elf32_image_make();
		size_t at = content + offset;

		multiboot_image_put(&file, offset, 3);
		if (at % 4 == 0 && at + 12 <= 8192)
			accepted(&file);
		else
			refused(&file, "no Multiboot 1 header");
	}
}

static void test_header_in_a_short_file_is_found_up_to_its_end(void **state)
{
	struct multiboot_image file = elf32_image_make();
	const size_t len = offsetof(struct multiboot_image, content) + 64;

	(void)state;
	multiboot_image_put(&file, 52, 0);
	assert_accepted(IMAGE_MULTIBOOT, &file, len);
	multiboot_image_put(&file, 56, 0);
	memset(file.content, 0, 56);
	assert_refused(IMAGE_MULTIBOOT, &file, len, "no Multiboot 1 header");
}

static void test_wrong_checksum_is_refused_with_its_place(void **state)
{
	struct multiboot_image file = multiboot_image_make();

	(void)state;
	for (size_t bit = 0; bit < 32; bit++) {
		file.content[8 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		refused(&file, "the checksum of the Multiboot header at offset 0x534 is wrong");
		file.content[8 + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	accepted(&file);
}

static void test_first_of_two_wrong_headers_is_named(void **state)
{
	struct multiboot_image file = multiboot_image_make();

	(void)state;
	multiboot_image_put(&file, 4000, 0);
	file.content[8] ^= 1;
	file.content[4008] ^= 1;
	refused(&file, "offset 0x534 is wrong");
}

static void test_header_after_a_mere_magic_is_found(void **state)
{
	struct multiboot_image file = multiboot_image_make();

	(void)state;
	file.content[8] ^= 1;
	multiboot_image_put(&file, 4000, 0);
	accepted(&file);
}

static void test_required_flags_are_satisfied_or_refused(void **state)
{
	struct multiboot_image file = elf32_image_make();

	(void)state;
	for (unsigned flag = 0; flag < 32; flag++) {
		multiboot_image_put(&file, 0, UINT32_C(1) << flag);
		if (flag < 2 || flag >= 16)
			accepted(&file);
		else
			refused(&file, flag == 2 ? "video mode (flag 2)" : "required and unknown");
	}
	multiboot_image_put(&file, 0, UINT32_C(0xffff0003));
	accepted(&file);
	multiboot_image_put(&file, 0, UINT32_C(0xffffffff));
	refused(&file, "video mode (flag 2)");
	multiboot_image_put(&file, 0, UINT32_C(0x00010102));
	refused(&file, "the flags 0x10102, of which 0x100 are required and unknown");
}

/* Address fields which would have the content loaded somewhere else. */
static void test_load_addresses_of_the_header_are_ignored(void **state)
{
	struct multiboot_image file = multiboot_image_make();
	const uint32_t addresses[5] = { 0x200000, 0x200000, 0x200100, 0x200200, 0x200040 };
	struct image image;

	(void)state;
	multiboot_image_put(&file, 0, UINT32_C(0x10003));
	memcpy(file.content + 12, addresses, sizeof(addresses));
	image = accepted(&file);
	assert_int_equal(image.segments[0].gpa.value, MULTIBOOT_TEXT);
	assert_int_equal(image.entry, MULTIBOOT_TEXT + 12);
}

static void test_segments_go_to_their_physical_addresses(void **state)
{
	struct multiboot_image file = multiboot_image_make();
	struct image image;

	(void)state;
	place(&file.program[BUILDER_TEXT], UINT32_C(0xc0100123), MULTIBOOT_TEXT);
	place(&file.program[BUILDER_DATA], UINT32_C(0xffffff00), MULTIBOOT_DATA);
	image = accepted(&file);
	assert_int_equal(image.segments[0].gpa.value, MULTIBOOT_TEXT);
	assert_int_equal(image.segments[0].gva.value, MULTIBOOT_TEXT);
	assert_int_equal(image.segments[1].gpa.value, MULTIBOOT_DATA);
}

static void test_virtual_addresses_may_overlap(void **state)
{
	struct multiboot_image file = multiboot_image_make();

	(void)state;
	file.program[BUILDER_DATA].p_vaddr = MULTIBOOT_TEXT;
	assert_int_equal(accepted(&file).nr_segments, 2);
}

static void test_entry_is_physical_or_translated(void **state)
{
	struct multiboot_image file = multiboot_image_make();

	(void)state;
	place(&file.program[BUILDER_TEXT], UINT32_C(0xc0100000), MULTIBOOT_TEXT);
	file.header.e_entry = MULTIBOOT_TEXT + 20;
	assert_int_equal(accepted(&file).entry, MULTIBOOT_TEXT + 20);
	file.header.e_entry = UINT32_C(0xc0100000);
	assert_int_equal(accepted(&file).entry, MULTIBOOT_TEXT);
	file.header.e_entry = UINT32_C(0xc0100000) + 20;
	assert_int_equal(accepted(&file).entry, MULTIBOOT_TEXT + 20);
	file.header.e_entry = UINT32_C(0xc0100000) + 0x40;
	refused(&file, "the entry point 0xc0100040 is in no segment");
	file.header.e_entry = UINT32_C(0xc0100000) - 1;
	refused(&file, "the entry point 0xc00fffff is in no segment");
}

static void test_entry_must_lie_in_a_segment(void **state)
{
	struct multiboot_image file = multiboot_image_make();
	const uint32_t end = MULTIBOOT_DATA + MULTIBOOT_DATA_LEN;
	const uint32_t outside[] = { 0, MULTIBOOT_TEXT - 1, end, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		file.header.e_entry = outside[i];
		refused(&file, "is in no segment");
	}
	file.header.e_entry = end - 1; /* rights do not matter without paging */
	assert_int_equal(accepted(&file).entry, end - 1);
}

static void test_rights_do_not_matter_without_paging(void **state)
{
	struct multiboot_image file = multiboot_image_make();

	(void)state;
	for (Elf32_Word flags = 0; flags < 8; flags++) {
		file.program[BUILDER_TEXT].p_flags = flags;
		assert_int_equal(accepted(&file).segments[0].rights, ALL_RIGHTS);
	}
}

static void test_page_0_may_be_loaded(void **state)
{
	struct multiboot_image file = multiboot_image_make();

	(void)state;
	place(&file.program[BUILDER_DATA], 0, 0);
	assert_int_equal(accepted(&file).segments[0].gpa.value, 0);
}

static void test_segments_end_at_4_gib(void **state)
{
	struct multiboot_image file = multiboot_image_make();
	Elf32_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	place(data, MULTIBOOT_DATA, -MULTIBOOT_DATA_LEN);
	accepted(&file);
	data->p_memsz++;
	refused(&file, "segment 1, 0x2801 bytes at GPA 0xffffd800, reaches beyond 4 GiB");
	place(data, MULTIBOOT_DATA, UINT32_MAX);
	refused(&file, "reaches beyond 4 GiB");
	place(data, MULTIBOOT_DATA, MULTIBOOT_DATA);
	data->p_memsz = UINT32_MAX;
	refused(&file, "reaches beyond 4 GiB");
}

static void test_overlap_is_refused(void **state)
{
	struct multiboot_image file = multiboot_image_make();
	Elf32_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	place(data, MULTIBOOT_DATA, MULTIBOOT_DATA - 1);
	refused(&file, "segments 0 and 1 overlap at GPA 0x10003f");
	place(data, MULTIBOOT_DATA, MULTIBOOT_TEXT);
	refused(&file, "overlap at GPA 0x100000");
	place(data, MULTIBOOT_DATA, MULTIBOOT_TEXT - MULTIBOOT_DATA_LEN + 1);
	refused(&file, "segments 1 and 0 overlap at GPA 0x100000");
	place(data, MULTIBOOT_DATA, MULTIBOOT_TEXT - MULTIBOOT_DATA_LEN);
	accepted(&file);
}

static void test_file_range_must_lie_in_the_file(void **state)
{
	struct multiboot_image file = multiboot_image_make();
	Elf32_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	data->p_offset = sizeof(file) - 32;
	accepted(&file);
	data->p_offset++;
	refused(&file, "segment 1, 0x20 bytes at offset");
	data->p_offset = UINT32_MAX - 15;
	refused(&file, "reaches beyond the file's");
	data->p_offset = 0;
	data->p_filesz = UINT32_MAX;
	refused(&file, "segment 1 has 0xffffffff bytes in the file, but 0x2800 in memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound_image_is_taken_as_it_is),
		cmocka_unit_test(test_truncation_at_every_byte_is_refused),
		cmocka_unit_test(test_other_elf_files_are_refused),
		cmocka_unit_test(test_table_must_lie_in_the_file),
		cmocka_unit_test(test_need_of_a_dynamic_linker_is_refused),
		cmocka_unit_test(test_header_is_found_at_every_aligned_place_of_8_kib),
		cmocka_unit_test(test_header_in_a_short_file_is_found_up_to_its_end),
		cmocka_unit_test(test_wrong_checksum_is_refused_with_its_place),
		cmocka_unit_test(test_first_of_two_wrong_headers_is_named),
		cmocka_unit_test(test_header_after_a_mere_magic_is_found),
		cmocka_unit_test(test_required_flags_are_satisfied_or_refused),
		cmocka_unit_test(test_load_addresses_of_the_header_are_ignored),
		cmocka_unit_test(test_segments_go_to_their_physical_addresses),
		cmocka_unit_test(test_virtual_addresses_may_overlap),
		cmocka_unit_test(test_entry_is_physical_or_translated),
		cmocka_unit_test(test_entry_must_lie_in_a_segment),
		cmocka_unit_test(test_rights_do_not_matter_without_paging),
		cmocka_unit_test(test_page_0_may_be_loaded),
		cmocka_unit_test(test_segments_end_at_4_gib),
		cmocka_unit_test(test_overlap_is_refused),
		cmocka_unit_test(test_file_range_must_lie_in_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
