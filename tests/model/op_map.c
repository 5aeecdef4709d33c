/* SPDX-License-Identifier: MIT */
/*
 * Mapping and taking out.
 */
#include "tests/model/model.h"

struct leaf {
	paddr_t paddr;
	unsigned level;
	prop_t prop;
	bool tracked;
};

/* The errors of a leaf here, whatever is there already. */
static uint32_t leaf_errors(const struct world *world, const struct model_cursor *cursor,
			    const struct leaf *leaf)
{
	const struct model_space *space = &world->spaces[cursor->space];
	uint64_t at = world->config->base + PAGES(cursor->at);
	uint32_t errors = 0;
	uint64_t size;

	if (leaf->level < 1 || leaf->level > LEVELS_MAX ||
	    !can_say(space, leaf->level, leaf->prop.bits, leaf->tracked))
		return E(EOPNOTSUPP) | E(EINVAL);
	size = level_size(leaf->level);
	if (cursor->mode != CURSOR_MUTATE || leaf->level > cursor->cursor.guard_level ||
	    !is_aligned(at | leaf->paddr.value, size))
		errors |= E(EINVAL);
	if (PAGES(cursor->end - cursor->at) < size ||
	    leaf->paddr.value & ~(space->space.table.format->address | (PAGE_SIZE - 1)) ||
	    (leaf->tracked && !domain_contains(&world->domain, leaf->paddr, size)))
		errors |= E(ERANGE);
	return errors;
}

static uint32_t place_errors(const struct world *world, const struct model_cursor *cursor,
			     unsigned level)
{
	unsigned found;

	return place_at(world, &world->spaces[cursor->space], cursor->at, level, &found) ==
			       PLACE_ABSENT ?
		       0 :
		       E(EEXIST);
}

/* After an attempt: the leaf owns what was held for it, or nobody does. */
static void map_end(struct world *world, struct model_cursor *cursor, int error, uint64_t nr_pages)
{
	if (error) {
		release_run(world);
		return;
	}
	world->held.nr_frames = 0;
	cursor->at += nr_pages;
}

/* A tracked leaf's frames can be had, or need not be, for it will be refused. */
static bool hold_leaf(struct world *world, const struct leaf *leaf, uint64_t nr_pages,
		      uint32_t errors)
{
	return !leaf->tracked || errors || hold_run(world, leaf->paddr, nr_pages);
}

static struct model_cursor *cursor_of(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = &world->cursors[op->arg[0]];

	if (!cursor->open)
		return NULL;
	thread_switch(world, 1 + op->arg[0]);
	return cursor;
}

enum op_end op_map(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	struct leaf leaf = { frame_value(world, op->arg[1]), level_value(op->arg[2]),
			     prop_value(world, op->arg[3]), op->arg[4] };
	uint64_t nr_pages = leaf.level ? level_pages(leaf.level) : 0;
	uint32_t errors;
	int error;

	if (!cursor)
		return OP_REFUSED;
	errors = leaf_errors(world, cursor, &leaf);
	if (!errors)
		errors = place_errors(world, cursor, leaf.level);
	if (!hold_leaf(world, &leaf, nr_pages, errors))
		return OP_REFUSED;
	error = cursor_map(&cursor->cursor, leaf.paddr, leaf.level, leaf.prop, leaf.tracked);
	expect_result(world, "cursor_map", error, errors);
	if (!error)
		put_pages(&world->spaces[cursor->space], cursor->at, nr_pages, leaf.paddr.value,
			  leaf.level, leaf.prop, leaf.tracked);
	map_end(world, cursor, error, nr_pages);
	return OP_DONE;
}

enum op_end op_map_frame(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	struct frame *handle = &world->handles[op->arg[1]];
	struct leaf leaf = { handle->paddr, 1, prop_value(world, op->arg[2]), true };
	uint32_t errors;
	int error;

	if (!cursor)
		return OP_REFUSED;
	if (!handle->domain || !frame_kind_is_untyped(frame_kind_of(handle)))
		errors = E(EINVAL);
	else
		errors = leaf_errors(world, cursor, &leaf);
	if (!errors)
		errors = place_errors(world, cursor, 1);
	error = cursor_map_frame(&cursor->cursor, handle, leaf.prop);
	expect_result(world, "cursor_map_frame", error, errors);
	EXPECT(world, RULE_RESULT, error || !handle->domain, "the handle is not consumed");
	if (!error)
		put_pages(&world->spaces[cursor->space], cursor->at, 1, leaf.paddr.value, 1,
			  leaf.prop, true);
	map_end(world, cursor, error, 1);
	return OP_DONE;
}

