/* SPDX-License-Identifier: MIT */
/*
 * ELF64 images: each rule for a segment, and for segments among each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image_builder.h"
#include "tests/unit/image_check.h"

#define LOWER_HALF_END UINT64_C(0x800000000000)
#define UPPER_HALF_START UINT64_C(0xffff800000000000)

static void refused(const struct elf64_image *file, const char *words)
{
	assert_refused(IMAGE_ELF64, file, sizeof(*file), words);
}

static struct image accepted(const struct elf64_image *file)
{
	return assert_accepted(IMAGE_ELF64, file, sizeof(*file));
}

/* The segment with this program header. */
static struct image_segment segment_of(const struct image *image, unsigned number)
{
	for (unsigned i = 0; i < image->nr_segments; i++)
		if (image->segments[i].number == number)
			return image->segments[i];
	fail_msg("program header %u is no segment", number);
	return (struct image_segment){ .number = number };
}

static void place(Elf64_Phdr *header, uint64_t gva, uint64_t gpa)
{
	header->p_vaddr = gva;
	header->p_paddr = gpa;
}

/* One that is placed where it disturbs no other, by number. */
static Elf64_Phdr extra_load(unsigned number)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R,
		.p_vaddr = UINT64_C(0x10000000) + number * UINT64_C(0x1000),
		.p_paddr = UINT64_C(0x10000000) + number * UINT64_C(0x1000),
		.p_memsz = 0x1000,
	};
}

static void test_load_without_memory_is_ignored(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	file.program[BUILDER_DATA] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = UINT64_MAX };
	assert_int_equal(accepted(&file).nr_segments, 1);
	file.program[BUILDER_DATA].p_filesz = 1;
	refused(&file, "segment 1 has 0x1 bytes in the file, but 0x0 in memory");
}

static void test_image_without_any_load_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	file.program[BUILDER_TEXT].p_type = PT_NULL;
	file.program[BUILDER_DATA].p_memsz = 0;
	file.program[BUILDER_DATA].p_filesz = 0;
	refused(&file, "nothing to load");
}

static void test_headers_that_load_nothing_are_ignored(void **state)
{
	const Elf64_Word types[] = { PT_NULL,	      PT_NOTE,	       PT_SHLIB,     PT_PHDR,
				     PT_TLS,	      PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO,
				     PT_GNU_PROPERTY, PT_LOPROC,       UINT32_MAX };
	struct elf64_image file = elf64_image_make();

	(void)state;
	memset(&file.program[BUILDER_STACK], 0xff, sizeof(file.program[BUILDER_STACK]));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		file.program[BUILDER_STACK].p_type = types[i];
		assert_int_equal(accepted(&file).nr_segments, 2);
	}
}

static void test_need_of_a_dynamic_linker_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	file.program[BUILDER_STACK].p_type = PT_INTERP;
	refused(&file, "segment 2 asks for an interpreter (PT_INTERP)");
	file.program[BUILDER_STACK].p_type = PT_DYNAMIC;
	refused(&file, "segment 2 is for a dynamic linker (PT_DYNAMIC)");
}

static void test_segments_are_32_at_most(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	for (unsigned i = BUILDER_USED; i < BUILDER_PROGRAM_HEADERS; i++)
		file.program[i] = extra_load(i);
	file.header.e_phnum = IMAGE_SEGMENTS_MAX + 1; /* one of them loads nothing */
	assert_int_equal(accepted(&file).nr_segments, IMAGE_SEGMENTS_MAX);
	file.header.e_phnum++;
	refused(&file, "segment 33 is one too many: at most 32");
}

