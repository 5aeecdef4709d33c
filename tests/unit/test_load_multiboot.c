/* SPDX-License-Identifier: MIT */
/*
 * Loading of Multiboot images. The structures are read as words, at the offsets of the
 * specification (3.3), as a guest would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/load_fixture.h"

#define MULTIBOOT_MAGIC 0x2badb002

#define FLAGS 0
#define MEM_LOWER 4
#define MEM_UPPER 8
#define CMDLINE 16
#define MODS_COUNT 20
#define MODS_ADDR 24
#define MMAP_LENGTH 44
#define MMAP_ADDR 48
#define LOADER_NAME 64

#define FLAG_MEMORY 0x001
#define FLAG_CMDLINE 0x004
#define FLAG_MODULES 0x008
#define FLAG_MEMORY_MAP 0x040
#define FLAG_LOADER_NAME 0x200

/* One segment of 5 pages and a byte. */
static struct image image_at(uint64_t gpa)
{
	return (struct image){
		.kind = IMAGE_MULTIBOOT,
		.mode = IMAGE_MODE_PROTECTED,
		.entry = gpa + 8,
		.nr_segments = 1,
		.segments = { {
			.gpa = { gpa },
			.gva = { gpa },
			.file_len = 31,
			.memory_len = 5 * PAGE_SIZE + 1,
			.rights = SEGMENT_READ | SEGMENT_WRITE | SEGMENT_EXECUTE,
		} },
	};
}

static uint32_t word(struct vm *vm, uint64_t gpa)
{
	uint32_t value;

	load_read(vm, gpa, &value, sizeof(value));
	return value;
}