static uint32_t run_errors(const struct world *world, const struct model_cursor *cursor,
			   const struct leaf *leaf, uint32_t errors, uint64_t len)
{
	const struct model_space *space = &world->spaces[cursor->space];
	uint64_t limit = space->space.table.format->address | (PAGE_SIZE - 1);

	if (cursor->mode != CURSOR_MUTATE || !is_aligned(leaf->paddr.value, PAGE_SIZE) || len == 0)
		errors |= E(EINVAL);
	if (leaf->paddr.value + len - 1 < leaf->paddr.value ||
	    (leaf->paddr.value + len - 1) & ~limit ||
	    (leaf->tracked && !domain_contains(&world->domain, leaf->paddr, len)))
		errors |= E(ERANGE);
	if (!can_say(space, 1, leaf->prop.bits, leaf->tracked))
		errors |= E(EOPNOTSUPP);
	if (!(errors & (E(EINVAL) | E(ERANGE))) &&
	    count_mapped(space, cursor->at, cursor->at + (len >> PAGE_SHIFT)) > 0)
		errors |= E(EEXIST);
	return errors;
}

/* Maps what is held, or is not to be tracked. */
static int map_run(struct world *world, struct model_cursor *cursor, const struct leaf *leaf,
		   uint64_t len, uint32_t errors)
{
	unsigned guard = cursor->cursor.guard_level;
	unsigned level = leaf->level == 0 || leaf->level > guard ? guard : leaf->level;
	const struct mapped_run run = { cursor->at, len >> PAGE_SHIFT, leaf->paddr, level,
					leaf->prop, leaf->tracked,     true };
	struct model_space *space = &world->spaces[cursor->space];
	static struct page pages[4096];
	struct page *now = space->pages;
	int error;

	/* How it will look depends on nodes that are there before, and may not be after. */
	if (!errors) {
		for (uint64_t i = 0; i < run.nr_pages; i++)
			pages[i] = now[cursor->at + i];
		put_run(world, space, &run);
	}
	error = cursor_map_run(&cursor->cursor, leaf->paddr, len, leaf->level, leaf->prop,
			       leaf->tracked);
	for (uint64_t i = 0; !errors && error && i < run.nr_pages; i++)
		now[cursor->at + i] = pages[i];
	expect_result(world, "cursor_map_run", error, errors);
	return error;
}

enum op_end op_map_run(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	struct leaf leaf = { frame_value(world, op->arg[1]), level_value(op->arg[3]),
			     prop_value(world, op->arg[4]), op->arg[5] };
	uint64_t len = len_value(world, op->arg[2]);
	uint32_t errors;
	int error;

	if (!cursor)
		return OP_REFUSED;
	errors = run_errors(world, cursor, &leaf, len_errors(world, cursor, op->arg[2]), len);
	if (!hold_leaf(world, &leaf, len >> PAGE_SHIFT, errors))
		return OP_REFUSED;
	error = map_run(world, cursor, &leaf, len, errors);
	map_end(world, cursor, error, len >> PAGE_SHIFT);
	return OP_DONE;
}

/* A segment's references pass to the leaves. */
enum op_end op_map_segment(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	struct segment *segment = &world->segments[op->arg[1]];
	struct leaf leaf = { segment->paddr, level_value(op->arg[2]), prop_value(world, op->arg[3]),
			     true };
	uint64_t len = segment_size(segment);
	struct segment before = *segment;
	uint32_t errors = 0;
	int error;

	if (!cursor || segment->nr_frames == 0 ||
	    !frame_kind_is_untyped(slot_kind(domain_slot_at(&world->domain, segment->paddr))))
		return OP_REFUSED;
	if (len > PAGES(cursor->end - cursor->at))
		errors = E(ERANGE);
	errors = run_errors(world, cursor, &leaf, errors, len);
	(void)segment_into_raw(segment);
	error = map_run(world, cursor, &leaf, len, errors);
	if (error)
		*segment = segment_from_raw(&world->domain, before.paddr, before.nr_frames);
	map_end(world, cursor, error, len >> PAGE_SHIFT);
	return OP_DONE;
}

