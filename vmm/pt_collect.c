/* SPDX-License-Identifier: MIT */
/*
 * What a view maps as a list: see pt_collect.h.
 */
#include "vmm/pt_collect.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_FIRST 256

static int run_add(void *context, const struct foreign_run *run)
{
	struct pt_list *list = context;

	if (run->end == FOREIGN_REPEATED)
		list->repeated += run->nr;
	if (list->nr == PT_RUNS_MAX) {
		list->cut_off = true;
		return 1;
	}
	if (list->nr == list->room) {
		size_t room = list->room ? 2 * list->room : ROOM_FIRST;
		void *runs = reallocarray(list->runs, room, sizeof(*list->runs));

		if (!runs)
			return -ENOMEM;
		list->runs = runs;
		list->room = room;
	}
	list->runs[list->nr++] = *run;
	return 0;
}

/* Tables are entered from the top: what is noted above this level is the way here. */
static bool table_enter(void *context, uint64_t table, unsigned level, uint64_t start)
{
	struct pt_list *list = context;

	list->path[level] = table;
	for (unsigned above = level + 1; above <= LEVELS_MAX; above++)
		if (list->path[above] == table && list->loops++ == 0) {
			list->loop = table;
			list->loop_start = start;
		}
	return pt_seen(&list->seen, table, level);
}

int pt_list_make(struct pt_list *list, const struct pt_view *view, uint64_t first, uint64_t last)
{
	const struct foreign_visitor visitor = {
		.run = run_add,
		.seen = table_enter,
		.context = list,
		.first = first,
		.last = last,
		.distinct = view->paging.global,
		.revisits = FOREIGN_REVISITS,
	};
	int result;

	*list = (struct pt_list){ .nr = 0 };
	for (unsigned level = 0; level < sizeof(list->path) / sizeof(list->path[0]); level++)
		list->path[level] = UINT64_MAX;
	result = foreign_walk(&view->paging, &view->memory, &visitor, NULL);
	return result < 0 ? result : 0;
}

void pt_list_free(struct pt_list *list)
{
	free(list->runs);
	pt_seen_free(&list->seen);
	*list = (struct pt_list){ .nr = 0 };
}

static int by_start(const void *one, const void *other)
{
	const struct pt_interval *first = one;
	const struct pt_interval *second = other;

	if (first->start != second->start)
		return first->start < second->start ? -1 : 1;
	return first->run->start < second->run->start ? -1 : 1;
}

struct pt_interval *pt_intervals_make(const struct pt_list *list, uint32_t with, uint32_t without,
				      size_t *nr)
{
	struct pt_interval *intervals = calloc(list->nr + 1, sizeof(*intervals));

	*nr = 0;
	for (size_t i = 0; intervals && i < list->nr; i++) {
		const struct foreign_run *run = &list->runs[i];

		if (run->end == FOREIGN_MAPPED && (run->rights & with) == with &&
		    !(run->rights & without))
			intervals[(*nr)++] = (struct pt_interval){
				.start = run->address,
				.end = run->address + pt_run_physical_len(run),
				.run = run,
			};
	}
	if (intervals)
		qsort(intervals, *nr, sizeof(*intervals), by_start);
	return intervals;
}
