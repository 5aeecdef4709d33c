/* SPDX-License-Identifier: MIT */
/*
 * Copies between spaces, and within one: which locks are taken in which order.
 */
#include "mm/space_private.h"

struct space_copy {
	struct space_place from;
	struct space_place to;
	uint64_t len;
	uint32_t flags;
	uint64_t *pages;
};

static int make_room(const struct space_copy *copy, struct cursor *destination)
{
	int error = cursor_jump(destination, copy->to.start);

	return error ? error : space_make_room(copy->to.space, destination, copy->len);
}

/* The copy itself, once both ranges are locked. */
static int copy_locked(const struct space_copy *copy, struct cursor *source,
		       struct cursor *destination)
{
	struct vm_space *space = copy->from.space;
	struct space_flush context = { space, PROP(PROP_RIGHTS & ~PROP_WRITE) };
	struct range_flush flush = { space_flush_range, &context };
	bool observed = space_is_observed(space);
	int error = copy->len >= level_size(2) ? make_room(copy, destination) : 0;

	if (error)
		return error;
	/* Whoever took PROP_WRITE from the range began an epoch before we had its locks. */
	if (observed && !space_is_quiet(space))
		return -EAGAIN;
	return cursor_copy((struct copy_side){ source, copy->from.start },
			   (struct copy_side){ destination, copy->to.start }, copy->len,
			   copy->flags | (observed ? COPY_PROTECTED : 0), &flush, copy->pages);
}

/* The largest leaf that may lie wholly in the destination is to fit under its guard (BUG-8). */
static int open_destination(const struct space_copy *copy, struct cursor *cursor)
{
	struct page_table *table = &copy->to.space->table;
	unsigned level = format_leaf_fit(table->format, table->format->levels,
					 copy->from.start.value, copy->to.start.value, copy->len);

	return cursor_open(cursor, table, copy->to.start, copy->len, CURSOR_MUTATE, level);
}

static int open_source(const struct space_copy *copy, struct cursor *cursor)
{
	return cursor_open(cursor, &copy->from.space->table, copy->from.start, copy->len,
			   CURSOR_MUTATE, 1);
}

/*
 * Two tables: the one with the lower root is locked first, whatever is copied from where to where,
 * so that no two threads wait for each other (C-13).
 */
static int copy_between(const struct space_copy *copy)
{
	bool source_first = page_table_root(&copy->from.space->table).value <
			    page_table_root(&copy->to.space->table).value;
	struct cursor source, destination;
	int error = source_first ? open_source(copy, &source) :
				   open_destination(copy, &destination);

	if (error)
		return error;
	error = source_first ? open_destination(copy, &destination) : open_source(copy, &source);
	if (error) {
		cursor_close(source_first ? &source : &destination);
		return error;
	}
	error = copy_locked(copy, &source, &destination);
	cursor_close(source_first ? &destination : &source);
	cursor_close(source_first ? &source : &destination);
	return error;
}

/*
 * One table: one cursor over both ranges. With two, a node above the first's could have to be
 * locked to open the second, and who holds that one may be waiting for the first (L-3).
 */
static int copy_within(const struct space_copy *copy)
{
	uint64_t from = copy->from.start.value;
	uint64_t to = copy->to.start.value;
	uint64_t distance = from < to ? to - from : from - to;
	struct cursor cursor;
	int error;

	if (distance < copy->len)
		return -EINVAL;
	if (copy->len > UINT64_MAX - distance)
		return -ERANGE;
	error = cursor_open(&cursor, &copy->from.space->table, VADDR(from < to ? from : to),
			    distance + copy->len, CURSOR_MUTATE, 1);
	if (error)
		return error;
	error = copy_locked(copy, &cursor, &cursor);
	cursor_close(&cursor);
	return error;
}

int space_copy(struct space_place from, struct space_place to, uint64_t len, uint32_t flags,
	       uint64_t *pages)
{
	struct space_copy copy = { from, to, len, flags, pages };

	if (from.space->table.domain != to.space->table.domain || len == 0)
		return -EINVAL;
	return from.space == to.space ? copy_within(&copy) : copy_between(&copy);
}
