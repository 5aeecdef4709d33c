/* SPDX-License-Identifier: MIT */
/*
 * The audit of a VM's memory, for `--audit`.
 */
#ifndef VMM_VM_AUDIT_H
#define VMM_VM_AUDIT_H

#include <stdio.h>

#include "vmm/vm.h"

/*
 * Recomputes every invariant of the host's pool with the host table, and of the guest's RAM with
 * the table that the VMM built there; prints what does not hold. The vCPU does not run. 0, -EUCLEAN
 * if something was printed, -ENOMEM.
 */
int vm_audit(struct vm *vm, FILE *stream);

#endif
