/* SPDX-License-Identifier: MIT */
/*
 * What a view maps as a list, for commands that compare and count: find, alias, audit, diff, stat.
 */
#ifndef VMM_PT_COLLECT_H
#define VMM_PT_COLLECT_H

#include "vmm/pt_view.h"

#define PT_RUNS_MAX (UINT64_C(1) << 23) /* about a GiB of them */

struct pt_list {
	struct foreign_run *runs; /* in the order of addresses; also what is no mapping */
	size_t nr, room;
	bool cut_off;	   /* there are more than PT_RUNS_MAX; the rest is not here */
	uint64_t repeated; /* tables that were not walked again */
	struct pt_seen seen;
	uint64_t path[LEVELS_MAX + 2]; /* the tables on the way to where the walk is */
	uint64_t loops;		       /* tables that are a table of their own way, too */
	uint64_t loop;		       /* the first of them, and where it begins */
	uint64_t loop_start;
};

/*
 * Walks [first, last] of a view. Loops are counted. -ENOMEM. What is in *list is to be freed in any
 * case.
 */
int pt_list_make(struct pt_list *list, const struct pt_view *view, uint64_t first, uint64_t last);
void pt_list_free(struct pt_list *list);

/* Bytes of physical memory that a run occupies, from run->address on. */
static inline uint64_t pt_run_physical_len(const struct foreign_run *run)
{
	return run->step ? run->len : run->len / run->nr;
}

/* The physical address of an address in a mapped run. */
static inline uint64_t pt_run_physical(const struct foreign_run *run, uint64_t address)
{
	uint64_t offset = address - run->start;

	return run->address + (run->step ? offset : offset % (run->len / run->nr));
}

/* Physical memory that something claims. */
struct pt_interval {
	uint64_t start;
	uint64_t end; /* after it; memory ends below 2^52 */
	const struct foreign_run *run;
};

/* The mapped runs with all these rights, by physical address. NULL: no memory. */
struct pt_interval *pt_intervals_make(const struct pt_list *list, uint32_t with, uint32_t without,
				      size_t *nr);

#endif
