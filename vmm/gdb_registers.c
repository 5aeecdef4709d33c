/* SPDX-License-Identifier: MIT */
/*
 * gdb's registers and KVM's: see gdb_registers.h.
 */
#include "vmm/gdb_registers.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#define CR0_PE 1u
#define MSR_KERNEL_GS_BASE 0xc0000102

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct gdb_register {
	const char *name;
	const char *type; /* in the target description */
	uint8_t bits;	  /* in the protocol */
	uint8_t len;	  /* bytes in struct gdb_cpu */
	bool selector;
	uint16_t offset; /* likewise */
};

#define AT(member) sizeof(((struct gdb_cpu *)0)->member), false, offsetof(struct gdb_cpu, member)
#define GENERAL(name, type)                                 \
	{                                                   \
#name, type, 64, AT(registers.general.name) \
	}
#define SELECTOR(name)                                                            \
	{                                                                         \
#name, "int32", 32, sizeof(uint16_t), true,                       \
			offsetof(struct gdb_cpu, registers.special.name.selector) \
	}
#define SPECIAL(name, type, member)                  \
	{                                            \
		name, type, 64, AT(registers.member) \
	}
#define ST(n)                                      \
	{                                          \
		"st" #n, "i387_ext", 80, AT(st[n]) \
	}
#define X87(name)                          \
	{                                  \
#name, "int", 32, AT(name) \
	}
#define XMM(n)                                      \
	{                                           \
		"xmm" #n, "vec128", 128, AT(xmm[n]) \
	}

/* The order is the numbers. */
static const struct gdb_register table[] = {
	GENERAL(rax, "int64"),
	GENERAL(rbx, "int64"),
	GENERAL(rcx, "int64"),
	GENERAL(rdx, "int64"),
	GENERAL(rsi, "int64"),
	GENERAL(rdi, "int64"),
	GENERAL(rbp, "data_ptr"),
	GENERAL(rsp, "data_ptr"),
	GENERAL(r8, "int64"),
	GENERAL(r9, "int64"),
	GENERAL(r10, "int64"),
	GENERAL(r11, "int64"),
	GENERAL(r12, "int64"),
	GENERAL(r13, "int64"),
	GENERAL(r14, "int64"),
	GENERAL(r15, "int64"),
	GENERAL(rip, "code_ptr"),
	{ "eflags", "i386_eflags", 32, AT(registers.general.rflags) },
	SELECTOR(cs),
	SELECTOR(ss),
	SELECTOR(ds),
	SELECTOR(es),
	SELECTOR(fs),
	SELECTOR(gs),
	SPECIAL("fs_base", "int64", special.fs.base),
	SPECIAL("gs_base", "int64", special.gs.base),
	SPECIAL("k_gs_base", "int64", kernel_gs_base),
	SPECIAL("cr0", "i386_cr0", special.cr0),
	SPECIAL("cr2", "int64", special.cr2),
	SPECIAL("cr3", "i386_cr3", special.cr3),
	SPECIAL("cr4", "i386_cr4", special.cr4),
	SPECIAL("cr8", "int64", special.cr8),
	SPECIAL("efer", "i386_efer", special.efer),
	ST(0),
	ST(1),
	ST(2),
	ST(3),
	ST(4),
	ST(5),
	ST(6),
	ST(7),
	X87(fctrl),
	X87(fstat),
	X87(ftag),
	X87(fiseg),
	X87(fioff),
	X87(foseg),
	X87(fooff),
	X87(fop),
	XMM(0),
	XMM(1),
	XMM(2),
	XMM(3),
	XMM(4),
	XMM(5),
	XMM(6),
	XMM(7),
	XMM(8),
	XMM(9),
	XMM(10),
	XMM(11),
	XMM(12),
	XMM(13),
	XMM(14),
	XMM(15),
	{ "mxcsr", "i386_mxcsr", 32, AT(mxcsr) },
};

_Static_assert(COUNT(table) == GDB_REGISTERS, "the header's number is the table's");

/* Two bits for each of the eight registers (SDM 1 8.1.7); FXSAVE has only whether it is empty. */
static uint32_t tag_expand(uint8_t abridged)
{
	uint32_t tag = 0;

	for (unsigned i = 0; i < 8; i++)
		if (!(abridged >> i & 1))
			tag |= 3u << 2 * i;
	return tag;
}

static uint8_t tag_abridge(uint32_t tag)
{
	uint8_t abridged = 0;

	for (unsigned i = 0; i < 8; i++)
		if ((tag >> 2 * i & 3) != 3)
			abridged |= (uint8_t)(1u << i);
	return abridged;
}

