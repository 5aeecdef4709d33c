/* SPDX-License-Identifier: MIT */
/* Has a page of its RAM taken out of the host table, and ring 3 reads it: a violation as well. */
#include <stddef.h>

#include "guests/lib/guest.h"
#include "guests/lib/page.h"
#include "guests/lib/user.h"

#define GVA UINT64_C(0x10000000000) /* nothing is there */

int guest_main(void)
{
	uint64_t gpa = memory_take(PAGE_SIZE, PAGE_SIZE);

	user_setup(GVA);
	*memory_at(gpa) = 0x5a;
	if (page_map(GVA + PAGE_SIZE, gpa, PAGE_SIZE, PAGE_READ | ABI_RIGHT_USER, 1))
		panic("map failed");
	check(user_has_read(user_read(GVA + PAGE_SIZE), 0x5a), "the page is read");
	if (page_unmap(ABI_TABLE_HOST, gpa, PAGE_SIZE, NULL))
		panic("unmap failed");
	print("reading the hole at %lx\n", gpa);
	panic("read %x", user_read(GVA + PAGE_SIZE).value);
}
