/* SPDX-License-Identifier: MIT */
/*
 * Copy-on-write, between cursors and between spaces.
 */
#include <string.h>

#include "tests/model/model.h"

#define USED (PROP_ACCESSED | PROP_DIRTY)
#define BAD_FLAG (COPY_FLAGS + 1) /* the last value of ARG_COPY */

struct copy {
	unsigned from_space, to_space;
	uint64_t from, to, nr_pages;
	uint32_t flags;
	bool nodes_block;
	unsigned guard; /* the destination's */
};

static bool loses_write(const struct page *page)
{
	return page->tracked && page->prop & PROP_WRITE;
}

static uint32_t shared_prop(const struct copy *copy, const struct page *page)
{
	if (!loses_write(page))
		return page->prop;
	return (page->prop & ~PROP_WRITE) | (copy->flags & COPY_MARK ? PROP_SOFT : 0);
}

static uint32_t page_errors(const struct world *world, const struct copy *copy,
			    const struct page *page)
{
	uint32_t errors = 0;

	if (!page->mapped)
		return 0;
	if (!page->tracked && copy->flags & COPY_TRACKED_ONLY)
		errors |= E(EOPNOTSUPP);
	if (loses_write(page) && copy->flags & COPY_PROTECTED)
		errors |= E(EBUSY);
	if (!can_say(&world->spaces[copy->from_space], 1, shared_prop(copy, page), false) ||
	    !can_say(&world->spaces[copy->to_space], 1, shared_prop(copy, page) & ~USED, false) ||
	    !can_say(&world->spaces[copy->to_space], 1,
		     shared_prop(copy, page) & ~(USED | PROP_RIGHTS), false))
		errors |= E(EOPNOTSUPP);
	return errors;
}

static uint32_t copy_errors(const struct world *world, const struct copy *copy)
{
	const struct model_space *from = &world->spaces[copy->from_space];
	const struct model_space *to = &world->spaces[copy->to_space];
	uint32_t errors = 0;

	if (count_mapped(to, copy->to, copy->to + copy->nr_pages) > 0 ||
	    any_status(to, copy->to, copy->to + copy->nr_pages))
		return E(EEXIST);
	for (uint64_t i = 0; i < copy->nr_pages; i++)
		errors |= page_errors(world, copy, &from->pages[copy->from + i]);
	return errors;
}

/* One leaf of the source has its copy, of as large leaves as fit there. */
static void copy_leaf(struct world *world, const struct copy *copy, uint64_t done)
{
	struct model_space *from = &world->spaces[copy->from_space];
	const struct page *page = &from->pages[copy->from + done];
	uint64_t nr_pages = leaf_pages(from, copy->from + done);
	unsigned level = page->level < copy->guard ? page->level : copy->guard;
	struct mapped_run run = {
		.page = copy->to + done,
		.nr_pages = nr_pages,
		.paddr = PADDR(page->paddr),
		.max_level = level,
		.prop = PROP(shared_prop(copy, page) & ~USED),
		.tracked = page->tracked,
		.nodes_block = copy->nodes_block,
	};

	for (uint64_t i = 0; page->tracked && i < nr_pages; i++)
		world->touched[(page->paddr >> PAGE_SHIFT) + i] = true;
	put_run(world, &world->spaces[copy->to_space], &run);
	for (uint64_t i = 0; i < nr_pages; i++) {
		struct page *source = &from->pages[copy->from + done + i];

		source->prop = shared_prop(copy, source);
	}
}

/* What a copy does to the model. Its leaves are put before it, for empty nodes decide on them. */
static void copy_pages(struct world *world, const struct copy *copy)
{
	struct model_space *from = &world->spaces[copy->from_space];
	struct model_space *to = &world->spaces[copy->to_space];

	if (copy->nr_pages == 0)
		return;
	split_at(world, from, copy->from);
	split_at(world, from, copy->from + copy->nr_pages);
	for (uint64_t done = 0; done < copy->nr_pages;) {
		struct page page = from->pages[copy->from + done];

		if (page.mapped) {
			copy_leaf(world, copy, done);
			done += level_pages(page.level);
		} else {
			to->pages[copy->to + done++] = page;
		}
	}
}

/* The model's pages of both spaces, to be put back if the copy fails. */
struct saved {
	struct page from[2048], to[2048];
};

