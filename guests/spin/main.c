/* SPDX-License-Identifier: MIT */
/* Never ends. */
#include "guests/lib/guest.h"

int guest_main(void)
{
	print("spinning\n");
	for (;;)
		__asm__ volatile("pause");
}
