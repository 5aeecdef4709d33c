/* SPDX-License-Identifier: MIT */
/* Raises an exception when there is no handler for any. */
#include "guests/lib/guest.h"

int guest_main(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) empty = { 0, 0 };

	print("an exception without an IDT\n");
	__asm__ volatile("lidt %0; ud2" : : "m"(empty));
	panic("survived");
}
