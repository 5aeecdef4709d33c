/* SPDX-License-Identifier: MIT */
/*
 * The registers that gdb sees, always the 64-bit ones: the set, the numbers and the names that
 * QEMU's i386 description has, so that tools which were written for it find $cr3 and its like.
 */
#ifndef VMM_GDB_REGISTERS_H
#define VMM_GDB_REGISTERS_H

#include <stdio.h>

#include "vmm/registers.h"

/* Everything of a vCPU that has a number in gdb. */
struct gdb_cpu {
	struct vcpu_registers registers;
	uint8_t st[8][16]; /* 80 bits each */
	uint8_t xmm[16][16];
	uint32_t fctrl, fstat, ftag, fiseg, fioff, foseg, fooff, fop, mxcsr;
};

/* What KVM says, or -E*. */
int gdb_cpu_get(int vcpu_fd, struct gdb_cpu *cpu);

/* Gives KVM what differs between the two. -E*: KVM refuses, and some may have changed. */
int gdb_cpu_set(int vcpu_fd, const struct gdb_cpu *before, const struct gdb_cpu *after);

#define GDB_REGISTERS 66
#define GDB_REGISTER_LEN_MAX 16

/* Bytes that register `number` has in the protocol; 0 there is none. */
unsigned gdb_register_len(unsigned number);

/* Its name, and its type in the target description. They live for ever. */
const char *gdb_register_name(unsigned number);
const char *gdb_register_type(unsigned number);

/* Its value, little endian. */
void gdb_register_read(const struct gdb_cpu *cpu, unsigned number, uint8_t *bytes);

/*
 * Sets it. -EOPNOTSUPP a selector outside of real mode: which descriptor it would load is the
 * CPU's to find.
 */
int gdb_register_write(struct gdb_cpu *cpu, unsigned number, const uint8_t *bytes);

/* The target description, an XML document ("Target Descriptions", appendix G of GDB's manual). */
void gdb_target_print(FILE *stream);

#endif
