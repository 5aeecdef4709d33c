/* SPDX-License-Identifier: MIT */
/*
 * Loading of long-mode images: what is in memory and in the tables when a guest starts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/load_fixture.h"

static void test_segments_are_copied_and_the_rest_is_zero(void **state)
{
	static const char zeros[0x2000];
	char bytes[0x2000];
	struct vm *vm = *state;

	load_image(vm, &load_elf64);
	load_read(vm, TEXT, bytes, 0x1800);
	assert_memory_equal(bytes, load_file, 17);
	assert_memory_equal(bytes + 17, zeros, 0x1800 - 17);
	load_read(vm, RODATA, bytes, 4);
	assert_memory_equal(bytes, "of \0", 4);
	load_read(vm, DATA + 0x10, bytes, 0x2000);
	assert_memory_equal(bytes, load_file + 22, 9);
	assert_memory_equal(bytes + 9, zeros, 0x2000 - 9);
}

static void test_segments_are_mapped_where_they_are_linked_with_their_rights(void **state)
{
	struct vm *vm = *state;

	load_image(vm, &load_elf64);
	load_mapped(vm, TEXT, TEXT, R | X);
	load_mapped(vm, TEXT + 0x1fff, TEXT + 0x1fff, R | X);
	load_mapped(vm, RODATA, RODATA, R);
	load_mapped(vm, DATA_GVA, DATA, R | W);
	load_mapped(vm, DATA_GVA + 0x2000, DATA + 0x2000, R | W);
	load_absent(vm, TEXT - PAGE_SIZE);
	load_absent(vm, DATA);
	load_absent(vm, DATA_GVA + 0x3000);
	load_absent(vm, 0);
	assert_int_equal(vm_fixture_references(vm, TEXT), 1);
	assert_int_equal(vm_fixture_references(vm, TEXT + 0x2000), 1);
	assert_int_equal(vm_fixture_references(vm, TEXT - PAGE_SIZE), 0);
}

static void test_raw_image_is_mapped_at_its_gpa_with_all_rights(void **state)
{
	struct vm *vm = *state;
	struct loaded loaded = load_image(vm, &load_raw);

	load_mapped(vm, TEXT, TEXT, R | W | X);
	load_absent(vm, TEXT + PAGE_SIZE);
	load_mapped(vm, ABI_DIRECT_MAP + TEXT, TEXT, R | W);
	assert_int_equal(loaded.start.rip, TEXT);
}

static void test_stack_is_mapped_between_guard_pages(void **state)
{
	const uint64_t bottom = ABI_STACK_TOP - ABI_STACK_LEN;
	struct vm *vm = *state;
	struct loaded loaded = load_image(vm, &load_elf64);
	struct pt_mapping leaf;

	assert_int_equal(loaded.start.rsp, ABI_STACK_TOP);
	load_absent(vm, bottom - 1);
	load_absent(vm, ABI_STACK_TOP);
	for (uint64_t gva = bottom; gva < ABI_STACK_TOP; gva += PAGE_SIZE) {
		assert_int_equal(guest_space_query(&vm->tables, GVA(gva), &leaf), 0);
		assert_true(leaf.present && leaf.tracked);
		assert_int_equal(leaf.prop.bits & PROP_RIGHTS, R | W);
	}
}

static void test_start_is_the_entry_with_the_root_of_the_tables(void **state)
{
	struct vm *vm = *state;
	struct loaded loaded = load_image(vm, &load_elf64);

	assert_int_equal(loaded.start.mode, IMAGE_MODE_LONG);
	assert_int_equal(loaded.start.rip, TEXT + 4);
	assert_int_equal(loaded.start.table_root.value,
			 page_table_root(&vm->tables.space.table).value);
	assert_true(vm->has_tables);
}

static void test_direct_map_shows_all_ram_and_what_is_read_only_stays_so(void **state)
{
	struct vm *vm = *state;
	struct loaded loaded = load_image(vm, &load_elf64);
	uint64_t boot = loaded.start.rdi - ABI_DIRECT_MAP;

	load_mapped(vm, ABI_DIRECT_MAP, 0, R | W);
	load_mapped(vm, ABI_DIRECT_MAP + TEXT - 1, TEXT - 1, R | W);
	load_mapped(vm, ABI_DIRECT_MAP + TEXT, TEXT, R);
	load_mapped(vm, ABI_DIRECT_MAP + RODATA, RODATA, R);
	load_mapped(vm, ABI_DIRECT_MAP + DATA, DATA, R | W);
	load_mapped(vm, ABI_DIRECT_MAP + boot, boot, R);
	load_mapped(vm, ABI_DIRECT_MAP + vm->tables.tables.value, vm->tables.tables.value, R);
	load_mapped(vm, ABI_DIRECT_MAP + FIXTURE_MEMORY - 1, FIXTURE_MEMORY - 1, R);
	load_absent(vm, ABI_DIRECT_MAP + FIXTURE_MEMORY);
}

/* What any mapping grants on each page of RAM, all mappings of the table taken together. */
static void rights_collect(struct vm *vm, uint64_t start, uint64_t len, uint8_t *rights)
{
	struct cursor cursor;
	struct pt_mapping leaf;

	assert_int_equal(cursor_open(&cursor, &vm->tables.space.table, VADDR(start), len,
				     CURSOR_READ, 1),
			 0);
	while (cursor_find_next(&cursor, cursor_remaining(&cursor)) > 0) {
		assert_int_equal(cursor_query(&cursor, &leaf), 0);
		assert_true(leaf.prop.bits & PROP_ACCESSED);
		assert_int_equal(!(leaf.prop.bits & PROP_DIRTY), !(leaf.prop.bits & PROP_WRITE));
		for (uint64_t at = 0; at < leaf.len; at += PAGE_SIZE)
			rights[(leaf.paddr.value + at) >> PAGE_SHIFT] |= leaf.prop.bits &
									 PROP_RIGHTS;
		if (leaf.start.value + leaf.len == start + len ||
		    cursor_jump(&cursor, VADDR(leaf.start.value + leaf.len)))
			break;
	}
	cursor_close(&cursor);
}

