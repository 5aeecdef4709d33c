/* SPDX-License-Identifier: MIT */
/*
 * The virtual processor of a VM. vm_start() in vm.h gives it its start state.
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include "vmm/vm.h"

/*
 * Makes vm->vcpu_fd and vm->run: a processor in its reset state, with number and APIC id 0 and all
 * that KVM supports in CPUID. After the irqchip, if there is one. -E* with a sentence, and nothing
 * is left.
 */
int vcpu_create(struct vm *vm, struct image_error *error);
void vcpu_destroy(struct vm *vm);

/*
 * Ends the exit that the vCPU is in, if it is one with a second half: port and memory accesses are
 * completed by the next KVM_RUN, and registers do not count before. What is read gives all ones. No
 * further instruction is begun; a long string instruction may be left undone in the middle.
 */
void vcpu_complete_exit(struct vm *vm);

/*
 * Does the vCPU wait in HLT for an interrupt that cannot come? With interrupts disabled only an NMI
 * wakes it: none is pending, and no source of one is set up. For a VM with irqchip; without, HLT is
 * an exit.
 */
bool vcpu_halted_for_ever(struct vm *vm);

/* GPA of a linear address in the vCPU's present mode. false if nothing is mapped there. */
bool vcpu_translate(struct vm *vm, uint64_t linear, gpa_t *gpa);

/* Linear address of the next instruction. false if KVM does not tell. */
bool vcpu_instruction_pointer(struct vm *vm, uint64_t *linear);

#endif
