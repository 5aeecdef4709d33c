/* SPDX-License-Identifier: MIT */
/* Has a page of its RAM made read-only in the host table, reads it, and writes it: a violation. */
#include "guests/lib/guest.h"
#include "guests/lib/page.h"

int guest_main(void)
{
	uint64_t gpa = memory_take(PAGE_SIZE, PAGE_SIZE);
	volatile uint8_t *page = memory_at(gpa);
	uint64_t count;

	*page = 0x5a;
	if (page_protect(ABI_TABLE_HOST, gpa, PAGE_SIZE, PAGE_READ, &count) || count != 1)
		panic("protect failed");
	check(*page == 0x5a, "the page can be read");
	print("writing the read-only page at %lx\n", gpa);
	*page = 1;
	panic("written");
}
