/* SPDX-License-Identifier: MIT */
/*
 * Everything that should hold between two operations: slots, cursors, lists, caches.
 */
#include <string.h>

#include "tests/model/check.h"

bool waits_in_epoch(const struct world *world, unsigned space, uint32_t frame, uint32_t epoch)
{
	for (unsigned i = 0; i < world->nr_waiting; i++)
		if (world->waiting[i].space == space && world->waiting[i].frame == frame &&
		    world->waiting[i].epoch == epoch)
			return true;
	return false;
}

/* Nobody has the frame: it is UNUSED, or stands for a free chunk. */
static void check_free(struct world *world, uint32_t frame)
{
	const struct slot *slot = &world->slots[frame];
	uint32_t state = slot_state(slot);

	EXPECT(world, RULE_A1,
	       state == SLOT_UNUSED || (state == SLOT_UNIQUE && slot_kind(slot) == FRAME_FREE),
	       "frame %u has no user and is in state %x, kind %u", frame, state, slot_kind(slot));
	EXPECT(world, RULE_M1,
	       state != SLOT_UNUSED || (slot_kind(slot) == FRAME_NONE && slot->list == 0),
	       "unused frame %u has kind %u and list %u", frame, slot_kind(slot), slot->list);
}

static void check_frame(struct world *world, uint32_t frame)
{
	const struct slot *slot = &world->slots[frame];
	const struct references *model = &world->references[frame];
	const struct seen *seen = &world->seen[frame];
	uint32_t state = slot_state(slot);
	uint32_t sum = model->handles + model->segments + model->pages + model->queue +
		       model->roots + model->fragments + seen->deferred + seen->held;

	EXPECT(world, RULE_M5, state != SLOT_BUSY, "frame %u is busy", frame);
	EXPECT(world, RULE_M4,
	       state == SLOT_UNUSED || state == SLOT_UNIQUE || slot_state_is_shared(state),
	       "frame %u is in state %x", frame, state);
	EXPECT(world, RULE_QB,
	       seen->queue == model->queue && seen->deferred <= world->may_wait[frame],
	       "frame %u: %u wait for observers, not %u; %u for a grace period, of %u", frame,
	       seen->queue, model->queue, seen->deferred, world->may_wait[frame]);
	if (slot_kind(slot) == FRAME_NODE) {
		EXPECT(world, RULE_X5, seen->nodes == 1 && sum - model->roots == seen->held,
		       "node %u is in %u trees, with %u references", frame, seen->nodes, sum);
		return;
	}
	EXPECT(world, RULE_X5, seen->nodes == 0, "frame %u is a node of no kind", frame);
	if (model->unique) {
		EXPECT(world, RULE_M2,
		       state == SLOT_UNIQUE && sum == 0 && slot_kind(slot) != FRAME_NONE &&
			       slot_kind(slot) != FRAME_FREE,
		       "unique frame %u is in state %x, kind %u, with %u references", frame, state,
		       slot_kind(slot), sum);
	} else if (sum == 0) {
		check_free(world, frame);
	} else {
		EXPECT(world, RULE_A2, slot_state_is_shared(state),
		       "frame %u has %u references and is in state %x", frame, sum, state);
		EXPECT(world, RULE_A3, slot_count(slot) == sum,
		       "frame %u counts %u, not %u: %u handles, %u segments, %u pages, %u queued, "
		       "%u deferred, %u in fragments",
		       frame, slot_count(slot), sum, model->handles, model->segments, model->pages,
		       model->queue, seen->deferred, seen->held + model->fragments);
		EXPECT(world, RULE_M3,
		       slot_kind(slot) != FRAME_NONE && slot_kind(slot) != FRAME_FREE &&
			       slot->list == 0,
		       "shared frame %u has kind %u and list %u", frame, slot_kind(slot),
		       slot->list);
	}
}

