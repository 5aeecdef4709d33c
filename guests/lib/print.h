/* SPDX-License-Identifier: MIT */
/* What print(), panic() and check() share; guests use those (guest.h). */
#ifndef GUESTS_LIB_PRINT_H
#define GUESTS_LIB_PRINT_H

#include <stdarg.h>

__attribute__((format(printf, 1, 0))) void print_arguments(const char *format, va_list arguments);

#endif
