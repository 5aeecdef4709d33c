/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "tests/model/canonical.h"

#define WORDS_MAX 4096

struct canon {
	const struct world *world;
	uint64_t words[WORDS_MAX];
	unsigned nr_words;
};

static void put(struct canon *canon, uint64_t word)
{
	if (canon->nr_words == WORDS_MAX)
		abort(); /* a configuration that is too large */
	canon->words[canon->nr_words++] = word;
}

/* A node and what hangs under it, in the order of its entries: its own number says nothing. */
static void put_node(struct canon *canon, uint32_t frame)
{
	const struct world *world = canon->world;
	const struct slot *slot = &world->slots[frame];
	const struct pt_format *format = pt_format_of((enum pt_format_id)slot_format(slot));
	const _Atomic uint64_t *entries = (const void *)(world->memory + PAGES(frame));
	unsigned level = slot_level(slot);

	put(canon, slot->nr_children | (uint64_t)slot->stray << 16 | (uint64_t)slot->marked << 17 |
			   (uint64_t)level << 20 | (uint64_t)slot_state(slot) << 32);
	put(canon, slot->lock.holders);
	if (slot->stray && slot->nr_children == 0)
		return;
	for (unsigned i = 0; i < NODE_ENTRIES; i++) {
		pte_t pte = PTE(entries[i]);

		if (pte_kind(format, pte, level) == PTE_NODE)
			put_node(canon, (uint32_t)(pte_paddr(format, pte).value >> PAGE_SHIFT));
		else
			put(canon, pte.raw);
	}
}

/* How many different epochs that anybody minds lie between this one and the latest. */
static uint64_t epoch_rank(const struct world *world, unsigned space, uint32_t epoch)
{
	const struct flush_queue *queue = &world->spaces[space].space.queue;
	uint32_t seen[64];
	uint64_t rank = 0;
	unsigned nr = 0;

	for (uint32_t frame = queue->first; frame != SLOT_NONE && nr < 32;
	     frame = world->slots[frame].next)
		seen[nr++] = world->slots[frame].epoch;
	for (unsigned i = 0; i < MAX_OBSERVERS; i++)
		if (world->observers[i].exists && world->observers[i].space == space)
			seen[nr++] = world->observers[i].observer.passed;
	seen[nr++] = queue->epoch;
	/* Each once: those that come again are made to be no later than `epoch`. */
	for (unsigned i = 0; i < nr; i++)
		for (unsigned k = 0; k < i; k++)
			if (seen[k] == seen[i])
				seen[i] = epoch;
	for (unsigned i = 0; i < nr; i++)
		rank += (int32_t)(seen[i] - epoch) > 0;
	return rank;
}

static void put_cached(struct canon *canon, const struct cached *cached)
{
	for (uint64_t i = 0; i < canon->world->config->nr[ARG_PAGE]; i++)
		put(canon, cached[i].valid ? cached[i].paddr | cached[i].rights << 1 | 1u : 0);
}

static void put_space(struct canon *canon, unsigned number)
{
	const struct world *world = canon->world;
	const struct model_space *space = &world->spaces[number];
	const struct page_table *table = &space->space.table;

	put(canon, space->exists);
	if (!space->exists)
		return;
	put(canon, space->flush | (uint64_t)table->walker << 8 | (uint64_t)table->marked << 16 |
			   (uint64_t)(table->format - world->formats) << 24);
	put_node(canon, (uint32_t)(page_table_root(table).value >> PAGE_SHIFT));
	for (uint32_t frame = space->space.queue.first; frame != SLOT_NONE;
	     frame = world->slots[frame].next) {
		put(canon, epoch_rank(world, number, world->slots[frame].epoch));
		put_node(canon, frame);
	}
	put(canon, UINT64_MAX);
	if (space->flush == FLUSH_AT_ONCE)
		put_cached(canon, space->cached);
}

static void put_cursor(struct canon *canon, const struct model_cursor *cursor)
{
	put(canon, cursor->open);
	if (!cursor->open)
		return;
	put(canon, cursor->start | cursor->at << 16 | cursor->end << 32 |
			   (uint64_t)cursor->space << 48 | (uint64_t)cursor->mode << 56);
	put(canon, cursor->cursor.level | (uint64_t)cursor->cursor.guard_level << 8 |
			   (uint64_t)cursor->cursor.shared << 16);
}

