/* SPDX-License-Identifier: MIT */
/*
 * Raw images: the limits of each mode, on both sides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image_check.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const uint8_t content[8192];

static struct image_raw_options options_at(enum image_mode mode, uint64_t load, uint64_t entry)
{
	return (struct image_raw_options){ .mode = mode, .load = GPA(load), .entry = entry };
}

static void assert_raw_refused(size_t len, struct image_raw_options options, const char *words)
{
	struct image image;
	struct image_error error;

	if (image_parse_copy(IMAGE_RAW, content, len, &options, &image, &error) == 0)
		fail_msg("accepted, but should be refused: %s", words);
	if (!strstr(error.text, words))
		fail_msg("the sentence '%s' does not say '%s'", error.text, words);
}

static struct image assert_raw_accepted(size_t len, struct image_raw_options options)
{
	struct image image;
	struct image_error error;

	if (image_parse_copy(IMAGE_RAW, content, len, &options, &image, &error))
		fail_msg("refused: %s", error.text);
	assert_int_equal(image.kind, IMAGE_RAW);
	assert_int_equal(image.mode, options.mode);
	assert_int_equal(image.entry, options.entry);
	return image;
}

static void test_raw_image_is_one_segment_with_all_rights(void **state)
{
	struct image image = assert_raw_accepted(100, options_at(IMAGE_MODE_LONG, MIB, MIB + 99));
	const struct image_segment *segment = &image.segments[0];

	(void)state;
	assert_int_equal(image.nr_segments, 1);
	assert_int_equal(segment->gpa.value, MIB);
	assert_int_equal(segment->gva.value, MIB);
	assert_int_equal(segment->file_offset, 0);
	assert_int_equal(segment->file_len, 100);
	assert_int_equal(segment->memory_len, 100);
	assert_int_equal(segment->rights, SEGMENT_READ | SEGMENT_WRITE | SEGMENT_EXECUTE);
}

static void test_empty_file_is_refused_in_every_mode(void **state)
{
	(void)state;
	assert_raw_refused(0, options_at(IMAGE_MODE_LONG, MIB, MIB), "empty");
	assert_raw_refused(0, options_at(IMAGE_MODE_PROTECTED, MIB, MIB), "empty");
	assert_raw_refused(0, options_at(IMAGE_MODE_REAL, 0x7c00, 0x7c00), "empty");
}

static void test_entry_must_lie_in_the_image(void **state)
{
	(void)state;
	assert_raw_accepted(16, options_at(IMAGE_MODE_LONG, MIB, MIB));
	assert_raw_accepted(16, options_at(IMAGE_MODE_LONG, MIB, MIB + 15));
	assert_raw_refused(16, options_at(IMAGE_MODE_LONG, MIB, MIB + 16), "--entry 0x100010");
	assert_raw_refused(16, options_at(IMAGE_MODE_LONG, MIB, MIB - 1), "--entry 0xfffff");
	assert_raw_refused(16, options_at(IMAGE_MODE_LONG, MIB, 0), "--entry 0x0");
	assert_raw_refused(16, options_at(IMAGE_MODE_LONG, MIB, UINT64_MAX), "--entry");
}

static void test_long_mode_keeps_page_0_absent(void **state)
{
	(void)state;
	assert_raw_refused(16, options_at(IMAGE_MODE_LONG, 0, 0), "--load");
	assert_raw_accepted(16, options_at(IMAGE_MODE_LONG, 4096, 4096));
}

static void test_long_mode_loads_at_page_boundaries_only(void **state)
{
	(void)state;
	assert_raw_refused(16, options_at(IMAGE_MODE_LONG, 4095, 4095), "--load");
	assert_raw_refused(16, options_at(IMAGE_MODE_LONG, 4097, 4097), "multiple of 4096");
	assert_raw_refused(16, options_at(IMAGE_MODE_LONG, MIB + 2048, MIB + 2048),
			   "multiple of 4096");
}

static void test_long_mode_ends_at_the_lower_half(void **state)
{
	const uint64_t end = UINT64_C(1) << 47;

	(void)state;
	assert_raw_accepted(4096, options_at(IMAGE_MODE_LONG, end - 4096, end - 1));
	assert_raw_refused(4097, options_at(IMAGE_MODE_LONG, end - 4096, end - 1), "long mode");
	assert_raw_refused(16, options_at(IMAGE_MODE_LONG, end, end), "long mode");
}

static void test_protected_mode_ends_at_4_gib(void **state)
{
	(void)state;
	assert_raw_accepted(16, options_at(IMAGE_MODE_PROTECTED, 4 * GIB - 16, 4 * GIB - 1));
	assert_raw_refused(17, options_at(IMAGE_MODE_PROTECTED, 4 * GIB - 16, 4 * GIB - 1),
			   "protected mode");
	assert_raw_refused(16, options_at(IMAGE_MODE_PROTECTED, 4 * GIB, 4 * GIB),
			   "protected mode");
}

static void test_real_mode_ends_at_1_mib(void **state)
{
	(void)state;
	assert_raw_accepted(16, options_at(IMAGE_MODE_REAL, MIB - 16, MIB - 1));
	assert_raw_refused(17, options_at(IMAGE_MODE_REAL, MIB - 16, MIB - 1), "real mode");
	assert_raw_refused(16, options_at(IMAGE_MODE_REAL, MIB, MIB), "real mode");
}

static void test_modes_without_paging_load_anywhere_below(void **state)
{
	(void)state;
	assert_raw_accepted(512, options_at(IMAGE_MODE_REAL, 0x7c00, 0x7c00));
	assert_raw_accepted(512, options_at(IMAGE_MODE_REAL, 0, 0));
	assert_raw_accepted(512, options_at(IMAGE_MODE_PROTECTED, 1, 1));
}

static void test_load_near_2_to_64_never_wraps(void **state)
{
	const enum image_mode modes[] = { IMAGE_MODE_LONG, IMAGE_MODE_PROTECTED, IMAGE_MODE_REAL };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (uint64_t below = 1; below <= 2 * sizeof(content); below++)
			assert_raw_refused(sizeof(content), options_at(modes[i], -below, 0),
					   "--load");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw_image_is_one_segment_with_all_rights),
		cmocka_unit_test(test_empty_file_is_refused_in_every_mode),
		cmocka_unit_test(test_entry_must_lie_in_the_image),
		cmocka_unit_test(test_long_mode_keeps_page_0_absent),
		cmocka_unit_test(test_long_mode_loads_at_page_boundaries_only),
		cmocka_unit_test(test_long_mode_ends_at_the_lower_half),
		cmocka_unit_test(test_protected_mode_ends_at_4_gib),
		cmocka_unit_test(test_real_mode_ends_at_1_mib),
		cmocka_unit_test(test_modes_without_paging_load_anywhere_below),
		cmocka_unit_test(test_load_near_2_to_64_never_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