int gdb_cpu_get(int vcpu_fd, struct gdb_cpu *cpu)
{
	struct kvm_fpu fpu;
	int result = registers_get(vcpu_fd, &cpu->registers);

	if (result)
		return result;
	if (ioctl(vcpu_fd, KVM_GET_FPU, &fpu))
		return -errno;
	memcpy(cpu->st, fpu.fpr, sizeof(cpu->st));
	memcpy(cpu->xmm, fpu.xmm, sizeof(cpu->xmm));
	cpu->fctrl = fpu.fcw;
	cpu->fstat = fpu.fsw;
	cpu->ftag = tag_expand(fpu.ftwx);
	cpu->fiseg = (uint32_t)(fpu.last_ip >> 32);
	cpu->fioff = (uint32_t)fpu.last_ip;
	cpu->foseg = (uint32_t)(fpu.last_dp >> 32);
	cpu->fooff = (uint32_t)fpu.last_dp;
	cpu->fop = fpu.last_opcode;
	cpu->mxcsr = fpu.mxcsr;
	return 0;
}

static int fpu_set(int vcpu_fd, const struct gdb_cpu *cpu)
{
	struct kvm_fpu fpu = {
		.fcw = (uint16_t)cpu->fctrl,
		.fsw = (uint16_t)cpu->fstat,
		.ftwx = tag_abridge(cpu->ftag),
		.last_ip = (uint64_t)cpu->fiseg << 32 | cpu->fioff,
		.last_dp = (uint64_t)cpu->foseg << 32 | cpu->fooff,
		.last_opcode = (uint16_t)cpu->fop,
		.mxcsr = cpu->mxcsr,
	};

	memcpy(fpu.fpr, cpu->st, sizeof(fpu.fpr));
	memcpy(fpu.xmm, cpu->xmm, sizeof(fpu.xmm));
	return ioctl(vcpu_fd, KVM_SET_FPU, &fpu) ? -errno : 0;
}

static int kernel_gs_base_set(int vcpu_fd, uint64_t value)
{
	union {
		struct kvm_msrs list;
		char bytes[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} request = { .list.nmsrs = 1 };

	request.list.entries[0].index = MSR_KERNEL_GS_BASE;
	request.list.entries[0].data = value;
	return ioctl(vcpu_fd, KVM_SET_MSRS, &request) == 1 ? 0 : -EINVAL;
}

int gdb_cpu_set(int vcpu_fd, const struct gdb_cpu *before, const struct gdb_cpu *after)
{
	const struct vcpu_registers *old = &before->registers, *new = &after->registers;
	const size_t fpu = offsetof(struct gdb_cpu, st);
	int result = 0;

	if (memcmp(&old->special, &new->special, sizeof(new->special)) &&
	    ioctl(vcpu_fd, KVM_SET_SREGS, &new->special))
		return -errno;
	if (memcmp(&old->general, &new->general, sizeof(new->general)) &&
	    ioctl(vcpu_fd, KVM_SET_REGS, &new->general))
		return -errno;
	if (old->kernel_gs_base != new->kernel_gs_base)
		result = kernel_gs_base_set(vcpu_fd, new->kernel_gs_base);
	if (!result &&
	    memcmp((const char *)before + fpu, (const char *)after + fpu, sizeof(*after) - fpu))
		result = fpu_set(vcpu_fd, after);
	return result;
}

unsigned gdb_register_len(unsigned number)
{
	return number < GDB_REGISTERS ? table[number].bits / 8u : 0;
}

/* What is longer on one side is cut or filled with zeros: x86 is little endian. */
void gdb_register_read(const struct gdb_cpu *cpu, unsigned number, uint8_t *bytes)
{
	const struct gdb_register *reg = &table[number];
	unsigned len = reg->bits / 8u;

	memset(bytes, 0, len);
	memcpy(bytes, (const char *)cpu + reg->offset, reg->len < len ? reg->len : len);
}

/* SDM 3 20.1.1: in real mode the base follows the selector. */
static int selector_write(struct gdb_cpu *cpu, const struct gdb_register *reg, uint16_t selector)
{
	const size_t in_segment = offsetof(struct kvm_segment, selector);
	struct kvm_segment *segment =
		(struct kvm_segment *)((char *)cpu + reg->offset - in_segment);

	if (segment->selector == selector)
		return 0;
	if (cpu->registers.special.cr0 & CR0_PE)
		return -EOPNOTSUPP;
	segment->selector = selector;
	segment->base = (uint64_t)selector << 4;
	return 0;
}

int gdb_register_write(struct gdb_cpu *cpu, unsigned number, const uint8_t *bytes)
{
	const struct gdb_register *reg = &table[number];
	unsigned len = reg->bits / 8u;

	if (reg->selector)
		return selector_write(cpu, reg, (uint16_t)(bytes[0] | bytes[1] << 8));
	memcpy((char *)cpu + reg->offset, bytes, reg->len < len ? reg->len : len);
	return 0;
}

const char *gdb_register_name(unsigned number)
{
	return table[number].name;
}

const char *gdb_register_type(unsigned number)
{
	return table[number].type;
}
