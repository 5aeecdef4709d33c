/* SPDX-License-Identifier: MIT */
/* Writes back what it reads from the serial port, byte for byte, up to an EOT byte. */
#include "guests/lib/guest.h"

#define END_OF_TRANSMISSION '\004'

int guest_main(void)
{
	char byte;

	while ((byte = console_read_byte()) != END_OF_TRANSMISSION)
		console_write(&byte, 1);
	return EXIT_SUCCESS;
}
