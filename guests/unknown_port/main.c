/* SPDX-License-Identifier: MIT */
/* Reads and writes a port where nothing is: the end when strict, all ones on an open bus. */
#include "guests/lib/guest.h"
#include "guests/lib/port_io.h"

#define PORT 0x5550

int guest_main(void)
{
	print("port %x\n", PORT);
	check(port_read8(PORT) == 0xff, "reads as all ones");
	port_write8(PORT, 0);
	check(port_read8(PORT) == 0xff, "a write vanishes");
	return check_result();
}