static void check_cursor(struct world *world, const struct model_cursor *model)
{
	const struct cursor *cursor = &model->cursor;
	uint64_t base = world->config->base;
	uint64_t page = 0;

	EXPECT(world, RULE_C1,
	       cursor->level >= 1 && cursor->level <= cursor->guard_level &&
		       cursor->guard_level <= cursor->table->format->levels,
	       "cursor at level %u under guard %u", cursor->level, cursor->guard_level);
	EXPECT(world, RULE_C2,
	       cursor->start == base + PAGES(model->start) &&
		       cursor->end == base + PAGES(model->end) &&
		       cursor->at == base + PAGES(model->at) && model->at <= model->end,
	       "cursor at %llx of [%llx, %llx), the model at page %llu",
	       (unsigned long long)cursor->at, (unsigned long long)cursor->start,
	       (unsigned long long)cursor->end, (unsigned long long)model->at);
	/* At the end of its range the path covers the last page, if it covers any. */
	page = model->at < model->end ? model->at : model->end - 1;
	for (unsigned level = cursor->guard_level; level >= cursor->level; level--) {
		const struct slot *slot = cursor->path[level].slot;
		unsigned found;

		if (model->at == model->end && level < cursor->guard_level)
			break;
		EXPECT(world, RULE_C3,
		       slot_level(slot) == level &&
			       (lock_owner(&slot->lock) == cursor->thread ||
				(cursor->shared && lock_readers(&slot->lock) > 0)) &&
			       !slot->stray,
		       "the path has node %u at level %u", (unsigned)(slot - world->slots), level);
		/* The entry above it leads to it. */
		if (level == cursor->table->format->levels)
			continue;
		EXPECT(world, RULE_C3,
		       place_at(world, &world->spaces[model->space], page, level + 1, &found) ==
				       PLACE_NODE &&
			       found == level + 1 &&
			       node_of(world, &world->spaces[model->space], page, level) ==
				       (uint32_t)(slot - world->slots),
		       "the path's node of level %u does not cover page %llu", level,
		       (unsigned long long)page);
	}
}

static void check_cursors(struct world *world)
{
	EXPECT(world, RULE_L5, world->read_depth[0] == 0, "the main thread is left in a section");
	for (unsigned i = 0; i < MAX_CURSORS; i++) {
		const struct model_cursor *cursor = &world->cursors[i];

		EXPECT(world, RULE_L5, world->read_depth[1 + i] == cursor->open,
		       "cursor %u is in %u read sections", i, world->read_depth[1 + i]);
		if (!cursor->open)
			continue;
		check_cursor(world, cursor);
		for (unsigned k = 0; k < i; k++) {
			const struct model_cursor *other = &world->cursors[k];

			EXPECT(world, RULE_L0,
			       !other->open || other->space != cursor->space ||
				       (other->mode == CURSOR_READ &&
					cursor->mode == CURSOR_READ) ||
				       other->start >= cursor->end || cursor->start >= other->end,
			       "cursors %u and %u overlap", k, i);
		}
	}
}

static void check_list(struct world *world, const struct model_list *model)
{
	const struct frame_list *list = &model->list;
	uint32_t back = SLOT_NONE;
	uint32_t number = list->head;

	EXPECT(world, RULE_LL1, list->size == model->size, "a list has %llu frames, not %u",
	       (unsigned long long)list->size, model->size);
	for (uint32_t i = 0; i < model->size; i++) {
		const struct slot *slot = &world->slots[model->frames[i]];

		EXPECT(world, RULE_LL1, number == model->frames[i] && slot->prev == back,
		       "frame %u is at place %u of its list, not %u", number, i, model->frames[i]);
		EXPECT(world, RULE_LL5, slot->list == list->id && list->id != 0,
		       "frame %u bears id %u, its list %u", number, slot->list, list->id);
		back = number;
		number = slot->next;
	}
	EXPECT(world, RULE_LL1, number == SLOT_NONE && list->tail == back,
	       "a list ends elsewhere than with its last frame");
	EXPECT(world, RULE_LL1,
	       model->cursor.at == (model->at < model->size ? model->frames[model->at] : SLOT_NONE),
	       "a list's cursor is at %u, not at place %u", model->cursor.at, model->at);
}

static void check_lists(struct world *world)
{
	uint32_t listed = 0, bearing = 0;

	for (unsigned i = 0; i < world->config->nr[ARG_LIST]; i++) {
		check_list(world, &world->lists[i]);
		listed += world->lists[i].size;
		for (unsigned k = 0; k < i; k++)
			EXPECT(world, RULE_LL3,
			       world->lists[i].list.id == 0 ||
				       world->lists[i].list.id != world->lists[k].list.id,
			       "two lists have the id %u", world->lists[i].list.id);
	}
	for (uint32_t frame = 0; frame < world->config->nr_frames; frame++) {
		const struct slot *slot = &world->slots[frame];

		bearing += slot_state(slot) == SLOT_UNIQUE && slot_kind(slot) != FRAME_FREE &&
			   slot->list != 0;
	}
	EXPECT(world, RULE_LL2, listed == bearing, "%u frames are on lists, %u bear an id", listed,
	       bearing);
}

