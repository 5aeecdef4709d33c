/* SPDX-License-Identifier: MIT */
/*
 * The registers of a vCPU that stands still, as one structure and as JSON (docs/control.md).
 */
#ifndef VMM_REGISTERS_H
#define VMM_REGISTERS_H

#include <jansson.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

struct vcpu_registers {
	struct kvm_regs general;
	struct kvm_sregs special;
	uint64_t kernel_gs_base; /* what SWAPGS would bring; 0 where the CPU has none */
};

/* What KVM says, or -E*. */
int registers_get(int vcpu_fd, struct vcpu_registers *registers);

/*
 * A segment's attributes as the second word of its descriptor has them (SDM 3 3.4.5): type in bits
 * 8 to 11, S 12, DPL 13 and 14, P 15, AVL 20, L 21, D/B 22, G 23.
 */
uint32_t registers_segment_flags(const struct kvm_segment *segment);

/*
 * An object: "rax" to "rflags", "cr0" to "efer", "kernel_gs_base" as strings "0x...", and "cs" to
 * "ldt" as objects {"selector", "base", "limit", "flags"}, "gdt" and "idt" as {"base", "limit"}.
 * NULL: no memory.
 */
json_t *registers_to_json(const struct vcpu_registers *registers);

/*
 * The inverse. The object comes from a peer: -EINVAL if a register is missing or no number. What
 * the JSON does not have is zero.
 */
int registers_from_json(const json_t *object, struct vcpu_registers *registers);

/* A number as JSON has it here: "0x..." */
json_t *registers_number(uint64_t value);

/* A number from JSON: an integer that is not negative, or a string "0x..."; false: it is none. */
bool registers_number_read(const json_t *json, uint64_t *value);

#endif