static void assert_text(struct vm *vm, uint64_t gpa, const char *expected)
{
	char text[64];

	load_read(vm, gpa, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_start_is_the_entry_with_the_magic_number(void **state)
{
	struct image image = image_at(MIB);
	struct vm *vm = *state;
	struct loaded loaded = load_image(vm, &image);
	char bytes[31];

	assert_int_equal(loaded.start.mode, IMAGE_MODE_PROTECTED);
	assert_int_equal(loaded.start.rip, MIB + 8);
	assert_int_equal(loaded.start.rax, MULTIBOOT_MAGIC);
	assert_false(vm->has_tables);
	load_read(vm, MIB, bytes, sizeof(bytes));
	assert_memory_equal(bytes, load_file, sizeof(bytes));
}

static void test_information_has_sizes_command_line_and_loader(void **state)
{
	struct image image = image_at(MIB);
	struct vm *vm = *state;
	struct loaded loaded = load_image(vm, &image);
	uint64_t info = loaded.start.rbx;

	assert_int_equal(info, 0x9000);
	assert_int_equal(word(vm, info + FLAGS), FLAG_MEMORY | FLAG_CMDLINE | FLAG_LOADER_NAME);
	assert_int_equal(word(vm, info + MEM_LOWER), 640);
	assert_int_equal(word(vm, info + MEM_UPPER), (FIXTURE_MEMORY - MIB) / KIB);
	assert_int_equal(word(vm, info + MODS_COUNT), 0);
	assert_text(vm, word(vm, info + CMDLINE), COMMAND_LINE);
	assert_text(vm, word(vm, info + LOADER_NAME), "vmm");
}

static void test_sizes_of_small_ram_do_not_lie(void **state)
{
	struct vm *vm = vm_fixture_open(512 * KIB);
	struct image image = image_at(0x10000);
	struct loaded loaded = load_image(vm, &image);

	(void)state;
	assert_int_equal(word(vm, loaded.start.rbx + MEM_LOWER), 512);
	assert_int_equal(word(vm, loaded.start.rbx + MEM_UPPER), 0);
	vm_fixture_close(vm);
}

static void test_module_is_on_a_page_above_the_image(void **state)
{
	static const char environment[] = "NR_CPUS=1\n";
	struct image image = image_at(MIB);
	struct vm *vm = *state;
	struct loaded loaded;
	uint64_t info;
	uint64_t module;

	assert_int_equal(load_try(vm, &image, COMMAND_LINE, environment, 10, &loaded), 0);
	info = loaded.start.rbx;
	assert_true(word(vm, info + FLAGS) & FLAG_MODULES);
	assert_int_equal(word(vm, info + MODS_COUNT), 1);
	module = word(vm, info + MODS_ADDR);
	assert_int_equal(word(vm, module), MIB + 6 * PAGE_SIZE);
	assert_int_equal(word(vm, module + 4), MIB + 6 * PAGE_SIZE + 10);
	assert_text(vm, word(vm, module + 8), "initrd");
	assert_text(vm, word(vm, module), environment);
}

/* Wherever the image is, what the loader adds is beside it. */
static void test_information_and_module_are_not_in_the_image(void **state)
{
	static const uint64_t places[] = { 0x8000, 0x9000, 0x9001, 0x4000, 0xa000, 0 };
	char initrd[3 * PAGE_SIZE];

	(void)state;
	memset(initrd, 'i', sizeof(initrd));
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct vm *vm = vm_fixture_open(4 * MIB);
		struct image image = image_at(places[i]);
		uint64_t end = places[i] + image.segments[0].memory_len;
		struct loaded loaded;
		char bytes[31];
		uint64_t info;
		uint64_t start;

		assert_int_equal(
			load_try(vm, &image, COMMAND_LINE, initrd, sizeof(initrd), &loaded), 0);
		info = loaded.start.rbx;
		start = word(vm, word(vm, info + MODS_ADDR));
		load_read(vm, places[i], bytes, sizeof(bytes));
		assert_memory_equal(bytes, load_file, sizeof(bytes));
		assert_true(info + PAGE_SIZE <= places[i] || info >= end);
		assert_true(start >= end && (info < start || info >= start + sizeof(initrd)));
		assert_text(vm, word(vm, info + CMDLINE), COMMAND_LINE);
		vm_fixture_close(vm);
	}
}

static void test_memory_map_is_given_when_there_is_ram_above_the_hole(void **state)
{
	struct vm *vm = vm_fixture_open(RAM_HOLE_START + 2 * MIB);
	struct image image = image_at(MIB);
	struct loaded loaded = load_image(vm, &image);
	uint64_t info = loaded.start.rbx;
	uint32_t map = word(vm, info + MMAP_ADDR);

	(void)state;
	assert_true(word(vm, info + FLAGS) & FLAG_MEMORY_MAP);
	assert_int_equal(word(vm, info + MEM_UPPER), (RAM_HOLE_START - MIB) / KIB);
	assert_int_equal(word(vm, info + MMAP_LENGTH), 48);
	for (unsigned i = 0; i < 2; i++, map += 24) {
		assert_int_equal(word(vm, map), 20);
		assert_int_equal(word(vm, map + 4), 0);
		assert_int_equal(word(vm, map + 8), i);
		assert_int_equal(word(vm, map + 12), i ? 2 * MIB : RAM_HOLE_START);
		assert_int_equal(word(vm, map + 16), 0);
		assert_int_equal(word(vm, map + 20), 1);
	}
	vm_fixture_close(vm);
}

static void test_segment_outside_of_ram_is_refused(void **state)
{
	struct image image = image_at(FIXTURE_MEMORY - 5 * PAGE_SIZE);

	load_refused(*state, &image, "segment 0 is at GPA 0x3ffb000 to 0x4000001");
}

static void test_module_without_room_above_the_image_is_refused(void **state)
{
	struct image image = image_at(FIXTURE_MEMORY - 8 * PAGE_SIZE);
	struct vm *vm = *state;
	char initrd[3 * PAGE_SIZE] = "";
	struct loaded loaded;

	assert_true(load_try(vm, &image, COMMAND_LINE, initrd, sizeof(initrd), &loaded) < 0);
	assert_non_null(strstr(loaded.error.text, "raise --mem"));
	assert_int_equal(load_try(vm, &image, COMMAND_LINE, initrd, 2 * PAGE_SIZE, &loaded), 0);
}

#define VM_TEST(name) cmocka_unit_test_setup_teardown(name, vm_fixture_setup, vm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VM_TEST(test_start_is_the_entry_with_the_magic_number),
		VM_TEST(test_information_has_sizes_command_line_and_loader),
		cmocka_unit_test(test_sizes_of_small_ram_do_not_lie),
		VM_TEST(test_module_is_on_a_page_above_the_image),
		cmocka_unit_test(test_information_and_module_are_not_in_the_image),
		cmocka_unit_test(test_memory_map_is_given_when_there_is_ram_above_the_hole),
		VM_TEST(test_segment_outside_of_ram_is_refused),
		VM_TEST(test_module_without_room_above_the_image_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
