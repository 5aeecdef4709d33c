/* SPDX-License-Identifier: MIT */
/*
 * Spaces, what hardware does with them, and those who observe them.
 */
#include <string.h>

#include "tests/model/model.h"

enum op_end op_space_new(struct world *world, const struct op *op)
{
	struct model_space *space = &world->spaces[op->arg[0]];
	enum flush_kind flush = (enum flush_kind)op->arg[2];
	int error;

	if (space->exists)
		return OP_REFUSED;
	error = space_create(&space->space, &world->domain, &world->formats[op->arg[1]],
			     op->arg[3] ? TABLE_WALKED_BY_HARDWARE : TABLE_WALKED_BY_SOFTWARE,
			     flush == FLUSH_NONE ? NULL : &space_kinds[flush]);
	expect_result(world, "space_create", error, 0);
	space->exists = !error;
	space->flush = flush;
	return OP_DONE;
}

/* Is anybody still using the space? A walker's root, a reader, a fragment: all are its users. */
static bool space_is_used(const struct world *world, unsigned number)
{
	bool used = any_cursor_open(world);

	for (unsigned i = 0; i < MAX_IOS; i++)
		used |= world->ios[i].kind == IO_USER && world->ios[i].space == number;
	for (unsigned i = 0; i < MAX_ROOTS; i++)
		used |= world->roots[i].domain && world->root_space[i] == number;
	return used;
}

enum op_end op_space_drop(struct world *world, const struct op *op)
{
	struct model_space *space = &world->spaces[op->arg[0]];

	if (!space->exists || space_is_used(world, op->arg[0]))
		return OP_REFUSED;
	touch_waiting(world);
	remove_pages(world, op->arg[0], 0, world->config->nr[ARG_PAGE], FATE_DROP, 0);
	for (unsigned i = 0; i < MAX_OBSERVERS; i++)
		world->observers[i].exists &= world->observers[i].space != op->arg[0];
	memset(space->cached, 0, world->config->nr[ARG_PAGE] * sizeof(*space->cached));
	space_destroy(&space->space);
	space->exists = false;
	collect_waiting(world, op->arg[0]);
	EXPECT(world, RULE_X5, world->domain.nr_deferred == 0,
	       "nodes wait after a space was destroyed");
	return OP_DONE;
}

enum op_end op_root_get(struct world *world, const struct op *op)
{
	struct frame *root = &world->roots[op->arg[0]];
	struct model_space *space = &world->spaces[op->arg[1]];

	if (root->domain || !space->exists)
		return OP_REFUSED;
	expect_result(world, "page_table_root_get", page_table_root_get(&space->space.table, root),
		      0);
	EXPECT(world, RULE_RESULT, root->paddr.value == page_table_root(&space->space.table).value,
	       "the root is at %llx", (unsigned long long)root->paddr.value);
	world->root_space[op->arg[0]] = (uint8_t)op->arg[1];
	return OP_DONE;
}

enum op_end op_root_put(struct world *world, const struct op *op)
{
	struct frame *root = &world->roots[op->arg[0]];
	uint32_t errors = root->domain ? 0 : E(EINVAL);

	expect_result(world, "frame_put", frame_put(root), errors);
	return OP_DONE;
}

static bool page_range(const struct world *world, const struct model_space *space,
		       const struct op *op, struct range *range)
{
	return space->exists && range_value(world, space, op->arg[1], 1, range) &&
	       op->arg[1] != world->config->nr[ARG_PAGE] + 1;
}

enum op_end op_walk(struct world *world, const struct op *op)
{
	struct model_space *space = &world->spaces[op->arg[0]];
	struct pt_mapping mapping;
	struct range range;

	if (!page_range(world, space, op, &range))
		return OP_REFUSED;
	expect_result(world, "page_table_walk",
		      page_table_walk(&space->space.table, range.va, &mapping), range.errors);
	if (!range.errors)
		expect_mapping(world, space, range.start, &mapping);
	return OP_DONE;
}

enum op_end op_space_query(struct world *world, const struct op *op)
{
	struct model_space *space = &world->spaces[op->arg[0]];
	struct pt_mapping mapping;
	struct range range;

	if (!page_range(world, space, op, &range))
		return OP_REFUSED;
	world->may_block = space_has_cursor(world, op->arg[0]);
	expect_result(world, "space_query", space_query(&space->space, range.va, &mapping),
		      range.errors);
	if (!range.errors)
		expect_mapping(world, space, range.start, &mapping);
	return OP_DONE;
}

static uint32_t map_errors(const struct world *world, const struct model_space *space,
			   const struct range *range, paddr_t paddr, prop_t prop, bool tracked)
{
	uint64_t limit = space->space.table.format->address | (PAGE_SIZE - 1);
	uint32_t errors = range->errors;

	if (!is_aligned(paddr.value, PAGE_SIZE))
		errors |= E(EINVAL);
	if (paddr.value + range->len - 1 < paddr.value || (paddr.value + range->len - 1) & ~limit ||
	    (tracked && !domain_contains(&world->domain, paddr, range->len)))
		errors |= E(ERANGE);
	if (!can_say(space, 1, prop.bits, tracked))
		errors |= E(EOPNOTSUPP);
	if (!range->errors && count_mapped(space, range->start, range->end) > 0)
		errors |= E(EEXIST);
	return errors;
}

