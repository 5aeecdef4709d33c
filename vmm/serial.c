/* SPDX-License-Identifier: MIT */
/*
 * The registers of the 16550A: see serial.h. Numbers in parentheses are sections of its data sheet.
 */
#include "vmm/serial.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "vmm/devices.h"

enum serial_register {
	REGISTER_DATA,		     /* with DLAB: divisor, low */
	REGISTER_INTERRUPT_ENABLE,   /* with DLAB: divisor, high */
	REGISTER_INTERRUPT_IDENTITY, /* written: FIFO control */
	REGISTER_LINE_CONTROL,
	REGISTER_MODEM_CONTROL,
	REGISTER_LINE_STATUS,
	REGISTER_MODEM_STATUS,
	REGISTER_SCRATCH,
};

#define ENABLE_RECEIVED 0x01
#define ENABLE_TRANSMITTED 0x02
#define ENABLE_LINE_STATUS 0x04
#define ENABLE_MODEM_STATUS 0x08
#define ENABLE_BITS 0x0f

#define IDENTITY_MODEM_STATUS 0x00
#define IDENTITY_NONE 0x01
#define IDENTITY_TRANSMITTED 0x02
#define IDENTITY_RECEIVED 0x04
#define IDENTITY_LINE_STATUS 0x06
#define IDENTITY_FIFO 0xc0

#define FIFO_ENABLE 0x01
#define FIFO_CLEAR_RECEIVER 0x02

#define LINE_DIVISOR 0x80 /* DLAB */

#define MODEM_DTR 0x01
#define MODEM_RTS 0x02
#define MODEM_OUT1 0x04
#define MODEM_OUT2 0x08 /* on a PC: connects the interrupt line */
#define MODEM_LOOPBACK 0x10
#define MODEM_BITS 0x1f

#define STATUS_DATA_READY 0x01
#define STATUS_OVERRUN 0x02
#define STATUS_TRANSMITTER_EMPTY 0x60 /* holding and shift register: always */

#define MODEM_STATUS_RI 0x40
#define MODEM_STATUS_CTS 0x10
#define MODEM_STATUS_DSR 0x20
#define MODEM_STATUS_DCD 0x80
#define MODEM_STATUS_LINES 0xf0
#define MODEM_STATUS_DELTAS 0x0f
#define MODEM_CONNECTED (MODEM_STATUS_CTS | MODEM_STATUS_DSR | MODEM_STATUS_DCD)

void serial_init(struct serial *serial, struct output *output, int input_fd, serial_irq_t irq,
		 void *irq_context)
{
	*serial = (struct serial){
		.output = output,
		.input_fd = input_fd,
		.irq = irq,
		.irq_context = irq_context,
		.line_status = STATUS_TRANSMITTER_EMPTY,
		.modem_status = MODEM_CONNECTED,
	};
}

/* What asks for an interrupt, by priority (8.6). */
static uint8_t identity(const struct serial *serial)
{
	uint8_t enable = serial->interrupt_enable;

	if ((enable & ENABLE_LINE_STATUS) && (serial->line_status & STATUS_OVERRUN))
		return IDENTITY_LINE_STATUS;
	if ((enable & ENABLE_RECEIVED) && (serial->line_status & STATUS_DATA_READY))
		return IDENTITY_RECEIVED;
	if ((enable & ENABLE_TRANSMITTED) && serial->transmit_pending)
		return IDENTITY_TRANSMITTED;
	if ((enable & ENABLE_MODEM_STATUS) && (serial->modem_status & MODEM_STATUS_DELTAS))
		return IDENTITY_MODEM_STATUS;
	return IDENTITY_NONE;
}

/* In loopback the pin of OUT2 is inactive, and with it the line (8.8). */
static void irq_update(struct serial *serial)
{
	uint8_t connection = serial->modem_control & (MODEM_OUT2 | MODEM_LOOPBACK);
	bool level = connection == MODEM_OUT2 && identity(serial) != IDENTITY_NONE;

	if (level == serial->irq_level)
		return;
	serial->irq_level = level;
	if (serial->irq)
		serial->irq(serial->irq_context, level);
}

