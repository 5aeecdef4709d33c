/* SPDX-License-Identifier: MIT */
/*
 * A world: opened, saved, restored; and what the numbers of an operation mean.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/model/model.h"

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory) {
		fprintf(stderr, "tests/model: no memory\n");
		exit(1);
	}
	return memory;
}

static void add_region(struct world *world, void *memory, size_t size, size_t stride, size_t count)
{
	world->regions[world->nr_regions++] = (struct region){ memory, size, stride, count };
}

static void add_bytes(struct world *world, void *from, void *to)
{
	add_region(world, from, (size_t)((char *)to - (char *)from), 0, 1);
}

/* Entries lie at the beginning of a frame: the rest of a node is nobody's in a small geometry. */
static void add_regions(struct world *world)
{
	const struct config *config = world->config;
	struct frame_allocator *allocator = &world->domain.allocator;
	size_t pages = config->nr[ARG_PAGE];

	add_bytes(world, &world->domain, allocator->caches);
	if (config->shelves)
		add_bytes(world, allocator->caches, allocator->caches + MAX_CURSORS + 1);
	add_bytes(world, allocator->caches + FRAME_CACHES, &world->domain + 1);
	add_bytes(world, world->spaces, world->threads);
	/* Between two operations a thread has one cursor, and the main one none. */
	add_region(world, &world->threads[1], offsetof(struct thread_cursors, places[1]),
		   sizeof(*world->threads), config->nr[ARG_CURSOR]);
	if (config->nr[ARG_IO])
		add_region(world, world->ios, sizeof(world->ios), 0, 1);
	add_region(world, world->slots, config->nr_frames * sizeof(struct slot), 0, 1);
	add_region(world, world->may_wait, config->nr_frames * sizeof(*world->may_wait), 0, 1);
	if (world->bytes) {
		add_region(world, world->memory, config->nr_frames * PAGE_SIZE, 0, 1);
		add_region(world, world->bytes, config->nr_frames * PAGE_SIZE, 0, 1);
	} else {
		add_region(world, world->memory, NODE_ENTRIES * sizeof(pte_t), PAGE_SIZE,
			   config->nr_pool);
	}
	for (unsigned i = 0; i < config->nr[ARG_SPACE]; i++) {
		add_region(world, world->spaces[i].pages, pages * sizeof(struct page), 0, 1);
		add_region(world, world->spaces[i].cached, pages * sizeof(struct cached), 0, 1);
	}
	for (unsigned i = 0; i < config->nr[ARG_OBSERVER]; i++)
		add_region(world, world->observers[i].cached, pages * sizeof(struct cached), 0, 1);
}

/* A format as the configuration wants it; no leaf is in the root of a smaller one (INV-T2). */
static struct pt_format some_format(const struct config *config, unsigned row)
{
	struct pt_format format = *pt_format_of((enum pt_format_id)config->formats[row]);

	if (config->levels) {
		format.levels = config->levels;
		format.leaf_levels &= (uint8_t)((1u << config->levels) - 1);
	}
	return format;
}

struct world *world_open(const struct config *config)
{
	struct world *world = allocate(1, sizeof(*world));
	size_t pages = config->nr[ARG_PAGE];

