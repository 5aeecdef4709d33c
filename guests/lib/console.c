/* SPDX-License-Identifier: MIT */
/* The serial port, polled; where there is none (--serial none), the debug console. */
#include "guests/lib/guest.h"
#include "guests/lib/port_io.h"

/* Registers, from the port's base. */
#define SERIAL_DATA 0
#define SERIAL_FIFO 2
#define SERIAL_LINE_STATUS 5

#define FIFO_ENABLE 0x01
#define FIFO_DEPTH 16
#define LINE_DATA_READY 0x01
#define LINE_TRANSMIT_EMPTY 0x20

/* Bytes that the transmit FIFO takes before the status must be read again: each read is an exit. */
static unsigned fifo_room;

void console_setup(void)
{
	if (guest_boot->port_serial)
		port_write8(guest_boot->port_serial + SERIAL_FIFO, FIFO_ENABLE);
}

static void serial_write_byte(uint16_t base, char byte)
{
	if (!fifo_room) {
		while (!(port_read8(base + SERIAL_LINE_STATUS) & LINE_TRANSMIT_EMPTY))
			;
		fifo_room = FIFO_DEPTH;
	}
	fifo_room--;
	port_write8(base + SERIAL_DATA, (uint8_t)byte);
}

void console_write_byte(char byte)
{
	if (guest_boot->port_serial)
		serial_write_byte(guest_boot->port_serial, byte);
	else if (guest_boot->port_debug_console)
		port_write8(guest_boot->port_debug_console, (uint8_t)byte);
}

char console_read_byte(void)
{
	if (!guest_boot->port_serial)
		panic("no serial port to read from");
	while (!(port_read8(guest_boot->port_serial + SERIAL_LINE_STATUS) & LINE_DATA_READY))
		;
	return (char)port_read8(guest_boot->port_serial + SERIAL_DATA);
}
