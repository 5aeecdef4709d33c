/* SPDX-License-Identifier: MIT */
/*
 * What a long-mode guest is told at boot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/load_fixture.h"

static void test_memory_map_covers_the_ram_and_tells_who_has_it(void **state)
{
	static const char initrd[] = "initrd";
	struct vm *vm = *state;
	struct loaded loaded;
	struct abi_boot boot;
	uint64_t seen[ABI_MEMORY_TABLES + 1] = { 0 };
	uint64_t end = 0;

	assert_int_equal(load_try(vm, &load_elf64, COMMAND_LINE, initrd, sizeof(initrd), &loaded),
			 0);
	boot = load_boot(vm, &loaded);
	for (unsigned i = 0; i < boot.nr_memory; i++) {
		assert_int_equal(boot.memory[i].gpa, end);
		assert_in_range(boot.memory[i].kind, ABI_MEMORY_FREE, ABI_MEMORY_TABLES);
		seen[boot.memory[i].kind] += boot.memory[i].len;
		end += boot.memory[i].len;
	}
	assert_int_equal(end, FIXTURE_MEMORY);
	assert_int_equal(seen[ABI_MEMORY_IMAGE], 6 * PAGE_SIZE);
	assert_int_equal(seen[ABI_MEMORY_BOOT], ABI_STACK_LEN + PAGE_SIZE);
	assert_int_equal(seen[ABI_MEMORY_INITRD], PAGE_SIZE);
	assert_int_equal(seen[ABI_MEMORY_TABLES], MIB);
}

static void test_boot_information_says_what_there_is(void **state)
{
	struct vm *vm = *state;
	struct loaded loaded = load_image(vm, &load_elf64);
	struct abi_boot boot = load_boot(vm, &loaded);
	char text[sizeof(COMMAND_LINE)];

	assert_int_equal(boot.version, ABI_BOOT_VERSION);
	assert_int_equal(boot.size, sizeof(boot));
	assert_int_equal(boot.table_root, loaded.start.table_root.value);
	assert_int_equal(boot.direct_map, ABI_DIRECT_MAP);
	assert_int_equal(boot.stack_top, ABI_STACK_TOP);
	assert_int_equal(boot.stack_len, ABI_STACK_LEN);
	assert_int_equal(boot.initrd, 0);
	assert_int_equal(boot.initrd_len, 0);
	load_read(vm, boot.command_line - ABI_DIRECT_MAP, text, sizeof(text));
	assert_string_equal(text, COMMAND_LINE);
	load_mapped(vm, boot.command_line, boot.command_line - ABI_DIRECT_MAP, R);
}

static void test_boot_information_names_the_devices_that_there_are(void **state)
{
	const struct device_options options = { -1, -1, 1, NULL };
	struct vm *vm = *state;
	struct loaded loaded;
	struct abi_boot boot;

	assert_int_equal(devices_attach(vm, &options), 0);
	loaded = load_image(vm, &load_elf64);
	boot = load_boot(vm, &loaded);
	assert_int_equal(boot.port_serial, 0);
	assert_int_equal(boot.port_debug_console, ABI_PORT_DEBUG_CONSOLE);
	assert_int_equal(boot.port_exit, ABI_PORT_EXIT);
	assert_int_equal(boot.port_page_control, ABI_PORT_PAGE_CONTROL);
}

static void test_long_command_line_is_there_to_its_end(void **state)
{
	const size_t len = 20000;
	struct vm *vm = *state;
	char *line = malloc(len + 1);
	char *text = malloc(len + 1);
	struct loaded loaded;
	struct abi_boot boot;

	memset(line, 'a', len);
	line[len] = '\0';
	assert_int_equal(load_try(vm, &load_elf64, line, NULL, 0, &loaded), 0);
	boot = load_boot(vm, &loaded);
	load_read(vm, boot.command_line - ABI_DIRECT_MAP, text, len + 1);
	assert_string_equal(text, line);
	free(line);
	free(text);
}

static void test_initrd_is_in_memory_on_a_page_of_its_own(void **state)
{
	struct vm *vm = *state;
	char *initrd = malloc(3 * MIB + 5);
	char *bytes = malloc(3 * MIB + 5);
	struct loaded loaded;
	struct abi_boot boot;

	memset(initrd, 'i', 3 * MIB + 5);
	assert_int_equal(load_try(vm, &load_elf64, COMMAND_LINE, initrd, 3 * MIB + 5, &loaded), 0);
	boot = load_boot(vm, &loaded);
	assert_int_equal(boot.initrd_len, 3 * MIB + 5);
	assert_true(boot.initrd > 0 && is_aligned(boot.initrd, PAGE_SIZE));
	load_read(vm, boot.initrd, bytes, 3 * MIB + 5);
	assert_memory_equal(bytes, initrd, 3 * MIB + 5);
	load_mapped(vm, ABI_DIRECT_MAP + boot.initrd, boot.initrd, R | W);
	free(initrd);
	free(bytes);
}

/* Segments on every other page from 1 MiB on. */
static void test_many_segments_are_told_in_few_runs(void **state)
{
	struct image image = load_elf64;
	struct vm *vm = *state;
	struct loaded loaded;
	struct abi_boot boot;

	image.nr_segments = IMAGE_SEGMENTS_MAX;
	for (unsigned i = 0; i < IMAGE_SEGMENTS_MAX; i++) {
		uint64_t gpa = MIB + i * 2 * PAGE_SIZE;

		image.segments[i] = (struct image_segment){
			.gpa = GPA(gpa),
			.gva = GVA(gpa),
			.memory_len = PAGE_SIZE,
			.rights = SEGMENT_READ,
		};
	}
	loaded = load_image(vm, &image);
	boot = load_boot(vm, &loaded);
	assert_in_range(boot.nr_memory, ABI_MEMORY_MAX - 1, ABI_MEMORY_MAX);
}

static void test_ram_without_room_for_the_tables_is_refused(void **state)
{
	struct vm *vm = vm_fixture_open(MIB + 0x20000);
	struct image image = load_raw;

	(void)state;
	image.segments[0].gpa = GPA(PAGE_SIZE);
	image.segments[0].gva = GVA(PAGE_SIZE);
	load_image(vm, &image);
	vm_fixture_close(vm);
	vm = vm_fixture_open(MIB + 0x12000);
	load_refused(vm, &image, "raise --mem");
	vm_fixture_close(vm);
}

#define VM_TEST(name) cmocka_unit_test_setup_teardown(name, vm_fixture_setup, vm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VM_TEST(test_memory_map_covers_the_ram_and_tells_who_has_it),
		VM_TEST(test_boot_information_says_what_there_is),
		VM_TEST(test_boot_information_names_the_devices_that_there_are),
		VM_TEST(test_long_command_line_is_there_to_its_end),
		VM_TEST(test_initrd_is_in_memory_on_a_page_of_its_own),
		VM_TEST(test_many_segments_are_told_in_few_runs),
		cmocka_unit_test(test_ram_without_room_for_the_tables_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
