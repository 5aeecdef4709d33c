/* SPDX-License-Identifier: MIT */
/*
 * The tables of a VM as text: what the guest table (if the VMM built one) and the host table map.
 */
#ifndef VMM_SHOW_TABLES_H
#define VMM_SHOW_TABLES_H

#include <stdio.h>

#include "vmm/vm.h"

/*
 * Prints both tables. One line for each run of leaves of one size whose rights are the same and
 * whose targets follow each other. The vCPU is not running. 0, or -EUCLEAN if the guest has written
 * to its own table so that it cannot be read to the end; what could be read is printed.
 */
int tables_show(struct vm *vm, FILE *stream);

#endif
