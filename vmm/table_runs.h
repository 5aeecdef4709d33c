/* SPDX-License-Identifier: MIT */
/*
 * What a table of ours maps, as runs: leaves that follow each other on both sides and are alike.
 */
#ifndef VMM_TABLE_RUNS_H
#define VMM_TABLE_RUNS_H

#include "mm/cursor.h"

/* Leaves of one size, with the same properties and trackedness. */
struct table_run {
	struct pt_mapping first;
	uint64_t len; /* bytes, of all of them */
};

/* Takes the next run, ascending. Not 0: table_runs() ends and returns it. */
typedef int (*table_run_t)(void *context, const struct table_run *run);

/*
 * Hands over each run that begins in [start, start+len), which is in one half of the address space.
 * The table does not change meanwhile. Errors of cursor_open() and cursor_query_next(); what came
 * before the place that makes no sense has been handed over.
 */
int table_runs(struct page_table *table, vaddr_t start, uint64_t len, table_run_t take,
	       void *context);

#endif
