/* SPDX-License-Identifier: MIT */
/*
 * ELF64 images: the ELF header and the table of program headers. The segments' own rules are in
 * test_image_elf64_segments.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image_builder.h"
#include "tests/unit/image_check.h"

static void refused(const struct elf64_image *file, const char *words)
{
	assert_refused(IMAGE_ELF64, file, sizeof(*file), words);
}

static struct image accepted(const struct elf64_image *file)
{
	return assert_accepted(IMAGE_ELF64, file, sizeof(*file));
}

static void test_sound_image_is_taken_as_it_is(void **state)
{
	struct elf64_image file = elf64_image_make();
	struct image image = accepted(&file);
	const struct image_segment *text = &image.segments[0];
	const struct image_segment *data = &image.segments[1];

	(void)state;
	assert_int_equal(image.mode, IMAGE_MODE_LONG);
	assert_int_equal(image.entry, ELF64_TEXT);
	assert_int_equal(image.nr_segments, 2);
	assert_int_equal(text->gpa.value, ELF64_TEXT);
	assert_int_equal(text->gva.value, ELF64_TEXT);
	assert_int_equal(text->file_offset, offsetof(struct elf64_image, content));
	assert_int_equal(text->file_len, sizeof(file.content));
	assert_int_equal(text->memory_len, sizeof(file.content));
	assert_int_equal(text->rights, SEGMENT_READ | SEGMENT_EXECUTE);
	assert_int_equal(text->number, BUILDER_TEXT);
	assert_int_equal(data->gpa.value, ELF64_DATA);
	assert_int_equal(data->file_len, sizeof(file.content) / 2);
	assert_int_equal(data->memory_len, ELF64_DATA_LEN);
	assert_int_equal(data->rights, SEGMENT_READ | SEGMENT_WRITE);
	assert_int_equal(data->number, BUILDER_DATA);
}

static void test_file_at_any_address_is_read(void **state)
{
	struct elf64_image file = elf64_image_make();
	uint8_t bytes[sizeof(file) + 8];
	struct image image;
	struct image_error error;

	(void)state;
	for (size_t shift = 0; shift < 8; shift++) {
		memcpy(bytes + shift, &file, sizeof(file));
		assert_int_equal(image_parse_elf64(bytes + shift, sizeof(file), &image, &error), 0);
	}
}

static void test_table_at_an_odd_offset_is_read(void **state)
{
	struct elf64_image file = elf64_image_make();
	const size_t len = BUILDER_USED * sizeof(Elf64_Phdr);

	(void)state;
	memmove((uint8_t *)file.program + 1, file.program, len);
	file.header.e_phoff++;
	accepted(&file);
}

static void test_truncation_at_every_byte_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();
	const size_t table_end = offsetof(struct elf64_image, program[BUILDER_USED]);

	(void)state;
	for (size_t len = 0; len < SELFMAG; len++)
		assert_refused(IMAGE_ELF64, &file, len, "not an ELF file");
	for (size_t len = SELFMAG; len < sizeof(Elf64_Ehdr); len++)
		assert_refused(IMAGE_ELF64, &file, len, "ends within its ELF header");
	for (size_t len = sizeof(Elf64_Ehdr); len < table_end; len++)
		assert_refused(IMAGE_ELF64, &file, len, "the 3 program headers at offset 0x40");
	for (size_t len = table_end; len < sizeof(file); len++)
		assert_refused(IMAGE_ELF64, &file, len, "segment 0");
}

static void test_wrong_magic_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < SELFMAG; i++) {
		struct elf64_image file = elf64_image_make();

		file.header.e_ident[i] ^= 0x20;
		refused(&file, "not an ELF file");
	}
}

static void test_every_other_class_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	for (unsigned class = 0; class < 256; class ++) {
		if (class == ELFCLASS64)
			continue;
		file.header.e_ident[EI_CLASS] = (unsigned char)class;
		refused(&file, "wanted is class 2 (ELF64)");
	}
}

static void test_every_other_data_encoding_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	for (unsigned encoding = 0; encoding < 256; encoding++) {
		if (encoding == ELFDATA2LSB)
			continue;
		file.header.e_ident[EI_DATA] = (unsigned char)encoding;
		refused(&file, "little endian");
	}
}

static void test_every_other_machine_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	for (unsigned machine = 0; machine <= UINT16_MAX; machine++) {
		if (machine == EM_X86_64)
			continue;
		file.header.e_machine = (Elf64_Half)machine;
		refused(&file, "wanted is machine 62 (x86-64)");
	}
	file.header.e_machine = EM_AARCH64;
	refused(&file, "is for machine 183 (AArch64)");
}

static void test_wrong_version_is_refused(void **state)
{
	const Elf64_Word versions[] = { 0, 2, 0x100, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct elf64_image file = elf64_image_make();

		file.header.e_version = versions[i];
		refused(&file, "version");
		file = elf64_image_make();
		file.header.e_ident[EI_VERSION] = (unsigned char)versions[i];
		refused(&file, "version");
	}
}

static void test_every_type_but_executable_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		if (type == ET_EXEC)
			continue;
		file.header.e_type = (Elf64_Half)type;
		refused(&file, "ET_EXEC");
	}
}

static void test_wrong_type_is_refused_with_its_remedy(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	file.header.e_type = ET_DYN;
	refused(&file, "link it with -no-pie");
	file.header.e_type = ET_REL;
	refused(&file, "object file (ET_REL)");
	file.header.e_type = ET_CORE;
	refused(&file, "core dump");
}

static void test_every_other_program_header_size_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	for (unsigned size = 0; size <= UINT16_MAX; size++) {
		if (size == sizeof(Elf64_Phdr))
			continue;
		file.header.e_phentsize = (Elf64_Half)size;
		refused(&file, "e_phentsize");
	}
}

static void test_no_program_headers_are_refused(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	file.header.e_phnum = 0;
	refused(&file, "no program headers");
}

static void test_table_must_lie_in_the_file(void **state)
{
	struct elf64_image file = elf64_image_make();
	const size_t room = (sizeof(file) - file.header.e_phoff) / sizeof(Elf64_Phdr);

	(void)state;
	file.header.e_phnum = (Elf64_Half)(room + 1);
	refused(&file, "reach beyond the file");
	file.header.e_phnum = PN_XNUM - 1;
	refused(&file, "reach beyond the file");
	file.header.e_phnum = PN_XNUM;
	refused(&file, "65535 program headers or more");
}

static void test_table_offset_never_wraps(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	for (uint64_t below = 1; below <= 2 * sizeof(file); below++) {
		file.header.e_phoff = -below;
		refused(&file, "reach beyond the file");
	}
	file.header.e_phoff = sizeof(file) - BUILDER_USED * sizeof(Elf64_Phdr) + 1;
	refused(&file, "reach beyond the file");
}

static void test_table_may_end_with_the_file(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	file.header.e_phoff = sizeof(file) - sizeof(Elf64_Phdr);
	file.header.e_phnum = 1;
	refused(&file, "nothing to load");
	memcpy(file.content + sizeof(file.content) - sizeof(Elf64_Phdr), &file.program[0],
	       sizeof(Elf64_Phdr));
	accepted(&file);
}

/* The longest table there is: 65534 headers of no meaning and, last, the text. */
static void test_longest_table_is_read(void **state)
{
	static struct {
		Elf64_Ehdr header;
		Elf64_Phdr program[PN_XNUM - 1];
	} file;
	struct elf64_image sound = elf64_image_make();

	(void)state;
	file.header = sound.header;
	file.header.e_phnum = PN_XNUM - 1;
	file.program[PN_XNUM - 2] = sound.program[BUILDER_TEXT];
	assert_int_equal(assert_accepted(IMAGE_ELF64, &file, sizeof(file)).nr_segments, 1);
	assert_refused(IMAGE_ELF64, &file, sizeof(file) - 1, "reach beyond the file");
}