static bool same_fragment(const struct pt_fragment *fragment, enum fragment_kind kind,
			  const struct world *world, const struct model_cursor *cursor,
			  uint64_t start, uint64_t nr_pages)
{
	const struct model_space *space = &world->spaces[cursor->space];

	return fragment->kind == kind && fragment->len == PAGES(nr_pages) &&
	       fragment->start.value == page_address(world, space, start).value &&
	       fragment->pages == count_mapped(space, start, start + nr_pages);
}

/* The fragment is what the model has there, which it is about to lose. */
static void expect_fragment(struct world *world, const struct model_cursor *cursor,
			    const struct pt_fragment *fragment, enum fragment_kind kind,
			    uint64_t start, uint64_t nr_pages)
{
	const struct page *page = &world->spaces[cursor->space].pages[start];

	EXPECT(world, RULE_RESULT, same_fragment(fragment, kind, world, cursor, start, nr_pages),
	       "fragment of kind %u, %llu pages in %llx bytes from %llx", fragment->kind,
	       (unsigned long long)fragment->pages, (unsigned long long)fragment->len,
	       (unsigned long long)fragment->start.value);
	if (kind == FRAGMENT_LEAF)
		EXPECT(world, RULE_RESULT,
		       fragment->leaf.paddr.value == page->paddr &&
			       fragment->leaf.prop.bits == page->prop &&
			       fragment->leaf.tracked == page->tracked &&
			       fragment->leaf.level == page->level,
		       "fragment of a leaf to %llx, property %x",
		       (unsigned long long)fragment->leaf.paddr.value, fragment->leaf.prop.bits);
}

/* The caller keeps the fragment, and flushes. */
static void keep_fragment(struct world *world, struct model_cursor *cursor, unsigned number,
			  const struct pt_fragment *fragment, uint64_t start, uint64_t nr_pages)
{
	remove_pages(world, cursor->space, start, start + nr_pages, FATE_FRAGMENT, 0);
	forget_range(world, cursor->space, start, start + nr_pages, 0);
	world->fragments[number] = (struct model_fragment){
		.exists = fragment->kind != FRAGMENT_NONE,
		.space = cursor->space,
		.fragment = *fragment,
	};
}

enum op_end op_take_next(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	struct pt_fragment fragment;
	struct model_space *space;
	uint32_t errors;
	uint64_t end, start, nr_pages, first;
	int found;

	if (!cursor || world->fragments[op->arg[2]].exists)
		return OP_REFUSED;
	space = &world->spaces[cursor->space];
	errors = len_errors(world, cursor, op->arg[1]);
	if (cursor->mode != CURSOR_MUTATE)
		errors = E(EINVAL) | E(ERANGE);
	end = cursor->at + op->arg[1];
	first = errors ? end : first_mapped(space, cursor->at, end);
	found = cursor_take_next(&cursor->cursor, len_value(world, op->arg[1]), &fragment);
	expect_result(world, "cursor_take_next", found, errors);
	if (found < 0)
		adopt_splits(world, cursor->space);
	if (found == 0) {
		EXPECT(world, RULE_RESULT, first == end, "page %llu was not found",
		       (unsigned long long)first);
		cursor->at = end;
	}
	if (found <= 0)
		return OP_DONE;
	start = ((fragment.start.value - page_address(world, space, cursor->start).value) >>
		 PAGE_SHIFT) +
		cursor->start;
	nr_pages = fragment.len >> PAGE_SHIFT;
	EXPECT(world, RULE_RESULT, start >= cursor->at && start <= first && start + nr_pages <= end,
	       "a fragment of [%llu, %llu) is taken from [%llu, %llu)", (unsigned long long)start,
	       (unsigned long long)(start + nr_pages), (unsigned long long)cursor->at,
	       (unsigned long long)end);
	if (fragment.kind == FRAGMENT_LEAF)
		split_within(world, space, start, cursor->at, end);
	EXPECT(world, RULE_RESULT, fragment.kind != FRAGMENT_NONE, "a fragment of nothing");
	expect_fragment(world, cursor, &fragment, fragment.kind, start, nr_pages);
	keep_fragment(world, cursor, op->arg[2], &fragment, start, nr_pages);
	cursor->at = start + nr_pages;
	return OP_DONE;
}

/* What stands where a leaf of this level is to go: what will come out. */
static enum fragment_kind kind_there(const struct world *world, const struct model_cursor *cursor,
				     unsigned level)
{
	const struct model_space *space = &world->spaces[cursor->space];
	unsigned found;

	switch (place_at(world, space, cursor->at, level, &found)) {
	case PLACE_LEAF:
		return FRAGMENT_LEAF;
	case PLACE_NODE:
		return FRAGMENT_SUBTREE;
	default:
		return FRAGMENT_NONE;
	}
}

