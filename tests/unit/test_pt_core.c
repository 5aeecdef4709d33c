/* SPDX-License-Identifier: MIT */
/*
 * Core files as sources: what is read of sound ones, what is refused, and that no file harms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/core_builder.h"
#include "tests/unit/image_builder.h"
#include "vmm/pt_report.h"

#define PAGES 4
#define ROOT 0x1000

static uint64_t memory[PAGES][512];
static struct core_bytes core;

/* Tables for address 0x2000 in pages 1 to 3: root, and the rest shared by the levels below. */
static struct core_plan plan_of_tables(void)
{
	struct core_plan plan = { .machine = EM_X86_64, .nr_loads = 1, .nr_cpus = 1 };

	memset(memory, 0, sizeof(memory));
	memory[1][0] = 0x2000 | 7;
	memory[2][0] = 0x3000 | 7;
	memory[3][0] = 0x0000 | 0x87;
	memory[0][1] = 0x1122334455667788;
	plan.loads[0] = (struct core_load){ 0, sizeof(memory), memory };
	plan.cpus[0] = core_cpu_long(ROOT);
	return plan;
}

static int open_core(struct pt_source *source, struct image_error *error)
{
	static char path[32]; /* outlives the source */
	int fd, result;

	core_file(core.bytes, core.len, &fd, path);
	result = pt_source_core(source, path, error);
	close(fd);
	return result;
}

static void open_sound(const struct core_plan *plan, struct pt_source *source)
{
	struct image_error error = { "" };

	core_build(plan, &core);
	if (open_core(source, &error))
		fail_msg("%s", error.text);
}

static void refused(const char *part)
{
	struct image_error error = { "" };
	struct pt_source source;

	assert_true(open_core(&source, &error) < 0);
	if (!strstr(error.text, part))
		fail_msg("'%s' has no '%s'", error.text, part);
}

static void test_memory_and_registers_of_a_core(void **state)
{
	struct core_plan plan = plan_of_tables();
	const struct pt_choice choice = { .maxphyaddr = 0 };
	struct pt_source source;
	struct foreign_path path;
	struct image_error error;
	struct pt_view view;
	uint64_t word;

	(void)state;
	plan.nr_cpus = 2;
	plan.cpus[1] = plan.cpus[0];
	plan.cpus[1].cr[0] = 1;
	open_sound(&plan, &source);
	assert_int_equal(source.nr_vcpus, 2);
	assert_false(source.vcpus[0].efer_known);
	assert_int_equal(pt_source_read(&source, 8, &word, sizeof(word)), sizeof(word));
	assert_int_equal(word, 0x1122334455667788);
	assert_int_equal(pt_source_read(&source, sizeof(memory) - 4, &word, sizeof(word)), 4);
	assert_int_equal(pt_view_open(&view, &source, &choice, &error), 0);
	assert_int_equal(view.paging.mode, FOREIGN_LONG4);
	foreign_translate(&view.paging, &view.memory, 0x2008, &path);
	assert_int_equal(path.end, FOREIGN_MAPPED);
	assert_int_equal(path.address, 0x2008);
	pt_source_close(&source);
}

static void test_how_a_vcpu_pages_follows_from_its_registers(void **state)
{
	static const struct {
		uint16_t machine;
		uint64_t cr0, cr4;
		uint32_t cs;
		enum foreign_mode mode;
	} rows[] = {
		{ EM_386, 1, 0, 0, FOREIGN_OFF },
		{ EM_386, 0x80000001, 0x10, 0, FOREIGN_32 },
		{ EM_386, 0x80000001, 0x20, 0, FOREIGN_PAE },
		{ EM_X86_64, 0x80000001, 0x20, 0, FOREIGN_LONG4 }, /* compatibility mode */
		{ EM_386, 0x80000001, 0x20, 1u << 21, FOREIGN_LONG4 },
		{ EM_X86_64, 0x80000001, 0x1020, 1u << 21, FOREIGN_LONG5 },
		{ EM_X86_64, 0x80000001, 0, 0, FOREIGN_32 },
	};
	const struct pt_choice choice = { .maxphyaddr = 0 };

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct core_plan plan = plan_of_tables();
		struct image_error error;
		struct pt_source source;
		struct pt_view view;

		plan.narrow = i % 2;
		plan.machine = rows[i / 2].machine;
		plan.cpus[0].cr[0] = rows[i / 2].cr0;
		plan.cpus[0].cr[4] = rows[i / 2].cr4;
		plan.cpus[0].cs.flags = rows[i / 2].cs;
		open_sound(&plan, &source);
		assert_int_equal(pt_view_open(&view, &source, &choice, &error), 0);
		assert_int_equal(view.paging.mode, rows[i / 2].mode);
		pt_source_close(&source);
	}
}

static void test_our_own_cores_know_efer_and_the_host_table(void **state)
{
	struct core_plan plan = plan_of_tables();
	struct pt_host_walk walk;
	struct pt_source source;

	(void)state;
	plan.has_vmm = true;
	plan.vmm_cpu.efer = 0x500;
	plan.range = (struct core_vmm_range){
		.gpa = 0x2000, .len = 0x2000, .frame = 0x9000, .rights = PROP_READ, .level = 1
	};
	open_sound(&plan, &source);
	assert_true(source.vcpus[0].efer_known);
	assert_int_equal(source.vcpus[0].efer, 0x500);
	assert_int_equal(pt_source_host_walk(&source, 0x3004, &walk), 0);
	assert_true(walk.mapped);
	assert_int_equal(walk.frame, 0xa004);
	assert_int_equal(walk.rights, PROP_READ);
	assert_int_equal(pt_source_host_walk(&source, 0x4000, &walk), 0);
	assert_false(walk.mapped);
	pt_source_close(&source);
	plan.range.frame = UINT64_C(1) << 30; /* beyond the pool */
	core_build(&plan, &core);
	refused("makes no sense");
}