static void test_no_page_is_both_writable_and_executable_by_whatever_address(void **state)
{
	const uint64_t half = UINT64_C(1) << 47;
	static uint8_t rights[FIXTURE_MEMORY >> PAGE_SHIFT];
	struct vm *vm = *state;
	unsigned executable = 0;

	load_image(vm, &load_elf64);
	memset(rights, 0, sizeof(rights));
	rights_collect(vm, 0, half, rights);
	rights_collect(vm, -half, half, rights);
	for (unsigned i = 0; i < sizeof(rights); i++) {
		assert_true(rights[i] & R);
		assert_false((rights[i] & W) && (rights[i] & X));
		executable += (rights[i] & X) != 0;
	}
	assert_int_equal(executable, 2);
}

static void test_free_memory_is_mapped_by_large_leaves(void **state)
{
	struct vm *vm = *state;
	struct pt_mapping leaf;

	load_image(vm, &load_elf64);
	assert_int_equal(guest_space_query(&vm->tables, GVA(ABI_DIRECT_MAP + 16 * MIB), &leaf), 0);
	assert_int_equal(leaf.level, 2);
	assert_false(leaf.tracked);
}

static void test_ram_above_the_hole_is_in_both_maps(void **state)
{
	struct vm *vm = vm_fixture_open(RAM_HOLE_START + 2 * MIB);
	struct image image = load_elf64;
	struct loaded loaded;
	struct abi_boot boot;

	(void)state;
	image.segments[2].gpa = GPA(RAM_HOLE_END + MIB);
	image.segments[2].gva = GVA(DATA_GVA);
	loaded = load_image(vm, &image);
	boot = load_boot(vm, &loaded);
	assert_int_equal(boot.memory[boot.nr_memory - 1].gpa, RAM_HOLE_END + MIB + 0x2000);
	load_mapped(vm, DATA_GVA, RAM_HOLE_END + MIB, R | W);
	load_mapped(vm, ABI_DIRECT_MAP + RAM_HOLE_END, RAM_HOLE_END, R | W);
	load_absent(vm, ABI_DIRECT_MAP + RAM_HOLE_START);
	assert_true(vm->tables.tables.value < RAM_HOLE_START);
	vm_fixture_close(vm);
}

