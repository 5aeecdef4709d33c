/* SPDX-License-Identifier: MIT */
/*
 * What this process may do with an address, found out without a fault: the kernel does the access
 * for a system call, and says -EFAULT where it would have been one.
 */
#ifndef TESTS_MEMORY_PROBE_H
#define TESTS_MEMORY_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the byte there can be read; if so, it is put to *byte (which may be NULL). */
bool memory_is_readable(const void *address, uint8_t *byte);

/* Whether the byte there can be written. It stays what it was if it can be read, else it is 0. */
bool memory_is_writable(void *address);

/* PROP_READ | PROP_WRITE, as the page at the address allows. */
uint32_t memory_rights(void *page);

/* Host mappings (lines of /proc/self/maps) that touch [start, start+len). */
unsigned memory_mappings(const void *start, uint64_t len);

/* Bytes of address space that the process has in use. */
uint64_t memory_used(void);

/*
 * Allows it `more` bytes than that (RLIMIT_AS); then as many as before. Nothing may be asserted
 * between the two.
 */
void memory_limit(uint64_t more);
void memory_unlimit(void);

/*
 * Uses up all host mappings that the process may have (vm.max_map_count); then gives them back.
 * False, and nothing is used up, where there are too many for a test. Nothing may be asserted
 * between the two either.
 */
bool memory_mappings_exhaust(void);
void memory_mappings_restore(void);

#endif