	world->config = config;
	world->memory = mmap(NULL, config->nr_frames * PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (world->memory == MAP_FAILED)
		exit(1);
	world->slots = allocate(config->nr_frames, sizeof(struct slot));
	world->before = allocate(config->nr_frames, sizeof(struct slot));
	world->scratch = allocate(config->nr_frames, sizeof(*world->scratch));
	world->references = allocate(config->nr_frames, sizeof(*world->references));
	world->seen = allocate(config->nr_frames, sizeof(*world->seen));
	world->may_wait = allocate(config->nr_frames, sizeof(*world->may_wait));
	world->touched = allocate(config->nr_frames, sizeof(*world->touched));
	if (config->nr[ARG_IO])
		world->bytes = allocate(config->nr_frames, PAGE_SIZE);
	for (unsigned i = 0; i < config->nr[ARG_FORMAT]; i++)
		world->formats[i] = some_format(config, i);
	for (unsigned i = 0; i < config->nr[ARG_SPACE]; i++) {
		world->spaces[i].pages = allocate(pages, sizeof(struct page));
		world->spaces[i].cached = allocate(pages, sizeof(struct cached));
	}
	for (unsigned i = 0; i < config->nr[ARG_OBSERVER]; i++)
		world->observers[i].cached = allocate(pages, sizeof(struct cached));
	for (unsigned i = 0; i < config->nr[ARG_LIST]; i++) {
		frame_list_init(&world->lists[i].list);
		world->lists[i].cursor = frame_list_front(&world->lists[i].list);
	}
	thread_switch(world, 0);
	if (domain_init(&world->domain, world->slots, config->nr_frames, world->memory) ||
	    (config->nr_pool && allocator_add(&world->domain, PADDR(0), config->nr_pool)))
		exit(1);
	world->domain.private_memory = true;
	add_regions(world);
	return world;
}

void world_close(struct world *world)
{
	for (unsigned i = 0; i < MAX_SPACES; i++) {
		free(world->spaces[i].pages);
		free(world->spaces[i].cached);
	}
	for (unsigned i = 0; i < MAX_OBSERVERS; i++)
		free(world->observers[i].cached);
	munmap(world->memory, world->config->nr_frames * PAGE_SIZE);
	free(world->slots);
	free(world->before);
	free(world->scratch);
	free(world->references);
	free(world->seen);
	free(world->may_wait);
	free(world->touched);
	free(world->bytes);
	free(world);
}

size_t world_size(const struct world *world)
{
	size_t size = 0;

	for (unsigned i = 0; i < world->nr_regions; i++)
		size += world->regions[i].size * world->regions[i].count;
	return size;
}

void world_save(const struct world *world, unsigned char *snapshot)
{
	for (unsigned i = 0; i < world->nr_regions; i++) {
		const struct region *region = &world->regions[i];

		for (size_t piece = 0; piece < region->count; piece++) {
			memcpy(snapshot, (char *)region->memory + piece * region->stride,
			       region->size);
			snapshot += region->size;
		}
	}
}

void world_restore(struct world *world, const unsigned char *snapshot)
{
	for (unsigned i = 0; i < world->nr_regions; i++) {
		const struct region *region = &world->regions[i];

		for (size_t piece = 0; piece < region->count; piece++) {
			memcpy((char *)region->memory + piece * region->stride, snapshot,
			       region->size);
			snapshot += region->size;
		}
	}
}

/* How many values there are that are none of an argument. */
static unsigned nr_none(enum argument argument)
{
	switch (argument) {
	case ARG_PAGE:
	case ARG_FRAME:
		return 3;
	case ARG_LEN:
		return 2;
	case ARG_LEVEL:
		return 1;
	default:
		return 0;
	}
}

unsigned argument_limit(const struct config *config, enum argument argument)
{
	unsigned nr = config->nr[argument];

	if (argument == ARG_NONE)
		return 1;
	return nr && config->hostile ? nr + nr_none(argument) : nr;
}

vaddr_t page_address(const struct world *world, const struct model_space *space, uint64_t page)
{
	const struct pt_format *format = space->space.table.format;
	uint64_t offset = world->config->base + PAGES(page);
	uint64_t size = UINT64_C(1) << format_address_bits(format);

	if (format->sign_extended && offset >= size / 2)
		offset |= -size;
	return VADDR(offset);
}

uint64_t page_value(const struct world *world, const struct model_space *space, unsigned arg)
{
	unsigned nr = world->config->nr[ARG_PAGE];

	if (arg <= nr)
		return page_address(world, space, arg).value;
	return arg == nr + 1 ? page_address(world, space, 0).value + 0x10 :
			       UINT64_C(0x0123456789abc000);
}

uint64_t len_value(const struct world *world, unsigned arg)
{
	unsigned nr = world->config->nr[ARG_LEN];

	if (arg < nr)
		return PAGES(arg);
	return arg == nr ? 0x800 : UINT64_C(0xfffffffffffff000);
}

paddr_t frame_value(const struct world *world, unsigned arg)
{
	unsigned nr = world->config->nr[ARG_FRAME];

	/* The last frames: the first are the pool's. */
	if (arg < nr)
		return PADDR(PAGES(world->config->nr_frames - nr + arg));
	if (arg == nr)
		return PADDR(PAGES(world->config->nr_frames - 1) + 8);
	return PADDR(arg == nr + 1 ? PAGES(world->config->nr_frames) :
				     UINT64_C(0xfffffffffffff000));
}

static const uint32_t usual_props[PROP_ROWS] = {
	PROP_READ | PROP_WRITE,
	PROP_READ,
	PROP_READ | PROP_EXECUTE,
	PROP_READ | PROP_WRITE | PROP_EXECUTE | PROP_ACCESSED | PROP_DIRTY,
	PROP_READ | PROP_SOFT | PROP_UNCACHEABLE,
	0,
	PROP_WRITE,		 /* no format can say it */
	PROP_READ | PROP_KEY(5), /* few can */
};

prop_t prop_value(const struct world *world, unsigned arg)
{
	return PROP((world->config->props ? world->config->props : usual_props)[arg]);
}

struct prop_change change_value(unsigned arg)
{
	static const struct prop_change changes[CHANGE_ROWS] = {
		{ .clear = PROP_WRITE },
		{ .set = PROP_READ | PROP_WRITE },
		{ .clear = PROP_RIGHTS },
		{ .clear = PROP_READ },
		{ .clear = PROP_DIRTY | PROP_ACCESSED },
		{ .clear = PROP_CACHE, .set = PROP_SOFT },
		{ .clear = PROP_CHANGEABLE, .set = PROP_READ },
		{ .set = UINT32_C(1) << 31 }, /* not to be changed */
	};

	return changes[arg];
}

uint32_t bits_value(unsigned arg)
{
	static const uint32_t bits[BITS_ROWS] = {
		PROP_ACCESSED, PROP_DIRTY, PROP_ACCESSED | PROP_DIRTY, 0, PROP_WRITE,
	};

	return bits[arg];
}

uint64_t status_value(unsigned arg)
{
	static const uint64_t statuses[STATUS_ROWS] = { 0, 1, STATUS_MAX, STATUS_MAX + 1 };

	return statuses[arg];
}

unsigned level_value(unsigned arg)
{
	return arg;
}

bool range_value(const struct world *world, const struct model_space *space, unsigned page,
		 unsigned len, struct range *range)
{
	const struct pt_format *format = space->space.table.format;
	uint64_t nr_pages = world->config->nr[ARG_PAGE];
	uint64_t half = UINT64_C(1) << (format_address_bits(format) - 1);
	uint64_t first = world->config->base + PAGES(page);

	*range = (struct range){
		.va = VADDR(page_value(world, space, page)),
		.len = len_value(world, len),
		.start = page,
		.end = page + (uint64_t)len,
	};
	if (!is_aligned(range->va.value | range->len, PAGE_SIZE) || range->len == 0)
		range->errors |= E(EINVAL);
	if (range->len == 0)
		return true;
	/* Sums that cannot wrap: a page is a small number, and so is a length that is one. */
	if (page > nr_pages || len >= world->config->nr[ARG_LEN] || first + range->len > 2 * half ||
	    (format->sign_extended && first < half && first + range->len > half))
		range->errors |= E(ERANGE);
	return range->errors || range->end <= nr_pages;
}
