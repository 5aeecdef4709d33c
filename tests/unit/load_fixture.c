/* SPDX-License-Identifier: MIT */
/*
 * Images for tests of vm_load(): see load_fixture.h.
 */
#include "tests/unit/load_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/guest_space_fixture.h"

#define SEGMENT(at, linked, offset, in_file, in_memory, may, index)                           \
	{                                                                                     \
		.gpa = { at }, .gva = { linked }, .file_offset = offset, .file_len = in_file, \
		.memory_len = in_memory, .rights = may, .number = index,                      \
	}

const char load_file[] = "text of the guest, and its data";

const struct image load_elf64 = {
	.kind = IMAGE_ELF64,
	.mode = IMAGE_MODE_LONG,
	.entry = TEXT + 4,
	.nr_segments = 3,
	.segments = {
		SEGMENT(TEXT, TEXT, 0, 17, 0x1800, SEGMENT_READ | SEGMENT_EXECUTE, 0),
		SEGMENT(RODATA, RODATA, 5, 3, 0x1000, SEGMENT_READ, 1),
		SEGMENT(DATA + 0x10, DATA_GVA + 0x10, 22, 9, 0x2000, SEGMENT_READ | SEGMENT_WRITE,
			3),
	},
};

const struct image load_raw = {
	.kind = IMAGE_RAW,
	.mode = IMAGE_MODE_LONG,
	.entry = TEXT,
	.nr_segments = 1,
	.segments = {
		SEGMENT(TEXT, TEXT, 0, 17, 17, SEGMENT_READ | SEGMENT_WRITE | SEGMENT_EXECUTE, 0),
	},
};

int load_try(struct vm *vm, const struct image *image, const char *command_line, const void *initrd,
	     size_t initrd_len, struct loaded *loaded)
{
	strcpy(loaded->error.text, "untouched");
	return vm_load(vm, image, load_file, command_line, initrd, initrd_len, &loaded->start,
		       &loaded->error);
}

struct loaded load_image(struct vm *vm, const struct image *image)
{
	struct loaded loaded;

	assert_int_equal(load_try(vm, image, COMMAND_LINE, NULL, 0, &loaded), 0);
	assert_string_equal(loaded.error.text, "untouched");
	return loaded;
}

void load_refused(struct vm *vm, const struct image *image, const char *part)
{
	struct loaded loaded;

	assert_true(load_try(vm, image, COMMAND_LINE, NULL, 0, &loaded) < 0);
	assert_false(vm->has_tables);
	if (!strstr(loaded.error.text, part))
		fail_msg("\"%s\" does not say \"%s\"", loaded.error.text, part);
}

void load_read(struct vm *vm, uint64_t gpa, void *to, uint64_t len)
{
	assert_int_equal(gpa_space_read(&vm->memory, GPA(gpa), to, len), 0);
}

struct abi_boot load_boot(struct vm *vm, const struct loaded *loaded)
{
	struct abi_boot boot;

	assert_true(loaded->start.rdi >= ABI_DIRECT_MAP);
	load_read(vm, loaded->start.rdi - ABI_DIRECT_MAP, &boot, sizeof(boot));
	assert_int_equal(boot.magic, ABI_BOOT_MAGIC);
	return boot;
}

void load_mapped(struct vm *vm, uint64_t gva, uint64_t gpa, uint32_t rights)
{
	struct pt_mapping leaf = guest_look(vm, GVA(gva));

	assert_true(leaf.present);
	assert_int_equal(leaf.paddr.value + (gva - leaf.start.value), gpa);
	assert_int_equal(leaf.prop.bits & (PROP_RIGHTS | PROP_USER), rights);
}

void load_absent(struct vm *vm, uint64_t gva)
{
	assert_absent(vm, GVA(gva));
}
