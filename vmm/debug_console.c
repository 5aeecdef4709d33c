/* SPDX-License-Identifier: MIT */
/*
 * The debug console: each byte written is output. Reading gives the port's own number, which says
 * that it is there, as in Bochs and QEMU.
 */
#include "vmm/devices.h"
#include "vmm/guest_abi.h"

static int console_read(void *context, uint16_t port, unsigned size, uint32_t *value)
{
	(void)context;
	(void)size; /* the device is one port wide */
	*value = port;
	return 0;
}

static int console_write(void *context, uint16_t port, unsigned size, uint32_t value,
			 struct ending *ending)
{
	int result = output_byte(context, (uint8_t)value);

	(void)port;
	(void)size;
	if (result)
		output_ending(result, ending);
	return 0;
}

int debug_console_attach(struct port_bus *bus, struct output *output)
{
	const struct port_device device = {
		.name = "debug console",
		.first = ABI_PORT_DEBUG_CONSOLE,
		.count = 1,
		.read = console_read,
		.write = console_write,
		.context = output,
	};

	return bus_add(bus, &device);
}
