/* SPDX-License-Identifier: MIT */
/*
 * A cursor walks the range; neighbouring leaves become one run.
 */
#include "vmm/table_runs.h"

static bool run_continues(const struct table_run *run, const struct pt_mapping *leaf)
{
	return run->len > 0 && leaf->start.value == run->first.start.value + run->len &&
	       leaf->paddr.value == run->first.paddr.value + run->len &&
	       leaf->level == run->first.level && leaf->prop.bits == run->first.prop.bits &&
	       leaf->tracked == run->first.tracked;
}

static int run_end(const struct table_run *run, table_run_t take, void *context)
{
	return run->len > 0 ? take(context, run) : 0;
}

int table_runs(struct page_table *table, vaddr_t start, uint64_t len, table_run_t take,
	       void *context)
{
	struct table_run run = { .len = 0 };
	struct cursor cursor;
	struct pt_mapping leaf;
	int result = 0, found;

	found = cursor_open(&cursor, table, start, len, CURSOR_READ, 1);
	if (found)
		return found;
	while (!result &&
	       (found = cursor_query_next(&cursor, cursor_remaining(&cursor), &leaf)) > 0) {
		if (!run_continues(&run, &leaf)) {
			result = run_end(&run, take, context);
			run = (struct table_run){ .first = leaf };
		}
		run.len += leaf.len;
	}
	if (!result)
		result = run_end(&run, take, context);
	cursor_close(&cursor);
	return result ? result : found;
}