static void test_segments_come_out_ascending_by_gpa(void **state)
{
	struct elf64_image file = elf64_image_make();
	struct image image;

	(void)state;
	for (unsigned i = BUILDER_USED; i <= IMAGE_SEGMENTS_MAX; i++)
		file.program[i] = extra_load((i * 7) % BUILDER_PROGRAM_HEADERS);
	file.header.e_phnum = IMAGE_SEGMENTS_MAX + 1;
	place(&file.program[BUILDER_TEXT], ELF64_TEXT, UINT64_C(0x20000000));
	image = accepted(&file); /* which is where the order is checked */
	assert_int_equal(image.segments[0].number, BUILDER_DATA);
	assert_int_equal(image.segments[IMAGE_SEGMENTS_MAX - 1].number, BUILDER_TEXT);
}

static void test_file_bytes_beyond_memory_are_refused(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	file.program[BUILDER_TEXT].p_memsz = file.program[BUILDER_TEXT].p_filesz - 1;
	refused(&file, "segment 0 has 0x40 bytes in the file, but 0x3f in memory");
}

static void test_file_range_must_lie_in_the_file(void **state)
{
	struct elf64_image file = elf64_image_make();
	Elf64_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	data->p_offset = sizeof(file) - data->p_filesz;
	accepted(&file);
	data->p_offset++;
	refused(&file, "segment 1, 0x20 bytes at offset");
	data->p_offset = sizeof(file);
	data->p_filesz = 1;
	refused(&file, "reaches beyond the file's");
	for (uint64_t below = 1; below <= 64; below++) {
		data->p_offset = -below;
		data->p_filesz = 32;
		refused(&file, "reaches beyond the file's");
	}
}

static void test_offset_of_no_bytes_does_not_matter(void **state)
{
	struct elf64_image file = elf64_image_make();
	struct image image;

	(void)state;
	file.program[BUILDER_DATA].p_filesz = 0;
	file.program[BUILDER_DATA].p_offset = UINT64_MAX;
	image = accepted(&file);
	assert_int_equal(segment_of(&image, BUILDER_DATA).file_offset, 0);
	assert_int_equal(segment_of(&image, BUILDER_DATA).file_len, 0);
}

static void test_gpa_range_never_wraps(void **state)
{
	struct elf64_image file = elf64_image_make();
	Elf64_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	data->p_memsz = 0x1000;
	place(data, ELF64_DATA, IMAGE_ADDRESS_END - 0x1000);
	accepted(&file);
	data->p_memsz++;
	refused(&file, "segment 1, 0x1001 bytes at GPA");
	data->p_memsz = 32;
	place(data, ELF64_DATA, IMAGE_ADDRESS_END);
	refused(&file, "reaches beyond the end of the address space");
	place(data, ELF64_DATA, ELF64_DATA);
	data->p_memsz = UINT64_MAX;
	refused(&file, "reaches beyond the end of the address space");
	data->p_memsz = -ELF64_DATA;
	refused(&file, "reaches beyond the end of the address space");
}

static void test_gva_range_lies_in_one_canonical_half(void **state)
{
	const uint64_t len = 0x1000;
	const uint64_t good[] = { 0x1000, LOWER_HALF_END - len, UPPER_HALF_START,
				  UINT64_C(0xffffffff80000000), IMAGE_ADDRESS_END - len };
	const uint64_t bad[] = { LOWER_HALF_END - len + 0x800, LOWER_HALF_END,
				 INT64_MAX - len + 1,	       UINT64_C(1) << 63,
				 UPPER_HALF_START - len,       UPPER_HALF_START - 0x800,
				 IMAGE_ADDRESS_END - 0x800,    IMAGE_ADDRESS_END };
	struct elf64_image file = elf64_image_make();
	Elf64_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	data->p_memsz = len;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		place(data, good[i], UINT64_C(0x800000) + good[i] % 4096);
		accepted(&file);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		place(data, bad[i], UINT64_C(0x800000) + bad[i] % 4096);
		refused(&file, "one half of the canonical addresses");
	}
	data->p_memsz = UPPER_HALF_START;
	place(data, ELF64_DATA, ELF64_DATA);
	refused(&file, "one half of the canonical addresses");
}

