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

/*
 * The largest leaf that may lie wholly in the range fits under the guard: such a copy can be made
 * (BUG-8), and the source gets no nodes for what is absent there.
 */
static int open_side(const struct space_place *place, uint64_t len, struct cursor *cursor)
{
	struct page_table *table = &place->space->table;
	unsigned level =
		format_leaf_fit(table->format, table->format->levels, place->start.value, 0, len);

	return cursor_open(cursor, table, place->start, len, CURSOR_MUTATE, level);
}

/*
 * Two tables: the one with the lower root is locked first, whatever is copied from where to where,
 * so that no two threads wait for each other (C-13).
 */
static int copy_between(const struct space_copy *copy)
{
	bool source_first = page_table_root(&copy->from.space->table).value <
			    page_table_root(&copy->to.space->table).value;
	const struct space_place *low = source_first ? &copy->from : &copy->to;
	const struct space_place *high = source_first ? &copy->to : &copy->from;
	struct cursor first, second;
	int error = open_side(low, copy->len, &first);

	if (error)
		return error;
	error = open_side(high, copy->len, &second);
	if (error == 0) {
		error = source_first ? copy_locked(copy, &first, &second) :
				       copy_locked(copy, &second, &first);
		cursor_close(&second);
	}
	cursor_close(&first);
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