enum op_end op_replace(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	struct leaf leaf = { frame_value(world, op->arg[1]), level_value(op->arg[2]),
			     prop_value(world, op->arg[3]), op->arg[4] };
	uint64_t nr_pages = leaf.level ? level_pages(leaf.level) : 0;
	enum fragment_kind kind = FRAGMENT_NONE;
	struct pt_fragment fragment;
	struct model_space *space;
	uint32_t errors;
	int error;

	if (!cursor || world->fragments[op->arg[5]].exists)
		return OP_REFUSED;
	space = &world->spaces[cursor->space];
	errors = leaf_errors(world, cursor, &leaf);
	if (!errors)
		kind = kind_there(world, cursor, leaf.level);
	if (!hold_leaf(world, &leaf, nr_pages, errors))
		return OP_REFUSED;
	error = cursor_replace(&cursor->cursor, leaf.paddr, leaf.level, leaf.prop, leaf.tracked,
			       &fragment);
	expect_result(world, "cursor_replace", error, errors);
	if (error) {
		adopt_splits(world, cursor->space);
	} else {
		struct page old = space->pages[cursor->at];

		split_within(world, space, cursor->at, cursor->at, cursor->at + nr_pages);
		expect_fragment(world, cursor, &fragment, kind, cursor->at, nr_pages);
		EXPECT(world, RULE_RESULT,
		       kind != FRAGMENT_NONE ||
			       fragment.leaf.status ==
				       (old.status ? status_value(old.status - 1) : 0),
		       "a status of %llx comes out", (unsigned long long)fragment.leaf.status);
		keep_fragment(world, cursor, op->arg[5], &fragment, cursor->at, nr_pages);
		put_pages(space, cursor->at, nr_pages, leaf.paddr.value, leaf.level, leaf.prop,
			  leaf.tracked);
	}
	map_end(world, cursor, error, nr_pages);
	return OP_DONE;
}

/* What was kept loses its references: a leaf's now, a sub-tree's after a grace period. */
enum op_end op_fragment_drop(struct world *world, const struct op *op)
{
	struct model_fragment *fragment = &world->fragments[op->arg[0]];
	const struct pt_mapping *leaf = &fragment->fragment.leaf;

	if (!fragment->exists)
		return OP_REFUSED;
	look_at_tables(world);
	if (fragment->fragment.kind == FRAGMENT_SUBTREE)
		for (uint32_t frame = 0; frame < world->config->nr_frames; frame++)
			world->may_wait[frame] += world->seen[frame].held;
	else if (leaf->tracked)
		for (uint64_t i = 0; i < level_pages(leaf->level); i++)
			world->touched[(leaf->paddr.value >> PAGE_SHIFT) + i] = true;
	fragment_drop(&fragment->fragment);
	fragment->exists = false;
	return OP_DONE;
}

enum op_end op_unmap(struct world *world, const struct op *op)
{
	struct model_cursor *cursor = cursor_of(world, op);
	uint64_t end, pages = 0;
	struct model_space *space;
	struct range_flush flush;
	uint32_t errors;
	int error;

	if (!cursor)
		return OP_REFUSED;
	space = &world->spaces[cursor->space];
	errors = len_errors(world, cursor, op->arg[1]);
	if (cursor->mode != CURSOR_MUTATE)
		errors = E(EINVAL) | E(ERANGE);
	end = cursor->at + op->arg[1];
	flush = flush_recorder(world, cursor->space);
	error = cursor_unmap(&cursor->cursor, len_value(world, op->arg[1]), &flush, &pages);
	expect_result(world, "cursor_unmap", error, errors);
	if (error) {
		adopt_splits(world, cursor->space);
		return OP_DONE;
	}
	EXPECT(world, RULE_RESULT, pages == count_mapped(space, cursor->at, end),
	       "cursor_unmap counts %llu pages, not %llu", (unsigned long long)pages,
	       (unsigned long long)count_mapped(space, cursor->at, end));
	expect_flushed(world, cursor->space, cursor->at, end, UINT32_MAX);
	if (cursor->at < end) {
		split_at(world, space, cursor->at);
		split_at(world, space, end);
	}
	remove_pages(world, cursor->space, cursor->at, end, FATE_DROP, 0);
	cursor->at = end;
	return OP_DONE;
}
