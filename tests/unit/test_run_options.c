/* SPDX-License-Identifier: MIT */
/*
 * The command line of `vmm run`: what it means, and what is refused with which words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/command_run_options.h"

#define MIB (UINT64_C(1) << 20)
#define ARGUMENTS_MAX 16
#define LINE_MAX_LEN 256

/* A command line as a shell would make it; the options point into it. */
struct line {
	char text[LINE_MAX_LEN];
	char *arguments[ARGUMENTS_MAX + 1];
	int count;
};

/* Words with one space between; "_" stands for an empty word. */
static void line_make(struct line *line, const char *words)
{
	char *rest;

	snprintf(line->text, sizeof(line->text), "run %s", words);
	line->count = 0;
	for (char *word = strtok_r(line->text, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		assert_true(line->count < ARGUMENTS_MAX);
		if (!strcmp(word, "_"))
			*word = '\0';
		line->arguments[line->count++] = word;
	}
	line->arguments[line->count] = NULL;
}

static struct run_options read_line(struct line *line, const char *words)
{
	struct run_options options;
	struct image_error error;

	line_make(line, words);
	if (run_options_read(&options, line->count, line->arguments, &error))
		fail_msg("'%s' is refused: %s", words, error.text);
	return options;
}

/* For what does not point into the line. */
static struct run_options read_words(const char *words)
{
	struct line line;

	return read_line(&line, words);
}

static void assert_refused(const char *words, const char *because)
{
	struct run_options options;
	struct image_error error;
	struct line line;

	line_make(&line, words);
	if (run_options_read(&options, line.count, line.arguments, &error) == 0)
		fail_msg("'%s' is accepted, but should be refused: %s", words, because);
	if (!strstr(error.text, because))
		fail_msg("'%s': the sentence '%s' does not say '%s'", words, error.text, because);
}

static struct vm_options settle(const char *words, enum image_kind kind,
				struct image_raw_options *raw)
{
	struct run_options options = read_words(words);
	struct vm_options vm;
	struct image_error error;

	if (run_options_settle(&options, kind, &vm, &error))
		fail_msg("'%s' is refused: %s", words, error.text);
	*raw = options.raw;
	return vm;
}

static void test_image_alone_has_all_defaults(void **state)
{
	struct line line;
	struct run_options options = read_line(&line, "guest.bin");

	(void)state;
	assert_int_equal(options.request, RUN_IMAGE);
	assert_string_equal(options.image, "guest.bin");
	assert_null(options.initrd);
	assert_string_equal(options.cmdline, "");
	assert_null(options.words[0]);
	assert_int_equal(options.memory_len, 128 * MIB);
	assert_int_equal(options.timeout_ns, 0);
	assert_int_equal(options.serial, RUN_SERIAL_STDIO);
	assert_int_equal(options.statistics, RUN_STATISTICS_NONE);
	assert_false(options.qemu_exit || options.audit || options.show_tables);
}

static void test_memory_size_has_units(void **state)
{
	(void)state;
	assert_int_equal(read_words("--mem 1M x").memory_len, MIB);
	assert_int_equal(read_words("--mem 1028k x").memory_len, 1028 * 1024);
	assert_int_equal(read_words("--mem 64m x").memory_len, 64 * MIB);
	assert_int_equal(read_words("--mem 5G x").memory_len, 5 * 1024 * MIB);
	assert_int_equal(read_words("--mem 1052672 x").memory_len, MIB + 4096);
	assert_int_equal(read_words("--mem=0x100000 x").memory_len, MIB);
	assert_int_equal(read_words("--mem 010485760 x").memory_len, 10 * MIB);
}

static void test_impossible_memory_size_is_refused(void **state)
{
	static const char *const sizes[] = {
		"_",
		"K",
		"M1",
		"-1M",
		"+1M",
		"1P",
		"1MM",
		"1.5M",
		"0x",
		"0xM",
		"64MB",
		"18446744073709551616",
		"18014398509481984K",
		"17179869184G",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char words[LINE_MAX_LEN];

		snprintf(words, sizeof(words), "--mem %s x", sizes[i]);
		assert_refused(words, "not a size");
	}
	assert_refused("--mem 0 x", "at least 1M");
	assert_refused("--mem 128 x", "at least 1M");
	assert_refused("--mem 1020K x", "at least 1M");
	assert_refused("--mem 1025K x", "multiple of 4K");
}

static void test_timeout_is_in_seconds_with_fractions(void **state)
{
	(void)state;
	assert_int_equal(read_words("--timeout 1 x").timeout_ns, 1000000000);
	assert_int_equal(read_words("--timeout 0.5 x").timeout_ns, 500000000);
	assert_int_equal(read_words("--timeout .25 x").timeout_ns, 250000000);
	assert_int_equal(read_words("--timeout 0.000000001 x").timeout_ns, 1);
	assert_int_equal(read_words("--timeout 1000000000 x").timeout_ns,
			 UINT64_C(1000000000000000000));
}

static void test_timeout_that_is_no_time_is_refused(void **state)
{
	static const char *const times[] = {
		"_",   "0",   "0.0",  "0.0000000001", "-1", "+1",	  "1s",	 "1e3",
		"inf", "nan", "0x10", "1.2.3",	      ".",  "1000000001", "1,5",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char words[LINE_MAX_LEN];

		snprintf(words, sizeof(words), "--timeout %s x", times[i]);
		assert_refused(words, "not a number of seconds");
	}
}

static void test_addresses_are_decimal_or_hexadecimal(void **state)
{
	struct run_options options = read_words("--load 0x200000 --entry 2097153 x");

	(void)state;
	assert_true(options.load_given && options.entry_given);
	assert_int_equal(options.raw.load.value, 0x200000);
	assert_int_equal(options.raw.entry, 0x200001);
	assert_int_equal(read_words("--entry 0xffffffffffffffff x").raw.entry, UINT64_MAX);
	assert_refused("--load 1M x", "--load 1M: not an address");
	assert_refused("--entry 0x10000000000000000 x", "not an address");
	assert_refused("--entry -1 x", "not an address");
	assert_refused("--load _ x", "not an address");
}

static void test_modes_have_names(void **state)
{
	(void)state;
	assert_int_equal(read_words("--mode long x").raw.mode, IMAGE_MODE_LONG);
	assert_int_equal(read_words("--mode protected x").raw.mode, IMAGE_MODE_PROTECTED);
	assert_int_equal(read_words("--mode real x").raw.mode, IMAGE_MODE_REAL);
	assert_refused("--mode Real x", "not long, protected or real");
}

static void test_serial_is_stdio_or_none_or_a_file(void **state)
{
	struct line line;
	struct run_options options = read_line(&line, "--serial out.txt x");

	(void)state;
	assert_int_equal(options.serial, RUN_SERIAL_FILE);
	assert_string_equal(options.serial_path, "out.txt");
	assert_int_equal(read_words("--serial none x").serial, RUN_SERIAL_NONE);
	assert_int_equal(read_words("--serial stdio x").serial, RUN_SERIAL_STDIO);
	assert_refused("--serial _ x", "not stdio, none or the name of a file");
}

static void test_statistics_are_text_or_json(void **state)
{
	(void)state;
	assert_int_equal(read_words("--stats x").statistics, RUN_STATISTICS_TEXT);
	assert_int_equal(read_words("--stats=json x").statistics, RUN_STATISTICS_JSON);
	assert_refused("--stats=yaml x", "--stats=json");
}

static void test_flags_are_set(void **state)
{
	struct run_options options = read_words("--qemu-exit --audit --show-tables x");

	(void)state;
	assert_true(options.qemu_exit);
	assert_true(options.audit);
	assert_true(options.show_tables);
}

static void test_options_may_follow_the_image(void **state)
{
	struct line line;
	struct run_options options = read_line(&line, "guest.bin --mem 2M --audit");

	(void)state;
	assert_string_equal(options.image, "guest.bin");
	assert_int_equal(options.memory_len, 2 * MIB);
	assert_true(options.audit);
}

static void test_what_cannot_be_meant_is_refused(void **state)
{
	(void)state;
	assert_refused("--audit", "which image?");
	assert_refused("-- guest.bin", "which image?");
	assert_refused("guest.bin other.bin", "other.bin: there is an image already");
	assert_refused("--foo guest.bin", "--foo: there is no such option");
	assert_refused("-q guest.bin", "-q: there is no such option");
	assert_refused("--audit=1 guest.bin", "takes no value");
	assert_refused("guest.bin --mem", "--mem needs a value");
}

static void test_help_and_version_need_no_image(void **state)
{
	(void)state;
	assert_int_equal(read_words("--help").request, RUN_HELP);
	assert_int_equal(read_words("-h").request, RUN_HELP);
	assert_int_equal(read_words("--version").request, RUN_VERSION);
	assert_int_equal(read_words("--mem 1M --help --foo").request, RUN_HELP);
}

static void test_strictness_and_irqchip_depend_on_the_image(void **state)
{
	struct image_raw_options raw;
	struct vm_options vm;

	(void)state;
	vm = settle("x", IMAGE_RAW, &raw);
	assert_true(vm.strict && !vm.irqchip);
	vm = settle("x", IMAGE_ELF64, &raw);
	assert_true(vm.strict && !vm.irqchip);
	vm = settle("x", IMAGE_MULTIBOOT, &raw);
	assert_true(!vm.strict && vm.irqchip);
}

static void test_strictness_and_irqchip_can_be_asked_for(void **state)
{
	struct image_raw_options raw;
	struct vm_options vm;

	(void)state;
	vm = settle("--open-bus --irqchip x", IMAGE_ELF64, &raw);
	assert_true(!vm.strict && vm.irqchip);
	vm = settle("--strict --no-irqchip x", IMAGE_MULTIBOOT, &raw);
	assert_true(vm.strict && !vm.irqchip);
	vm = settle("--open-bus --strict --irqchip --no-irqchip x", IMAGE_ELF64, &raw);
	assert_true(vm.strict && !vm.irqchip);
	vm = settle("--mem 3M x", IMAGE_ELF64, &raw);
	assert_int_equal(vm.memory_len, 3 * MIB);
}

static void test_raw_image_goes_where_its_mode_has_room(void **state)
{
	struct image_raw_options raw;

	(void)state;
	settle("x", IMAGE_RAW, &raw);
	assert_int_equal(raw.mode, IMAGE_MODE_LONG);
	assert_int_equal(raw.load.value, MIB);
	assert_int_equal(raw.entry, MIB);
	settle("--mode real x", IMAGE_RAW, &raw);
	assert_int_equal(raw.load.value, 0x7c00);
	assert_int_equal(raw.entry, 0x7c00);
	settle("--mode protected --load 0x200000 x", IMAGE_RAW, &raw);
	assert_int_equal(raw.load.value, 0x200000);
	assert_int_equal(raw.entry, 0x200000);
	settle("--load 0 --entry 0x10 x", IMAGE_RAW, &raw);
	assert_int_equal(raw.load.value, 0);
	assert_int_equal(raw.entry, 0x10);
}

static void test_raw_options_are_refused_for_elf_files(void **state)
{
	static const char *const lines[] = { "--load 0 x", "--entry 0 x", "--mode long x" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct run_options options = read_words(lines[i]);
		struct vm_options vm;
		struct image_error error;

		assert_int_not_equal(run_options_settle(&options, IMAGE_ELF64, &vm, &error), 0);
		assert_non_null(strstr(error.text, "for raw images"));
		assert_int_not_equal(run_options_settle(&options, IMAGE_MULTIBOOT, &vm, &error), 0);
		assert_int_equal(run_options_settle(&options, IMAGE_RAW, &vm, &error), 0);
	}
}

static void assert_command_line(const char *words, const char *expected)
{
	struct line line;
	struct run_options options = read_line(&line, words);
	char *command_line = run_options_command_line(&options);

	assert_non_null(command_line);
	assert_string_equal(command_line, expected);
	free(command_line);
}

static void test_guest_command_line_is_name_and_cmdline_and_words(void **state)
{
	(void)state;
	assert_command_line("guest.bin", "guest.bin");
	assert_command_line("some/where/guest.bin", "guest.bin");
	assert_command_line("--cmdline one guest.bin", "guest.bin one");
	assert_command_line("guest.bin -- two three", "guest.bin two three");
	assert_command_line("--cmdline one guest.bin -- two", "guest.bin one two");
	assert_command_line("guest.bin -- --mem -- -h", "guest.bin --mem -- -h");
	assert_command_line("--cmdline _ guest.bin -- _ a", "guest.bin a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image_alone_has_all_defaults),
		cmocka_unit_test(test_memory_size_has_units),
		cmocka_unit_test(test_impossible_memory_size_is_refused),
		cmocka_unit_test(test_timeout_is_in_seconds_with_fractions),
		cmocka_unit_test(test_timeout_that_is_no_time_is_refused),
		cmocka_unit_test(test_addresses_are_decimal_or_hexadecimal),
		cmocka_unit_test(test_modes_have_names),
		cmocka_unit_test(test_serial_is_stdio_or_none_or_a_file),
		cmocka_unit_test(test_statistics_are_text_or_json),
		cmocka_unit_test(test_flags_are_set),
		cmocka_unit_test(test_options_may_follow_the_image),
		cmocka_unit_test(test_what_cannot_be_meant_is_refused),
		cmocka_unit_test(test_help_and_version_need_no_image),
		cmocka_unit_test(test_strictness_and_irqchip_depend_on_the_image),
		cmocka_unit_test(test_strictness_and_irqchip_can_be_asked_for),
		cmocka_unit_test(test_raw_image_goes_where_its_mode_has_room),
		cmocka_unit_test(test_raw_options_are_refused_for_elf_files),
		cmocka_unit_test(test_guest_command_line_is_name_and_cmdline_and_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
