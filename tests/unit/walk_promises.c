/* SPDX-License-Identifier: MIT */
/*
 * What mm/foreign_walk.h promises: see walk_promises.h.
 */
#include "tests/unit/walk_promises.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mm/foreign_walk.h"

#define PAGES_MAX 24
#define REVISITS 64
#define ENTRIES 1024 /* of the largest table, of 4-byte entries */
#define HEADER 8

struct input {
	unsigned char memory[PAGES_MAX][PAGE_SIZE];
	unsigned nr_pages;
	struct foreign_paging paging;
	struct foreign_visitor visitor;
	bool entered[PAGES_MAX * (PAGE_SIZE / 32)][LEVELS_MAX + 1]; /* PAE roots begin anywhere */
	uint64_t tables;					    /* entered */
	uint64_t next; /* where the next run begins, if holes are visited, too */
	uint64_t runs;
	bool first;
	const char *broken;
};

static void require(struct input *input, bool holds, const char *promise)
{
	if (!holds && !input->broken)
		input->broken = promise;
}

static const void *page(void *context, uint64_t address)
{
	struct input *input = context;

	require(input, is_aligned(address, PAGE_SIZE), "pages are asked for by their begin");
	return address / PAGE_SIZE < input->nr_pages ? input->memory[address / PAGE_SIZE] : NULL;
}

static bool seen(void *context, uint64_t table, unsigned level, uint64_t start)
{
	struct input *input = context;
	bool *entered;

	if (table / PAGE_SIZE >= input->nr_pages || level < 1 || level > LEVELS_MAX) {
		require(input, false, "what is entered is memory, and of a level");
		return true;
	}
	require(input, foreign_is_canonical(&input->paging, start), "tables begin canonical");
	entered = &input->entered[table / 32][level];
	if (*entered)
		return true;
	*entered = true;
	input->tables++;
	return false;
}

static struct foreign_memory memory_of(struct input *input)
{
	return (struct foreign_memory){ .page = page, .context = input };
}

/* One leaf or other entry of a run, by a walk of its own. */
static void check_entry(struct input *input, const struct foreign_run *run, uint64_t number)
{
	const struct foreign_memory memory = memory_of(input);
	uint64_t va = run->start + number * (run->len / run->nr);
	struct foreign_path path;

	foreign_translate(&input->paging, &memory, va, &path);
	if (run->end == FOREIGN_REPEATED)
		return;
	require(input, path.end == run->end, "a run ends as its addresses do");
	if (run->end != FOREIGN_MAPPED)
		return;
	require(input, path.level == run->level, "a run's leaves have its level");
	require(input, path.rights == run->rights, "a run's leaves have its rights");
	require(input, path.address == run->address + number * run->step,
		"a run's leaves go on by its step");
}

static void check_shape(struct input *input, const struct foreign_run *run)
{
	require(input, run->nr && run->len && run->len % run->nr == 0, "a run has entries");
	require(input, foreign_is_canonical(&input->paging, run->start), "runs begin canonical");
	require(input, !(run->raw_all & ~run->raw_any) && !(run->raw_all & ~run->raw),
		"what all entries have, the first one has");
	require(input, !input->visitor.single || run->end != FOREIGN_MAPPED || run->nr == 1,
		"a single leaf is no more");
	require(input,
		run->end != FOREIGN_MAPPED || !(input->visitor.rights & ~run->rights) ||
			run->level == 1 || run->leaf_rights != FOREIGN_RIGHTS,
		"subtrees without the rights are left out");
	require(input, run->end != FOREIGN_NOT_PRESENT || input->visitor.holes,
		"holes are visited if they are wanted");
}

/* With holes and without demands, one run follows the other, but between the halves. */
static void check_order(struct input *input, const struct foreign_run *run)
{
	uint64_t half = -(UINT64_C(1) << (input->paging.address_bits - 1));

	require(input, input->first || run->start >= input->next || run->start == half,
		"runs ascend");
	if (input->visitor.holes && !input->visitor.rights)
		require(input, run->start == input->next || run->start == half, "no gap");
	input->first = false;
	input->next = run->start + run->len;
}

static int take(void *context, const struct foreign_run *run)
{
	struct input *input = context;

	input->runs++;
	check_shape(input, run);
	check_order(input, run);
	check_entry(input, run, 0);
	check_entry(input, run, run->nr - 1);
	check_entry(input, run, run->nr / 2);
	return input->broken != NULL;
}

static void fill(struct input *input, const uint8_t *data, size_t size)
{
	const uint8_t *words = data + HEADER;
	size_t len = (size - HEADER) & ~(size_t)7;

	for (size_t at = 0; at < input->nr_pages * PAGE_SIZE; at += 8)
		memcpy((unsigned char *)input->memory + at, words + at % len, 8);
}

static void prepare(struct input *input, const uint8_t *data, size_t size)
{
	enum foreign_mode mode = (enum foreign_mode)(data[0] % FOREIGN_MODES);

	input->nr_pages = 1 + data[2] % PAGES_MAX;
	input->first = true;
	fill(input, data, size);
	foreign_paging_make(mode, (uint64_t)(data[1] % input->nr_pages) * PAGE_SIZE + data[4] * 32,
			    32 + data[5] % 21, &input->paging);
	if (data[3] & 16)
		foreign_paging_ignore_reserved(&input->paging);
	input->visitor = (struct foreign_visitor){
		.run = take,
		.seen = seen,
		.context = input,
		.last = UINT64_MAX,
		.revisits = REVISITS,
		.holes = data[3] & 1,
		.single = data[3] & 2,
		.rights = data[3] & 4 ? PROP_WRITE : 0,
		.distinct = data[3] & 8 ? input->paging.accessed | input->paging.dirty : 0,
	};
}

const char *walk_broken_promise(const uint8_t *data, size_t size)
{
	struct input *input;
	const char *broken;
	uint64_t left;

	if (size < WALK_INPUT_MIN)
		return NULL;
	input = calloc(1, sizeof(*input));
	if (!input)
		return NULL;
	prepare(input, data, size);
	const struct foreign_memory memory = memory_of(input);
	foreign_walk(&input->paging, &memory, &input->visitor, &left);
	require(input, input->runs <= (input->tables + REVISITS - left + 1) * ENTRIES,
		"the work is bounded by tables and revisits");
	broken = input->broken;
	free(input);
	return broken;
}
