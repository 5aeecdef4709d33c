/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg, QEMU's way to tell a PC-type guest what machine it is in, with the few keys that test
 * guests read: a 16-bit write to port 0x510 selects a key, reads of port 0x511 give its bytes.
 */
#ifndef VMM_FW_CFG_H
#define VMM_FW_CFG_H

#include "vmm/bus.h"

#define FW_CFG_PORT_SELECT 0x510
#define FW_CFG_PORT_DATA 0x511

struct fw_cfg {
	uint64_t ram_len;
	uint16_t key;	 /* selected */
	unsigned offset; /* of the next byte to be read */
};

/*
 * A guest with `ram_len` bytes of RAM and one CPU. *config must outlive the bus, unmoved. Errors as
 * bus_add().
 */
int fw_cfg_attach(struct fw_cfg *config, struct port_bus *bus, uint64_t ram_len);

#endif
