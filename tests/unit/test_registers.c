/* SPDX-License-Identifier: MIT */
/*
 * Registers as JSON and as gdb has them: nothing is lost on the way, and nothing is believed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/gdb_registers.h"
#include "vmm/registers.h"

static struct vcpu_registers made(void)
{
	struct vcpu_registers registers = {
		.general = { .rax = UINT64_MAX, .r15 = 15, .rip = 0xffff800000001000, .rflags = 2 },
		.special = {
			.cs = { .base = 1, .limit = 0xffffffff, .selector = 8, .type = 11, .s = 1,
				.present = 1, .l = 1, .g = 1, .dpl = 3 },
			.ldt = { .type = 2, .limit = 0xffff, .db = 1, .avl = 1 },
			.gdt = { .base = 0x1000, .limit = 0x3f },
			.cr0 = 0x80000011,
			.cr3 = 0x7f00000,
			.efer = 0xd00,
		},
		.kernel_gs_base = 0xffffffff81000000,
	};

	return registers;
}

static void test_json_comes_back_as_it_was(void **state)
{
	struct vcpu_registers before = made(), after;
	json_t *object = registers_to_json(&before);

	(void)state;
	assert_int_equal(registers_from_json(object, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	json_decref(object);
}

static void test_json_with_a_gap_is_refused(void **state)
{
	struct vcpu_registers before = made(), after;
	static const char *const names[] = { "rax", "efer", "cs", "idt", "kernel_gs_base" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *object = registers_to_json(&before);

		json_object_del(object, names[i]);
		assert_int_equal(registers_from_json(object, &after), -EINVAL);
		json_object_set_new(object, names[i], json_string("0x"));
		assert_int_equal(registers_from_json(object, &after), -EINVAL);
		json_object_set_new(object, names[i], json_array());
		assert_int_equal(registers_from_json(object, &after), -EINVAL);
		json_decref(object);
	}
	assert_int_equal(registers_from_json(NULL, &after), -EINVAL);
}

static void test_json_numbers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} rows[] = {
		{ "\"0x0\"", true, 0 },
		{ "\"0xffffffffffffffff\"", true, UINT64_MAX },
		{ "\"0x10000000000000000\"", false, 0 },
		{ "\"10\"", false, 0 },
		{ "\"0x-1\"", false, 0 },
		{ "\"0x 1\"", false, 0 },
		{ "\"0x1 \"", false, 0 },
		{ "4096", true, 4096 },
		{ "-1", false, 0 },
		{ "1.0", false, 0 },
		{ "null", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *json = json_loads(rows[i].text, JSON_DECODE_ANY, NULL);
		uint64_t value = 0;

		assert_int_equal(registers_number_read(json, &value), rows[i].good);
		if (rows[i].good)
			assert_true(value == rows[i].value);
		json_decref(json);
	}
	assert_false(registers_number_read(NULL, &(uint64_t){ 0 }));
}

/* SDM 3 3.4.5: 64-bit code, present, ring 3. */
static void test_segment_flags_are_a_descriptors(void **state)
{
	struct vcpu_registers registers = made();

	(void)state;
	assert_int_equal(registers_segment_flags(&registers.special.cs), 0x00a0fb00);
	assert_int_equal(registers_segment_flags(&registers.special.ldt), 0x00500200);
}

static void test_gdb_registers_come_back_as_they_were(void **state)
{
	struct gdb_cpu before, after;
	uint8_t bytes[GDB_REGISTER_LEN_MAX];
	unsigned len = 0;

	(void)state;
	memset(&before, 0, sizeof(before));
	before.registers = made();
	before.st[7][9] = 0x80;
	before.xmm[15][15] = 0x77;
	before.mxcsr = 0x1f80;
	after = before;
	memset(&after.registers.general, 0, sizeof(after.registers.general));
	memset(after.st, 0, sizeof(after.st));
	memset(after.xmm, 0, sizeof(after.xmm));
	after.mxcsr = 0;
	after.registers.special.cr3 = 0;
	for (unsigned i = 0; i < GDB_REGISTERS; i++) {
		assert_in_range(gdb_register_len(i), 4, GDB_REGISTER_LEN_MAX);
		gdb_register_read(&before, i, bytes);
		assert_int_equal(gdb_register_write(&after, i, bytes), 0);
		len += gdb_register_len(i);
	}
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(gdb_register_len(GDB_REGISTERS), 0);
	assert_int_equal(len, 608); /* what QEMU's `g` has */
}

static void test_selectors_load_in_real_mode_only(void **state)
{
	struct gdb_cpu cpu;
	const unsigned ds = 20;
	const uint8_t bytes[] = { 0x34, 0x12, 0, 0 };

	(void)state;
	memset(&cpu, 0, sizeof(cpu));
	assert_string_equal(gdb_register_name(ds), "ds");
	assert_int_equal(gdb_register_write(&cpu, ds, bytes), 0);
	assert_int_equal(cpu.registers.special.ds.selector, 0x1234);
	assert_int_equal(cpu.registers.special.ds.base, 0x12340);
	cpu.registers.special.cr0 = 1;
	assert_int_equal(gdb_register_write(&cpu, ds, bytes), 0); /* it is that already */
	cpu.registers.special.ds.selector = 8;
	assert_int_equal(gdb_register_write(&cpu, ds, bytes), -EOPNOTSUPP);
}

static void test_the_target_description_names_each_register_once(void **state)
{
	char *text = NULL, wanted[64];
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);

	(void)state;
	gdb_target_print(stream);
	fclose(stream);
	for (unsigned i = 0; i < GDB_REGISTERS; i++) {
		const char *found;

		snprintf(wanted, sizeof(wanted), "<reg name=\"%s\" ", gdb_register_name(i));
		found = strstr(text, wanted);
		assert_non_null(found);
		assert_null(strstr(found + 1, wanted));
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_comes_back_as_it_was),
		cmocka_unit_test(test_json_with_a_gap_is_refused),
		cmocka_unit_test(test_json_numbers),
		cmocka_unit_test(test_segment_flags_are_a_descriptors),
		cmocka_unit_test(test_gdb_registers_come_back_as_they_were),
		cmocka_unit_test(test_selectors_load_in_real_mode_only),
		cmocka_unit_test(test_the_target_description_names_each_register_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
