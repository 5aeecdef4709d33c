/* SPDX-License-Identifier: MIT */
/*
 * Changing what is mapped, or what is not: properties, statuses, sizes, copies.
 */
#include "tests/model/model.h"

static struct model_cursor *cursor_of(struct world *world, unsigned number)
{
	struct model_cursor *cursor = &world->cursors[number];

	if (!cursor->open)
		return NULL;
	thread_switch(world, 1 + number);
	return cursor;
}

static uint32_t changed(struct prop_change change, uint32_t prop)
{
	return (prop & ~change.clear) | change.set;
}

static bool is_changeable(struct prop_change change)
{
	return !((change.clear | change.set) & ~PROP_CHANGEABLE);
}

/* Can every page's property be said after the change? */
static bool can_change(const struct model_space *space, uint64_t from, uint64_t to,
		       struct prop_change change)
{
	for (; from < to; from++)
		if (space->pages[from].mapped &&
		    !can_say(space, 1, changed(change, space->pages[from].prop), false))
			return false;
	return true;
}

static void change_pages(struct model_space *space, uint64_t from, uint64_t to,
			 struct prop_change change)
{
	for (; from < to; from++)
		if (space->pages[from].mapped)
			space->pages[from].prop = changed(change, space->pages[from].prop);
}

enum op_end op_protect_next(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op->arg[0]);
	struct prop_change change = change_value(op->arg[2]);
	struct pt_mapping mapping;
	struct model_space *space;
	uint64_t first, end;
	uint32_t errors;
	int found;

	if (!cursor)
		return OP_REFUSED;
	space = &world->spaces[cursor->space];
	errors = len_errors(world, cursor, op->arg[1]);
	if (cursor->mode != CURSOR_MUTATE)
		errors = E(EINVAL) | E(ERANGE);
	end = cursor->at + op->arg[1];
	first = errors ? end : first_mapped(space, cursor->at, end);
	if (first < end && !is_changeable(change))
		errors = E(EINVAL) | E(EOPNOTSUPP);
	else if (first < end && !can_change(space, first, first + 1, change))
		errors = E(EOPNOTSUPP);
	found = cursor_protect_next(&cursor->cursor, len_value(world, op->arg[1]), change,
				    &mapping);
	expect_result(world, "cursor_protect_next", found, errors);
	if (found < 0) {
		adopt_splits(world, cursor->space);
		return OP_DONE;
	}
	EXPECT(world, RULE_RESULT, found == (first < end), "cursor_protect_next finds %d", found);
	cursor->at = end;
	if (found == 0)
		return OP_DONE;
	split_within(world, space, first, cursor->at - op->arg[1], end);
	expect_mapping(world, space, first, &mapping);
	end = first + leaf_pages(space, first);
	change_pages(space, first, end, change);
	forget_range(world, cursor->space, first, end, 0);
	cursor->at = end;
	return OP_DONE;
}

/* What a change of a whole range does to the model; the errors that it deserves. */
static uint32_t protect_errors(const struct model_space *space, uint64_t from, uint64_t to,
			       struct prop_change change)
{
	if (!is_changeable(change))
		return E(EINVAL) | E(EOPNOTSUPP);
	return can_change(space, from, to, change) ? 0 : E(EOPNOTSUPP);
}

static void split_edges(const struct world *world, struct model_space *space, uint64_t from,
			uint64_t to)
{
	if (from == to)
		return;
	split_at(world, space, from);
	split_at(world, space, to);
}

/* After a change of [from, to), or a refusal of it. */
static void protect_end(struct world *world, unsigned number, uint64_t from, uint64_t to,
			struct prop_change change, int error, uint64_t pages)
{
	struct model_space *space = &world->spaces[number];

	if (error) {
		adopt_splits(world, number);
		return;
	}
	EXPECT(world, RULE_RESULT, pages == count_mapped(space, from, to),
	       "a change counts %llu pages, not %llu", (unsigned long long)pages,
	       (unsigned long long)count_mapped(space, from, to));
	expect_flushed(world, number, from, to, UINT32_MAX);
	split_edges(world, space, from, to);
	change_pages(space, from, to, change);
}

enum op_end op_protect(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op->arg[0]);
	struct prop_change change = change_value(op->arg[2]);
	uint64_t end, pages = 0;
	struct range_flush flush;
	uint32_t errors;
	int error;

	if (!cursor)
		return OP_REFUSED;
	errors = len_errors(world, cursor, op->arg[1]);
	end = cursor->at + op->arg[1];
	if (cursor->mode != CURSOR_MUTATE || !is_changeable(change))
		errors |= E(EINVAL);
	else if (!errors)
		errors = protect_errors(&world->spaces[cursor->space], cursor->at, end, change);
	flush = flush_recorder(world, cursor->space);
	error = cursor_protect(&cursor->cursor, len_value(world, op->arg[1]), change, &flush,
			       &pages);
	expect_result(world, "cursor_protect", error, errors);
	protect_end(world, cursor->space, cursor->at, end, change, error, pages);
	if (!error)
		cursor->at = end;
	return OP_DONE;
}

enum op_end op_space_protect(struct world *world, const struct op *op)
{
	struct model_space *space = &world->spaces[op->arg[0]];
	struct prop_change change = change_value(op->arg[3]);
	struct range range;
	uint64_t pages = 0;
	uint32_t epoch, waiting;
	int error;

