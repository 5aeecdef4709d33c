/* SPDX-License-Identifier: MIT */
/* Runs through the lower end of its stack, into the guard page; the handler has another stack. */
#include "guests/lib/guest.h"

int guest_main(void)
{
	uint64_t bottom = guest_boot->stack_top - guest_boot->stack_len;

	print("stack from %lx to %lx\n", bottom, guest_boot->stack_top);
	__asm__ volatile("1: push $0; jmp 1b" : : : "memory");
	panic("survived");
}
