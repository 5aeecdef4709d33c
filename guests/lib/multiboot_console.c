/* SPDX-License-Identifier: MIT */
/* Text and numbers for 32-bit guests, by the debug console. */
#include "guests/lib/multiboot.h"
#include "guests/lib/port_io.h"
#include "vmm/guest_abi.h"

void write_bytes(const char *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		port_write8(ABI_PORT_DEBUG_CONSOLE, (uint8_t)bytes[i]);
}

void write_text(const char *text)
{
	while (*text)
		write_bytes(text++, 1);
}

void write_hexadecimal(uint64_t value)
{
	unsigned shift = 60;

	while (shift && !(value >> shift))
		shift -= 4;
	for (;; shift -= 4) {
		write_bytes(&"0123456789abcdef"[value >> shift & 0xf], 1);
		if (!shift)
			return;
	}
}
