/* SPDX-License-Identifier: MIT */
/* Reads by a null pointer: page 0 is absent, and the handler reports it. */
#include "guests/lib/guest.h"

int guest_main(void)
{
	volatile uintptr_t null = 0; /* which the compiler does not know */

	print("reading address 0\n");
	panic("read %x", *(const volatile uint8_t *)null);
}
