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

/* As much as the FIFO takes; how much that was. */
static unsigned serial_write(uint16_t base, const char *bytes, unsigned len)
{
	if (!fifo_room) {
		while (!(port_read8(base + SERIAL_LINE_STATUS) & LINE_TRANSMIT_EMPTY))
			;
		fifo_room = FIFO_DEPTH;
	}
	if (len > fifo_room)
		len = fifo_room;
	fifo_room -= len;
	port_write_bytes(base + SERIAL_DATA, bytes, len);
	return len;
}

void console_write(const char *bytes, unsigned len)
{
	unsigned done = 0;

	if (!guest_boot->port_serial && guest_boot->port_debug_console)
		port_write_bytes(guest_boot->port_debug_console, bytes, len);
	while (guest_boot->port_serial && done < len)
		done += serial_write(guest_boot->port_serial, bytes + done, len - done);
}

char console_read_byte(void)
{
	if (!guest_boot->port_serial)
		panic("no serial port to read from");
	while (!(port_read8(guest_boot->port_serial + SERIAL_LINE_STATUS) & LINE_DATA_READY))
		;
	return (char)port_read8(guest_boot->port_serial + SERIAL_DATA);
}
