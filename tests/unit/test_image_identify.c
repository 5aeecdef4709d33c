/* SPDX-License-Identifier: MIT */
/*
 * Which kind a file is taken for; an ELF file is never taken for raw.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image_builder.h"
#include "tests/unit/image_check.h"

static void assert_kind(const void *file, size_t len, enum image_kind expected)
{
	enum image_kind kind;
	struct image_error error;

	if (image_identify_copy(file, len, &kind, &error))
		fail_msg("refused: %s", error.text);
	assert_int_equal(kind, expected);
}

static void assert_unidentified(const void *file, size_t len, const char *words)
{
	enum image_kind kind;
	struct image_error error;

	if (image_identify_copy(file, len, &kind, &error) == 0)
		fail_msg("identified as %d, but should be refused: %s", (int)kind, words);
	if (!strstr(error.text, words))
		fail_msg("the sentence '%s' does not say '%s'", error.text, words);
}

static void test_file_without_elf_magic_is_raw(void **state)
{
	(void)state;
	assert_kind("", 0, IMAGE_RAW);
	assert_kind("\xf4", 1, IMAGE_RAW);
	assert_kind("\x7f"
		    "ELE\x02",
		    5, IMAGE_RAW);
	assert_kind(ELFMAG, SELFMAG - 1, IMAGE_RAW);
}

static void test_no_file_at_all_is_raw(void **state)
{
	enum image_kind kind = IMAGE_ELF64;
	struct image_error error;

	(void)state;
	assert_int_equal(image_identify(NULL, 0, &kind, &error), 0);
	assert_int_equal(kind, IMAGE_RAW);
}

static void test_each_kind_is_told_by_its_content(void **state)
{
	struct elf64_image elf64 = elf64_image_make();
	struct multiboot_image multiboot = multiboot_image_make();

	(void)state;
	assert_kind(&elf64, sizeof(elf64), IMAGE_ELF64);
	assert_kind(&multiboot, sizeof(multiboot), IMAGE_MULTIBOOT);
}

static void test_elf64_with_multiboot_header_is_elf64(void **state)
{
	struct elf64_image elf64 = elf64_image_make();
	struct multiboot_image multiboot = multiboot_image_make();

	(void)state;
	memcpy(elf64.content, multiboot.content, 12);
	assert_kind(&elf64, sizeof(elf64), IMAGE_ELF64);
}

static void test_multiboot_header_without_elf_is_raw(void **state)
{
	struct multiboot_image multiboot = multiboot_image_make();

	(void)state;
	assert_kind(multiboot.content, sizeof(multiboot.content), IMAGE_RAW);
}

static void test_elf_magic_cut_before_the_class_is_refused(void **state)
{
	(void)state;
	assert_unidentified(ELFMAG, SELFMAG, "ends within its ELF header");
}

static void test_unknown_elf_class_is_refused(void **state)
{
	struct elf64_image elf64 = elf64_image_make();
	const unsigned char classes[] = { 0, 3, 0x7f, 0xff };

	(void)state;
	for (size_t i = 0; i < sizeof(classes); i++) {
		elf64.header.e_ident[EI_CLASS] = classes[i];
		assert_unidentified(&elf64, sizeof(elf64), "is of class");
	}
}

static void test_elf32_without_multiboot_header_is_refused(void **state)
{
	struct multiboot_image image = elf32_image_make();

	(void)state;
	assert_unidentified(&image, sizeof(image), "no Multiboot 1 header");
}

static void test_elf32_with_wrong_checksum_is_refused(void **state)
{
	struct multiboot_image image = multiboot_image_make();

	(void)state;
	image.content[8] ^= 1;
	assert_unidentified(&image, sizeof(image), "checksum");
}

static void test_elf32_for_another_machine_is_refused_for_that(void **state)
{
	struct multiboot_image image = elf32_image_make();

	(void)state;
	image.header.e_machine = EM_ARM;
	assert_unidentified(&image, sizeof(image), "is for machine 40 (Arm)");
}

static void test_elf_at_every_length_is_no_raw_image(void **state)
{
	struct elf64_image elf64 = elf64_image_make();
	struct multiboot_image multiboot = multiboot_image_make();
	const size_t headers = offsetof(struct multiboot_image, content);

	(void)state;
	for (size_t len = EI_CLASS + 1; len <= sizeof(elf64); len++)
		assert_kind(&elf64, len, IMAGE_ELF64);
	for (size_t len = SELFMAG; len < headers + 12; len++)
		assert_unidentified(&multiboot, len, "");
	assert_kind(&multiboot, headers + 12, IMAGE_MULTIBOOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_without_elf_magic_is_raw),
		cmocka_unit_test(test_no_file_at_all_is_raw),
		cmocka_unit_test(test_each_kind_is_told_by_its_content),
		cmocka_unit_test(test_elf64_with_multiboot_header_is_elf64),
		cmocka_unit_test(test_multiboot_header_without_elf_is_raw),
		cmocka_unit_test(test_elf_magic_cut_before_the_class_is_refused),
		cmocka_unit_test(test_unknown_elf_class_is_refused),
		cmocka_unit_test(test_elf32_without_multiboot_header_is_refused),
		cmocka_unit_test(test_elf32_with_wrong_checksum_is_refused),
		cmocka_unit_test(test_elf32_for_another_machine_is_refused_for_that),
		cmocka_unit_test(test_elf_at_every_length_is_no_raw_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
