/* SPDX-License-Identifier: MIT */
/* One line for each property, and the verdict. */
#include "guests/lib/guest.h"
#include "guests/lib/print.h"

static bool failed;

bool check(bool condition, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(condition ? "ok " : "FAIL ");
	print_arguments(format, arguments);
	print("\n");
	va_end(arguments);
	if (!condition)
		failed = true;
	return condition;
}

int check_result(void)
{
	print(failed ? "FAILURE\n" : "SUCCESS\n");
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
