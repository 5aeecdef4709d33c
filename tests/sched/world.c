/* SPDX-License-Identifier: MIT */
/* The world of a scenario: made, put back, and checked at its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/audit.h"
#include "mm/frame_cache.h"
#include "tests/sched/world.h"

struct arena arena;

static struct arena image; /* as it was at the beginning */
static uint64_t touched[FRAME_WORDS];

/* Ends that were checked: what memory was, and what the end is called. */
#define ENDS_MAX 65536u

static struct {
	uint64_t key;
	char *text;
} ends[ENDS_MAX];
static unsigned nr_ends;

void world_touch(unsigned frame)
{
	touched[frame / 64] |= UINT64_C(1) << frame % 64;
}

static unsigned char *frame_bytes(struct arena *of, unsigned frame)
{
	return of->memory + frame * PAGE_SIZE;
}

/* Calls what the condition of a setup is not met by: the run has no beginning. */
static void need(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "sched: cannot set up: %s\n", what);
		exit(2);
	}
}

/* Each thread, and who calls this, gets some frames, zeroed and on its shelf. */
static void shelves_fill(void)
{
	for (uint32_t thread = 0; thread <= THREADS_MAX; thread++) {
		need(allocator_add(&world->domain, world_paddr(thread * WORLD_SHELF),
				   WORLD_SHELF) == 0,
		     "frames");
		frame_cache_fill(&world->domain, thread + 1, WORLD_SHELF);
	}
}

void world_empty_shelves(void)
{
	need(allocator_drain(&world->domain) > 0, "frames on shelves");
}

void world_share_memory(void)
{
	world_empty_shelves();
	world->domain.private_memory = false;
	for (uint32_t thread = 0; thread <= THREADS_MAX; thread++)
		frame_cache_fill(&world->domain, thread + 1, WORLD_SHELF);
}

static void ends_forget(void)
{
	for (unsigned i = 0; i < ENDS_MAX; i++) {
		free(ends[i].text);
		ends[i].text = NULL;
	}
	nr_ends = 0;
}

void world_prepare(const struct scenario *scenario)
{
	memset(&arena, 0, sizeof(arena));
	ends_forget();
	need(domain_init(&world->domain, world->slots, WORLD_FRAMES, arena.memory) == 0, "domain");
	world->domain.private_memory = true;
	shelves_fill();
	if (scenario->setup)
		scenario->setup();
	image = arena;
	memset(touched, 0, sizeof(touched));
}

void world_reset(void)
{
	arena.world = image.world;
	for (unsigned i = 0; i < FRAME_WORDS; i++)
		for (; touched[i]; touched[i] &= touched[i] - 1) {
			unsigned frame = i * 64 + (unsigned)__builtin_ctzll(touched[i]);

			memcpy(frame_bytes(&arena, frame), frame_bytes(&image, frame), PAGE_SIZE);
		}
}

struct page_table *world_table(unsigned index)
{
	return &world->spaces[index].table;
}

void world_space(unsigned index, enum pt_format_id format, enum table_walker walker,
		 const struct space_operations *operations)
{
	need(space_create(&world->spaces[index], &world->domain, pt_format_of(format), walker,
			  operations) == 0,
	     "a space");
	if (index >= world->nr_spaces)
		world->nr_spaces = index + 1;
}

struct frame world_hold(unsigned frame, enum frame_kind kind)
{
	struct frame handle = { 0 };

	need(frame_from_unused(&world->domain, world_paddr(frame), kind, &handle) == 0, "a frame");
	world->held[frame]++;
	return handle;
}

void world_map(unsigned index, uint64_t page, unsigned frame, unsigned level, prop_t prop,
	       bool tracked)
{
	uint64_t len = level_size(level);

	for (unsigned i = 0; tracked && i < len >> PAGE_SHIFT; i++) {
		struct frame handle;

		if (world->held[frame + i] == 0)
			world_hold(frame + i, FRAME_GUEST);
		need(frame_from_in_use(&world->domain, world_paddr(frame + i), &handle) == 0,
		     "a reference");
	}
	need(space_map(&world->spaces[index], world_page(page), world_paddr(frame), len, 0, prop,
		       tracked) == 0,
	     "a mapping");
}

uint64_t world_result(int error, const struct pt_mapping *mapping, uint64_t page)
{
	uint64_t frame;

	if (error)
		return (uint64_t)(int64_t)error;
	if (!mapping->present)
		return mapping->status << 8;
	frame = (mapping->paddr.value >> PAGE_SHIFT) + page - (mapping->start.value >> PAGE_SHIFT);
	return frame << 16 | (mapping->prop.bits & 0xff) << 4 | (uint64_t)mapping->tracked << 1 | 1;
}

