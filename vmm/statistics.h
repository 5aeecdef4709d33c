/* SPDX-License-Identifier: MIT */
/*
 * Figures of a run, for `--stats`: frames by kind, leaves by size, exits by reason, times.
 */
#ifndef VMM_STATISTICS_H
#define VMM_STATISTICS_H

#include <stdio.h>

#include "vmm/vm.h"

enum statistics_form {
	STATISTICS_TEXT, /* a line "name value" for each figure */
	STATISTICS_JSON, /* one object in one line */
};

/*
 * Prints what is counted up to now; the vCPU does not run. Both forms have the same names, those of
 * nested objects joined by dots in the text: docs/statistics.md. 0 or -ENOMEM.
 */
int statistics_print(const struct vm *vm, enum statistics_form form, FILE *stream);

#endif