static void test_page_0_stays_absent(void **state)
{
	const uint64_t offsets[] = { 0, 1, 0x800, 0xfff };
	struct elf64_image file = elf64_image_make();
	Elf64_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		place(data, offsets[i], ELF64_DATA + offsets[i]);
		refused(&file, "segment 1 begins in page 0, at GVA");
		place(data, ELF64_DATA + offsets[i], offsets[i]);
		refused(&file, "segment 1 begins in page 0, at GPA");
	}
	place(data, 0x1000, 0x1000);
	accepted(&file);
}

static void test_gva_and_gpa_have_the_same_page_offset(void **state)
{
	struct elf64_image file = elf64_image_make();
	Elf64_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	place(data, ELF64_DATA + 0x123, UINT64_C(0x5000123));
	accepted(&file);
	place(data, ELF64_DATA + 0x123, UINT64_C(0x5000124));
	refused(&file, "differ in their offset in the page");
	place(data, ELF64_DATA, UINT64_C(0x5000800));
	refused(&file, "differ in their offset in the page");
}

/* All eight, and a bit that is no right. x86 has no way to withhold reading. */
static void test_rights_are_the_flags_with_reading_implied(void **state)
{
	const struct {
		Elf64_Word flags;
		unsigned rights;
	} good[] = {
		{ PF_R, SEGMENT_READ },
		{ PF_W, SEGMENT_READ | SEGMENT_WRITE },
		{ PF_X, SEGMENT_READ | SEGMENT_EXECUTE },
		{ PF_R | PF_W, SEGMENT_READ | SEGMENT_WRITE },
		{ PF_R | PF_X, SEGMENT_READ | SEGMENT_EXECUTE },
		{ PF_R | PF_MASKOS | PF_MASKPROC, SEGMENT_READ },
	};
	struct elf64_image file = elf64_image_make();
	struct image image;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		file.program[BUILDER_DATA].p_flags = good[i].flags;
		image = accepted(&file);
		assert_int_equal(segment_of(&image, BUILDER_DATA).rights, good[i].rights);
	}
	file.program[BUILDER_DATA].p_flags = 0;
	refused(&file, "segment 1 has no right");
	file.program[BUILDER_DATA].p_flags = PF_MASKOS;
	refused(&file, "segment 1 has no right");
	file.program[BUILDER_DATA].p_flags = PF_W | PF_X;
	refused(&file, "segment 1 is writable and executable");
	file.program[BUILDER_DATA].p_flags = PF_R | PF_W | PF_X;
	refused(&file, "segment 1 is writable and executable");
}

static void test_overlap_by_gva_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();
	Elf64_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	place(data, ELF64_TEXT, ELF64_DATA);
	refused(&file, "segments 0 and 1 overlap at GVA 0x400000");
	place(data, ELF64_TEXT - 0x2000, ELF64_DATA);
	refused(&file, "segments 0 and 1 overlap at GVA 0x400000");
	file.program[BUILDER_TEXT].p_memsz = 0x1001;
	place(data, ELF64_TEXT + 0x1000, ELF64_DATA + 0x1000);
	refused(&file, "overlap at GVA 0x401000");
}

static void test_overlap_by_gpa_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();
	Elf64_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	place(data, ELF64_DATA, ELF64_TEXT);
	refused(&file, "overlap at GPA 0x400000");
	place(data, ELF64_DATA, ELF64_TEXT - 0x2000);
	refused(&file, "overlap at GPA 0x400000");
	place(data, ELF64_DATA, ELF64_TEXT - ELF64_DATA_LEN + 1);
	data->p_vaddr += data->p_paddr % 4096;
	refused(&file, "overlap at GPA 0x400000");
}

