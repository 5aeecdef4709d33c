/* SPDX-License-Identifier: MIT */
/*
 * Where each piece of guest memory lies in the pool, whatever its rights.
 */
#ifndef VMM_RAM_RUNS_H
#define VMM_RAM_RUNS_H

#include "ept/gpa_space.h"

/* Memory that is contiguous in GPA and in the pool, as long as it goes. */
struct ram_run {
	gpa_t gpa;
	uint64_t len;
	paddr_t frame; /* of its first byte: an offset in the pool's file */
};

/* Takes the next run, ascending. Not 0: ram_runs() ends and returns it. */
typedef int (*ram_run_t)(void *context, const struct ram_run *run);

/* Hands over all that the host table maps, which does not change meanwhile. -E* of table_runs(). */
int ram_runs(struct gpa_space *memory, ram_run_t take, void *context);

#endif