	if (!space->exists || !range_value(world, space, op->arg[1], op->arg[2], &range))
		return OP_REFUSED;
	if (!range.errors)
		range.errors = protect_errors(space, range.start, range.end, change);
	epoch = space->space.queue.epoch;
	waiting = space->space.queue.nr_waiting;
	world->may_block = space_has_cursor(world, op->arg[0]);
	begin_flushes(world, op->arg[0]);
	error = space_protect(&space->space, range.va, range.len, change, &pages);
	expect_result(world, "space_protect", error, range.errors);
	protect_end(world, op->arg[0], range.start, range.end, change, error, pages);
	EXPECT(world, RULE_GAP10,
	       error || space->flush != FLUSH_OBSERVED || space->space.queue.epoch == epoch + 1,
	       "rights were taken away in epoch %u", epoch);
	/* Not if it was refused at the door; of no memory nobody knows where it was missed. */
	if (!error || space->space.queue.nr_waiting != waiting)
		collect_waiting(world, op->arg[0]);
	return OP_DONE;
}

enum op_end op_mark(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op->arg[0]);
	uint64_t status = status_value(op->arg[2]);
	struct model_space *space;
	uint32_t errors;
	uint64_t end;
	int error;

	if (!cursor)
		return OP_REFUSED;
	space = &world->spaces[cursor->space];
	errors = len_errors(world, cursor, op->arg[1]);
	end = cursor->at + op->arg[1];
	if (op->arg[1] != 0 && (cursor->mode != CURSOR_MUTATE || status > STATUS_MAX))
		errors |= E(EINVAL);
	error = cursor_mark(&cursor->cursor, len_value(world, op->arg[1]), status);
	expect_result(world, "cursor_mark", error, errors);
	if (error)
		return OP_DONE;
	for (uint64_t i = cursor->at; i < end; i++)
		if (!space->pages[i].mapped)
			space->pages[i].status = status ? op->arg[2] + 1u : 0;
	cursor->at = end;
	return OP_DONE;
}

/* Below the guard no node that the range touches is empty (C-12). */
static void expect_reclaimed(struct world *world, const struct model_cursor *cursor, uint64_t end)
{
	const struct model_space *space = &world->spaces[cursor->space];

	for (uint64_t page = cursor->at; page < end; page++)
		for (unsigned level = 2; level <= cursor->cursor.guard_level; level++) {
			unsigned found;

			if (place_at(world, space, page, level, &found) != PLACE_NODE)
				continue;
			EXPECT(world, RULE_RESULT,
			       world->slots[node_of(world, space, page, level - 1)].nr_children > 0,
			       "an empty node of level %u covers page %llu", level - 1,
			       (unsigned long long)page);
		}
}

enum op_end op_reclaim(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op->arg[0]);
	struct range_flush flush;
	uint32_t errors;
	int error;

	if (!cursor)
		return OP_REFUSED;
	errors = len_errors(world, cursor, op->arg[1]);
	if (cursor->mode != CURSOR_MUTATE)
		errors |= E(EINVAL);
	flush = flush_recorder(world, cursor->space);
	error = cursor_reclaim(&cursor->cursor, len_value(world, op->arg[1]), &flush);
	expect_result(world, "cursor_reclaim", error, errors);
	if (!error)
		expect_reclaimed(world, cursor, cursor->at + op->arg[1]);
	return OP_DONE;
}

#define USED (PROP_ACCESSED | PROP_DIRTY)

/* Are these pages what one leaf would map? */
static bool is_uniform(const struct model_space *space, uint64_t from, uint64_t nr_pages)
{
	const struct page *first = &space->pages[from];

	for (uint64_t i = 0; i < nr_pages; i++) {
		const struct page *page = &space->pages[from + i];

		if (!page->mapped || page->paddr != first->paddr + PAGES(i) ||
		    page->tracked != first->tracked || (page->prop ^ first->prop) & ~USED)
			return false;
	}
	return is_aligned(first->paddr, PAGES(nr_pages));
}

static uint32_t coalesce_errors(const struct world *world, const struct model_cursor *cursor,
				unsigned level)
{
	const struct model_space *space = &world->spaces[cursor->space];
	uint32_t errors = 0;

	if (level < 2 || !format_has_leaf(space->space.table.format, level))
		return E(EOPNOTSUPP) | E(EINVAL);
	if (cursor->mode != CURSOR_MUTATE || level > cursor->cursor.guard_level ||
	    !is_aligned(world->config->base + PAGES(cursor->at), level_size(level)))
		errors |= E(EINVAL);
	if (PAGES(cursor->end - cursor->at) < level_size(level))
		errors |= E(ERANGE);
	if (!errors &&
	    !(space->pages[cursor->at].mapped && space->pages[cursor->at].level >= level) &&
	    !is_uniform(space, cursor->at, level_pages(level)))
		errors = E(ENOENT);
	return errors;
}

enum op_end op_coalesce(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op->arg[0]);
	unsigned level = level_value(op->arg[1]);
	struct model_space *space;
	struct range_flush flush;
	uint32_t errors, used = 0;
	int error;

	if (!cursor)
		return OP_REFUSED;
	space = &world->spaces[cursor->space];
	errors = coalesce_errors(world, cursor, level);
	flush = flush_recorder(world, cursor->space);
	error = cursor_coalesce(&cursor->cursor, level, &flush);
	expect_result(world, "cursor_coalesce", error, errors);
	if (error || space->pages[cursor->at].level >= level)
		return OP_DONE;
	expect_flushed(world, cursor->space, cursor->at, cursor->at + level_pages(level),
		       UINT32_MAX);
	for (uint64_t i = 0; i < level_pages(level); i++) {
		space->pages[cursor->at + i].level = (uint8_t)level;
		used |= space->pages[cursor->at + i].prop & USED;
	}
	change_pages(space, cursor->at, cursor->at + level_pages(level),
		     (struct prop_change){ .set = used });
	return OP_DONE;
}
