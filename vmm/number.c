/* SPDX-License-Identifier: MIT */
/*
 * Numbers and sizes as users write them: see number.h.
 */
#include "vmm/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool number_read(const char *text, const char **end, uint64_t *value)
{
	bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hexadecimal ? text + 2 : text;
	char *stop;

	if (hexadecimal ? !isxdigit((unsigned char)*digits) : !isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	*value = strtoull(digits, &stop, hexadecimal ? 16 : 10);
	*end = stop;
	return errno == 0;
}

bool number_read_whole(const char *text, uint64_t *value)
{
	const char *end;

	return number_read(text, &end, value) && !*end;
}

bool size_read(const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	unsigned shift = 0;

	if (!number_read(text, &end, size))
		return false;
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (*end || *size > UINT64_MAX >> shift)
		return false;
	*size <<= shift;
	return true;
}
