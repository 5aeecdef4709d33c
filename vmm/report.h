/* SPDX-License-Identifier: MIT */
/*
 * What vm_report() is made of: walks of any tables, ours or not, as text of one line a level.
 */
#ifndef VMM_REPORT_H
#define VMM_REPORT_H

#include <stdio.h>

#include "mm/foreign.h"
#include "vmm/vm.h"

/* Walks a GVA through the guest's own tables, which may be anything. *path is what a CPU finds. */
void report_walk_guest(struct gpa_space *memory, const struct foreign_paging *paging, gva_t gva,
		       struct foreign_path *path);

/* Prints such a walk, with what the host table says of the page that each entry is in. */
void report_print_guest(FILE *stream, struct gpa_space *memory, const struct foreign_path *path);

/* Walks a GPA through the host table and prints it. */
void report_print_host(FILE *stream, struct gpa_space *memory, gpa_t gpa);

#endif
