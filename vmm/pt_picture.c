/* SPDX-License-Identifier: MIT */
/*
 * What a picture shows: see pt_picture.h.
 */
#include "vmm/pt_picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more; NULL if there is no memory. */
static void *append(void **array, size_t *nr, size_t *room, size_t size)
{
	if (*nr == *room) {
		size_t more = *room ? *room * 2 : 64;
		void *new = reallocarray(*array, more, size);

		if (!new)
			return NULL;
		*array = new;
		*room = more;
	}
	return (char *)*array + (*nr)++ * size;
}

static int take_run(void *context, const struct foreign_run *run)
{
	struct pt_picture *picture = context;
	struct foreign_run *copy = append((void **)&picture->runs, &picture->nr_runs,
					  &picture->room_runs, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *run;
	copy->start = pt_picture_offset(picture, run->start);
	picture->cut |= run->end == FOREIGN_REPEATED;
	return picture->error;
}

/* The entry in the table above that led to this one. */
static uint64_t entry_above(const struct pt_picture *picture, unsigned level, uint64_t start)
{
	const struct foreign_paging *paging = &picture->view->paging;
	const struct foreign_memory *memory = &picture->view->memory;
	const struct foreign_level *above = &paging->level[level + 1];
	uint64_t index = start >> above->shift & ((UINT64_C(1) << above->index_bits) - 1);
	uint64_t at = picture->above[level + 1] + index * paging->entry_len;
	const unsigned char *page = memory->page(memory->context, align_down(at, PAGE_SIZE));
	uint64_t raw = 0;

	if (page)
		memcpy(&raw, page + (at & (PAGE_SIZE - 1)), paging->entry_len);
	return raw;
}

/* A walk goes into a table from the one above it, which it entered last of that level. */
static bool take_table(void *context, uint64_t at, unsigned level, uint64_t address)
{
	struct pt_picture *picture = context;
	struct pt_picture_table *table;
	uint64_t start = pt_picture_offset(picture, address);
	bool seen = pt_seen(&picture->seen, at, level);

	picture->above[level] = at;
	table = append((void **)&picture->tables, &picture->nr_tables, &picture->room_tables,
		       sizeof(*table));
	if (!table) {
		picture->error = -ENOMEM;
		return true;
	}
	*table = (struct pt_picture_table){ .start = start, .at = at, .level = level };
	if (level < picture->view->paging.levels)
		table->raw = entry_above(picture, level, start);
	return seen;
}

#define ISLANDS_MAX 400
#define HOLE_LEAST (UINT64_C(64) * PAGE_SIZE)

/*
 * Puts runs together whose holes are shorter than `hole`, or than an eighth of what lies before
 * them. Returns how many islands there are; with `islands` NULL only counts.
 */
static size_t islands_make(const struct pt_picture *picture, uint64_t hole,
			   struct pt_island *islands)
{
	struct pt_island island = { 0 };
	size_t nr = 0;

	for (size_t i = 0; i < picture->nr_runs; i++) {
		const struct foreign_run *run = &picture->runs[i];
		uint64_t gap = run->start - (island.start + island.len);

		if (nr && (gap < hole || gap < island.len / 8)) {
			island.len = run->start + run->len - island.start;
		} else {
			island = (struct pt_island){ run->start, run->len };
			nr++;
		}
		if (islands)
			islands[nr - 1] = island;
	}
	return nr;
}

static int fold(struct pt_picture *picture)
{
	uint64_t hole = HOLE_LEAST;

	while (islands_make(picture, hole, NULL) > ISLANDS_MAX)
		hole *= 2;
	picture->islands = calloc(ISLANDS_MAX, sizeof(*picture->islands));
	if (!picture->islands)
		return -ENOMEM;
	picture->nr_islands = islands_make(picture, hole, picture->islands);
	return 0;
}

/* Runs differ in everything but the address, so that each entry of one can be told. */
int pt_picture_open(struct pt_picture *picture, struct pt_view *view)
{
	const struct foreign_visitor visitor = {
		.run = take_run,
		.seen = take_table,
		.context = picture,
		.last = UINT64_MAX,
		.distinct = ~view->paging.address_node,
		.revisits = FOREIGN_REVISITS,
	};
	int error;

	*picture = (struct pt_picture){ .view = view };
	error = foreign_walk(&view->paging, &view->memory, &visitor, NULL);
	if (error == 0)
		error = picture->error;
	return error ? error : fold(picture);
}

int pt_picture_change(struct pt_picture *picture, const struct pt_picture_change *change)
{
	struct pt_picture_change *copy = append((void **)&picture->changes, &picture->nr_changes,
						&picture->room_changes, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *change;
	copy->start = pt_picture_offset(picture, change->start);
	return 0;
}

void pt_picture_close(struct pt_picture *picture)
{
	free(picture->runs);
	free(picture->tables);
	free(picture->islands);
	free(picture->changes);
	pt_seen_free(&picture->seen);
}
