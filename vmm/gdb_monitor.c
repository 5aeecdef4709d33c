/* SPDX-License-Identifier: MIT */
/*
 * Monitor commands: those of QEMU's that tools use, in QEMU's words.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/gdb_private.h"
#include "vmm/report.h"

static void print_segment(FILE *stream, const char *name, const struct kvm_segment *segment)
{
	fprintf(stream, "%-3s=%04x %016" PRIx64 " %08x %08x\n", name, segment->selector,
		(uint64_t)segment->base, segment->limit, registers_segment_flags(segment));
}

static void info_registers(struct gdb *gdb, const char *rest, FILE *stream)
{
	struct vcpu_registers registers;
	const struct kvm_regs *g = &registers.general;
	const struct kvm_sregs *s = &registers.special;

	(void)rest;
	if (registers_get(gdb->vm->vcpu_fd, &registers)) {
		fputs("KVM does not tell the registers\n", stream);
		return;
	}
#define X "%016" PRIx64
	fprintf(stream, "RAX=" X " RBX=" X " RCX=" X " RDX=" X "\n", (uint64_t)g->rax,
		(uint64_t)g->rbx, (uint64_t)g->rcx, (uint64_t)g->rdx);
	fprintf(stream, "RSI=" X " RDI=" X " RBP=" X " RSP=" X "\n", (uint64_t)g->rsi,
		(uint64_t)g->rdi, (uint64_t)g->rbp, (uint64_t)g->rsp);
	fprintf(stream, "R8 =" X " R9 =" X " R10=" X " R11=" X "\n", (uint64_t)g->r8,
		(uint64_t)g->r9, (uint64_t)g->r10, (uint64_t)g->r11);
	fprintf(stream, "R12=" X " R13=" X " R14=" X " R15=" X "\n", (uint64_t)g->r12,
		(uint64_t)g->r13, (uint64_t)g->r14, (uint64_t)g->r15);
	fprintf(stream, "RIP=" X " RFL=%08" PRIx64 " CPL=%u\n", (uint64_t)g->rip,
		(uint64_t)g->rflags, s->ss.dpl);
	print_segment(stream, "ES ", &s->es);
	print_segment(stream, "CS ", &s->cs);
	print_segment(stream, "SS ", &s->ss);
	print_segment(stream, "DS ", &s->ds);
	print_segment(stream, "FS ", &s->fs);
	print_segment(stream, "GS ", &s->gs);
	print_segment(stream, "LDT", &s->ldt);
	print_segment(stream, "TR ", &s->tr);
	fprintf(stream, "GDT=     " X " %08x\n", (uint64_t)s->gdt.base, s->gdt.limit);
	fprintf(stream, "IDT=     " X " %08x\n", (uint64_t)s->idt.base, s->idt.limit);
	fprintf(stream, "CR0=%08" PRIx64 " CR2=" X " CR3=" X " CR4=%08" PRIx64 "\n",
		(uint64_t)s->cr0, (uint64_t)s->cr2, (uint64_t)s->cr3, (uint64_t)s->cr4);
	fprintf(stream, "EFER=" X "\n", (uint64_t)s->efer);
#undef X
}

static bool address_read(const char *text, uint64_t *address, FILE *stream)
{
	char *end;

	*address = strtoull(text, &end, 0);
	if (end != text && !*end)
		return true;
	fprintf(stream, "%s: not an address such as 0x1000\n", *text ? text : "(nothing)");
	return false;
}

static void gva2gpa(struct gdb *gdb, const char *rest, FILE *stream)
{
	uint64_t address;
	gpa_t gpa;

	if (!address_read(rest, &address, stream))
		return;
	if (gdb_translate(gdb, address, &gpa))
		fprintf(stream, "gpa: %#" PRIx64 "\n", gpa.value);
	else
		fputs("Unmapped\n", stream);
}

/* Where this process has that byte: what reads /proc/PID/mem asks this. */
static void gpa2hva(struct gdb *gdb, const char *rest, FILE *stream)
{
	const struct gpa_space *memory = &gdb->vm->memory;
	uint64_t address;
	paddr_t frame;

	if (!address_read(rest, &address, stream))
		return;
	if (gdb_frame_at(gdb, GPA(address), &frame))
		fprintf(stream, "Host virtual address for 0x%" PRIx64 " (ram) is %p\n", address,
			(const void *)(memory->window.memory + address));
	else
		fprintf(stream, "No memory is mapped at address 0x%" PRIx64 "\n", address);
}

static void print_ram(FILE *stream, uint64_t gpa, uint64_t len)
{
	if (len)
		fprintf(stream, "  %016" PRIx64 "-%016" PRIx64 " (prio 0, ram): ram\n", gpa,
			gpa + (len - 1));
}

/* Each range lies contiguous at what gpa2hva says of its first byte. */
static void info_mtree(struct gdb *gdb, const char *rest, FILE *stream)
{
	const struct ram_layout *ram = &gdb->vm->memory.ram;

	(void)rest;
	fputs("FlatView #0\n AS \"memory\", root: system\n Root memory region: system\n", stream);
	print_ram(stream, 0, ram->low_len);
	print_ram(stream, RAM_HOLE_END, ram->high_len);
	fputc('\n', stream);
}

static void host_walk(struct gdb *gdb, const char *rest, FILE *stream)
{
	uint64_t address;

	if (address_read(rest, &address, stream))
		report_print_host(stream, &gdb->vm->memory, GPA(address));
}

static void help(struct gdb *gdb, const char *rest, FILE *stream);

static const struct {
	const char *name;
	const char *summary;
	void (*run)(struct gdb *gdb, const char *rest, FILE *stream);
} commands[] = {
	{ "info registers", "registers of the vCPU", info_registers },
	{ "info mem", "ranges that are mapped, as QEMU says it", gdb_info_mem },
	{ "info tlb", "leaves, as QEMU says it", gdb_info_tlb },
	{ "info mtree", "where RAM is, as QEMU says it", info_mtree },
	{ "pt", "dump, walk GVA, audit ...: what vmm pt does (vmm pt --help)", gdb_pt },
	{ "gva2gpa", "GVA: what the guest's tables map it to", gva2gpa },
	{ "gpa2hva", "GPA: its address in the process that runs the VM", gpa2hva },
	{ "host-walk", "GPA: the host table's walk of it", host_walk },
	{ "help", "this list", help },
};

static void help(struct gdb *gdb, const char *rest, FILE *stream)
{
	(void)gdb;
	(void)rest;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stream, "%-15s %s\n", commands[i].name, commands[i].summary);
}

/* What follows `name` in the command, if that is what it is; else NULL. */
static const char *rest_after(const char *command, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(command, name, len) || (command[len] && command[len] != ' '))
		return NULL;
	return command + len + strspn(command + len, " ");
}

void gdb_monitor(struct gdb *gdb, const char *command, FILE *stream)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *rest = rest_after(command, commands[i].name);

		if (!rest)
			continue;
		commands[i].run(gdb, rest, stream);
		return;
	}
	fprintf(stream, "%s: no such command; see monitor help\n", command);
}
