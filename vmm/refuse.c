/* SPDX-License-Identifier: MIT */
/*
 * Saying why something was not done.
 */
#include "vmm/refuse.h"

#include <stdarg.h>
#include <stdio.h>

int refuse(struct image_error *error, int result, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return result;
}
