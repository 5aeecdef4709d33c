/* SPDX-License-Identifier: MIT */
/*
 * Endings that nobody asked for: KVM could not go on, or the guest did what it may not.
 */
#ifndef VMM_RUN_FAILURE_H
#define VMM_RUN_FAILURE_H

#include "vmm/vm.h"

/*
 * The one place where an access ends that the host table does not allow, or that goes where there
 * is no memory (strict), whatever way the kernel reported it. gpa, access, len: see struct ending.
 */
void run_violation(struct vm *vm, gpa_t gpa, unsigned access, unsigned len);

/* KVM_RUN returned with an exit that is no access of the guest. */
void run_failure(struct vm *vm);

/* KVM_RUN failed with this errno; EINTR and EAGAIN are not failures. */
void run_refused(struct vm *vm, int number);

#endif
