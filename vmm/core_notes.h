/* SPDX-License-Identifier: MIT */
/*
 * The notes of a core file, made.
 */
#ifndef VMM_CORE_NOTES_H
#define VMM_CORE_NOTES_H

#include <stdio.h>

#include "vmm/vm.h"

/*
 * Writes all notes of a VM whose vCPU stands still (vmm/core_format.h). What the kernel says,
 * errors of table_runs(), -EFBIG if the host table has more ranges than a note can; -EIO if the
 * stream fails.
 */
int core_notes_write(struct vm *vm, FILE *stream);

#endif