static void put_fragment(struct canon *canon, const struct model_fragment *model)
{
	const struct pt_fragment *fragment = &model->fragment;

	put(canon, model->exists);
	if (!model->exists)
		return;
	put(canon, fragment->kind | (uint64_t)model->space << 8);
	put(canon, fragment->start.value | fragment->len >> PAGE_SHIFT);
	if (fragment->kind == FRAGMENT_SUBTREE)
		put_node(canon, (uint32_t)(fragment->node.slot - canon->world->slots));
	else
		put(canon, fragment->leaf.paddr.value | fragment->leaf.tracked |
				   fragment->leaf.level << 1);
}

static void put_list(struct canon *canon, const struct model_list *list)
{
	put(canon, list->size | (uint64_t)list->at << 8 | (uint64_t)(list->list.id != 0) << 16);
	for (uint32_t i = 0; i < list->size; i++)
		put(canon, list->frames[i]);
}

static void put_handles(struct canon *canon)
{
	const struct world *world = canon->world;
	const struct config *config = world->config;

	for (unsigned i = 0; i < config->nr[ARG_HANDLE]; i++)
		put(canon, world->handles[i].domain ? world->handles[i].paddr.value : 1);
	for (unsigned i = 0; i < config->nr[ARG_UNIQUE]; i++)
		put(canon, world->uniques[i].domain ? world->uniques[i].paddr.value : 1);
	for (unsigned i = 0; i < config->nr[ARG_SEGMENT]; i++)
		put(canon, world->segments[i].domain ?
				   world->segments[i].paddr.value | world->segments[i].nr_frames :
				   UINT64_MAX);
	for (unsigned i = 0; i < config->nr[ARG_LIST]; i++)
		put_list(canon, &world->lists[i]);
	for (unsigned i = 0; i < config->nr[ARG_FRAGMENT]; i++)
		put_fragment(canon, &world->fragments[i]);
	for (unsigned i = 0; i < config->nr[ARG_ROOT]; i++)
		put(canon, world->roots[i].domain ? world->root_space[i] : UINT64_MAX);
}

static void put_observers(struct canon *canon)
{
	const struct world *world = canon->world;

	for (unsigned i = 0; i < world->config->nr[ARG_OBSERVER]; i++) {
		const struct model_observer *observer = &world->observers[i];

		put(canon, observer->exists);
		if (!observer->exists)
			continue;
		put(canon, observer->space);
		put(canon, epoch_rank(world, observer->space, observer->observer.passed));
		put_cached(canon, observer->cached);
	}
}

/* Frames outside the pool, each for itself; of the pool only how many are left. */
static void put_frames(struct canon *canon)
{
	const struct world *world = canon->world;

	for (uint32_t frame = world->config->nr_pool; frame < world->config->nr_frames; frame++) {
		const struct slot *slot = &world->slots[frame];

		put(canon, slot_state(slot) | (uint64_t)slot_kind(slot) << 32 |
				   (uint64_t)slot->home << 40 | (uint64_t)(slot->list != 0) << 48);
	}
	put(canon, allocator_free_frames(&world->domain));
	put(canon, world->nr_drained);
}

static uint64_t mix(uint64_t hash, uint64_t word, uint64_t multiplier)
{
	hash = (hash ^ word) * multiplier;
	return hash ^ hash >> 29;
}

struct fingerprint world_fingerprint(const struct world *world)
{
	static struct canon canon;
	struct fingerprint print = { 1, 2 };

	canon.world = world;
	canon.nr_words = 0;
	for (unsigned i = 0; i < world->config->nr[ARG_SPACE]; i++)
		put_space(&canon, i);
	for (uint32_t frame = world->domain.deferred; frame != SLOT_NONE;
	     frame = world->slots[frame].next)
		put_node(&canon, frame);
	put(&canon, UINT64_MAX);
	for (unsigned i = 0; i < world->config->nr[ARG_CURSOR]; i++)
		put_cursor(&canon, &world->cursors[i]);
	put_handles(&canon);
	put_observers(&canon);
	put_frames(&canon);
	for (unsigned i = 0; i < canon.nr_words; i++) {
		print.low = mix(print.low, canon.words[i], UINT64_C(0x9e3779b97f4a7c15));
		print.high = mix(print.high, canon.words[i], UINT64_C(0xc2b2ae3d27d4eb4f));
	}
	return print;
}
