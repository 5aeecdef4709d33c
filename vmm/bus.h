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

/*
 * A device. An access is of 1, 2 or 4 bytes and lies wholly in [first, first + count). The
 * functions return 0, or -ENODEV if nothing is at that port or takes that width: then it is an
 * access where nothing is. Either may be NULL: nothing to read, or to write, anywhere. A write may
 * end the run by filling *ending, which it otherwise leaves alone.
 */
struct port_device {
	const char *name;
	uint16_t first;
	uint16_t count;
	int (*read)(void *context, uint16_t port, unsigned size, uint32_t *value);
	int (*write)(void *context, uint16_t port, unsigned size, uint32_t value,
		     struct ending *ending);
	void *context;
};

#define BUS_DEVICES_MAX 16

struct port_bus {
	struct port_device devices[BUS_DEVICES_MAX];
	unsigned nr_devices;
};

/*
 * Copies *device. -EEXIST if a port of it is taken, -EINVAL if it has none or reaches beyond the
 * last one, -ENOSPC if the bus is full; nothing is added then.
 */
int bus_add(struct port_bus *bus, const struct port_device *device);

/* Is there a device at this port? */
bool bus_has(const struct port_bus *bus, uint16_t port);

/*
 * One access of `size` bytes: 1, 2 or 4. Returns 0, or -ENODEV if nothing is there; *value is
 * untouched then. Of values, the low `size` bytes count and the others are zero.
 */
int bus_read(const struct port_bus *bus, uint16_t port, unsigned size, uint32_t *value);
int bus_write(const struct port_bus *bus, uint16_t port, unsigned size, uint32_t value,
	      struct ending *ending);

#endif