/* A byte has come in, over one that nobody has read yet. */
static void receive(struct serial *serial, uint8_t byte)
{
	if (serial->line_status & STATUS_DATA_READY)
		serial->line_status |= STATUS_OVERRUN;
	serial->received = byte;
	serial->line_status |= STATUS_DATA_READY;
}

/* Fetches the next byte of the input, if there is room for it and there is one. Never waits. */
static void input_poll(struct serial *serial)
{
	struct pollfd fd = { .fd = serial->input_fd, .events = POLLIN };
	uint8_t byte;
	ssize_t len;

	if ((serial->line_status & STATUS_DATA_READY) || serial->input_fd < 0 ||
	    (serial->modem_control & MODEM_LOOPBACK) || poll(&fd, 1, 0) <= 0)
		return;
	len = read(serial->input_fd, &byte, 1);
	if (len == 1)
		receive(serial, byte);
	else if (len == 0 || (errno != EAGAIN && errno != EINTR))
		serial->input_fd = -1;
}

static uint8_t data_read(struct serial *serial)
{
	input_poll(serial);
	serial->line_status &= (uint8_t)~STATUS_DATA_READY;
	return serial->received;
}

static uint8_t identity_read(struct serial *serial)
{
	uint8_t value;

	input_poll(serial);
	value = identity(serial);
	if (value == IDENTITY_TRANSMITTED)
		serial->transmit_pending = false;
	return value | (serial->fifo_control & FIFO_ENABLE ? IDENTITY_FIFO : 0);
}

/*
 * Who looks again without having transmitted waits for input: what has been transmitted may be the
 * prompt for it. A failure is found by the next byte, or at the end.
 */
static uint8_t line_status_read(struct serial *serial)
{
	uint8_t value;

	if (serial->idle)
		output_flush(serial->output, OUTPUT_WAIT);
	serial->idle = true;
	input_poll(serial);
	value = serial->line_status;
	serial->line_status &= (uint8_t)~STATUS_OVERRUN;
	return value;
}

static uint8_t modem_status_read(struct serial *serial)
{
	uint8_t value = serial->modem_status;

	serial->modem_status &= MODEM_STATUS_LINES;
	return value;
}

static uint8_t register_read(struct serial *serial, enum serial_register number)
{
	bool divisor = serial->line_control & LINE_DIVISOR;

	switch (number) {
	case REGISTER_DATA:
		return divisor ? serial->divisor[0] : data_read(serial);
	case REGISTER_INTERRUPT_ENABLE:
		return divisor ? serial->divisor[1] : serial->interrupt_enable;
	case REGISTER_INTERRUPT_IDENTITY:
		return identity_read(serial);
	case REGISTER_LINE_CONTROL:
		return serial->line_control;
	case REGISTER_MODEM_CONTROL:
		return serial->modem_control;
	case REGISTER_LINE_STATUS:
		return line_status_read(serial);
	case REGISTER_MODEM_STATUS:
		return modem_status_read(serial);
	case REGISTER_SCRATCH:
		return serial->scratch;
	}
	return 0;
}

/* Out on the line, or straight into the receiver. Returns 0 or the output's error. */
static int transmit(struct serial *serial, uint8_t byte)
{
	serial->transmit_pending = true;
	serial->idle = false;
	if (!(serial->modem_control & MODEM_LOOPBACK))
		return output_byte(serial->output, byte);
	receive(serial, byte);
	return 0;
}

/* Enabling "transmitter empty" asks for it at once, for it is (8.7). */
static void interrupt_enable_write(struct serial *serial, uint8_t value)
{
	if (value & ~serial->interrupt_enable & ENABLE_TRANSMITTED)
		serial->transmit_pending = true;
	serial->interrupt_enable = value & ENABLE_BITS;
}

