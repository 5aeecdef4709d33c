/* SPDX-License-Identifier: MIT */
/*
 * Cursors: opening, closing, looking, moving, harvesting.
 */
#include "tests/model/model.h"

/* The cursor, in its own thread; NULL if it is not open. */
static struct model_cursor *cursor_of(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = &world->cursors[op->arg[0]];

	if (!cursor->open)
		return NULL;
	thread_switch(world, 1 + op->arg[0]);
	return cursor;
}

static struct model_space *space_of(struct world *world, const struct model_cursor *cursor)
{
	return &world->spaces[cursor->space];
}

/* Readers do not exclude each other. */
static bool can_share(const struct model_cursor *cursor, enum cursor_mode mode)
{
	return mode == CURSOR_READ && cursor->mode == CURSOR_READ;
}

/* What keeps a cursor out has part of its range, or of the node that covers it (BUG-11). */
static bool is_kept_out(const struct world *world, unsigned space, const struct range *range,
			enum cursor_mode mode)
{
	uint64_t base = world->config->base >> PAGE_SHIFT;

	for (unsigned i = 0; i < MAX_CURSORS; i++) {
		const struct model_cursor *other = &world->cursors[i];
		uint64_t nr, first;

		if (!other->open || other->space != space || can_share(other, mode))
			continue;
		nr = level_pages(other->cursor.guard_level + 1u);
		first = align_down(base + other->start, nr);
		if (overlap(base + range->start, base + range->end, first, first + nr))
			return true;
	}
	return false;
}

static bool is_excluded(const struct world *world, unsigned space, const struct range *range,
			enum cursor_mode mode)
{
	bool any = false;

	for (unsigned i = 0; i < MAX_CURSORS; i++)
		any |= world->cursors[i].open && world->cursors[i].space == space &&
		       !can_share(&world->cursors[i], mode) &&
		       overlap(world->cursors[i].start, world->cursors[i].end, range->start,
			       range->end);
	return any;
}

static enum op_end open_cursor(struct world *world, const struct op *op, enum cursor_mode mode)
{
	struct model_cursor *cursor = &world->cursors[op->arg[0]];
	struct model_space *space = &world->spaces[op->arg[1]];
	unsigned min_level = level_value(op->arg[4]);
	struct range range;
	int error;

	if (cursor->open || !space->exists ||
	    !range_value(world, space, op->arg[2], op->arg[3], &range))
		return OP_REFUSED;
	if (min_level < 1 || min_level > space->space.table.format->levels)
		range.errors |= E(EINVAL);
	thread_switch(world, 1 + op->arg[0]);
	world->may_block = !range.errors;
	if (world->may_block && !is_kept_out(world, op->arg[1], &range, mode))
		world->may_block = false;
	error = cursor_open(&cursor->cursor, &space->space.table, range.va, range.len, mode,
			    min_level);
	expect_result(world, "cursor_open", error, range.errors);
	EXPECT(world, RULE_L0, error || !is_excluded(world, op->arg[1], &range, mode),
	       "a cursor is open on [%llu, %llu), where another is",
	       (unsigned long long)range.start, (unsigned long long)range.end);
	if (error)
		return OP_DONE;
	EXPECT(world, RULE_C1,
	       cursor->cursor.guard_level >= lowest_guard(world, range.start, range.end, min_level),
	       "the guard is at level %u", cursor->cursor.guard_level);
	EXPECT(world, RULE_L0, cursor->cursor.shared == (mode == CURSOR_READ),
	       "a cursor of mode %u shares its nodes: %d", mode, cursor->cursor.shared);
	cursor->open = true;
	cursor->mode = mode;
	cursor->space = (uint8_t)op->arg[1];
	cursor->start = cursor->at = range.start;
	cursor->end = range.end;
	return OP_DONE;
}

enum op_end op_open_read(struct world *world, const struct op *op)
{
	return open_cursor(world, op, CURSOR_READ);
}

enum op_end op_open(struct world *world, const struct op *op)
{
	return open_cursor(world, op, CURSOR_MUTATE);
}

