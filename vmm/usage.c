/* SPDX-License-Identifier: MIT */
/*
 * Help and refusals of the short commands.
 */
#include "vmm/usage.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/ending.h"

bool usage_wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

int usage_print(const char *help)
{
	return fputs(help, stdout) < 0 ? EXIT_HOST_FAILURE : 0;
}

int usage_refuse(const char *command, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "vmm %s: ", command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return EXIT_HOST_FAILURE;
}
