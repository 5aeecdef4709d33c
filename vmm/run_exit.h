/* SPDX-License-Identifier: MIT */
/*
 * The parts of vm_run(): what is done about the end of one KVM_RUN.
 */
#ifndef VMM_RUN_EXIT_H
#define VMM_RUN_EXIT_H

#include "vmm/vm.h"

/* KVM_RUN returned: does what the exit in vm->run asks for, which may end the run. */
void run_exit(struct vm *vm);

/* KVM_RUN failed with this errno; EINTR and EAGAIN are not failures. Ends the run. */
void run_refused(struct vm *vm, int number);

/* The exit in vm->run is no access of the guest. Ends the run. */
void run_failure(struct vm *vm);

/*
 * The one place where an access ends that the host table does not allow, or that goes where there
 * is no memory (strict), whatever way the kernel reported it. gpa, access, len: see struct ending.
 */
void run_violation(struct vm *vm, gpa_t gpa, unsigned access, unsigned len);

#endif
