/* SPDX-License-Identifier: MIT */
/*
 * Shows: a port access reaches a device only if each byte of it is at one of its ports, and no two
 *   devices share a port
 * Rules: BUG-3
 * Layer: laws
 * Sources:
 * Geometry: any port, width and set of devices
 * Cases: PART ports add
 * Unwind: 17
 * Covers: contains overlaps bus_add device_at size_mask
 * Except: contains wraps the offset is formed before the port is found to be below the first
 * Limit: 60
 */
#include "tests/proof/proof.h"
#include "vmm/bus.c"

typedef unsigned __int128 exact_t;

/* A device gets an access only if each byte of it is at a port of its own. */
static void ports(void)
{
	struct port_bus bus;
	struct port_device device;
	uint16_t port;
	unsigned size, index;

	assume(size == 1 || size == 2 || size == 4);
	assume(bus.nr_devices <= BUS_DEVICES_MAX);
	const struct port_device *found = device_at(&bus, port, size);

	prove(size_mask(size) == (size == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * size) - 1));
	if (found) {
		prove(found >= bus.devices && found < bus.devices + bus.nr_devices);
		prove(port >= found->first);
		prove((exact_t)port + size <= (exact_t)found->first + found->count);
	} else if (index < bus.nr_devices) {
		prove(port < bus.devices[index].first ||
		      (exact_t)port + size >
			      (exact_t)bus.devices[index].first + bus.devices[index].count);
	}
}

/* What is added lies in the port space and meets nothing; what is refused changes nothing. */
static void add(void)
{
	struct port_bus bus;
	struct port_device device;
	unsigned index;

	assume(bus.nr_devices <= BUS_DEVICES_MAX && index < bus.nr_devices);
	struct port_device *old = &bus.devices[index];
	assume(old->count > 0 && (exact_t)old->first + old->count <= PORTS);
	unsigned before = bus.nr_devices;
	int err = bus_add(&bus, &device);
	exact_t end = (exact_t)device.first + device.count;

	prove(err == 0 || err == -EINVAL || err == -EEXIST || err == -ENOSPC);
	prove((err == -EINVAL) == (device.count == 0 || end > PORTS));
	prove(bus.nr_devices == before + (err == 0));
	if (err == 0)
		prove(end <= old->first || (exact_t)old->first + old->count <= device.first);
}

int main(void)
{
	PART();
	return 0;
}
