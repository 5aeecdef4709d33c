/* SPDX-License-Identifier: MIT */
/*
 * The plain data structure: pages in an array, and sums.
 */
#include <string.h>

#include "tests/model/model.h"

uint64_t first_mapped(const struct model_space *space, uint64_t from, uint64_t to)
{
	while (from < to && !space->pages[from].mapped)
		from++;
	return from;
}

uint64_t count_mapped(const struct model_space *space, uint64_t from, uint64_t to)
{
	uint64_t count = 0;

	for (; from < to; from++)
		count += space->pages[from].mapped;
	return count;
}

bool any_status(const struct model_space *space, uint64_t from, uint64_t to)
{
	bool any = false;

	for (; from < to; from++)
		any |= space->pages[from].status != 0;
	return any;
}

uint64_t leaf_pages(const struct model_space *space, uint64_t page)
{
	return level_pages(space->pages[page].level);
}

/* A leaf's place in the table is a multiple of its size, wherever the window begins. */
uint64_t leaf_first(const struct world *world, const struct model_space *space, uint64_t page)
{
	uint64_t base = world->config->base >> PAGE_SHIFT;

	return align_down(base + page, leaf_pages(space, page)) - base;
}

static void split_leaf(const struct world *world, struct model_space *space, uint64_t page)
{
	uint64_t first = leaf_first(world, space, page);
	uint64_t nr_pages = leaf_pages(space, page);

	for (uint64_t i = 0; i < nr_pages; i++)
		space->pages[first + i].level--;
}

void split_at(const struct world *world, struct model_space *space, uint64_t page)
{
	if (page >= world->config->nr[ARG_PAGE])
		return;
	while (space->pages[page].mapped && leaf_first(world, space, page) != page)
		split_leaf(world, space, page);
}

void split_within(const struct world *world, struct model_space *space, uint64_t page,
		  uint64_t from, uint64_t to)
{
	while (space->pages[page].mapped &&
	       (leaf_first(world, space, page) < from ||
		leaf_first(world, space, page) + leaf_pages(space, page) > to))
		split_leaf(world, space, page);
}

void put_pages(struct model_space *space, uint64_t from, uint64_t nr_pages, uint64_t paddr,
	       unsigned level, prop_t prop, bool tracked)
{
	for (uint64_t i = 0; i < nr_pages; i++)
		space->pages[from + i] = (struct page){
			.paddr = paddr + PAGES(i),
			.prop = prop.bits,
			.level = (uint8_t)level,
			.mapped = true,
			.tracked = tracked,
		};
}

static void remove_page(struct world *world, unsigned space, struct page *page, enum fate fate,
			uint32_t epoch)
{
	uint32_t frame = (uint32_t)(page->paddr >> PAGE_SHIFT);

	if (page->mapped && page->tracked) {
		world->touched[frame] = true;
		if (fate == FATE_DROP) {
			world->may_wait[frame]++;
		} else if (fate == FATE_QUEUE) {
			EXPECT(world, RULE_GAP10, world->nr_waiting < MAX_WAITING,
			       "the model has no room for what waits");
			world->waiting[world->nr_waiting++] =
				(struct waiting){ frame, epoch, (uint8_t)space };
		}
	}
	*page = (struct page){ 0 };
}

void remove_pages(struct world *world, unsigned space, uint64_t from, uint64_t to, enum fate fate,
		  uint32_t epoch)
{
	for (; from < to; from++)
		remove_page(world, space, &world->spaces[space].pages[from], fate, epoch);
}

void adopt_splits(struct world *world, unsigned number)
{
	struct model_space *space = &world->spaces[number];

	for (uint64_t i = 0; i < world->config->nr[ARG_PAGE]; i++) {
		unsigned level;

		if (space->pages[i].mapped && leaf_entry(world, space, i, &level) &&
		    level < space->pages[i].level)
			space->pages[i].level = (uint8_t)level;
	}
}

