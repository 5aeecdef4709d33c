/* SPDX-License-Identifier: MIT */
/* Has a page of its RAM taken out of the host table, and reads it: a violation. */
#include "guests/lib/guest.h"
#include "guests/lib/page.h"

int guest_main(void)
{
	uint64_t gpa = memory_take(PAGE_SIZE, PAGE_SIZE);
	volatile uint8_t *page = memory_at(gpa);
	uint64_t count;

	*page = 1;
	if (page_unmap(ABI_TABLE_HOST, gpa, PAGE_SIZE, &count) || count != 1)
		panic("unmap failed");
	print("reading the hole at %lx\n", gpa);
	panic("read %x", *page);
}
