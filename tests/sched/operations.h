/* SPDX-License-Identifier: MIT */
/*
 * Operations of scenarios: what the engine offers, with pages and frames by number, and results in
 * one word. Each gives back what it did not use up.
 */
#ifndef TESTS_SCHED_OPERATIONS_H
#define TESTS_SCHED_OPERATIONS_H

#include "tests/sched/world.h"

/* Maps a frame that the scenario holds, tracked; a reference on each page passes to the leaf. */
uint64_t op_map(unsigned space, uint64_t page, unsigned frame, uint64_t pages, prop_t prop);

uint64_t op_unmap(unsigned space, uint64_t page, uint64_t pages);
uint64_t op_protect(unsigned space, uint64_t page, uint64_t pages, uint32_t clear, uint32_t set);
uint64_t op_query(unsigned space, uint64_t page);
uint64_t op_walk(unsigned space, uint64_t page);
uint64_t op_copy(unsigned from, uint64_t from_page, unsigned to, uint64_t to_page, uint64_t pages);

/* A cursor on the range, one operation, closed. */
uint64_t op_coalesce(unsigned space, uint64_t page, unsigned level);
uint64_t op_reclaim(unsigned space, uint64_t page, uint64_t pages, unsigned min_level);
uint64_t op_replace(unsigned space, uint64_t page, unsigned frame, prop_t prop);
/* The bits that were found. */
uint64_t op_harvest(unsigned space, uint64_t page, uint64_t pages);
uint64_t op_mark(unsigned space, uint64_t page, uint64_t pages, uint64_t status);
uint64_t op_count(unsigned space, uint64_t page, uint64_t pages);

/* Frees what was removed, after a grace period. */
uint64_t op_reclaim_domain(void);

/* What hardware does at an access: goes down without a lock, and sets bits in the leaf. */
uint64_t op_hardware(unsigned space, uint64_t page, uint32_t bits);

#endif