/* What segments claim twice, the first one has; neighbours are one; gaps are gaps. */
static void test_segments_may_overlap_and_be_of_any_order(void **state)
{
	static uint8_t bytes[3][0x2000];
	struct core_plan plan = { .machine = EM_X86_64, .nr_loads = 4 };
	struct pt_source source;
	uint8_t read[0x4000];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		memset(bytes[i], 'a' + i, sizeof(bytes[i]));
	plan.loads[0] = (struct core_load){ UINT64_C(1) << 33, 0x1000, bytes[2] };
	plan.loads[1] = (struct core_load){ 0x2000, 0x2000, bytes[1] };
	plan.loads[2] = (struct core_load){ 0x1000, 0x2000, bytes[0] };
	plan.loads[3] = (struct core_load){ 0x1000, 0x1000, bytes[2] };
	open_sound(&plan, &source);
	assert_int_equal(source.nr_vcpus, 0);
	assert_int_equal(pt_source_read(&source, 0x1000, read, sizeof(read)), 0x3000);
	assert_int_equal(read[0x1fff], 'a');
	assert_int_equal(read[0x2000], 'b');
	assert_int_equal(pt_source_read(&source, (UINT64_C(1) << 33) + 0xfff, read, 2), 1);
	assert_int_equal(pt_source_read(&source, 0, read, 1), 0);
	pt_source_close(&source);
}

static void test_what_is_no_core_is_refused(void **state)
{
	struct core_plan plan = plan_of_tables();
	Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)core.bytes;
	Elf64_Phdr *program = (Elf64_Phdr *)(void *)(core.bytes + sizeof(*header));

	(void)state;
	core_build(&plan, &core);
	header->e_type = ET_EXEC;
	refused("no core");
	core_build(&plan, &core);
	header->e_machine = EM_ARM;
	refused("no core of an x86 guest");
	core_build(&plan, &core);
	header->e_phoff = core.len - 10;
	refused("program headers");
	core_build(&plan, &core);
	header->e_phnum = 0xffff; /* PN_XNUM, without a section */
	header->e_shoff = UINT64_MAX;
	refused("program headers");
	core_build(&plan, &core);
	program[1].p_filesz++;
	refused("cut off");
	core_build(&plan, &core);
	program[1].p_paddr = UINT64_MAX - 5;
	refused("beyond 2^64");
	core_build(&plan, &core);
	program[0].p_filesz = UINT64_MAX;
	refused("notes");
	core_build(&plan, &core);
	memcpy(core.bytes, "KDUMP   ", 8);
	refused("compressed");
	core.len = 10;
	memcpy(core.bytes, ELFMAG, SELFMAG);
	refused("no ELF core");
	core_build(&plan, &core);
	core.len -= 1;
	refused("cut off");
}

/* All that `vmm pt dump` does, to nowhere. */
static void dump_everything(struct pt_source *source)
{
	static const char *const names[] = {
		"text", "tsv", "json", "qemu-mem", "qemu-tlb", "ptdump"
	};
	static struct pt_out out;
	const struct pt_choice choice = { .maxphyaddr = 0 };
	struct image_error error;
	struct pt_view view;

	if (pt_view_open(&view, source, &choice, &error))
		return;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct pt_report report = { .view = &view, .out = &out };
		const struct pt_dump dump = { .style = pt_style_find(names[i]),
					      .last = UINT64_MAX };

		pt_out_init(&out, -1);
		pt_dump(&report, &dump);
	}
}

static void test_no_core_harms(void **state)
{
	uint64_t random = 0x2545f4914f6cdd1d;
	struct core_plan plan = plan_of_tables();
	unsigned opened = 0;

	(void)state;
	plan.has_vmm = true;
	plan.range = (struct core_vmm_range){ .len = 0x4000, .rights = 7, .level = 1 };
	for (unsigned round = 0; round < 3000; round++) {
		struct image_error error;
		struct pt_source source;
		unsigned changes = 1 + (unsigned)(xorshift(&random) % 4);

		plan.narrow = round % 4 == 0;
		core_build(&plan, &core);
		while (changes--) {
			size_t limit = xorshift(&random) % 2 ? 0x400 : core.len;

			core.bytes[xorshift(&random) % limit] =
				(uint8_t)(xorshift(&random) % 3 ? xorshift(&random) : 0xff);
		}
		if (xorshift(&random) % 8 == 0)
			core.len = xorshift(&random) % core.len + 1;
		if (open_core(&source, &error))
			continue;
		opened++;
		if (opened % 8 == 0)
			dump_everything(&source);
		pt_source_close(&source);
	}
	assert_in_range(opened, 500, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_and_registers_of_a_core),
		cmocka_unit_test(test_how_a_vcpu_pages_follows_from_its_registers),
		cmocka_unit_test(test_our_own_cores_know_efer_and_the_host_table),
		cmocka_unit_test(test_segments_may_overlap_and_be_of_any_order),
		cmocka_unit_test(test_what_is_no_core_is_refused),
		cmocka_unit_test(test_no_core_harms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
