/* SPDX-License-Identifier: MIT */
/* GDT, TSS, IDT; printing of exceptions; recovery from those that a probe expects. */
#include "guests/lib/exception.h"

#include "guests/lib/guest.h"
#include "guests/lib/selectors.h"

#define NR_EXCEPTIONS 32
#define EXCEPTION_DOUBLE_FAULT 8
#define STUB_LEN 16
#define STACK_LEN 4096
#define GATE_INTERRUPT 0x8e /* present, DPL 0, 64-bit interrupt gate */

/* SDM 3 6.14.1 */
struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};

/* SDM 3 7.7 */
struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
} __attribute__((packed));

/* The operand of LGDT and LIDT. */
struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

_Static_assert(sizeof(struct gate) == 16, "a gate is in the CPU's format");
_Static_assert(sizeof(struct tss) == 104, "the TSS is in the CPU's format");

extern const uint8_t exception_stubs[];
uint8_t probe_access_read(uint64_t address);
void probe_access_write(uint64_t address, uint8_t value);
void probe_access_execute(uint64_t address);
void exception_handle(struct exception_frame *frame);

static uint64_t gdt[] = {
	[SELECTOR_CODE / 8] = 0x00af9b000000ffff,      /* ring 0, 64-bit code */
	[SELECTOR_DATA / 8] = 0x00cf93000000ffff,      /* ring 0, data */
	[SELECTOR_TSS / 8] = 0,			       /* this and the next: see tss_load() */
	[SELECTOR_USER_DATA / 8] = 0x00cff3000000ffff, /* ring 3 */
	[SELECTOR_USER_CODE / 8] = 0x00affb000000ffff,
	[SELECTOR_CODE_32 / 8] = 0x00cf9b000000ffff,
};
static struct tss tss = { .io_map = sizeof(tss) };
static struct gate idt[NR_EXCEPTIONS];

/* Of #DF, of #PF, and of all other exceptions of ring 3. */
static uint8_t stacks[3][STACK_LEN] __attribute__((aligned(16)));

/* The probe that is under way, and what became of it. */
static bool probe_armed;
static struct probe probe_result;

static const char *const exception_names[NR_EXCEPTIONS] = {
	[0] = "divide error",
	[1] = "debug",
	[2] = "NMI",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range",
	[6] = "invalid opcode",
	[7] = "device not available",
	[EXCEPTION_DOUBLE_FAULT] = "double fault",
	[10] = "invalid TSS",
	[11] = "segment not present",
	[12] = "stack fault",
	[EXCEPTION_GENERAL_PROTECTION] = "general protection",
	[EXCEPTION_PAGE_FAULT] = "page fault",
	[16] = "x87 error",
	[17] = "alignment check",
	[18] = "machine check",
	[19] = "SIMD error",
	[20] = "virtualization",
	[21] = "control protection",
	[28] = "hypervisor injection",
	[29] = "VMM communication",
	[30] = "security",
};

static uint64_t cr2_read(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}

/* The TSS's descriptor takes two entries of the GDT. SDM 3 7.2.3 */
static void tss_load(void)
{
	uint64_t base = (uintptr_t)&tss;

	tss.ist[0] = (uintptr_t)(stacks[0] + STACK_LEN);
	tss.ist[1] = (uintptr_t)(stacks[1] + STACK_LEN);
	tss.rsp[0] = (uintptr_t)(stacks[2] + STACK_LEN);
	gdt[SELECTOR_TSS / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
				(base >> 24 & 0xff) << 56;
	gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS) : "memory");
}

static struct gate gate_make(unsigned vector)
{
	uint64_t offset = (uintptr_t)exception_stubs + vector * STUB_LEN;

	return (struct gate){
		.offset_low = (uint16_t)offset,
		.selector = SELECTOR_CODE,
		.ist = vector == EXCEPTION_DOUBLE_FAULT ? 1 :
		       vector == EXCEPTION_PAGE_FAULT	? 2 :
							  0,
		.type = GATE_INTERRUPT,
		.offset_middle = (uint16_t)(offset >> 16),
		.offset_high = (uint32_t)(offset >> 32),
	};
}

void exception_setup(void)
{
	const struct table_pointer gdt_pointer = { sizeof(gdt) - 1, (uintptr_t)gdt };
	const struct table_pointer idt_pointer = { sizeof(idt) - 1, (uintptr_t)idt };

	for (unsigned vector = 0; vector < NR_EXCEPTIONS; vector++)
		idt[vector] = gate_make(vector);
	__asm__ volatile("lgdt %0" : : "m"(gdt_pointer) : "memory");
	tss_load();
	__asm__ volatile("lidt %0" : : "m"(idt_pointer) : "memory");
}

/* Ends a probe's access as if it had returned: the return address is on top of its stack. */
static void probe_recover(struct exception_frame *frame)
{
	probe_armed = false;
	probe_result = (struct probe){
		.faulted = true,
		.vector = (unsigned)frame->vector,
		.error_code = frame->error_code,
		.address = frame->vector == EXCEPTION_PAGE_FAULT ? cr2_read() : 0,
	};
	frame->rip = *(const uint64_t *)(uintptr_t)frame->rsp;
	frame->rsp += sizeof(uint64_t);
}

/* Called by exception_entry.S; returning resumes what was interrupted. */
void exception_handle(struct exception_frame *frame)
{
	const char *name = exception_names[frame->vector];

	if (frame->cs & SELECTOR_RING) {
		user_exception(frame, frame->vector == EXCEPTION_PAGE_FAULT ? cr2_read() : 0);
		return;
	}
	if (probe_armed && (frame->vector == EXCEPTION_PAGE_FAULT ||
			    frame->vector == EXCEPTION_GENERAL_PROTECTION)) {
		probe_recover(frame);
		return;
	}
	print("exception %lu (%s), error code 0x%lx\n", frame->vector, name ? name : "reserved",
	      frame->error_code);
	print("RIP 0x%016lx RSP 0x%016lx CR2 0x%016lx\n", frame->rip, frame->rsp, cr2_read());
	guest_exit(EXIT_EXCEPTION);
}

static void probe_begin(void)
{
	probe_result = (struct probe){ .faulted = false };
	__asm__ volatile("" : : : "memory");
	probe_armed = true;
}

static struct probe probe_end(void)
{
	probe_armed = false;
	return probe_result;
}

struct probe probe_read(uint64_t address)
{
	struct probe result;
	uint8_t value;

	probe_begin();
	value = probe_access_read(address);
	result = probe_end();
	result.value = value;
	return result;
}

struct probe probe_write(uint64_t address, uint8_t value)
{
	probe_begin();
	probe_access_write(address, value);
	return probe_end();
}

struct probe probe_execute(uint64_t address)
{
	probe_begin();
	probe_access_execute(address);
	return probe_end();
}

bool probe_is_page_fault(struct probe probe, uint64_t address, uint64_t error_code)
{
	return probe.faulted && probe.vector == EXCEPTION_PAGE_FAULT && probe.address == address &&
	       probe.error_code == error_code;
}
