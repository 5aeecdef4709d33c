/* SPDX-License-Identifier: MIT */
/*
 * Addresses, sizes and levels: the words that everything else is written in.
 *
 * Geometry (the index bits of a level) is a compile-time constant so that tests can build the same
 * engine for tiny tables whose states can be counted; every real format has nine bits.
 */
#ifndef MM_TYPES_H
#define MM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kept out of its callers, so that their common way needs no stack and few registers. */
#define SLOW_PATH __attribute__((noinline, cold))

#ifndef MM_INDEX_BITS
#define MM_INDEX_BITS 9
#endif

#define PAGE_SHIFT 12
#define PAGE_SIZE (UINT64_C(1) << PAGE_SHIFT)
#define NODE_ENTRIES (1u << MM_INDEX_BITS)
#define LEVELS_MAX 5

/*
 * A physical address of a domain, in bytes from the domain's physical 0. Not a pointer:
 * domain_pointer() makes one.
 */
typedef struct {
	uint64_t value;
} paddr_t;

/* An input address of a table, in bytes: a GPA for a host table, a GVA for a guest table. */
typedef struct {
	uint64_t value;
} vaddr_t;

/* One entry of a node as it lies in memory. */
typedef struct {
	uint64_t raw;
} pte_t;

#define PADDR(x) ((paddr_t){ (x) })
#define PADDR_NONE PADDR(UINT64_MAX) /* no frame: misaligned, and in no domain */
#define VADDR(x) ((vaddr_t){ (x) })
#define PTE(x) ((pte_t){ (x) })

/* log2 of the bytes that one entry of a node at `level` covers; level 1 is the 4 KiB level. */
static inline unsigned level_shift(unsigned level)
{
	return PAGE_SHIFT + MM_INDEX_BITS * (level - 1);
}

/* Bytes that one entry of a node at `level` covers. 1 <= level <= LEVELS_MAX + 1. */
static inline uint64_t level_size(unsigned level)
{
	return UINT64_C(1) << level_shift(level);
}

/* 4 KiB pages that one entry of a node at `level` covers. */
static inline uint64_t level_pages(unsigned level)
{
	return level_size(level) >> PAGE_SHIFT;
}

static inline bool is_aligned(uint64_t value, uint64_t power_of_two)
{
	return (value & (power_of_two - 1)) == 0;
}

static inline uint64_t align_down(uint64_t value, uint64_t power_of_two)
{
	return value & ~(power_of_two - 1);
}

#endif
