/* SPDX-License-Identifier: MIT */
/*
 * The tables of a VM of this process as mm/foreign.h reads them: the guest's, whatever it made of
 * them, and the host table. Where they are read the vCPU must not run, or what is found is of no
 * single moment.
 */
#ifndef VMM_VM_TABLES_H
#define VMM_VM_TABLES_H

#include <linux/kvm.h>

#include "mm/foreign.h"
#include "vmm/vm.h"

/* How the VM's vCPU pages with these registers. */
void vm_tables_paging(const struct vm *vm, const struct kvm_sregs *special,
		      struct foreign_paging *paging);

/* The guest's memory by GPA: what the host table lets be read. `memory` must outlive it. */
struct foreign_memory vm_tables_guest_memory(struct gpa_space *memory);

/* The host table of a VM, and the pool that it lies in. */
void vm_tables_host_paging(const struct gpa_space *memory, struct foreign_paging *paging);
struct foreign_memory vm_tables_host_memory(struct gpa_space *memory);

#endif
