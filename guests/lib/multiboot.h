/* SPDX-License-Identifier: MIT */
/*
 * The runtime of the 32-bit guests: what Multiboot 1 passes (Multiboot Specification 0.6.96, 3.3),
 * and a console. multiboot_start.S calls guest_main() with EAX and EBX as they were at entry.
 */
#ifndef GUESTS_LIB_MULTIBOOT_H
#define GUESTS_LIB_MULTIBOOT_H

#include <stdint.h>

#define MULTIBOOT_MAGIC 0x2badb002 /* in EAX at entry */

/* multiboot_info.flags: which of the fields are there. */
#define MULTIBOOT_HAS_MEMORY 0x001
#define MULTIBOOT_HAS_COMMAND_LINE 0x004
#define MULTIBOOT_HAS_MODULES 0x008
#define MULTIBOOT_HAS_MEMORY_MAP 0x040

/* All addresses are GPAs. */
struct multiboot_info {
	uint32_t flags;
	uint32_t memory_lower; /* KiB from 0 */
	uint32_t memory_upper; /* KiB from 1 MiB */
	uint32_t boot_device;
	uint32_t command_line;
	uint32_t nr_modules;
	uint32_t modules;
	uint32_t symbols[4];
	uint32_t memory_map_len; /* bytes */
	uint32_t memory_map;
};

struct multiboot_module {
	uint32_t start;
	uint32_t end;
	uint32_t text;
	uint32_t reserved;
};

struct multiboot_memory {
	uint32_t size; /* of what follows; the next entry is there */
	uint64_t address;
	uint64_t len;
	uint32_t type; /* 1: RAM */
} __attribute__((packed));

/* What each guest defines; the value ends the run. */
uint32_t guest_main(uint32_t magic, const struct multiboot_info *info);

/* Output by the debug console. Hexadecimal numbers have no leading zeros. */
void write_text(const char *text);
void write_bytes(const char *bytes, uint32_t len);
void write_hexadecimal(uint64_t value);

#endif
