/* SPDX-License-Identifier: MIT */
/* Says hello, and little else: what is measured when a launch is. boot_info says more. */
#include "guests/lib/guest.h"

int guest_main(void)
{
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	print("Hello from ring 0.\nCommand line: %s\n", guest_command_line());
	check(cr3 == guest_boot->table_root, "CR3 is the table root");
	return check_result();
}
