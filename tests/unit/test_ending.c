/* SPDX-License-Identifier: MIT */
/*
 * Exit codes and sentences of the endings: docs/exit-codes.md, line by line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "mm/format.h"
#include "vmm/ending.h"

static int guest_code(uint64_t code, bool qemu_exit)
{
	struct ending ending = { .kind = ENDING_GUEST_EXIT, .code = code };

	return ending_exit_code(&ending, qemu_exit);
}

static void assert_sentence(const struct ending *ending, const char *expected)
{
	char text[256];

	memset(text, 'x', sizeof(text));
	ending_sentence(ending, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_guest_code_up_to_119_is_the_exit_code(void **state)
{
	(void)state;
	for (int code = 0; code <= 119; code++)
		assert_int_equal(guest_code((uint64_t)code, false), code);
}

static void test_larger_guest_code_ends_as_119(void **state)
{
	(void)state;
	assert_int_equal(guest_code(120, false), 119);
	assert_int_equal(guest_code(256, false), 119);
	assert_int_equal(guest_code(UINT64_MAX, false), 119);
}

static void test_qemu_exit_doubles_the_guest_code_and_adds_one(void **state)
{
	(void)state;
	assert_int_equal(guest_code(0, true), 1);
	assert_int_equal(guest_code(3, true), 7);
	assert_int_equal(guest_code(127, true), 255);
	assert_int_equal(guest_code(128, true), 1);
	assert_int_equal(guest_code(UINT64_MAX, true), 255);
}

static void test_other_endings_have_their_code_with_and_without_qemu_exit(void **state)
{
	static const struct {
		enum ending_kind kind;
		int code;
	} endings[] = {
		{ ENDING_TRIPLE_FAULT, 120 },	  { ENDING_INTERNAL_ERROR, 121 },
		{ ENDING_MEMORY_VIOLATION, 122 }, { ENDING_UNHANDLED_EXIT, 123 },
		{ ENDING_TIMEOUT, 124 },	  { ENDING_HOST_FAILURE, 125 },
		{ ENDING_HALTED, 126 },		  { ENDING_NONE, 125 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct ending ending = { .kind = endings[i].kind, .code = 7 };

		assert_int_equal(ending_exit_code(&ending, false), endings[i].code);
		assert_int_equal(ending_exit_code(&ending, true), endings[i].code);
	}
}

static void test_signal_ends_as_128_and_its_number(void **state)
{
	struct ending ending = { .kind = ENDING_SIGNAL };

	(void)state;
	ending.code = 2;
	assert_int_equal(ending_exit_code(&ending, false), 130);
	ending.code = 15;
	assert_int_equal(ending_exit_code(&ending, true), 143);
}

static void test_guest_code_zero_has_no_sentence(void **state)
{
	struct ending ending = { .kind = ENDING_GUEST_EXIT };

	(void)state;
	assert_sentence(&ending, "");
}

static void test_other_guest_codes_are_said_in_full(void **state)
{
	struct ending ending = { .kind = ENDING_GUEST_EXIT, .code = 1 };

	(void)state;
	assert_sentence(&ending, "guest exited with code 1");
	ending.code = UINT32_MAX;
	assert_sentence(&ending, "guest exited with code 4294967295");
}

static void test_sentence_has_the_detail_behind_its_kind(void **state)
{
	struct ending ending = { .kind = ENDING_NONE };

	(void)state;
	ending_set(&ending, ENDING_TIMEOUT, "still running after %d s", 1);
	assert_sentence(&ending, "timeout: still running after 1 s");
	ending_set(&ending, ENDING_SIGNAL, "SIGINT");
	assert_sentence(&ending, "ended by signal: SIGINT");
	ending.detail[0] = '\0';
	ending.kind = ENDING_TRIPLE_FAULT;
	assert_sentence(&ending, "triple fault");
}

static void test_violation_says_what_is_known(void **state)
{
	struct ending ending = {
		.kind = ENDING_MEMORY_VIOLATION,
		.gpa = GPA(0x800000),
		.access = PROP_WRITE,
		.len = 4,
		.detail = "which the host table forbids",
	};

	(void)state;
	assert_sentence(&ending, "memory violation: write of 4 bytes at GPA 0x800000, "
				 "which the host table forbids");
	ending.access = PROP_READ;
	ending.len = 1;
	ending.detail[0] = '\0';
	assert_sentence(&ending, "memory violation: read of 1 byte at GPA 0x800000");
	ending.access = PROP_EXECUTE;
	ending.len = 0;
	assert_sentence(&ending, "memory violation: fetch at GPA 0x800000");
	ending.access = 0;
	ending.gpa = ENDING_GPA_UNKNOWN;
	assert_sentence(&ending, "memory violation: access at a GPA that the kernel does not tell");
}

static void test_endings_120_to_123_want_a_report(void **state)
{
	(void)state;
	for (int kind = ENDING_NONE; kind <= ENDING_SIGNAL; kind++) {
		struct ending ending = { .kind = (enum ending_kind)kind };
		int code = ending_exit_code(&ending, false);

		assert_int_equal(ending_wants_report(&ending), code >= 120 && code <= 123);
	}
}

static void test_ending_set_leaves_the_other_members(void **state)
{
	struct ending ending = { .code = 5, .gpa = GPA(6), .access = 7, .len = 8 };

	(void)state;
	ending_set(&ending, ENDING_HALTED, "x");
	assert_int_equal(ending.kind, ENDING_HALTED);
	assert_int_equal(ending.code, 5);
	assert_int_equal(ending.gpa.value, 6);
	assert_int_equal(ending.access, 7);
	assert_int_equal(ending.len, 8);
}

static void test_detail_and_sentence_are_cut_to_fit(void **state)
{
	struct ending ending = { .kind = ENDING_NONE };
	char text[16];

	(void)state;
	ending_set(&ending, ENDING_HOST_FAILURE, "%0400d", 7);
	assert_int_equal(strlen(ending.detail), sizeof(ending.detail) - 1);
	ending_sentence(&ending, text, sizeof(text));
	assert_string_equal(text, "host failure: 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guest_code_up_to_119_is_the_exit_code),
		cmocka_unit_test(test_larger_guest_code_ends_as_119),
		cmocka_unit_test(test_qemu_exit_doubles_the_guest_code_and_adds_one),
		cmocka_unit_test(test_other_endings_have_their_code_with_and_without_qemu_exit),
		cmocka_unit_test(test_signal_ends_as_128_and_its_number),
		cmocka_unit_test(test_guest_code_zero_has_no_sentence),
		cmocka_unit_test(test_other_guest_codes_are_said_in_full),
		cmocka_unit_test(test_sentence_has_the_detail_behind_its_kind),
		cmocka_unit_test(test_violation_says_what_is_known),
		cmocka_unit_test(test_endings_120_to_123_want_a_report),
		cmocka_unit_test(test_ending_set_leaves_the_other_members),
		cmocka_unit_test(test_detail_and_sentence_are_cut_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
