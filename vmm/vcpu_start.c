/* SPDX-License-Identifier: MIT */
/*
 * The start state of a vCPU in each mode, as data. docs/guest-abi.md says the same to guests.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "vmm/guest_abi.h"
#include "vmm/vm.h"

/* SDM 3 2.5 "Control Registers", 2.2.1 "Extended Feature Enable Register". */
#define CR0_PE (1u << 0)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_PG (1u << 31)
#define CR4_PAE (1u << 5)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)

#define RFLAGS_ALWAYS 0x2 /* SDM 1 3.4.3: the reserved bit that is set; interrupts are off */

/* Real mode's interrupt table: 256 vectors of 4 bytes (SDM 3 20.1.4). */
#define REAL_IDT_LIMIT 0x3ff
/* Below the place where a PC puts a boot sector. */
#define REAL_STACK 0x7c00

/* SDM 3 3.4.5.1 "Code- and Data-Segment Descriptor Types", 3.5 "System Descriptor Types". */
#define TYPE_DATA 3	 /* read/write, accessed */
#define TYPE_CODE 11	 /* execute/read, accessed */
#define TYPE_BUSY_TSS 11 /* 64-bit or 32-bit */

/* SDM 3 5.2.1: 64-bit code has L set and D clear. */
static const struct kvm_segment code_64 = {
	.limit = 0xffffffff,
	.selector = ABI_SELECTOR_CODE,
	.type = TYPE_CODE,
	.present = 1,
	.s = 1,
	.l = 1,
	.g = 1,
};

static const struct kvm_segment code_32 = {
	.limit = 0xffffffff,
	.selector = ABI_SELECTOR_CODE,
	.type = TYPE_CODE,
	.present = 1,
	.s = 1,
	.db = 1,
	.g = 1,
};

static const struct kvm_segment data_flat = {
	.limit = 0xffffffff,
	.selector = ABI_SELECTOR_DATA,
	.type = TYPE_DATA,
	.present = 1,
	.s = 1,
	.db = 1,
	.g = 1,
};

/* SDM 3 9.1.4: as after a reset, 64 KiB from selector * 16. */
static const struct kvm_segment code_16 = {
	.limit = 0xffff,
	.type = TYPE_CODE,
	.present = 1,
	.s = 1,
};

static const struct kvm_segment data_16 = {
	.limit = 0xffff,
	.type = TYPE_DATA,
	.present = 1,
	.s = 1,
};

/* SDM 3 26.3.1.2: a VM entry wants a busy TSS, though nothing here uses it. */
static const struct kvm_segment task = {
	.limit = 0xffff,
	.type = TYPE_BUSY_TSS,
	.present = 1,
};

static void segments_set(struct kvm_sregs *special, const struct kvm_segment *code,
			 const struct kvm_segment *data)
{
	special->cs = *code;
	special->ds = *data;
	special->es = *data;
	special->fs = *data;
	special->gs = *data;
	special->ss = *data;
	special->tr = task;
	special->gdt.base = 0;
	special->gdt.limit = 0;
	special->idt.base = 0;
	special->idt.limit = 0;
}

static void long_mode(const struct vm_start *start, struct kvm_regs *registers,
		      struct kvm_sregs *special)
{
	registers->rip = start->rip;
	registers->rsp = start->rsp;
	registers->rdi = start->rdi;
	segments_set(special, &code_64, &data_flat);
	special->cr0 = CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_PE;
	special->cr3 = start->table_root.value;
	special->cr4 = CR4_PAE;
	special->efer = EFER_LME | EFER_LMA | EFER_NXE;
}

/* Multiboot 0.6.96, 3.2 "Machine state", which is as good for raw images. */
static void protected_mode(const struct vm_start *start, struct kvm_regs *registers,
			   struct kvm_sregs *special)
{
	registers->rip = start->rip;
	registers->rax = start->rax;
	registers->rbx = start->rbx;
	segments_set(special, &code_32, &data_flat);
	special->cr0 = CR0_NE | CR0_ET | CR0_PE;
}

/* CS:IP is (entry's block of 64 KiB):(offset in it), so that a boot sector starts at 0000:7c00. */
static void real_mode(const struct vm_start *start, struct kvm_regs *registers,
		      struct kvm_sregs *special)
{
	registers->rip = start->rip & 0xffff;
	registers->rsp = REAL_STACK;
	segments_set(special, &code_16, &data_16);
	special->cs.base = start->rip & 0xf0000;
	special->cs.selector = (uint16_t)(special->cs.base >> 4);
	special->idt.limit = REAL_IDT_LIMIT;
	special->cr0 = CR0_ET;
}

int vm_start(struct vm *vm, const struct vm_start *start)
{
	struct kvm_regs registers = { .rflags = RFLAGS_ALWAYS };
	struct kvm_sregs special;

	/* What no mode cares for, the APIC's base for one, stays as the reset left it. */
	if (ioctl(vm->vcpu_fd, KVM_GET_SREGS, &special))
		return -errno;
	switch (start->mode) {
	case IMAGE_MODE_LONG:
		long_mode(start, &registers, &special);
		break;
	case IMAGE_MODE_PROTECTED:
		protected_mode(start, &registers, &special);
		break;
	case IMAGE_MODE_REAL:
		real_mode(start, &registers, &special);
		break;
	}
	if (ioctl(vm->vcpu_fd, KVM_SET_SREGS, &special) ||
	    ioctl(vm->vcpu_fd, KVM_SET_REGS, &registers))
		return -errno;
	return 0;
}