static void test_raw_image_in_other_modes_is_told_nothing(void **state)
{
	struct vm *vm = *state;
	struct image image = load_raw;
	struct loaded loaded;

	image.mode = IMAGE_MODE_PROTECTED;
	loaded = load_image(vm, &image);
	assert_false(vm->has_tables);
	assert_int_equal(loaded.start.mode, IMAGE_MODE_PROTECTED);
	assert_int_equal(loaded.start.rip, TEXT);
	assert_int_equal(loaded.start.rsp | loaded.start.rdi | loaded.start.rax | loaded.start.rbx |
				 loaded.start.table_root.value,
			 0);
	assert_true(load_try(vm, &image, COMMAND_LINE, load_file, 1, &loaded) < 0);
	assert_non_null(strstr(loaded.error.text, "--initrd"));
}

static void test_segment_outside_of_ram_is_refused(void **state)
{
	struct vm *vm = *state;
	struct image image = load_elf64;

	image.segments[2].gpa = GPA(FIXTURE_MEMORY - 0x1ff0);
	load_refused(vm, &image,
		     "segment 3 is at GPA 0x3ffe010 to 0x4000010, but RAM ends at "
		     "0x4000000 (64 MiB)");
	image.segments[2].gpa = GPA(IMAGE_ADDRESS_END - 0x2000);
	load_refused(vm, &image, "segment 3");
}

static void test_segment_up_to_the_end_of_ram_is_accepted(void **state)
{
	struct vm *vm = *state;
	struct image image = load_elf64;

	image.segments[2].gpa = GPA(FIXTURE_MEMORY - 0x2000);
	image.segments[2].gva = GVA(FIXTURE_MEMORY - 0x2000);
	load_image(vm, &image);
	load_mapped(vm, FIXTURE_MEMORY - 1, FIXTURE_MEMORY - 1, R | W);
	assert_true(vm->tables.tables.value + vm->tables.tables_len <= FIXTURE_MEMORY - 0x2000);
}

static void test_segment_linked_where_the_vmm_maps_something_is_refused(void **state)
{
	static const struct {
		uint64_t gva;
		const char *what;
	} rows[] = {
		{ ABI_DIRECT_MAP + 0x10, "the direct map" },
		{ ABI_DIRECT_MAP + FIXTURE_MEMORY - PAGE_SIZE + 0x10, "the direct map" },
		{ ABI_STACK_TOP + 0x10, "the stack" },
		{ ABI_STACK_TOP - ABI_STACK_LEN - 0x2ff0, "the stack" },
	};
	struct image image = load_elf64;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vm *vm = vm_fixture_open(FIXTURE_MEMORY);

		image.segments[2].gva = GVA(rows[i].gva);
		load_refused(vm, &image, rows[i].what);
		vm_fixture_close(vm);
	}
}

static void test_load_takes_nothing_that_it_does_not_give_back(void **state)
{
	struct vm *vm = *state;

	load_image(vm, &load_elf64);
	guest_space_destroy(&vm->tables);
	vm->has_tables = false;
	for (uint64_t gpa = 0; gpa < FIXTURE_MEMORY; gpa += PAGE_SIZE)
		assert_int_equal(vm_fixture_references(vm, gpa), 0);
}

#define VM_TEST(name) cmocka_unit_test_setup_teardown(name, vm_fixture_setup, vm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VM_TEST(test_segments_are_copied_and_the_rest_is_zero),
		VM_TEST(test_segments_are_mapped_where_they_are_linked_with_their_rights),
		VM_TEST(test_raw_image_is_mapped_at_its_gpa_with_all_rights),
		VM_TEST(test_stack_is_mapped_between_guard_pages),
		VM_TEST(test_start_is_the_entry_with_the_root_of_the_tables),
		VM_TEST(test_direct_map_shows_all_ram_and_what_is_read_only_stays_so),
		VM_TEST(test_no_page_is_both_writable_and_executable_by_whatever_address),
		VM_TEST(test_free_memory_is_mapped_by_large_leaves),
		cmocka_unit_test(test_ram_above_the_hole_is_in_both_maps),
		VM_TEST(test_raw_image_in_other_modes_is_told_nothing),
		VM_TEST(test_segment_outside_of_ram_is_refused),
		VM_TEST(test_segment_up_to_the_end_of_ram_is_accepted),
		cmocka_unit_test(test_segment_linked_where_the_vmm_maps_something_is_refused),
		VM_TEST(test_load_takes_nothing_that_it_does_not_give_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
