/* SPDX-License-Identifier: MIT */
/*
 * Address space and memory from the host's kernel.
 */
#ifndef EPT_HOST_MEMORY_H
#define EPT_HOST_MEMORY_H

#include <stdint.h>

/*
 * Reserves `len` bytes of addresses, a multiple of 4 KiB, at which nothing is accessible. They
 * begin at a multiple of 1 GiB or 2 MiB if they are that long: where page table leaves and host
 * pages can be large, both are. NULL with errno set. To be given back with host_memory_release().
 */
void *host_memory_reserve(uint64_t len);

/*
 * Zeroed memory, private to the process, which costs nothing until it is touched. NULL with errno
 * set. To be given back with host_memory_release().
 */
void *host_memory_zeroed(uint64_t len);

void host_memory_release(void *memory, uint64_t len);

#endif