/* Another one by the same thread, which does not wait for it (BUG-10), and closes it at once. */
enum op_end op_open_again(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	unsigned min_level = level_value(op->arg[3]);
	enum cursor_mode mode = op->arg[4] ? CURSOR_MUTATE : CURSOR_READ;
	struct model_space *space;
	struct cursor second;
	struct range range;
	int error;

	if (!cursor)
		return OP_REFUSED;
	space = space_of(world, cursor);
	if (!range_value(world, space, op->arg[1], op->arg[2], &range) || range.errors ||
	    min_level < 1 || min_level > space->space.table.format->levels)
		return OP_REFUSED;
	error = cursor_open(&second, &space->space.table, range.va, range.len, mode, min_level);
	if (error != -EDEADLK)
		expect_result(world, "cursor_open", error, 0);
	EXPECT(world, RULE_DEAD,
	       error != -EDEADLK || is_kept_out(world, cursor->space, &range, mode),
	       "a second cursor of a thread is refused, and nothing is in its way");
	EXPECT(world, RULE_L0, error || !is_excluded(world, cursor->space, &range, mode),
	       "a second cursor of a thread is open where it must not be");
	if (!error)
		cursor_close(&second);
	return OP_DONE;
}

enum op_end op_close(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);

	if (!cursor)
		return OP_REFUSED;
	cursor_close(&cursor->cursor);
	cursor->open = false;
	return OP_DONE;
}

enum op_end op_virt_addr(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);

	if (!cursor)
		return OP_REFUSED;
	EXPECT(world, RULE_RESULT,
	       cursor_virt_addr(&cursor->cursor).value ==
			       page_address(world, space_of(world, cursor), cursor->start).value +
				       PAGES(cursor->at - cursor->start) &&
		       cursor_remaining(&cursor->cursor) == PAGES(cursor->end - cursor->at),
	       "the cursor is at %llx",
	       (unsigned long long)cursor_virt_addr(&cursor->cursor).value);
	return OP_DONE;
}

enum op_end op_query(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	struct pt_mapping mapping;

	if (!cursor)
		return OP_REFUSED;
	expect_result(world, "cursor_query", cursor_query(&cursor->cursor, &mapping),
		      cursor->at < cursor->end ? 0 : E(ERANGE));
	if (cursor->at < cursor->end)
		expect_mapping(world, space_of(world, cursor), cursor->at, &mapping);
	return OP_DONE;
}

/* 1 or 0, as something is found or not. */
static void expect_found(struct world *world, const char *what, int result, uint32_t errors,
			 bool found)
{
	expect_result(world, what, result, errors);
	EXPECT(world, RULE_RESULT, result < 0 || result == found, "%s finds %d", what, result);
}

enum op_end op_find_next(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	uint64_t end, first;
	uint32_t errors;
	int found;

	if (!cursor)
		return OP_REFUSED;
	errors = len_errors(world, cursor, op->arg[1]);
	end = cursor->at + op->arg[1];
	first = errors ? 0 : first_mapped(space_of(world, cursor), cursor->at, end);
	found = cursor_find_next(&cursor->cursor, len_value(world, op->arg[1]));
	expect_found(world, "cursor_find_next", found, errors, first < end);
	if (found >= 0)
		cursor->at = first;
	return OP_DONE;
}

enum op_end op_query_next(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	struct pt_mapping mapping;
	uint64_t end, first;
	uint32_t errors;
	int found;

	if (!cursor)
		return OP_REFUSED;
	errors = len_errors(world, cursor, op->arg[1]);
	end = cursor->at + op->arg[1];
	first = errors ? 0 : first_mapped(space_of(world, cursor), cursor->at, end);
	found = cursor_query_next(&cursor->cursor, len_value(world, op->arg[1]), &mapping);
	expect_found(world, "cursor_query_next", found, errors, first < end);
	if (found > 0) {
		const struct model_space *space = space_of(world, cursor);

		expect_mapping(world, space, first, &mapping);
		first = leaf_first(world, space, first) + leaf_pages(space, first);
		cursor->at = first < cursor->end ? first : cursor->end;
	} else if (found == 0) {
		cursor->at = end;
	}
	return OP_DONE;
}

