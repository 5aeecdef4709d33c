/* SPDX-License-Identifier: MIT */
/* Ends with the number that its command line gives, or with 7. */
#include "guests/lib/guest.h"

#define DEFAULT_CODE 7

int guest_main(void)
{
	const char *text = guest_arguments();
	uint32_t code = 0;

	if (!*text)
		guest_exit(DEFAULT_CODE);
	for (; *text >= '0' && *text <= '9'; text++)
		code = code * 10 + (uint32_t)(*text - '0');
	if (*text)
		panic("not a number: %s", guest_arguments());
	guest_exit(code);
}
