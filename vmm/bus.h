/* SPDX-License-Identifier: MIT */
/*
 * The port bus: which device answers at which port. Devices register a range; the vCPU's port exits
 * come here and nowhere else. An access that no device takes is the caller's: strict ends the run,
 * open bus reads all ones and drops writes.
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/ending.h"

struct port_device {
	const char *name;
	uint16_t first;
	uint16_t count;
	/*
	 * size is 1, 2 or 4; the access lies wholly in [first, first+count). A device may end the
	 * run by filling *ending. 0, or -ENODEV if it has nothing at that port or of that width:
	 * then it is an access where nothing is.
	 */
	int (*read)(void *context, uint16_t port, unsigned size, uint32_t *value);
	int (*write)(void *context, uint16_t port, unsigned size, uint32_t value, struct ending *ending);
	void *context;
};

#define BUS_DEVICES_MAX 16

struct port_bus {
	struct port_device devices[BUS_DEVICES_MAX];
	unsigned nr_devices;
};

/* -EEXIST if a port is taken (nothing is added), -ENOSPC if the bus is full. */
int bus_add(struct port_bus *bus, const struct port_device *device);

/* 0, or -ENODEV if nothing is there. *value is masked to size. */
int bus_read(const struct port_bus *bus, uint16_t port, unsigned size, uint32_t *value);
int bus_write(const struct port_bus *bus, uint16_t port, unsigned size, uint32_t value, struct ending *ending);

#endif
