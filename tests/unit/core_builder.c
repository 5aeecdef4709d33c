/* SPDX-License-Identifier: MIT */
/*
 * Core files of guests: see core_builder.h.
 */
#include "tests/unit/core_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct core_cpu core_cpu_long(uint64_t cr3)
{
	return (struct core_cpu){
		.version = CORE_CPU_VERSION,
		.size = sizeof(struct core_cpu),
		.rip = 0x1000,
		.rsp = 0x2000,
		.cs = { .flags = UINT32_C(1) << 21 },
		.cr = { UINT64_C(1) << 31 | 1, 0, 0, cr3, UINT64_C(1) << 5 },
	};
}

static void put(struct core_bytes *core, const void *bytes, size_t len)
{
	assert_true(len <= CORE_FILE_MAX - core->len);
	memcpy(core->bytes + core->len, bytes, len);
	core->len += len;
}

static void put_note(struct core_bytes *core, const char *name, uint32_t type, const void *bytes,
		     size_t len)
{
	const Elf64_Nhdr note = { .n_namesz = (uint32_t)strlen(name) + 1,
				  .n_descsz = (uint32_t)len,
				  .n_type = type };
	char padded[8] = { 0 };

	strcpy(padded, name);
	put(core, &note, sizeof(note));
	put(core, padded, note.n_namesz <= 4 ? 4 : 8);
	put(core, bytes, len);
}

static void put_notes(struct core_bytes *core, const struct core_plan *plan)
{
	const struct core_prstatus status = { .pid = 1 };
	struct {
		struct core_vmm vmm;
		struct core_vmm_cpu cpu;
		struct core_vmm_range range;
	} ours = {
		.vmm = { .version = CORE_VMM_VERSION,
			 .nr_vcpus = 1,
			 .nr_ranges = 1,
			 .pool_len = UINT64_C(1) << 30 },
		.cpu = plan->vmm_cpu,
		.range = plan->range,
	};

	for (unsigned i = 0; i < plan->nr_cpus; i++) {
		put_note(core, "CORE", NT_PRSTATUS, &status, sizeof(status));
		put_note(core, "QEMU", 0, &plan->cpus[i], sizeof(plan->cpus[i]));
	}
	if (plan->has_vmm)
		put_note(core, "VMM", CORE_VMM_TYPE, &ours, sizeof(ours));
}

static void put_header(struct core_bytes *core, const struct core_plan *plan)
{
	const Elf64_Ehdr wide = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
				  .e_type = ET_CORE,
				  .e_machine = plan->machine,
				  .e_phoff = sizeof(wide),
				  .e_phentsize = sizeof(Elf64_Phdr),
				  .e_phnum = (uint16_t)(plan->nr_loads + 1) };
	const Elf32_Ehdr narrow = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 },
				    .e_type = ET_CORE,
				    .e_machine = plan->machine,
				    .e_phoff = sizeof(narrow),
				    .e_phentsize = sizeof(Elf32_Phdr),
				    .e_phnum = (uint16_t)(plan->nr_loads + 1) };

	if (plan->narrow)
		put(core, &narrow, sizeof(narrow));
	else
		put(core, &wide, sizeof(wide));
}

static void put_program_header(struct core_bytes *core, bool narrow, uint32_t type, uint64_t offset,
			       uint64_t gpa, uint64_t len)
{
	const Elf64_Phdr wide = { .p_type = type,
				  .p_offset = offset,
				  .p_vaddr = gpa,
				  .p_paddr = gpa,
				  .p_filesz = len,
				  .p_memsz = len };
	const Elf32_Phdr small = { .p_type = type,
				   .p_offset = (uint32_t)offset,
				   .p_vaddr = (uint32_t)gpa,
				   .p_paddr = (uint32_t)gpa,
				   .p_filesz = (uint32_t)len,
				   .p_memsz = (uint32_t)len };

	if (narrow)
		put(core, &small, sizeof(small));
	else
		put(core, &wide, sizeof(wide));
}

void core_build(const struct core_plan *plan, struct core_bytes *core)
{
	static struct core_bytes notes;
	size_t offset =
		(plan->narrow ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr)) +
		(plan->nr_loads + 1) * (plan->narrow ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr));

	core->len = 0;
	notes.len = 0;
	put_notes(&notes, plan);
	put_header(core, plan);
	put_program_header(core, plan->narrow, PT_NOTE, offset, 0, notes.len);
	offset += notes.len;
	for (unsigned i = 0; i < plan->nr_loads; i++) {
		put_program_header(core, plan->narrow, PT_LOAD, offset, plan->loads[i].gpa,
				   plan->loads[i].len);
		offset += plan->loads[i].len;
	}
	put(core, notes.bytes, notes.len);
	for (unsigned i = 0; i < plan->nr_loads; i++)
		put(core, plan->loads[i].bytes, plan->loads[i].len);
	assert_int_equal(core->len, offset);
}

void core_file(const void *bytes, size_t len, int *fd, char path[32])
{
	*fd = memfd_create("core", MFD_CLOEXEC);
	assert_true(*fd >= 0);
	assert_int_equal(write(*fd, bytes, len), len);
	snprintf(path, 32, "/proc/self/fd/%d", *fd);
}
