/* SPDX-License-Identifier: MIT */
/* Port instructions, for guests of every mode. Each is one exit to the VMM. */
#ifndef GUESTS_LIB_PORT_IO_H
#define GUESTS_LIB_PORT_IO_H

#include <stdint.h>

static inline void port_write8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

/* `count` bytes one after the other, in one exit. */
static inline void port_write_bytes(uint16_t port, const char *bytes, unsigned long count)
{
	__asm__ volatile("rep outsb" : "+S"(bytes), "+c"(count) : "d"(port) : "memory");
}

static inline void port_write32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t port_read8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

#endif
