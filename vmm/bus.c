/* SPDX-License-Identifier: MIT */
/*
 * The port bus: see bus.h.
 */
#include "vmm/bus.h"

#include <errno.h>

#define PORTS 0x10000u

static bool contains(const struct port_device *device, uint16_t port, unsigned size)
{
	unsigned offset = (unsigned)port - device->first;

	return port >= device->first && offset < device->count && size <= device->count - offset;
}

static bool overlaps(const struct port_device *a, const struct port_device *b)
{
	return a->first < b->first + b->count && b->first < a->first + a->count;
}

int bus_add(struct port_bus *bus, const struct port_device *device)
{
	if (device->count == 0 || device->count > PORTS - device->first)
		return -EINVAL;
	for (unsigned i = 0; i < bus->nr_devices; i++)
		if (overlaps(&bus->devices[i], device))
			return -EEXIST;
	if (bus->nr_devices == BUS_DEVICES_MAX)
		return -ENOSPC;
	bus->devices[bus->nr_devices++] = *device;
	return 0;
}

static const struct port_device *device_at(const struct port_bus *bus, uint16_t port, unsigned size)
{
	for (unsigned i = 0; i < bus->nr_devices; i++)
		if (contains(&bus->devices[i], port, size))
			return &bus->devices[i];
	return NULL;
}

bool bus_has(const struct port_bus *bus, uint16_t port)
{
	return device_at(bus, port, 1) != NULL;
}

static uint32_t size_mask(unsigned size)
{
	return UINT32_MAX >> (32 - 8 * size);
}

int bus_read(const struct port_bus *bus, uint16_t port, unsigned size, uint32_t *value)
{
	const struct port_device *device = device_at(bus, port, size);
	uint32_t read;
	int result = device && device->read ? device->read(device->context, port, size, &read) :
					      -ENODEV;

	if (result == 0)
		*value = read & size_mask(size);
	return result;
}

int bus_write(const struct port_bus *bus, uint16_t port, unsigned size, uint32_t value,
	      struct ending *ending)
{
	const struct port_device *device = device_at(bus, port, size);

	if (!device || !device->write)
		return -ENODEV;
	return device->write(device->context, port, size, value & size_mask(size), ending);
}
