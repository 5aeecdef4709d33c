/* SPDX-License-Identifier: MIT */
/*
 * What a guest that died leaves to be read: registers, the code that it was at, and the two-stage
 * walk of the addresses that matter.
 */
#include "vmm/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/vm_tables.h"

#define EFER_LMA (UINT64_C(1) << 10) /* SDM 3 2.2.1 */

#define CODE_LEN 16 /* bytes shown; an instruction has 15 at most */

struct registers {
	struct kvm_regs general;
	struct kvm_sregs special;
};

/* Outside of 64-bit code, RIP is an offset in CS. */
static uint64_t code_address(const struct registers *registers)
{
	const struct kvm_segment *cs = &registers->special.cs;

	if ((registers->special.efer & EFER_LMA) && cs->l)
		return registers->general.rip;
	return (cs->base + registers->general.rip) & UINT32_MAX;
}

static void print_general(FILE *stream, const struct kvm_regs *regs)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "rax", regs->rax }, { "rbx", regs->rbx }, { "rcx", regs->rcx },
		{ "rdx", regs->rdx }, { "rsi", regs->rsi }, { "rdi", regs->rdi },
		{ "rbp", regs->rbp }, { "rsp", regs->rsp }, { "r8 ", regs->r8 },
		{ "r9 ", regs->r9 },  { "r10", regs->r10 }, { "r11", regs->r11 },
		{ "r12", regs->r12 }, { "r13", regs->r13 }, { "r14", regs->r14 },
		{ "r15", regs->r15 }, { "rip", regs->rip }, { "rfl", regs->rflags },
	};
	const unsigned nr = sizeof(rows) / sizeof(rows[0]);

	for (unsigned i = 0; i < nr; i++)
		fprintf(stream, "%s %016" PRIx64 "%c", rows[i].name, rows[i].value,
			i % 4 == 3 || i + 1 == nr ? '\n' : ' ');
}

static void print_segment(FILE *stream, const char *name, const struct kvm_segment *segment)
{
	fprintf(stream, "%-4s %04x base %016" PRIx64 " limit %08x type %x dpl %u%s%s%s\n", name,
		segment->selector, (uint64_t)segment->base, segment->limit, segment->type,
		segment->dpl, segment->l ? " 64-bit" : "", segment->db ? " 32-bit" : "",
		segment->unusable ? " unusable" : "");
}

static void print_special(FILE *stream, const struct kvm_sregs *special)
{
	print_segment(stream, "cs", &special->cs);
	print_segment(stream, "ss", &special->ss);
	print_segment(stream, "ds", &special->ds);
	print_segment(stream, "es", &special->es);
	print_segment(stream, "fs", &special->fs);
	print_segment(stream, "gs", &special->gs);
	print_segment(stream, "tr", &special->tr);
	fprintf(stream, "gdt  base %016" PRIx64 " limit %04x\n", (uint64_t)special->gdt.base,
		special->gdt.limit);
	fprintf(stream, "idt  base %016" PRIx64 " limit %04x\n", (uint64_t)special->idt.base,
		special->idt.limit);
	fprintf(stream, "cr0  %016" PRIx64 " cr2  %016" PRIx64 " cr3  %016" PRIx64 "\n",
		(uint64_t)special->cr0, (uint64_t)special->cr2, (uint64_t)special->cr3);
	fprintf(stream, "cr4  %016" PRIx64 " efer %016" PRIx64 "\n", (uint64_t)special->cr4,
		(uint64_t)special->efer);
}

/* GPA of a linear address. */
static bool translate(struct vm *vm, const struct kvm_sregs *special, uint64_t linear, gpa_t *gpa)
{
	struct foreign_paging paging;
	struct foreign_path path;

	vm_tables_paging(vm, special, &paging);
	report_walk_guest(&vm->memory, &paging, GVA(linear), &path);
	*gpa = GPA(path.address);
	return path.end == FOREIGN_MAPPED;
}

static void print_code(FILE *stream, struct vm *vm, const struct registers *registers)
{
	uint64_t address = code_address(registers);
	uint8_t byte;
	gpa_t gpa;

	fprintf(stream, "code at 0x%" PRIx64 ":", address);
	for (unsigned i = 0; i < CODE_LEN; i++) {
		if (!translate(vm, &registers->special, address + i, &gpa) ||
		    gpa_space_read(&vm->memory, gpa, &byte, 1)) {
			fprintf(stream, i ? " ?" : " not readable");
			break;
		}
		fprintf(stream, " %02x", byte);
	}
	fputc('\n', stream);
}

static void print_gpa(FILE *stream, struct vm *vm, gpa_t gpa)
{
	fprintf(stream, "host walk of GPA 0x%" PRIx64 "\n", gpa.value);
	report_print_host(stream, &vm->memory, gpa);
}

static void print_linear(FILE *stream, struct vm *vm, const struct foreign_paging *paging,
			 const char *name, uint64_t linear)
{
	struct foreign_path path;

	if (paging->mode == FOREIGN_OFF) {
		fprintf(stream, "%s 0x%" PRIx64 " is a GPA: paging is off\n", name, linear);
		print_gpa(stream, vm, GPA(linear));
		return;
	}
	fprintf(stream, "walk of %s 0x%016" PRIx64 " from CR3 0x%" PRIx64 "%s%s\n", name, linear,
		paging->root, paging->mode == FOREIGN_LONG4 ? "" : ", ",
		paging->mode == FOREIGN_LONG4 ? "" : paging->name);
	report_walk_guest(&vm->memory, paging, GVA(linear), &path);
	report_print_guest(stream, &vm->memory, &path);
	if (path.end == FOREIGN_MAPPED)
		print_gpa(stream, vm, GPA(path.address));
}

/* CR2 is of a page fault: without paging there was none. */
static void print_report(FILE *stream, struct vm *vm)
{
	struct foreign_paging paging;
	struct registers registers;

	if (ioctl(vm->vcpu_fd, KVM_GET_REGS, &registers.general) ||
	    ioctl(vm->vcpu_fd, KVM_GET_SREGS, &registers.special)) {
		fprintf(stream, "KVM does not tell the registers: %s\n", strerror(errno));
		return;
	}
	print_general(stream, &registers.general);
	print_special(stream, &registers.special);
	print_code(stream, vm, &registers);
	vm_tables_paging(vm, &registers.special, &paging);
	print_linear(stream, vm, &paging, "RIP", code_address(&registers));
	if (paging.mode != FOREIGN_OFF)
		print_linear(stream, vm, &paging, "CR2", registers.special.cr2);
	if (vm->ending.kind == ENDING_MEMORY_VIOLATION &&
	    vm->ending.gpa.value != ENDING_GPA_UNKNOWN.value)
		print_gpa(stream, vm, vm->ending.gpa);
}

static void write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t written = write(fd, text, len);

		if (written < 0 && errno != EINTR)
			return;
		if (written > 0) {
			text += written;
			len -= (size_t)written;
		}
	}
}

void vm_report(struct vm *vm, int fd)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);

	if (!stream)
		return;
	print_report(stream, vm);
	if (fclose(stream) == 0)
		write_all(fd, text, len);
	free(text);
}
