/* SPDX-License-Identifier: MIT */
/*
 * Runs of the host table that differ in rights or leaf size only become one.
 */
#include "vmm/ram_runs.h"

#include "vmm/table_runs.h"

struct join {
	struct ram_run run; /* len 0: none yet */
	ram_run_t take;
	void *context;
};

static int join_end(struct join *join)
{
	return join->run.len ? join->take(join->context, &join->run) : 0;
}

static int join_run(void *context, const struct table_run *next)
{
	struct join *join = context;
	struct ram_run *run = &join->run;
	int result;

	if (run->len && next->first.start.value == run->gpa.value + run->len &&
	    next->first.paddr.value == run->frame.value + run->len) {
		run->len += next->len;
		return 0;
	}
	result = join_end(join);
	*run = (struct ram_run){
		.gpa = GPA(next->first.start.value),
		.len = next->len,
		.frame = next->first.paddr,
	};
	return result;
}

int ram_runs(struct gpa_space *memory, ram_run_t take, void *context)
{
	struct join join = { .take = take, .context = context };
	int result = table_runs(&memory->space.table, VADDR(0), ram_layout_end(&memory->ram),
				join_run, &join);

	return result ? result : join_end(&join);
}
