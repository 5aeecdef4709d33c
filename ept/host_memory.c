/* SPDX-License-Identifier: MIT */
/*
 * Address space and memory: see host_memory.h.
 */
#include "ept/host_memory.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "mm/types.h"

static void *map(uint64_t len, int protection)
{
	void *memory =
		mmap(NULL, len, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void host_memory_release(void *memory, uint64_t len)
{
	if (len > 0)
		munmap(memory, len);
}

/* The largest page size of x86-64 that is not larger than `len`. */
static uint64_t alignment_for(uint64_t len)
{
	unsigned level = 3;

	while (level > 1 && level_size(level) > len)
		level--;
	return level_size(level);
}

/* Reserves more by what the kernel may have misplaced it, and gives both ends back. */
void *host_memory_reserve(uint64_t len)
{
	uint64_t align = alignment_for(len);
	uint64_t excess = align - PAGE_SIZE;
	unsigned char *memory;
	uint64_t before;

	if (len > UINT64_MAX - excess) {
		errno = ENOMEM;
		return NULL;
	}
	memory = map(len + excess, PROT_NONE);
	if (!memory)
		return NULL;
	before = -(uintptr_t)memory & (align - 1);
	host_memory_release(memory, before);
	host_memory_release(memory + before + len, excess - before);
	return memory + before;
}

void *host_memory_zeroed(uint64_t len)
{
	return map(len, PROT_READ | PROT_WRITE);
}