static void test_entry_must_lie_in_an_executable_segment(void **state)
{
	struct elf64_image file = elf64_image_make();
	const uint64_t outside[] = {
		0, 1, ELF64_TEXT - 1, ELF64_DATA - 1, ELF64_DATA + ELF64_DATA_LEN, UINT64_MAX
	};

	(void)state;
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		file.header.e_entry = outside[i];
		refused(&file, "is in no segment");
	}
	file.header.e_entry = ELF64_DATA;
	refused(&file, "segment 1, which is not executable");
	file.header.e_entry = ELF64_TEXT + sizeof(file.content) - 1;
	assert_int_equal(accepted(&file).entry, file.header.e_entry);
}

static void test_entry_is_a_gva(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	file.program[BUILDER_TEXT].p_vaddr = UINT64_C(0xffffffff80000000);
	refused(&file, "the entry point 0x400000 is in no segment");
	file.header.e_entry = UINT64_C(0xffffffff80000010);
	assert_int_equal(accepted(&file).entry, UINT64_C(0xffffffff80000010));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound_image_is_taken_as_it_is),
		cmocka_unit_test(test_file_at_any_address_is_read),
		cmocka_unit_test(test_table_at_an_odd_offset_is_read),
		cmocka_unit_test(test_truncation_at_every_byte_is_refused),
		cmocka_unit_test(test_wrong_magic_is_refused),
		cmocka_unit_test(test_every_other_class_is_refused),
		cmocka_unit_test(test_every_other_data_encoding_is_refused),
		cmocka_unit_test(test_every_other_machine_is_refused),
		cmocka_unit_test(test_wrong_version_is_refused),
		cmocka_unit_test(test_every_type_but_executable_is_refused),
		cmocka_unit_test(test_wrong_type_is_refused_with_its_remedy),
		cmocka_unit_test(test_every_other_program_header_size_is_refused),
		cmocka_unit_test(test_no_program_headers_are_refused),
		cmocka_unit_test(test_table_must_lie_in_the_file),
		cmocka_unit_test(test_table_offset_never_wraps),
		cmocka_unit_test(test_table_may_end_with_the_file),
		cmocka_unit_test(test_longest_table_is_read),
		cmocka_unit_test(test_entry_must_lie_in_an_executable_segment),
		cmocka_unit_test(test_entry_is_a_gva),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
