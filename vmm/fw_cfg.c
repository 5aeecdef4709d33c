/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg's keys (QEMU docs/specs/fw_cfg). A key that is not known, and what comes behind the end of
 * one that is, reads as zeros.
 */
#include "vmm/fw_cfg.h"

#include <errno.h>

#define KEY_SIGNATURE 0x0000
#define KEY_INTERFACE 0x0001
#define KEY_RAM_SIZE 0x0003
#define KEY_NB_CPUS 0x0005
#define KEY_MAX_CPUS 0x000f

/* The value of a key as a little-endian number. */
static uint64_t value_of(const struct fw_cfg *config)
{
	switch (config->key) {
	case KEY_SIGNATURE:
		return 0x554d4551; /* "QEMU" */
	case KEY_INTERFACE:
		return 1; /* selector and data ports, no DMA */
	case KEY_RAM_SIZE:
		return config->ram_len;
	case KEY_NB_CPUS:
	case KEY_MAX_CPUS:
		return 1;
	default:
		return 0;
	}
}

static int fw_cfg_read(void *context, uint16_t port, unsigned size, uint32_t *value)
{
	struct fw_cfg *config = context;

	if (port != FW_CFG_PORT_DATA || size != 1)
		return -ENODEV;
	*value = config->offset < sizeof(uint64_t) ? value_of(config) >> 8 * config->offset & 0xff :
						     0;
	config->offset += config->offset < sizeof(uint64_t);
	return 0;
}

static int fw_cfg_write(void *context, uint16_t port, unsigned size, uint32_t value,
			struct ending *ending)
{
	struct fw_cfg *config = context;

	(void)ending;
	if (port != FW_CFG_PORT_SELECT || size != 2)
		return -ENODEV;
	config->key = (uint16_t)value;
	config->offset = 0;
	return 0;
}

int fw_cfg_attach(struct fw_cfg *config, struct port_bus *bus, uint64_t ram_len)
{
	const struct port_device device = {
		.name = "fw_cfg",
		.first = FW_CFG_PORT_SELECT,
		.count = 2,
		.read = fw_cfg_read,
		.write = fw_cfg_write,
		.context = config,
	};

	*config = (struct fw_cfg){ .ram_len = ram_len };
	return bus_add(bus, &device);
}
