/* SPDX-License-Identifier: MIT */
/*
 * What the short commands have in common: help, and refusals.
 */
#ifndef VMM_USAGE_H
#define VMM_USAGE_H

#include <stdbool.h>

/* Is one of the words before a `--` --help or -h? */
bool usage_wants_help(int argc, char **argv);

/* Prints help; the exit code. */
int usage_print(const char *help);

/* Prints "vmm COMMAND: " and a printf-style sentence to standard error; the exit code. */
__attribute__((format(printf, 2, 3))) int usage_refuse(const char *command, const char *format,
						       ...);

#endif
