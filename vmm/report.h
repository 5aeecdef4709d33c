/* SPDX-License-Identifier: MIT */
/*
 * What vm_report() is made of: walks of any tables, ours or not, as text of one line a level.
 */
#ifndef VMM_REPORT_H
#define VMM_REPORT_H

#include <stdio.h>

#include "mm/walk.h"
#include "vmm/vm.h"

/*
 * Walks `va` through the guest's own 4-level table with this root, which may be anything. *walk is
 * what a CPU would find.
 */
void report_walk_guest(struct gpa_space *memory, gpa_t root, gva_t gva, struct walk *walk);

/* Prints such a walk, with what the host table says of the page that each entry is in. */
void report_print_guest(FILE *stream, struct gpa_space *memory, const struct walk *walk);

/* Walks a GPA through the host table and prints it. */
void report_print_host(FILE *stream, struct gpa_space *memory, gpa_t gpa);

#endif