/* `stale`: the one who remembers has not been told to forget yet. */
static void check_cached(struct world *world, const struct model_space *space,
			 const struct cached *cached, bool stale)
{
	for (uint64_t i = 0; i < world->config->nr[ARG_PAGE]; i++) {
		const struct page *page = &space->pages[i];
		const struct cached *entry = &cached[i];
		uint32_t frame = (uint32_t)(entry->paddr >> PAGE_SHIFT);

		if (!entry->valid)
			continue;
		EXPECT(world, RULE_G1,
		       stale || (page->mapped && page->paddr == entry->paddr &&
				 (entry->rights & ~page->prop) == 0),
		       "page %llu is cached as %llx with rights %x, and mapped to %llx with %x",
		       (unsigned long long)i, (unsigned long long)entry->paddr, entry->rights,
		       (unsigned long long)page->paddr, page->prop);
		EXPECT(world, RULE_G3, !entry->tracked || slot_count(&world->slots[frame]) > 0,
		       "frame %u is cached by page %llu and has no reference", frame,
		       (unsigned long long)i);
	}
}

static void check_caches(struct world *world)
{
	for (unsigned i = 0; i < world->config->nr[ARG_SPACE]; i++)
		if (world->spaces[i].exists && world->spaces[i].flush == FLUSH_AT_ONCE)
			check_cached(world, &world->spaces[i], world->spaces[i].cached, false);
	for (unsigned i = 0; i < world->config->nr[ARG_OBSERVER]; i++) {
		const struct model_observer *observer = &world->observers[i];

		if (observer->exists)
			check_cached(world, &world->spaces[observer->space], observer->cached,
				     observer->observer.passed !=
					     world->spaces[observer->space].space.queue.epoch);
	}
}

static uint32_t held(void *context, paddr_t paddr)
{
	const struct world *world = context;
	uint32_t frame = (uint32_t)(paddr.value >> PAGE_SHIFT);
	const struct references *references = &world->references[frame];

	return references->handles + references->segments + references->roots +
	       references->fragments + world->seen[frame].held;
}

void check_audit(struct world *world)
{
	struct audit_report report;
	int error = mm_audit(&world->domain, world->scratch, held, world, &report);

	EXPECT(world, RULE_AUDIT, error == 0, "%s: %s: frame %llu, level %u: %llx, not %llx",
	       report.violation.rule, report.violation.text,
	       (unsigned long long)(report.violation.paddr.value >> PAGE_SHIFT),
	       report.violation.level, (unsigned long long)report.violation.found,
	       (unsigned long long)report.violation.expected);
}

static void check_segments(struct world *world)
{
	for (unsigned i = 0; i < world->config->nr[ARG_SEGMENT]; i++) {
		const struct segment *segment = &world->segments[i];
		uint64_t first = segment->paddr.value >> PAGE_SHIFT;

		for (uint64_t k = 0; k < segment->nr_frames; k++)
			EXPECT(world, RULE_S11,
			       slot_kind(&world->slots[first + k]) ==
					       slot_kind(&world->slots[first]) &&
				       slot_count(&world->slots[first + k]) > 0,
			       "frame %llu of segment %u is of another kind, or unused",
			       (unsigned long long)(first + k), i);
	}
}

void look_at_tables(struct world *world)
{
	count_references(world, world->references);
	check_tables(world);
}

void check_world(struct world *world)
{
	const struct config *config = world->config;

	if (world->domain.nr_deferred == 0)
		memset(world->may_wait, 0, config->nr_frames * sizeof(*world->may_wait));
	look_at_tables(world);
	for (uint32_t frame = 0; frame < config->nr_frames; frame++)
		check_frame(world, frame);
	EXPECT(world, RULE_R4, world->domain.nr_corrupt == 0, "%llu references were claimed",
	       (unsigned long long)world->domain.nr_corrupt);
	check_cursors(world);
	if (config->nr[ARG_LIST])
		check_lists(world);
	check_segments(world);
	check_caches(world);
	if (config->audit_every && !any_cursor_open(world) &&
	    world->nr_steps % config->audit_every == 0)
		check_audit(world);
}
