/* SPDX-License-Identifier: MIT */
/*
 * The exit device: a write, of any width, ends the run with that code. There is nothing to read.
 */
#include <errno.h>

#include "vmm/devices.h"
#include "vmm/guest_abi.h"

#define EXIT_PORTS 4 /* as many as the widest access needs */

static int exit_write(void *context, uint16_t port, unsigned size, uint32_t value,
		      struct ending *ending)
{
	(void)context;
	(void)size;
	if (port != ABI_PORT_EXIT)
		return -ENODEV;
	*ending = (struct ending){ .kind = ENDING_GUEST_EXIT, .code = value };
	return 0;
}

int exit_device_attach(struct port_bus *bus)
{
	const struct port_device device = {
		.name = "exit device",
		.first = ABI_PORT_EXIT,
		.count = EXIT_PORTS,
		.write = exit_write,
	};

	return bus_add(bus, &device);
}
