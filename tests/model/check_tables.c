/* SPDX-License-Identifier: MIT */
/*
 * Trees, queues and fragments as they lie in memory, against the model's pages.
 */
#include <string.h>

#include "tests/model/check.h"

enum place { IN_TREE, IN_QUEUE, DEFERRED, IN_FRAGMENT };

struct look {
	struct world *world;
	const struct pt_format *format;
	unsigned space; /* IN_TREE, IN_QUEUE */
	enum place place;
	uint32_t epoch; /* IN_QUEUE */
};

static void check_node(const struct look *look, uint32_t frame, unsigned level, uint64_t base);

/* The part of [first, first + nr) that is in the window, as pages of it. */
static bool clip(const struct world *world, uint64_t first, uint64_t nr, uint64_t *from,
		 uint64_t *to)
{
	uint64_t start = world->config->base >> PAGE_SHIFT;
	uint64_t end = start + world->config->nr[ARG_PAGE];

	*from = first > start ? first : start;
	*to = first + nr < end ? first + nr : end;
	if (*from >= *to)
		return false;
	*from -= start;
	*to -= start;
	return true;
}

/*
 * Who has to have the lock of a linked node (L-1): the thread of the changing cursor that covers
 * it, or each reading one that does.
 */
static uint32_t lock_holders_of(struct world *world, unsigned space, unsigned level, uint64_t base)
{
	uint32_t holders = LOCK_FREE;
	uint64_t window = world->config->base >> PAGE_SHIFT;
	uint64_t nr = level_pages(level + 1);

	for (unsigned i = 0; i < MAX_CURSORS; i++) {
		const struct model_cursor *cursor = &world->cursors[i];

		if (!cursor->open || cursor->space != space || level > cursor->cursor.guard_level ||
		    base >= window + cursor->end || base + nr <= window + cursor->start)
			continue;
		holders = cursor->mode == CURSOR_READ ? holders - 1 : cursor->cursor.thread;
	}
	return holders;
}

static void check_slot_of_node(const struct look *look, uint32_t frame, unsigned level,
			       uint64_t base)
{
	struct world *world = look->world;
	const struct slot *slot = &world->slots[frame];
	uint32_t holders = atomic_load(&slot->lock.holders);
	uint32_t references = 1 + world->references[frame].roots;

	EXPECT(world, RULE_T3,
	       slot_kind(slot) == FRAME_NODE && slot_level(slot) == level &&
		       slot_format(slot) == look->format->id,
	       "frame %u: type %x is no node of level %u", frame, slot_type(slot), level);
	EXPECT(world, RULE_T6, slot_count(slot) == references, "node %u counts %u, not %u", frame,
	       slot_count(slot), references);
	EXPECT(world, RULE_X2, slot->stray == (look->place != IN_TREE), "node %u: stray is %d",
	       frame, slot->stray);
	if (look->place == IN_TREE)
		EXPECT(world, RULE_L1, holders == lock_holders_of(world, look->space, level, base),
		       "node %u of level %u is locked by %x, not %x", frame, level, holders,
		       lock_holders_of(world, look->space, level, base));
	else
		EXPECT(world, RULE_L1, holders == LOCK_FREE || any_cursor_open(world),
		       "removed node %u is locked", frame);
	EXPECT(world, RULE_L1, !lock_has_queue(&slot->lock), "somebody waits for node %u", frame);
	world->seen[frame].nodes++;
	if (look->place == IN_FRAGMENT)
		world->seen[frame].held++;
}

/* A leaf in a removed node: its references wait there. */
static void check_removed_leaf(const struct look *look, uint32_t first, unsigned level)
{
	struct world *world = look->world;

	for (uint32_t frame = first; frame < first + level_pages(level); frame++) {
		struct seen *seen = &world->seen[frame];

		if (look->place == DEFERRED)
			seen->deferred++;
		else if (look->place == IN_FRAGMENT)
			seen->held++;
		else
			seen->queue++;
		if (look->place == IN_QUEUE)
			EXPECT(world, RULE_GAP10,
			       waits_in_epoch(world, look->space, frame, look->epoch),
			       "frame %u waits in epoch %u, where the model has it not", frame,
			       look->epoch);
	}
}