/* What space_map() makes of its arguments: the guard, and whether empty nodes go. */
static struct mapped_run space_run(const struct world *world, const struct model_space *space,
				   const struct range *range, paddr_t paddr, unsigned max_level)
{
	const struct pt_format *format = space->space.table.format;
	unsigned largest = format_leaf_fit(format, max_level ? max_level : format->levels,
					   world->config->base + PAGES(range->start), paddr.value,
					   range->len);
	unsigned guard = lowest_guard(world, range->start, range->end, largest);

	return (struct mapped_run){
		.page = range->start,
		.nr_pages = range->end - range->start,
		.paddr = paddr,
		.max_level = max_level && max_level < guard ? max_level : guard,
		.nodes_block = max_level == 1 || range->len < level_size(2) ||
			       (space->flush == FLUSH_OBSERVED && space->space.table.marked),
	};
}

enum op_end op_space_map(struct world *world, const struct op *op)
{
	struct model_space *space = &world->spaces[op->arg[0]];
	paddr_t paddr = frame_value(world, op->arg[3]);
	unsigned level = level_value(op->arg[4]);
	struct range range;
	uint32_t errors;
	int error;

	if (!space->exists || space_has_cursor(world, op->arg[0]) ||
	    !range_value(world, space, op->arg[1], op->arg[2], &range))
		return OP_REFUSED;
	if (level > space->space.table.format->levels)
		return OP_REFUSED;
	errors = map_errors(world, space, &range, paddr, prop_value(world, op->arg[5]), op->arg[6]);
	if (!errors && op->arg[6] && !hold_run(world, paddr, range.len >> PAGE_SHIFT))
		return OP_REFUSED;
	if (!errors) {
		struct mapped_run run = space_run(world, space, &range, paddr, level);
		struct page *pages = &space->pages[range.start];
		static struct page saved[4096];

		run.prop = prop_value(world, op->arg[5]);
		run.tracked = op->arg[6];
		memcpy(saved, pages, run.nr_pages * sizeof(*pages));
		put_run(world, space, &run);
		begin_flushes(world, op->arg[0]);
		error = space_map(&space->space, range.va, paddr, range.len, level, run.prop,
				  run.tracked);
		if (error)
			memcpy(pages, saved, run.nr_pages * sizeof(*pages));
	} else {
		error = space_map(&space->space, range.va, paddr, range.len, level,
				  prop_value(world, op->arg[5]), op->arg[6]);
	}
	expect_result(world, "space_map", error, errors);
	if (error)
		release_run(world);
	world->held.nr_frames = 0;
	return OP_DONE;
}

enum op_end op_space_unmap(struct world *world, const struct op *op)
{
	struct model_space *space = &world->spaces[op->arg[0]];
	uint64_t pages = 0, expected;
	struct range range;
	uint32_t epoch, waiting;
	int error;

	if (!space->exists || !range_value(world, space, op->arg[1], op->arg[2], &range) ||
	    world->nr_waiting + op->arg[2] > MAX_WAITING)
		return OP_REFUSED;
	epoch = space->space.queue.epoch;
	waiting = space->space.queue.nr_waiting;
	world->may_block = space_has_cursor(world, op->arg[0]);
	begin_flushes(world, op->arg[0]);
	error = space_unmap(&space->space, range.va, range.len, &pages);
	expect_result(world, "space_unmap", error, range.errors);
	if (error) {
		adopt_splits(world, op->arg[0]);
		if (space->space.queue.nr_waiting != waiting)
			collect_waiting(world, op->arg[0]);
		return OP_DONE;
	}
	expected = count_mapped(space, range.start, range.end);
	EXPECT(world, RULE_RESULT, pages == expected, "space_unmap counts %llu pages, not %llu",
	       (unsigned long long)pages, (unsigned long long)expected);
	EXPECT(world, RULE_GAP10,
	       space->flush != FLUSH_OBSERVED || expected == 0 ||
		       space->space.queue.epoch == epoch + 1,
	       "an unmap began no epoch after %u", epoch);
	expect_flushed(world, op->arg[0], range.start, range.end, UINT32_MAX);
	split_at(world, space, range.start);
	split_at(world, space, range.end);
	remove_pages(world, op->arg[0], range.start, range.end,
		     space->flush == FLUSH_OBSERVED ? FATE_QUEUE : FATE_DROP,
		     space->space.queue.epoch);
	collect_waiting(world, op->arg[0]);
	return OP_DONE;
}

