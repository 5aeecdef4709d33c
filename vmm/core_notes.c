/* SPDX-License-Identifier: MIT */
/*
 * The notes of a core file, made: see core_notes.h.
 */
#include "vmm/core_notes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "vmm/core_format.h"
#include "vmm/registers.h"
#include "vmm/table_runs.h"

#define NOTE_ALIGN 4

/* Name and descriptor are padded; the descriptor's bytes may follow in parts. */
static void note_begin(FILE *stream, const char *name, uint32_t type, uint32_t len)
{
	static const char zeros[NOTE_ALIGN];
	const Elf64_Nhdr header = {
		.n_namesz = (uint32_t)strlen(name) + 1,
		.n_descsz = len,
		.n_type = type,
	};

	fwrite(&header, sizeof(header), 1, stream);
	fwrite(name, header.n_namesz, 1, stream);
	fwrite(zeros, -header.n_namesz % NOTE_ALIGN, 1, stream);
}

static void prstatus_write(const struct vcpu_registers *registers, FILE *stream)
{
	const struct kvm_regs *general = &registers->general;
	const struct kvm_sregs *special = &registers->special;
	const struct core_prstatus status = {
		.pid = 1,
		.r15 = general->r15,
		.r14 = general->r14,
		.r13 = general->r13,
		.r12 = general->r12,
		.rbp = general->rbp,
		.rbx = general->rbx,
		.r11 = general->r11,
		.r10 = general->r10,
		.r9 = general->r9,
		.r8 = general->r8,
		.rax = general->rax,
		.rcx = general->rcx,
		.rdx = general->rdx,
		.rsi = general->rsi,
		.rdi = general->rdi,
		.rip = general->rip,
		.cs = special->cs.selector,
		.rflags = general->rflags,
		.rsp = general->rsp,
		.ss = special->ss.selector,
		.fs_base = special->fs.base,
		.gs_base = special->gs.base,
		.ds = special->ds.selector,
		.es = special->es.selector,
		.fs = special->fs.selector,
		.gs = special->gs.selector,
	};

	note_begin(stream, "CORE", NT_PRSTATUS, sizeof(status));
	fwrite(&status, sizeof(status), 1, stream);
}

static struct core_segment segment_of(const struct kvm_segment *segment)
{
	return (struct core_segment){
		.selector = segment->selector,
		.limit = segment->limit,
		.flags = registers_segment_flags(segment),
		.base = segment->base,
	};
}

static struct core_segment table_of(const struct kvm_dtable *table)
{
	return (struct core_segment){ .limit = table->limit, .base = table->base };
}

static void cpu_write(const struct vcpu_registers *registers, FILE *stream)
{
	const struct kvm_regs *general = &registers->general;
	const struct kvm_sregs *special = &registers->special;
	const struct core_cpu cpu = {
		.version = CORE_CPU_VERSION,
		.size = sizeof(cpu),
		.rax = general->rax,
		.rbx = general->rbx,
		.rcx = general->rcx,
		.rdx = general->rdx,
		.rsi = general->rsi,
		.rdi = general->rdi,
		.rsp = general->rsp,
		.rbp = general->rbp,
		.r8 = general->r8,
		.r9 = general->r9,
		.r10 = general->r10,
		.r11 = general->r11,
		.r12 = general->r12,
		.r13 = general->r13,
		.r14 = general->r14,
		.r15 = general->r15,
		.rip = general->rip,
		.rflags = general->rflags,
		.cs = segment_of(&special->cs),
		.ds = segment_of(&special->ds),
		.es = segment_of(&special->es),
		.fs = segment_of(&special->fs),
		.gs = segment_of(&special->gs),
		.ss = segment_of(&special->ss),
		.ldt = segment_of(&special->ldt),
		.tr = segment_of(&special->tr),
		.gdt = table_of(&special->gdt),
		.idt = table_of(&special->idt),
		.cr = { special->cr0, 0, special->cr2, special->cr3, special->cr4 },
		.kernel_gs_base = registers->kernel_gs_base,
	};

	note_begin(stream, "QEMU", 0, sizeof(cpu));
	fwrite(&cpu, sizeof(cpu), 1, stream);
}

static int range_count(void *context, const struct table_run *run)
{
	uint64_t *count = context;

	(void)run;
	(*count)++;
	return 0;
}

static int range_write(void *context, const struct table_run *run)
{
	const struct core_vmm_range range = {
		.gpa = run->first.start.value,
		.len = run->len,
		.frame = run->first.paddr.value,
		.rights = run->first.prop.bits & PROP_RIGHTS,
		.level = run->first.level,
	};

	return fwrite(&range, sizeof(range), 1, context) == 1 ? 0 : -EIO;
}

static int vmm_write(struct vm *vm, const struct vcpu_registers *registers, FILE *stream)
{
	struct page_table *table = &vm->memory.space.table;
	const uint64_t end = ram_layout_end(&vm->memory.ram);
	const struct core_vmm_cpu cpu = {
		.efer = registers->special.efer,
		.cr8 = registers->special.cr8,
	};
	struct core_vmm state = {
		.version = CORE_VMM_VERSION,
		.nr_vcpus = 1,
		.memory_len = vm->options.memory_len,
		.pool_len = vm->pool.len,
	};
	int result = table_runs(table, VADDR(0), end, range_count, &state.nr_ranges);

	if (result)
		return result;
	if (state.nr_ranges > UINT32_MAX / sizeof(struct core_vmm_range) - 2)
		return -EFBIG;
	note_begin(stream, "VMM", CORE_VMM_TYPE,
		   (uint32_t)(sizeof(state) + sizeof(cpu) +
			      state.nr_ranges * sizeof(struct core_vmm_range)));
	fwrite(&state, sizeof(state), 1, stream);
	fwrite(&cpu, sizeof(cpu), 1, stream);
	return table_runs(table, VADDR(0), end, range_write, stream);
}

int core_notes_write(struct vm *vm, FILE *stream)
{
	struct vcpu_registers registers;
	int result = registers_get(vm->vcpu_fd, &registers);

	if (result)
		return result;
	prstatus_write(&registers, stream);
	cpu_write(&registers, stream);
	result = vmm_write(vm, &registers, stream);
	if (result)
		return result;
	return ferror(stream) ? -EIO : 0;
}