enum op_end op_jump(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	uint64_t va, start;
	uint32_t errors = 0;

	if (!cursor)
		return OP_REFUSED;
	va = page_value(world, space_of(world, cursor), op->arg[1]);
	start = page_address(world, space_of(world, cursor), cursor->start).value;
	if (!is_aligned(va, PAGE_SIZE))
		errors = E(EINVAL);
	else if (va < start || va - start >= PAGES(cursor->end - cursor->start))
		errors = E(ERANGE);
	expect_result(world, "cursor_jump", cursor_jump(&cursor->cursor, VADDR(va)), errors);
	if (!errors)
		cursor->at = cursor->start + ((va - start) >> PAGE_SHIFT);
	return OP_DONE;
}

/* The first page before `end` whose leaf has any of the bits, or `end`. */
static uint64_t first_marked(const struct model_space *space, uint64_t from, uint64_t end,
			     uint32_t bits)
{
	while (from < end && !(space->pages[from].mapped && space->pages[from].prop & bits))
		from++;
	return from;
}

/* The leaf loses the bits; its flush is the caller's. Gives the page behind it. */
static uint64_t harvest_leaf(struct world *world, struct model_cursor *cursor, uint64_t page,
			     uint32_t bits)
{
	struct model_space *space = space_of(world, cursor);
	uint64_t first = leaf_first(world, space, page);
	uint64_t end = first + leaf_pages(space, page);

	for (uint64_t i = first; i < end; i++)
		space->pages[i].prop &= ~bits;
	forget_range(world, cursor->space, first, end, 0);
	return end;
}

static uint32_t harvest_errors(const struct world *world, const struct model_cursor *cursor,
			       const struct op *op)
{
	uint32_t bits = bits_value(op->arg[2]);
	uint32_t errors = len_errors(world, cursor, op->arg[1]);

	if (cursor->mode != CURSOR_MUTATE || bits == 0 || bits & ~(PROP_ACCESSED | PROP_DIRTY))
		errors |= E(EINVAL);
	return errors;
}

enum op_end op_harvest_next(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	uint32_t bits = bits_value(op->arg[2]);
	struct pt_mapping mapping;
	uint64_t end, first;
	uint32_t errors;
	int found;

	if (!cursor)
		return OP_REFUSED;
	errors = harvest_errors(world, cursor, op);
	end = cursor->at + op->arg[1];
	first = errors ? 0 : first_marked(space_of(world, cursor), cursor->at, end, bits);
	found = cursor_harvest_next(&cursor->cursor, len_value(world, op->arg[1]), bits, &mapping);
	expect_found(world, "cursor_harvest_next", found, errors, first < end);
	if (found < 0)
		return OP_DONE;
	cursor->at = end;
	if (found > 0) {
		expect_mapping(world, space_of(world, cursor), first, &mapping);
		first = harvest_leaf(world, cursor, first, bits);
		cursor->at = first < end ? first : end;
	}
	return OP_DONE;
}

enum op_end op_harvest(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	uint32_t bits = bits_value(op->arg[2]);
	uint64_t end, pages = 0, expected = 0;
	struct range_flush flush;
	uint32_t errors;
	int error;

	if (!cursor)
		return OP_REFUSED;
	errors = harvest_errors(world, cursor, op);
	end = cursor->at + op->arg[1];
	flush = flush_recorder(world, cursor->space);
	error = cursor_harvest(&cursor->cursor, len_value(world, op->arg[1]), bits, &flush, &pages);
	expect_result(world, "cursor_harvest", error, errors);
	if (error)
		return OP_DONE;
	for (uint64_t page = cursor->at; page < end;) {
		page = first_marked(space_of(world, cursor), page, end, bits);
		if (page == end)
			break;
		expected += leaf_pages(space_of(world, cursor), page);
		expect_flushed(world, cursor->space, page, page + 1, bits);
		page = harvest_leaf(world, cursor, page, bits);
	}
	EXPECT(world, RULE_RESULT, pages == expected, "cursor_harvest counts %llu pages, not %llu",
	       (unsigned long long)pages, (unsigned long long)expected);
	cursor->at = end;
	return OP_DONE;
}