static void check_linked_leaf(const struct look *look, pte_t pte, unsigned level, uint64_t base)
{
	struct world *world = look->world;
	const struct page *pages = world->spaces[look->space].pages;
	uint64_t from, to, nr = level_pages(level);
	uint64_t window = world->config->base >> PAGE_SHIFT;
	uint64_t bits;

	EXPECT(world, RULE_T13, clip(world, base, nr, &from, &to) && to - from == nr,
	       "page %llu is mapped outside the window", (unsigned long long)base);
	for (uint64_t i = from; i < to; i++) {
		const struct page *page = &pages[i];
		uint64_t offset = PAGES(window + i - base);

		EXPECT(world, RULE_T13,
		       page->mapped && page->level == level &&
			       page->paddr ==
				       pte_leaf_paddr(look->format, pte, level).value + offset,
		       "page %llu: entry %llx of level %u, the model has %s %llx level %u",
		       (unsigned long long)i, (unsigned long long)pte.raw, level,
		       page->mapped ? "leaf" : "nothing", (unsigned long long)page->paddr,
		       page->level);
		EXPECT(world, RULE_T1,
		       format_leaf_bits(look->format, level, PROP(page->prop), page->tracked,
					&bits) == 0 &&
			       pte.raw == ((page->paddr - offset) | bits),
		       "page %llu: entry %llx, the model has property %x tracked %d",
		       (unsigned long long)i, (unsigned long long)pte.raw, page->prop,
		       page->tracked);
	}
}

static void check_leaf(const struct look *look, pte_t pte, unsigned level, uint64_t base)
{
	struct world *world = look->world;
	paddr_t paddr = pte_leaf_paddr(look->format, pte, level);
	uint32_t first = (uint32_t)(paddr.value >> PAGE_SHIFT);

	EXPECT(world, RULE_T2,
	       format_has_leaf(look->format, level) &&
		       paddr.value == pte_paddr(look->format, pte).value,
	       "entry %llx is no leaf of level %u", (unsigned long long)pte.raw, level);
	if (pte_is_tracked(pte)) {
		EXPECT(world, RULE_T2, domain_contains(&world->domain, paddr, level_size(level)),
		       "leaf %llx is not the domain's", (unsigned long long)pte.raw);
		for (uint32_t frame = first; frame < first + level_pages(level); frame++)
			EXPECT(world, RULE_T7,
			       frame_kind_is_untyped(slot_kind(&world->slots[frame])) &&
				       slot_count(&world->slots[frame]) > 0,
			       "frame %u is mapped and not in use", frame);
	}
	if (look->place == IN_TREE)
		check_linked_leaf(look, pte, level, base);
	else if (pte_is_tracked(pte))
		check_removed_leaf(look, first, level);
}

static void check_absent(const struct look *look, pte_t pte, unsigned level, uint64_t base)
{
	struct world *world = look->world;
	const struct page *pages = world->spaces[look->space].pages;
	uint64_t from, to;

	if (look->place != IN_TREE || !clip(world, base, level_pages(level), &from, &to))
		return;
	for (uint64_t i = from; i < to; i++) {
		uint64_t status = pages[i].status ? status_value(pages[i].status - 1) : 0;

		EXPECT(world, RULE_T13, !pages[i].mapped, "page %llu is absent, the model has %llx",
		       (unsigned long long)i, (unsigned long long)pages[i].paddr);
		EXPECT(world, RULE_T1, pte.raw == pte_of_status(status).raw,
		       "page %llu: absent entry %llx, the model has status %llx",
		       (unsigned long long)i, (unsigned long long)pte.raw,
		       (unsigned long long)status);
	}
}

static void check_child(const struct look *look, uint32_t parent, unsigned index, pte_t pte,
			unsigned level, uint64_t base)
{
	struct world *world = look->world;
	paddr_t paddr = pte_paddr(look->format, pte);
	uint32_t frame = (uint32_t)(paddr.value >> PAGE_SHIFT);
	const struct slot *slot = &world->slots[frame];

	EXPECT(world, RULE_T1,
	       frame < world->config->nr_frames && pte.raw == pte_node(look->format, paddr).raw,
	       "entry %llx is for no node", (unsigned long long)pte.raw);
	EXPECT(world, RULE_T6,
	       slot->parent == parent && slot_type(slot) >> SLOT_INDEX_SHIFT == index,
	       "node %u says parent %u, entry %u, not %u, %u", frame, slot->parent,
	       slot_type(slot) >> SLOT_INDEX_SHIFT, parent, index);
	check_node(look, frame, level - 1, base);
}

