/* SPDX-License-Identifier: MIT */
/*
 * The walk of the limits: four loads, and nothing is checked. The tables that they walk have every
 * node that they want.
 */
#ifndef BENCH_MM_WALK_H
#define BENCH_MM_WALK_H

#include "bench/mm_bench.h"

/* The same in EPT and in x86-64 entries. */
#define WALK_ADDRESS UINT64_C(0x000ffffffffff000)

/* What a limit needs, in registers. */
struct walk_root {
	unsigned char *memory; /* where physical address 0 is */
	_Atomic uint64_t *entries;
};

static inline struct walk_root walk_root(const struct bench *bench)
{
	return (struct walk_root){ bench->domain.memory, bench->table.root.entries };
}

static inline uint64_t walk_load(const _Atomic uint64_t *entry)
{
	return atomic_load_explicit(entry, memory_order_relaxed);
}

static inline void walk_store(_Atomic uint64_t *entry, uint64_t pte)
{
	atomic_store_explicit(entry, pte, memory_order_release);
}

static inline _Atomic uint64_t *walk_entries(struct walk_root root, uint64_t node)
{
	return (_Atomic uint64_t *)(void *)(root.memory + node);
}

/* The physical address of the node of level 1 on the way to va. */
static inline uint64_t walk_node(struct walk_root root, uint64_t va)
{
	uint64_t node = walk_load(&root.entries[pte_index(va, 4)]) & WALK_ADDRESS;

	node = walk_load(&walk_entries(root, node)[pte_index(va, 3)]) & WALK_ADDRESS;
	return walk_load(&walk_entries(root, node)[pte_index(va, 2)]) & WALK_ADDRESS;
}

/* The entry of level 1 for va. */
static inline _Atomic uint64_t *walk_leaf(struct walk_root root, uint64_t va)
{
	return walk_entries(root, walk_node(root, va)) + pte_index(va, 1);
}

#endif
