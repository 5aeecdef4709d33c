/* SPDX-License-Identifier: MIT */
/* The serial port, polled. */
#include "guests/lib/guest.h"
#include "guests/lib/port_io.h"

#define SERIAL_DATA (ABI_PORT_SERIAL + 0)
#define SERIAL_FIFO (ABI_PORT_SERIAL + 2)
#define SERIAL_LINE_STATUS (ABI_PORT_SERIAL + 5)

#define FIFO_ENABLE 0x01
#define FIFO_DEPTH 16
#define LINE_DATA_READY 0x01
#define LINE_TRANSMIT_EMPTY 0x20

/* Bytes that the transmit FIFO takes before the status must be read again: each read is an exit. */
static unsigned fifo_room;

void console_setup(void)
{
	port_write8(SERIAL_FIFO, FIFO_ENABLE);
}

void console_write_byte(char byte)
{
	if (!fifo_room) {
		while (!(port_read8(SERIAL_LINE_STATUS) & LINE_TRANSMIT_EMPTY))
			;
		fifo_room = FIFO_DEPTH;
	}
	fifo_room--;
	port_write8(SERIAL_DATA, (uint8_t)byte);
}

char console_read_byte(void)
{
	while (!(port_read8(SERIAL_LINE_STATUS) & LINE_DATA_READY))
		;
	return (char)port_read8(SERIAL_DATA);
}