static void check_node(const struct look *look, uint32_t frame, unsigned level, uint64_t base)
{
	struct world *world = look->world;
	const _Atomic uint64_t *entries = (void *)(world->memory + PAGES(frame));
	unsigned children = 0;

	check_slot_of_node(look, frame, level, base);
	/* What cursor_coalesce() leaves behind owns nothing, whatever its entries say. */
	if (look->place != IN_TREE && world->slots[frame].nr_children == 0)
		return;
	for (unsigned index = 0; index < NODE_ENTRIES; index++) {
		pte_t pte = PTE(entries[index]);
		uint64_t at = base + index * level_pages(level);

		children += pte_is_child(look->format, pte);
		switch (pte_kind(look->format, pte, level)) {
		case PTE_ABSENT:
			check_absent(look, pte, level, at);
			break;
		case PTE_LEAF:
			check_leaf(look, pte, level, at);
			break;
		case PTE_NODE:
			check_child(look, frame, index, pte, level, at);
			break;
		}
	}
	EXPECT(world, RULE_T5, world->slots[frame].nr_children == children,
	       "node %u counts %u children, it has %u", frame, world->slots[frame].nr_children,
	       children);
}

/* A node that no entry leads to, with what hangs under it. */
static void check_removed(struct world *world, uint32_t frame, struct look look)
{
	const struct slot *slot = &world->slots[frame];

	EXPECT(world, RULE_X2,
	       frame < world->config->nr_frames && slot_kind(slot) == FRAME_NODE &&
		       slot_format(slot) < PT_FORMATS,
	       "frame %u waits and is no node", frame);
	look.world = world;
	look.format = pt_format_of((enum pt_format_id)slot_format(slot));
	check_node(&look, frame, slot_level(slot), 0);
}

static void check_queue(struct world *world, unsigned space)
{
	const struct flush_queue *queue = &world->spaces[space].space.queue;
	uint32_t left = queue->nr_waiting;
	uint32_t oldest = UINT32_MAX;

	for (uint32_t frame = queue->first; frame != SLOT_NONE;
	     frame = world->slots[frame].next, left--) {
		uint32_t age = queue->epoch - world->slots[frame].epoch;

		EXPECT(world, RULE_GAP10, left > 0 && age <= oldest, "node %u waits out of order",
		       frame);
		oldest = age;
		check_removed(world, frame,
			      (struct look){ .space = space,
					     .place = IN_QUEUE,
					     .epoch = world->slots[frame].epoch });
	}
	EXPECT(world, RULE_GAP10, left == 0, "%u nodes are counted that do not wait", left);
}

static void check_deferred(struct world *world)
{
	uint64_t left = world->domain.nr_deferred;

	for (uint32_t frame = world->domain.deferred; frame != SLOT_NONE;
	     frame = world->slots[frame].next, left--) {
		EXPECT(world, RULE_X2, left > 0, "more nodes are deferred than counted");
		check_removed(world, frame, (struct look){ .place = DEFERRED });
	}
	EXPECT(world, RULE_X2, left == 0, "%llu nodes are counted that are not deferred",
	       (unsigned long long)left);
}

void check_tables(struct world *world)
{
	memset(world->seen, 0, world->config->nr_frames * sizeof(*world->seen));
	for (unsigned i = 0; i < world->config->nr[ARG_SPACE]; i++) {
		const struct page_table *table = &world->spaces[i].space.table;
		struct look look = { .world = world, .space = i, .place = IN_TREE };

		if (!world->spaces[i].exists)
			continue;
		look.format = table->format;
		check_node(&look, (uint32_t)(page_table_root(table).value >> PAGE_SHIFT),
			   table->format->levels, 0);
		check_queue(world, i);
	}
	check_deferred(world);
	for (unsigned i = 0; i < MAX_FRAGMENTS; i++) {
		const struct pt_fragment *fragment = &world->fragments[i].fragment;

		if (world->fragments[i].exists && fragment->kind == FRAGMENT_SUBTREE)
			check_removed(world, (uint32_t)(fragment->node.slot - world->slots),
				      (struct look){ .place = IN_FRAGMENT });
	}
}