/* Has every observer of the space passed this epoch? */
static bool has_passed(const struct world *world, unsigned space, uint32_t epoch)
{
	for (unsigned i = 0; i < MAX_OBSERVERS; i++) {
		const struct model_observer *observer = &world->observers[i];

		if (observer->exists && observer->space == space &&
		    (int32_t)(observer->observer.passed - epoch) < 0)
			return false;
	}
	return true;
}

void collect_waiting(struct world *world, unsigned space)
{
	unsigned left = 0;

	for (unsigned i = 0; i < world->nr_waiting; i++) {
		struct waiting waiting = world->waiting[i];

		if (waiting.space == space && has_passed(world, space, waiting.epoch)) {
			world->may_wait[waiting.frame]++;
			world->touched[waiting.frame] = true;
		} else {
			world->waiting[left++] = waiting;
		}
	}
	world->nr_waiting = left;
}

static void count_run(struct references *references, size_t offset, paddr_t paddr,
		      uint64_t nr_frames)
{
	for (uint64_t i = 0; i < nr_frames; i++)
		++*(uint32_t *)((char *)&references[(paddr.value >> PAGE_SHIFT) + i] + offset);
}

static void count_handles(const struct world *world, struct references *references)
{
	const size_t handles = offsetof(struct references, handles);

	for (unsigned i = 0; i < MAX_HANDLES; i++)
		count_run(references, handles, world->handles[i].paddr,
			  world->handles[i].domain != NULL);
	for (unsigned i = 0; i < MAX_IOS; i++)
		if (world->ios[i].kind == IO_KERNEL)
			count_run(references, handles, world->ios[i].frame.frame.paddr, 1);
	for (unsigned i = 0; i < world->nr_drained; i++)
		count_run(references, handles, PADDR(PAGES(world->drained[i])), 1);
	for (unsigned i = 0; i < MAX_SEGMENTS; i++)
		count_run(references, offsetof(struct references, segments),
			  world->segments[i].paddr, world->segments[i].nr_frames);
	for (unsigned i = 0; i < MAX_ROOTS; i++)
		count_run(references, offsetof(struct references, roots), world->roots[i].paddr,
			  world->roots[i].domain != NULL);
}

static void count_uniques(const struct world *world, struct references *references)
{
	for (unsigned i = 0; i < MAX_UNIQUES; i++)
		if (world->uniques[i].domain)
			references[world->uniques[i].paddr.value >> PAGE_SHIFT].unique = true;
	for (unsigned i = 0; i < MAX_LISTS; i++)
		for (uint32_t k = 0; k < world->lists[i].size; k++)
			references[world->lists[i].frames[k]].unique = true;
}

/* F-3: by space and page, so that a frame at one address in two spaces counts twice. */
static void count_pages(const struct world *world, struct references *references)
{
	for (unsigned i = 0; i < world->config->nr[ARG_SPACE]; i++)
		for (uint64_t k = 0; k < world->config->nr[ARG_PAGE]; k++) {
			const struct page *page = &world->spaces[i].pages[k];

			if (page->mapped && page->tracked)
				references[page->paddr >> PAGE_SHIFT].pages++;
		}
}

void count_references(const struct world *world, struct references *references)
{
	memset(references, 0, world->config->nr_frames * sizeof(*references));
	count_handles(world, references);
	count_uniques(world, references);
	count_pages(world, references);
	for (unsigned i = 0; i < world->nr_waiting; i++)
		references[world->waiting[i].frame].queue++;
	for (unsigned i = 0; i < MAX_FRAGMENTS; i++) {
		const struct pt_fragment *fragment = &world->fragments[i].fragment;

		if (world->fragments[i].exists && fragment->kind == FRAGMENT_LEAF &&
		    fragment->leaf.tracked)
			count_run(references, offsetof(struct references, fragments),
				  fragment->leaf.paddr, level_pages(fragment->leaf.level));
	}
}

bool can_say(const struct model_space *space, unsigned level, uint32_t prop, bool tracked)
{
	uint64_t bits;

	return format_leaf_bits(space->space.table.format, level, PROP(prop), tracked, &bits) == 0;
}
