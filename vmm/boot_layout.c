/* SPDX-License-Identifier: MIT */
/*
 * The layout of a guest's RAM at boot: see boot_layout.h.
 */
#include "vmm/boot_layout.h"

#include <errno.h>
#include <string.h>

static uint64_t block_end(const struct abi_memory *block)
{
	return block->gpa + block->len;
}

/* At most BOOT_BLOCKS_MAX are ever added: the segments, and four blocks of the VMM's. */
static void block_insert(struct boot_layout *layout, unsigned index, struct abi_memory block)
{
	struct abi_memory *blocks = layout->blocks;

	memmove(&blocks[index + 1], &blocks[index], (layout->nr_blocks - index) * sizeof(block));
	blocks[index] = block;
	layout->nr_blocks++;
}

void boot_layout_add(struct boot_layout *layout, gpa_t gpa, uint64_t len, enum abi_memory_kind kind)
{
	uint64_t start = align_down(gpa.value, PAGE_SIZE);
	uint64_t end = page_align_up(gpa.value + len);
	struct abi_memory *before;
	unsigned index = layout->nr_blocks;

	while (index > 0 && layout->blocks[index - 1].gpa > start)
		index--;
	before = index > 0 ? &layout->blocks[index - 1] : NULL;
	if (!before || block_end(before) <= start)
		block_insert(layout, index,
			     (struct abi_memory){ .gpa = start, .len = end - start, .kind = kind });
	else if (block_end(before) < end)
		before->len = end - before->gpa;
}

struct gap {
	uint64_t start;
	uint64_t end;
};

/* What is free of [start, end) between block `index` and the one before it. May be empty. */
static struct gap gap_before(const struct boot_layout *layout, unsigned index, uint64_t start,
			     uint64_t end)
{
	struct gap gap = { start, end };

	if (index > 0 && block_end(&layout->blocks[index - 1]) > gap.start)
		gap.start = block_end(&layout->blocks[index - 1]);
	if (index < layout->nr_blocks && layout->blocks[index].gpa < gap.end)
		gap.end = layout->blocks[index].gpa;
	return gap;
}

bool boot_layout_place(struct boot_layout *layout, enum boot_place place, uint64_t start,
		       uint64_t end, uint64_t len, enum abi_memory_kind kind, gpa_t *gpa)
{
	unsigned nr_gaps = layout->nr_blocks + 1;

	for (unsigned i = 0; i < nr_gaps; i++) {
		unsigned index = place == BOOT_PLACE_LOWEST ? i : nr_gaps - 1 - i;
		struct gap gap = gap_before(layout, index, start, end);

		if (gap.start >= gap.end || len > gap.end - gap.start)
			continue;
		*gpa = GPA(place == BOOT_PLACE_LOWEST ? gap.start :
							align_down(gap.end - len, PAGE_SIZE));
		boot_layout_add(layout, *gpa, len, kind);
		return true;
	}
	return false;
}

static unsigned run_append(struct abi_memory *runs, unsigned nr, uint64_t gpa, uint64_t len,
			   uint32_t kind)
{
	struct abi_memory *last = nr > 0 ? &runs[nr - 1] : NULL;

	if (len == 0)
		return nr;
	if (last && last->kind == kind && block_end(last) == gpa) {
		last->len += len;
		return nr;
	}
	runs[nr] = (struct abi_memory){ .gpa = gpa, .len = len, .kind = kind };
	return nr + 1;
}

static unsigned range_cut(const struct boot_layout *layout, uint64_t start, uint64_t end,
			  struct abi_memory *runs, unsigned nr)
{
	for (unsigned i = 0; i < layout->nr_blocks; i++) {
		const struct abi_memory *block = &layout->blocks[i];

		if (block->gpa < start || block->gpa >= end)
			continue;
		nr = run_append(runs, nr, start, block->gpa - start, ABI_MEMORY_FREE);
		nr = run_append(runs, nr, block->gpa, block->len, block->kind);
		start = block_end(block);
	}
	return run_append(runs, nr, start, end - start, ABI_MEMORY_FREE);
}

unsigned boot_layout_runs(const struct boot_layout *layout, const struct ram_layout *ram,
			  struct abi_memory runs[BOOT_RUNS_MAX])
{
	unsigned nr = range_cut(layout, 0, ram->low_len, runs, 0);

	if (ram->high_len == 0)
		return nr;
	return range_cut(layout, RAM_HOLE_END, RAM_HOLE_END + ram->high_len, runs, nr);
}

/* Is run `index` free, and between two parts of the image that it touches? */
static bool run_is_image_gap(const struct abi_memory *runs, unsigned nr, unsigned index)
{
	const struct abi_memory *run = &runs[index];

	return index > 0 && index + 1 < nr && run->kind == ABI_MEMORY_FREE &&
	       run[-1].kind == ABI_MEMORY_IMAGE && run[1].kind == ABI_MEMORY_IMAGE &&
	       block_end(&run[-1]) == run->gpa && block_end(run) == run[1].gpa;
}

/* Joins the smallest gap in the image with its neighbours: two runs less. False if it has none. */
static bool image_gap_close(struct abi_memory *runs, unsigned *nr)
{
	unsigned smallest = 0;

	for (unsigned i = 0; i < *nr; i++)
		if (run_is_image_gap(runs, *nr, i) &&
		    (smallest == 0 || runs[i].len < runs[smallest].len))
			smallest = i;
	if (smallest == 0)
		return false;
	runs[smallest - 1].len += runs[smallest].len + runs[smallest + 1].len;
	memmove(&runs[smallest], &runs[smallest + 2], (*nr - smallest - 2) * sizeof(*runs));
	*nr -= 2;
	return true;
}

int boot_layout_memory(const struct boot_layout *layout, const struct ram_layout *ram,
		       struct abi_memory memory[ABI_MEMORY_MAX])
{
	struct abi_memory runs[BOOT_RUNS_MAX];
	unsigned nr = boot_layout_runs(layout, ram, runs);

	while (nr > ABI_MEMORY_MAX)
		if (!image_gap_close(runs, &nr))
			return -E2BIG;
	memcpy(memory, runs, nr * sizeof(*runs));
	return (int)nr;
}
