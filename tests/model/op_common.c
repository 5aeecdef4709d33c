/* SPDX-License-Identifier: MIT */
/*
 * What several operations need: lengths, references for leaves, flushes.
 */
#include <string.h>

#include "tests/model/model.h"

uint32_t len_errors(const struct world *world, const struct model_cursor *cursor, unsigned arg)
{
	uint64_t len = len_value(world, arg);

	if (!is_aligned(len, PAGE_SIZE))
		return E(EINVAL);
	return len <= PAGES(cursor->end - cursor->at) ? 0 : E(ERANGE);
}

static bool hold_frame(struct world *world, uint64_t number)
{
	struct slot *slot = &world->slots[number];
	struct frame frame;

	world->touched[number] = true;
	if (slot_state(slot) == SLOT_UNUSED) {
		if (frame_from_unused(&world->domain, PADDR(PAGES(number)), FRAME_GUEST, &frame))
			return false;
		if (world->bytes)
			memcpy(world->bytes + PAGES(number), world->memory + PAGES(number),
			       PAGE_SIZE);
		return true;
	}
	return slot_count(slot) > 0 && frame_kind_is_untyped(slot_kind(slot)) &&
	       run_get(&world->domain, PADDR(PAGES(number)), 1) == 0;
}

bool hold_run(struct world *world, paddr_t paddr, uint64_t nr_frames)
{
	world->held = (struct held_run){ paddr.value >> PAGE_SHIFT, 0 };
	while (world->held.nr_frames < nr_frames &&
	       hold_frame(world, world->held.first + world->held.nr_frames))
		world->held.nr_frames++;
	if (world->held.nr_frames == nr_frames)
		return true;
	release_run(world);
	return false;
}

void release_run(struct world *world)
{
	struct segment run = segment_from_raw(&world->domain, PADDR(PAGES(world->held.first)),
					      world->held.nr_frames);

	if (world->held.nr_frames > 0)
		(void)segment_put(&run);
	world->held.nr_frames = 0;
}

unsigned lowest_guard(const struct world *world, uint64_t start, uint64_t end, unsigned min_level)
{
	uint64_t base = world->config->base >> PAGE_SHIFT;
	unsigned level = min_level;

	while ((base + start) / level_pages(level + 1) != (base + end - 1) / level_pages(level + 1))
		level++;
	return level;
}

void put_run(const struct world *world, struct model_space *space, const struct mapped_run *run)
{
	const struct pt_format *format = space->space.table.format;
	uint64_t window = world->config->base;

	for (uint64_t done = 0; done < run->nr_pages;) {
		uint64_t page = run->page + done;
		unsigned found;
		unsigned level = format_leaf_fit(format, run->max_level, window + PAGES(page),
						 run->paddr.value + PAGES(done),
						 PAGES(run->nr_pages - done));

		/* A node with statuses is not empty, and is never reclaimed. */
		while (level > 1 &&
		       (run->nodes_block || any_status(space, page, page + level_pages(level))) &&
		       place_at(world, space, page, level, &found) == PLACE_NODE && found == level)
			level--;
		put_pages(space, page, level_pages(level), run->paddr.value + PAGES(done), level,
			  run->prop, run->tracked);
		done += level_pages(level);
	}
}

void expect_mapping(struct world *world, const struct model_space *space, uint64_t page,
		    const struct pt_mapping *mapping)
{
	const struct page *expected = &space->pages[page];
	uint64_t offset = page_address(world, space, page).value - mapping->start.value;
	unsigned found;

	(void)place_at(world, space, page, 1, &found);
	EXPECT(world, RULE_RESULT,
	       mapping->present == expected->mapped && mapping->level == found &&
		       mapping->len == level_size(found) && offset < mapping->len &&
		       is_aligned(mapping->start.value, mapping->len),
	       "page %llu: present %d, level %u, %llx bytes from %llx", (unsigned long long)page,
	       mapping->present, mapping->level, (unsigned long long)mapping->len,
	       (unsigned long long)mapping->start.value);
	if (!expected->mapped)
		EXPECT(world, RULE_RESULT,
		       mapping->status ==
			       (expected->status ? status_value(expected->status - 1) : 0),
		       "page %llu: status %llx", (unsigned long long)page,
		       (unsigned long long)mapping->status);
	else
		EXPECT(world, RULE_RESULT,
		       mapping->paddr.value + offset == expected->paddr &&
			       mapping->prop.bits == expected->prop &&
			       mapping->tracked == expected->tracked,
		       "page %llu: %llx, property %x, tracked %d", (unsigned long long)page,
		       (unsigned long long)mapping->paddr.value + offset, mapping->prop.bits,
		       mapping->tracked);
}