static void save_pages(const struct world *world, const struct copy *copy, struct saved *saved)
{
	size_t size = world->config->nr[ARG_PAGE] * sizeof(struct page);

	memcpy(saved->from, world->spaces[copy->from_space].pages, size);
	memcpy(saved->to, world->spaces[copy->to_space].pages, size);
}

static void restore_pages(const struct world *world, const struct copy *copy,
			  const struct saved *saved)
{
	size_t size = world->config->nr[ARG_PAGE] * sizeof(struct page);

	memcpy(world->spaces[copy->from_space].pages, saved->from, size);
	memcpy(world->spaces[copy->to_space].pages, saved->to, size);
}

/* Source pages that lose the right must have been flushed; `saved` is how they were. */
static void expect_copy_flushed(struct world *world, const struct copy *copy,
				const struct saved *saved)
{
	if (!world->flush.flushed)
		return;
	for (uint64_t i = copy->from; i < copy->from + copy->nr_pages; i++)
		EXPECT(world, RULE_FLUSHED,
		       !saved->from[i].mapped || !loses_write(&saved->from[i]) ||
			       world->flush.flushed[i],
		       "page %llu lost its right to write without a flush", (unsigned long long)i);
}

/* A place that a cursor's range does not have; its own end is in it. */
static uint32_t side_errors(const struct world *world, const struct model_cursor *cursor,
			    unsigned page, unsigned len)
{
	const struct model_space *space = &world->spaces[cursor->space];
	uint64_t size = PAGES(cursor->end - cursor->start);
	uint32_t errors = 0;
	uint64_t distance;

	if (cursor->mode != CURSOR_MUTATE || page == world->config->nr[ARG_PAGE] + 1 ||
	    len == world->config->nr[ARG_LEN])
		errors |= E(EINVAL);
	/*
	 * By addresses: the end of the lower half is the beginning of the upper one by number only,
	 * and the end of that one is address 0.
	 */
	distance = page_value(world, space, page) - page_address(world, space, cursor->start).value;
	if (distance > size || len_value(world, len) > size - distance)
		errors |= E(ERANGE);
	return errors;
}

enum op_end op_copy(struct world *world, const struct op *op)
{
	struct model_cursor *source = &world->cursors[op->arg[0]];
	struct model_cursor *destination = &world->cursors[op->arg[2]];
	static struct saved saved;
	struct copy copy = {
		source->space, destination->space,
		op->arg[1],    op->arg[3],
		op->arg[4],    op->arg[5] == BAD_FLAG ? 8 : op->arg[5],
		true,	       destination->cursor.guard_level,
	};
	struct range_flush flush;
	uint64_t pages = 0, distance, expected;
	uint32_t errors;
	int error;

	if (!source->open || !destination->open)
		return OP_REFUSED;
	thread_switch(world, 1 + op->arg[0]);
	errors = side_errors(world, source, op->arg[1], op->arg[4]) |
		 side_errors(world, destination, op->arg[3], op->arg[4]);
	distance = copy.from < copy.to ? copy.to - copy.from : copy.from - copy.to;
	if (op->arg[5] == BAD_FLAG || (source == destination ? distance < copy.nr_pages :
							       source->space == destination->space))
		errors |= E(EINVAL);
	if (!errors)
		errors = copy_errors(world, &copy);
	save_pages(world, &copy, &saved);
	expected = errors ? 0 :
			    count_mapped(&world->spaces[copy.from_space], copy.from,
					 copy.from + copy.nr_pages);
	if (!errors)
		copy_pages(world, &copy);
	flush = flush_recorder(world, source->space);
	error = cursor_copy(
		(struct copy_side){
			&source->cursor,
			VADDR(page_value(world, &world->spaces[copy.from_space], op->arg[1])) },
		(struct copy_side){
			&destination->cursor,
			VADDR(page_value(world, &world->spaces[copy.to_space], op->arg[3])) },
		len_value(world, op->arg[4]), copy.flags, &flush, &pages);
	expect_result(world, "cursor_copy", error, errors);
	if (error) {
		restore_pages(world, &copy, &saved);
		adopt_splits(world, copy.from_space);
		return OP_DONE;
	}
	EXPECT(world, RULE_RESULT, pages == expected, "cursor_copy counts %llu pages, not %llu",
	       (unsigned long long)pages, (unsigned long long)expected);
	expect_copy_flushed(world, &copy, &saved);
	return OP_DONE;
}

