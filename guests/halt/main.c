/* SPDX-License-Identifier: MIT */
/* Halts with interrupts off: nothing can wake it. */
#include "guests/lib/guest.h"

int guest_main(void)
{
	print("halting for ever\n");
	__asm__ volatile("cli; hlt");
	panic("woken");
}
