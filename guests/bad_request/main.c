/* SPDX-License-Identifier: MIT */
/* Writes an address to page control that is no request's: there is no place for an answer. */
#include "guests/lib/guest.h"
#include "guests/lib/port_io.h"

#define GPA 0x1000020 /* not aligned to the request's size */

int guest_main(void)
{
	print("request at %x\n", GPA);
	port_write32(ABI_PORT_PAGE_CONTROL, GPA);
	panic("survived");
}