/* Who may still write is waited for first; the errors that this deserves. */
static uint32_t observed_errors(const struct world *world, const struct copy *copy)
{
	const struct model_space *from = &world->spaces[copy->from_space];
	uint32_t errors = 0;

	if (from->flush != FLUSH_OBSERVED)
		return 0;
	for (unsigned i = 0; i < MAX_OBSERVERS; i++)
		if (world->observers[i].exists && world->observers[i].space == copy->from_space &&
		    world->observers[i].observer.passed != from->space.queue.epoch)
			errors |= E(EAGAIN);
	for (uint64_t i = 0; i < copy->nr_pages; i++)
		if (from->pages[copy->from + i].mapped && loses_write(&from->pages[copy->from + i]))
			errors |= E(EBUSY);
	return errors;
}

/* Where the destination's cursor will have its guard. */
static unsigned guard_of(const struct world *world, const struct copy *copy)
{
	const struct pt_format *format = world->spaces[copy->to_space].space.table.format;
	uint64_t base = world->config->base;
	unsigned min_level = format_leaf_fit(format, format->levels, base + PAGES(copy->to), 0,
					     PAGES(copy->nr_pages));
	uint64_t low = copy->from < copy->to ? copy->from : copy->to;
	uint64_t high = copy->from < copy->to ? copy->to : copy->from;

	if (copy->from_space == copy->to_space)
		return lowest_guard(world, low, high + copy->nr_pages, 1);
	return lowest_guard(world, copy->to, copy->to + copy->nr_pages, min_level);
}

/*
 * An observed destination makes room by taking all of its range out, unless it may have statuses;
 * that begins an epoch, which an observed source in the same space then waits for.
 */
static bool makes_room_by_epoch(const struct world *world, const struct copy *copy)
{
	const struct model_space *to = &world->spaces[copy->to_space];

	return to->flush == FLUSH_OBSERVED && PAGES(copy->nr_pages) >= level_size(2);
}

enum op_end op_space_copy(struct world *world, const struct op *op)
{
	struct model_space *from = &world->spaces[op->arg[0]];
	struct model_space *to = &world->spaces[op->arg[2]];
	static struct saved saved;
	struct copy copy = {
		.from_space = op->arg[0],
		.to_space = op->arg[2],
		.from = op->arg[1],
		.to = op->arg[3],
		.nr_pages = op->arg[4],
		.flags = op->arg[5] == BAD_FLAG ? 8 : op->arg[5],
	};
	struct range range, to_range;
	uint64_t pages = 0, distance;
	uint32_t errors;
	int error;

	/* Who would wait is told by OpenCursorMut: here the model changes before the engine. */
	if (!from->exists || !to->exists || space_has_cursor(world, op->arg[0]) ||
	    space_has_cursor(world, op->arg[2]) ||
	    !range_value(world, from, op->arg[1], op->arg[4], &range) ||
	    !range_value(world, to, op->arg[3], op->arg[4], &to_range))
		return OP_REFUSED;
	errors = range.errors | to_range.errors;
	distance = copy.from < copy.to ? copy.to - copy.from : copy.from - copy.to;
	if (from == to && (errors || distance < copy.nr_pages))
		errors |= E(EINVAL);
	/* Across the hole of a sign-extended table there is no cursor that covers both. */
	if (from == to && !errors &&
	    !format_contains(from->space.table.format, copy.from < copy.to ? range.va : to_range.va,
			     PAGES(distance + copy.nr_pages)))
		errors |= E(ERANGE);
	if (!errors)
		errors = copy_errors(world, &copy) | observed_errors(world, &copy);
	if (op->arg[5] == BAD_FLAG)
		errors |= E(EINVAL);
	save_pages(world, &copy, &saved);
	if (!errors) {
		copy.guard = guard_of(world, &copy);
		copy.nodes_block = to->flush == FLUSH_OBSERVED && to->space.table.marked;
		copy_pages(world, &copy);
	}
	begin_flushes(world, op->arg[0]);
	error = space_copy((struct space_place){ &from->space, range.va },
			   (struct space_place){ &to->space, to_range.va }, range.len, copy.flags,
			   &pages);
	/* Making room in the space that is copied may begin an epoch that is waited for. */
	if (error == -EAGAIN && from == to && makes_room_by_epoch(world, &copy))
		errors |= E(EAGAIN);
	expect_result(world, "space_copy", error, errors);
	if (error) {
		restore_pages(world, &copy, &saved);
		adopt_splits(world, copy.from_space);
		return OP_DONE;
	}
	expect_copy_flushed(world, &copy, &saved);
	return OP_DONE;
}
