/* SPDX-License-Identifier: MIT */
/*
 * A 16550A UART (National Semiconductor's PC16550D data sheet): eight ports of a byte each.
 *
 * The line is infinitely fast: what is transmitted has left at once, whatever divisor and format
 * say. Bytes come from a file descriptor, one at a time, when the guest looks at the data, the line
 * status or the interrupt identity. So a guest that never looks, but waits for the interrupt, waits
 * in vain.
 */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include "vmm/bus.h"
#include "vmm/output.h"

#define SERIAL_PORTS 8
#define SERIAL_IRQ 4 /* of the first serial port of a PC */

/* Drives an interrupt line; called when the level changes. */
typedef void (*serial_irq_t)(void *context, bool level);

struct serial {
	struct output *output;
	int input_fd;	  /* -1: nothing comes, or nothing comes any more */
	serial_irq_t irq; /* NULL: not connected */
	void *irq_context;
	bool irq_level;
	bool transmit_pending; /* the interrupt "transmitter empty" has not been identified yet */
	bool idle;	       /* nothing was transmitted since the line status was last read */
	uint8_t received;      /* valid while the line status says so */
	uint8_t interrupt_enable;
	uint8_t fifo_control;
	uint8_t line_control;
	uint8_t line_status;
	uint8_t modem_control;
	uint8_t modem_status;
	uint8_t scratch;
	uint8_t divisor[2]; /* low, high */
};

/* After a reset. `input_fd` may be -1; it is read only when it would not block. */
void serial_init(struct serial *serial, struct output *output, int input_fd, serial_irq_t irq,
		 void *irq_context);

/* Puts it on the bus at `first`; it must not move. Errors as bus_add(). */
int serial_attach(struct serial *serial, struct port_bus *bus, uint16_t first);

#endif