static void test_overlap_of_segments_far_apart_in_the_file_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	for (unsigned i = BUILDER_USED; i < IMAGE_SEGMENTS_MAX; i++)
		file.program[i] = extra_load(i);
	file.header.e_phnum = IMAGE_SEGMENTS_MAX;
	accepted(&file);
	file.program[IMAGE_SEGMENTS_MAX - 1].p_vaddr = ELF64_TEXT;
	refused(&file, "segments 0 and 31 overlap at GVA 0x400000");
}

static void test_shared_page_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();
	Elf64_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	place(data, ELF64_TEXT + 0x800, ELF64_DATA + 0x800);
	refused(&file, "segments 0 and 1 share the page at GVA 0x400000: align each to 4096");
	place(data, ELF64_DATA + 0x800, ELF64_TEXT + 0x800);
	refused(&file, "share the page at GPA 0x400000");
	refused(&file, "-z separate-code");
	data->p_flags = file.program[BUILDER_TEXT].p_flags;
	refused(&file, "share the page at GPA 0x400000");
}

static void test_page_shared_by_the_last_byte_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();
	Elf64_Phdr *text = &file.program[BUILDER_TEXT];

	(void)state;
	place(&file.program[BUILDER_DATA], ELF64_DATA + 0x10, ELF64_DATA + 0x10);
	text->p_memsz = 0x1000;
	accepted(&file);
	text->p_memsz = 0x1001;
	refused(&file, "share the page at GPA 0x401000");
}

/* Data above text by GPA and below it by GVA: the order of the one says nothing of the other. */
static void test_page_shared_against_the_order_of_gpas_is_refused(void **state)
{
	struct elf64_image file = elf64_image_make();
	Elf64_Phdr *data = &file.program[BUILDER_DATA];

	(void)state;
	place(&file.program[BUILDER_TEXT], ELF64_TEXT + 0x10, ELF64_TEXT + 0x10);
	file.header.e_entry = ELF64_TEXT + 0x10;
	place(data, ELF64_TEXT - 0x3000, ELF64_DATA);
	data->p_memsz = 0x3000;
	accepted(&file);
	data->p_memsz = 0x3001;
	refused(&file, "share the page at GVA 0x400000");
}

static void test_neighbours_on_pages_of_their_own_are_accepted(void **state)
{
	struct elf64_image file = elf64_image_make();

	(void)state;
	file.program[BUILDER_TEXT].p_memsz = ELF64_DATA - ELF64_TEXT;
	accepted(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load_without_memory_is_ignored),
		cmocka_unit_test(test_image_without_any_load_is_refused),
		cmocka_unit_test(test_headers_that_load_nothing_are_ignored),
		cmocka_unit_test(test_need_of_a_dynamic_linker_is_refused),
		cmocka_unit_test(test_segments_are_32_at_most),
		cmocka_unit_test(test_segments_come_out_ascending_by_gpa),
		cmocka_unit_test(test_file_bytes_beyond_memory_are_refused),
		cmocka_unit_test(test_file_range_must_lie_in_the_file),
		cmocka_unit_test(test_offset_of_no_bytes_does_not_matter),
		cmocka_unit_test(test_gpa_range_never_wraps),
		cmocka_unit_test(test_gva_range_lies_in_one_canonical_half),
		cmocka_unit_test(test_page_0_stays_absent),
		cmocka_unit_test(test_gva_and_gpa_have_the_same_page_offset),
		cmocka_unit_test(test_rights_are_the_flags_with_reading_implied),
		cmocka_unit_test(test_overlap_by_gva_is_refused),
		cmocka_unit_test(test_overlap_by_gpa_is_refused),
		cmocka_unit_test(test_overlap_of_segments_far_apart_in_the_file_is_refused),
		cmocka_unit_test(test_shared_page_is_refused),
		cmocka_unit_test(test_page_shared_by_the_last_byte_is_refused),
		cmocka_unit_test(test_page_shared_against_the_order_of_gpas_is_refused),
		cmocka_unit_test(test_neighbours_on_pages_of_their_own_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
