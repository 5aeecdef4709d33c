/* SPDX-License-Identifier: MIT */
/* Free RAM, and the functions that the compiler calls on its own where there is no libc. */
#include "guests/lib/guest.h"

#include <stddef.h>

/* Below 1 MiB is left alone, so that no GPA that is handed out is 0. */
#define TAKE_FROM UINT64_C(0x100000)

static uint64_t taken_end = TAKE_FROM;

/* The first aligned GPA at or above `start`; 0 if there is none. */
static uint64_t align_up(uint64_t start, uint64_t alignment)
{
	return (start + alignment - 1) & -alignment;
}

uint64_t memory_take(uint64_t len, uint64_t alignment)
{
	for (uint32_t i = 0; i < guest_boot->nr_memory; i++) {
		const struct abi_memory *memory = &guest_boot->memory[i];
		uint64_t end = memory->gpa + memory->len;
		uint64_t start = memory->gpa > taken_end ? memory->gpa : taken_end;

		start = align_up(start, alignment);
		if (memory->kind != ABI_MEMORY_FREE || start < memory->gpa || start >= end ||
		    len > end - start)
			continue;
		taken_end = start + len;
		return start;
	}
	return 0;
}

void *memset(void *destination, int value, size_t len);
void *memcpy(void *restrict destination, const void *restrict source, size_t len);

/* Eight bytes at a time: where ring 0 is emulated, each store counts. */
void *memset(void *destination, int value, size_t len)
{
	void *at = destination;
	size_t words = len / sizeof(uint64_t);
	uint64_t word = UINT64_C(0x0101010101010101) * (uint8_t)value;

	len %= sizeof(uint64_t);
	__asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(word) : "memory");
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(len) : "a"(word) : "memory");
	return destination;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t len)
{
	void *at = destination;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(source), "+c"(len) : : "memory");
	return destination;
}