/* Other bits count only while the FIFOs are enabled; turning them on or off clears them (8.5). */
static void fifo_control_write(struct serial *serial, uint8_t value)
{
	bool toggled = (value ^ serial->fifo_control) & FIFO_ENABLE;

	if (toggled || ((value & FIFO_ENABLE) && (value & FIFO_CLEAR_RECEIVER)))
		serial->line_status &= (uint8_t)~STATUS_DATA_READY;
	serial->fifo_control = value & FIFO_ENABLE;
}

/* The modem's lines: a modem that is always ready, or in loopback our own outputs (8.8). */
static uint8_t modem_lines(uint8_t control)
{
	uint8_t lines = 0;

	if (!(control & MODEM_LOOPBACK))
		return MODEM_CONNECTED;
	if (control & MODEM_RTS)
		lines |= MODEM_STATUS_CTS;
	if (control & MODEM_DTR)
		lines |= MODEM_STATUS_DSR;
	if (control & MODEM_OUT1)
		lines |= MODEM_STATUS_RI;
	if (control & MODEM_OUT2)
		lines |= MODEM_STATUS_DCD;
	return lines;
}

/* Each line's delta is four bits below it; RI has one for its trailing edge only (8.9). */
static void modem_control_write(struct serial *serial, uint8_t value)
{
	uint8_t lines = modem_lines(value);
	uint8_t changed = (lines ^ serial->modem_status) & MODEM_STATUS_LINES;

	if (lines & MODEM_STATUS_RI)
		changed &= (uint8_t)~MODEM_STATUS_RI;
	serial->modem_control = value & MODEM_BITS;
	serial->modem_status = lines | (serial->modem_status & MODEM_STATUS_DELTAS) | changed >> 4;
}

/* Returns 0 or the output's error. Writes to the status registers are for the factory (8.4). */
static int register_write(struct serial *serial, enum serial_register number, uint8_t value)
{
	bool divisor = serial->line_control & LINE_DIVISOR;

	switch (number) {
	case REGISTER_DATA:
		if (!divisor)
			return transmit(serial, value);
		serial->divisor[0] = value;
		break;
	case REGISTER_INTERRUPT_ENABLE:
		if (divisor)
			serial->divisor[1] = value;
		else
			interrupt_enable_write(serial, value);
		break;
	case REGISTER_INTERRUPT_IDENTITY:
		fifo_control_write(serial, value);
		break;
	case REGISTER_LINE_CONTROL:
		serial->line_control = value;
		break;
	case REGISTER_MODEM_CONTROL:
		modem_control_write(serial, value);
		break;
	case REGISTER_SCRATCH:
		serial->scratch = value;
		break;
	case REGISTER_LINE_STATUS:
	case REGISTER_MODEM_STATUS:
		break;
	}
	return 0;
}

static int serial_read(void *context, uint16_t port, unsigned size, uint32_t *value)
{
	struct serial *serial = context;

	if (size != 1)
		return -ENODEV;
	*value = register_read(serial, (enum serial_register)(port % SERIAL_PORTS));
	irq_update(serial);
	return 0;
}

static int serial_write(void *context, uint16_t port, unsigned size, uint32_t value,
			struct ending *ending)
{
	struct serial *serial = context;
	int result;

	if (size != 1)
		return -ENODEV;
	result =
		register_write(serial, (enum serial_register)(port % SERIAL_PORTS), (uint8_t)value);
	if (result)
		output_ending(result, ending);
	irq_update(serial);
	return 0;
}

int serial_attach(struct serial *serial, struct port_bus *bus, uint16_t first)
{
	const struct port_device device = {
		.name = "16550",
		.first = first,
		.count = SERIAL_PORTS,
		.read = serial_read,
		.write = serial_write,
		.context = serial,
	};

	return bus_add(bus, &device);
}