/* Hardware's walk: what it finds it remembers, and marks, if it is a table that hardware walks. */
static void access_leaf(struct world *world, struct model_space *space, struct cached *cached,
			uint64_t page, bool write)
{
	const struct pt_format *format = space->space.table.format;
	uint32_t used = PROP_ACCESSED | (write ? PROP_DIRTY : 0);
	unsigned level;
	_Atomic uint64_t *entry = leaf_entry(world, space, page, &level);
	uint64_t bits, unused;
	prop_t prop;

	if (!entry || !(*entry & format->present))
		return;
	prop = pte_prop(format, PTE(*entry));
	if (!(prop.bits & (write ? PROP_WRITE : PROP_READ)))
		return;
	/* What the leaf has that is used, and none else has. */
	if (format_leaf_bits(format, level, PROP(prop.bits | used), false, &bits) ||
	    format_leaf_bits(format, level, PROP(prop.bits & ~used), false, &unused))
		return;
	bits &= ~unused;
	if (space->space.table.walker == TABLE_WALKED_BY_HARDWARE) {
		uint64_t first = leaf_first(world, space, page);

		atomic_fetch_or(entry, bits);
		for (uint64_t i = 0; i < level_pages(level); i++)
			space->pages[first + i].prop |= used;
	}
	cached[page] = (struct cached){
		.paddr = space->pages[page].paddr,
		.rights = prop.bits & PROP_RIGHTS,
		.tracked = space->pages[page].tracked,
		.valid = true,
	};
}

enum op_end op_access(struct world *world, const struct op *op)
{
	struct model_space *space = &world->spaces[op->arg[0]];
	struct model_observer *observer = &world->observers[op->arg[2]];
	struct cached *cached = space->cached;

	if (!space->exists || op->arg[1] >= world->config->nr[ARG_PAGE] ||
	    space->flush == FLUSH_NONE)
		return OP_REFUSED;
	if (space->flush == FLUSH_OBSERVED) {
		if (!observer->exists || observer->space != op->arg[0])
			return OP_REFUSED;
		cached = observer->cached;
	}
	access_leaf(world, space, cached, op->arg[1], op->arg[3]);
	return OP_DONE;
}

enum op_end op_observe(struct world *world, const struct op *op)
{
	struct model_observer *observer = &world->observers[op->arg[0]];
	struct model_space *space = &world->spaces[op->arg[1]];
	uint32_t errors = 0;

	if (!space->exists)
		return OP_REFUSED;
	if (space->flush != FLUSH_OBSERVED || observer->exists)
		errors = E(EINVAL);
	expect_result(world, "space_observe", space_observe(&space->space, &observer->observer),
		      errors);
	if (errors)
		return OP_DONE;
	observer->exists = true;
	observer->space = (uint8_t)op->arg[1];
	memset(observer->cached, 0, world->config->nr[ARG_PAGE] * sizeof(*observer->cached));
	return OP_DONE;
}

enum op_end op_unobserve(struct world *world, const struct op *op)
{
	struct model_observer *observer = &world->observers[op->arg[0]];

	if (!observer->exists)
		return OP_REFUSED;
	space_unobserve(&world->spaces[observer->space].space, &observer->observer);
	observer->exists = false;
	collect_waiting(world, observer->space);
	return OP_DONE;
}

/* Reads the epoch, forgets, and says so. */
enum op_end op_pass(struct world *world, const struct op *op)
{
	struct model_observer *observer = &world->observers[op->arg[0]];
	uint32_t epoch;

	if (!observer->exists)
		return OP_REFUSED;
	epoch = observer_epoch(&observer->observer);
	memset(observer->cached, 0, world->config->nr[ARG_PAGE] * sizeof(*observer->cached));
	observer_pass(&observer->observer, epoch);
	return OP_DONE;
}

enum op_end op_collect(struct world *world, const struct op *op)
{
	struct model_space *space = &world->spaces[op->arg[0]];
	bool quiet = true;
	uint32_t left;

	if (!space->exists)
		return OP_REFUSED;
	left = space_collect(&space->space);
	collect_waiting(world, op->arg[0]);
	for (unsigned i = 0; i < MAX_OBSERVERS; i++)
		quiet &= !world->observers[i].exists || world->observers[i].space != op->arg[0] ||
			 world->observers[i].observer.passed == space->space.queue.epoch;
	EXPECT(world, RULE_GAP10, space_is_quiet(&space->space) == quiet && (!quiet || left == 0),
	       "%u nodes wait in a space that is %s", left, quiet ? "quiet" : "not quiet");
	return OP_DONE;
}

enum op_end op_grace_period(struct world *world, const struct op *op)
{
	(void)op;
	if (any_cursor_open(world) || world->domain.nr_deferred == 0)
		return OP_REFUSED;
	touch_waiting(world);
	domain_reclaim(&world->domain);
	EXPECT(world, RULE_X5, world->domain.nr_deferred == 0, "nodes wait after a grace period");
	return OP_DONE;
}