/* What memory is now. */
static uint64_t memory_key(void)
{
	const uint64_t *words = (const uint64_t *)world;
	uint64_t key = 0;

	for (size_t i = 0; i < sizeof(*world) / sizeof(*words); i++)
		key = run_mix(key, words[i]);
	for (unsigned frame = 0; frame < WORLD_FRAMES; frame++) {
		if (!(touched[frame / 64] >> frame % 64 & 1))
			continue;
		words = (const uint64_t *)frame_bytes(&arena, frame);
		key = run_mix(key, frame);
		for (unsigned i = 0; i < NODE_ENTRIES; i++)
			key = run_mix(key, words[i]);
	}
	return key;
}

static uint32_t held(void *context, paddr_t paddr)
{
	(void)context;
	return world->held[paddr.value >> PAGE_SHIFT];
}

static void audit(void)
{
	static uint32_t scratch[WORLD_FRAMES];
	struct audit_report report;

	if (mm_audit(&world->domain, scratch, held, NULL, &report))
		sched_fail("audit: %s: %s: frame %llu, entry %u: expected %llu, found %llu",
			   report.violation.rule, report.violation.text,
			   (unsigned long long)(report.violation.paddr.value >> PAGE_SHIFT),
			   report.violation.index, (unsigned long long)report.violation.expected,
			   (unsigned long long)report.violation.found);
	if (world->domain.nr_corrupt != 0)
		sched_fail("audit: %llu references were put that nobody owned",
			   (unsigned long long)world->domain.nr_corrupt);
}

/* What each page of a table maps: "4:65rwT", page, frame, rights, tracked. */
static size_t describe_table(const struct page_table *table, char *text, size_t size)
{
	size_t used = 0;
	struct pt_mapping mapping;

	for (uint64_t page = 0; page < 128; page += mapping.len >> PAGE_SHIFT) {
		if (page_table_walk(table, world_page(page), &mapping)) {
			sched_fail("the table makes no sense at page %llu",
				   (unsigned long long)page);
			return used;
		}
		if (mapping.present)
			used += (size_t)snprintf(text + used, size - used, " %llu+%llu:%llu/%x%s",
						 (unsigned long long)page,
						 (unsigned long long)(mapping.len >> PAGE_SHIFT),
						 (unsigned long long)(mapping.paddr.value >>
								      PAGE_SHIFT),
						 mapping.prop.bits, mapping.tracked ? "t" : "");
		else if (mapping.status)
			used += (size_t)snprintf(text + used, size - used, " %llu+%llu:#%llu",
						 (unsigned long long)page,
						 (unsigned long long)(mapping.len >> PAGE_SHIFT),
						 (unsigned long long)mapping.status);
		if (used >= size)
			return size - 1;
	}
	return used;
}

static char *describe(void)
{
	char text[4096];
	size_t used = 0;

	for (unsigned i = 0; i < world->nr_spaces; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, " table %u:", i);
		used += describe_table(world_table(i), text + used, sizeof(text) - used);
	}
	used += (size_t)snprintf(text + used, sizeof(text) - used, " counts:");
	for (unsigned i = WORLD_DATA; i < WORLD_FRAMES; i++)
		if (slot_count(&world->slots[i]) > 0 && used < sizeof(text) - 32)
			used += (size_t)snprintf(text + used, sizeof(text) - used, " %u:%u", i,
						 slot_count(&world->slots[i]));
	return strdup(text);
}

/* Everything is destroyed: every frame must come back. */
static void check_leaks(void)
{
	uint64_t free_frames, managed = world->domain.allocator.nr_managed;

	for (unsigned i = 0; i < world->nr_spaces; i++)
		space_destroy(&world->spaces[i]);
	domain_reclaim(&world->domain);
	for (unsigned i = 0; i < WORLD_FRAMES; i++)
		for (; world->held[i] > 0; world->held[i]--) {
			struct frame frame = frame_from_raw(&world->domain, world_paddr(i));

			if (frame_put(&frame))
				sched_fail("leak: a reference on frame %u is gone", i);
		}
	allocator_drain(&world->domain);
	free_frames = allocator_free_frames(&world->domain);
	if (free_frames != managed)
		sched_fail("leak: %llu of %llu frames came back", (unsigned long long)free_frames,
			   (unsigned long long)managed);
	for (unsigned i = WORLD_DATA; i < WORLD_FRAMES; i++)
		if (slot_state(&world->slots[i]) != SLOT_UNUSED)
			sched_fail("leak: frame %u is still in use", i);
}

const char *world_end(void)
{
	uint64_t key = memory_key();
	unsigned place = (unsigned)key % ENDS_MAX;

	while (ends[place].text && ends[place].key != key)
		place = (place + 1) % ENDS_MAX;
	if (ends[place].text)
		return ends[place].text;
	if (nr_ends > ENDS_MAX / 2) {
		ends_forget();
		place = (unsigned)key % ENDS_MAX;
	}
	if (sched.scenario->end)
		sched.scenario->end();
	audit();
	nr_ends++;
	ends[place].key = key;
	ends[place].text = describe();
	if (sched.result != RUN_FAILED)
		check_leaks();
	if (sched.result != RUN_FAILED)
		return ends[place].text;
	free(ends[place].text);
	ends[place].text = NULL;
	return "";
}