static void forget(struct cached *cached, uint64_t from, uint64_t to, uint32_t rights_left)
{
	for (; from < to; from++) {
		cached[from].rights &= rights_left;
		cached[from].valid &= cached[from].rights != 0;
	}
}

void forget_range(struct world *world, unsigned space, uint64_t from, uint64_t to,
		  uint32_t rights_left)
{
	forget(world->spaces[space].cached, from, to, rights_left);
	for (unsigned i = 0; i < world->config->nr[ARG_OBSERVER]; i++)
		if (world->observers[i].exists && world->observers[i].space == space)
			forget(world->observers[i].cached, from, to, rights_left);
}

/* Nothing that is flushed has been let go yet (T-5). */
static void flushed(struct world *world, unsigned number, vaddr_t start, uint64_t len,
		    uint32_t rights_left)
{
	const struct model_space *space = &world->spaces[number];
	uint64_t nr = world->config->nr[ARG_PAGE];
	uint64_t mask = (UINT64_C(1) << format_address_bits(space->space.table.format)) - 1;
	uint64_t base = world->config->base;
	uint64_t offset = start.value & mask;
	uint64_t from = offset > base ? (offset - base) >> PAGE_SHIFT : 0;
	uint64_t to = offset + len > base ? (offset + len - base) >> PAGE_SHIFT : 0;

	EXPECT(world, RULE_FLUSHED, len > 0 && is_aligned(start.value | len, PAGE_SIZE),
	       "a flush of %llx bytes", (unsigned long long)len);
	to = to < nr ? to : nr;
	for (uint64_t page = from; page < to; page++) {
		const struct page *mapped = &space->pages[page];

		if (world->flush.flushed)
			world->flush.flushed[page] = true;
		EXPECT(world, RULE_FLUSHED,
		       !mapped->mapped || !mapped->tracked ||
			       slot_count(&world->slots[mapped->paddr >> PAGE_SHIFT]) > 0,
		       "page %llu is flushed after its frame has gone", (unsigned long long)page);
	}
	forget_range(world, number, from, to, rights_left);
}

static void cursor_flush(void *context, vaddr_t start, uint64_t len)
{
	struct flush_record *record = context;

	flushed(record->world, record->space, start, len, 0);
}

static bool pages_flushed[4096];

static void record_flushes(struct world *world, unsigned space)
{
	memset(pages_flushed, 0, world->config->nr[ARG_PAGE]);
	world->flush = (struct flush_record){ world, space, pages_flushed };
}

struct range_flush flush_recorder(struct world *world, unsigned space)
{
	record_flushes(world, space);
	return (struct range_flush){ cursor_flush, &world->flush };
}

void expect_flushed(struct world *world, unsigned number, uint64_t from, uint64_t to,
		    uint32_t had_rights)
{
	const struct model_space *space = &world->spaces[number];

	for (; world->flush.flushed && from < to; from++)
		EXPECT(world, RULE_FLUSHED,
		       world->flush.flushed[from] || !space->pages[from].mapped ||
			       !(space->pages[from].prop & had_rights),
		       "page %llu changed and was not flushed", (unsigned long long)from);
}

static void space_flush(struct vm_space *vm_space, vaddr_t start, uint64_t len, prop_t rights)
{
	struct model_space *space =
		(struct model_space *)((char *)vm_space - offsetof(struct model_space, space));
	struct world *world = world_of(vm_space->table.domain);

	flushed(world, (unsigned)(space - world->spaces), start, len, rights.bits);
}

const struct space_operations space_kinds[FLUSH_KINDS] = {
	[FLUSH_AT_ONCE] = { .flush = space_flush },
	[FLUSH_OBSERVED] = { 0 },
};

void touch_waiting(struct world *world)
{
	for (uint32_t frame = 0; frame < world->config->nr_frames; frame++)
		world->touched[frame] |= world->may_wait[frame] > 0;
	for (unsigned i = 0; i < world->nr_waiting; i++)
		world->touched[world->waiting[i].frame] = true;
}

struct world *world_of(struct phys_domain *domain)
{
	return (struct world *)((char *)domain - offsetof(struct world, domain));
}

void begin_flushes(struct world *world, unsigned space)
{
	record_flushes(world, space);
	if (world->spaces[space].flush != FLUSH_AT_ONCE)
		world->flush.flushed = NULL;
}
