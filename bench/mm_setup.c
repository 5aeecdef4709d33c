/* SPDX-License-Identifier: MIT */
/*
 * The domain, the table and the pages that the rows of bench/mm work on.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "bench/mm_walk.h"
#include "mm/audit.h"

#define NODE_FRAMES 40960u /* sparse order takes 28 thousand, 2^24 dense pages 33 thousand */
#define FRAMES (BENCH_PAGES + NODE_FRAMES)
#define SPARSE_BITS 24 /* pages of BENCH_SPARSE_LEN */
#define WRITABLE PROP(PROP_READ | PROP_WRITE)

double bench_cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

double bench_wall_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

uint64_t bench_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int compare_times(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

double bench_median(double *times, unsigned nr)
{
	qsort(times, nr, sizeof(*times), compare_times);
	return times[nr / 2];
}

/* Memory that is there before it is used. */
static void *reserve(uint64_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void shuffle(uint64_t *numbers)
{
	uint64_t state = 1;

	for (unsigned i = 0; i < BENCH_PAGES; i++)
		numbers[i] = i;
	for (unsigned i = BENCH_PAGES - 1; i > 0; i--) {
		unsigned other = (unsigned)(bench_random(&state) % (i + 1));
		uint64_t number = numbers[i];

		numbers[i] = numbers[other];
		numbers[other] = number;
	}
}

static int claim_frames(struct bench *bench)
{
	int error = 0;

	for (uint64_t number = 0; number < BENCH_PAGES && error == 0; number++) {
		struct frame frame;

		error = frame_from_unused(&bench->domain, PADDR(number << PAGE_SHIFT), FRAME_GUEST,
					  &frame);
	}
	return error;
}

int bench_open(struct bench *bench)
{
	struct slot *slots = reserve(FRAMES * sizeof(*slots));
	void *memory = reserve(FRAMES * PAGE_SIZE);
	uint64_t *words = reserve(3 * BENCH_PAGES * sizeof(*words));
	int error;

	bench->scratch = reserve(FRAMES * sizeof(*bench->scratch));
	if (!slots || !memory || !words || !bench->scratch)
		return -ENOMEM;
	bench->va = words;
	bench->paddr = words + BENCH_PAGES;
	bench->shuffled = words + 2 * BENCH_PAGES;
	shuffle(bench->shuffled);
	error = domain_init(&bench->domain, slots, FRAMES, memory);
	bench->domain.private_memory = true;
	if (error == 0)
		error = allocator_add(&bench->domain, PADDR(BENCH_PAGES * PAGE_SIZE), NODE_FRAMES);
	return error ? error : claim_frames(bench);
}

void bench_close(struct bench *bench)
{
	munmap(bench->domain.slots, FRAMES * sizeof(struct slot));
	munmap(bench->domain.memory, FRAMES * PAGE_SIZE);
	munmap(bench->va, 3 * BENCH_PAGES * sizeof(uint64_t));
	munmap(bench->scratch, FRAMES * sizeof(*bench->scratch));
}

/* One of 2^SPARSE_BITS places for each number, a different one for each. */
static uint64_t scatter(uint64_t number)
{
	const uint64_t mask = (UINT64_C(1) << SPARSE_BITS) - 1;

	for (unsigned round = 0; round < 3; round++) {
		number = (number * 0x9e3779b1u + 0x7f4a7c15u) & mask;
		number ^= number >> (SPARSE_BITS / 2);
	}
	return number;
}

static void place_pages(struct bench *bench, enum order order)
{
	bench->order = order;
	bench->start = BENCH_BASE;
	bench->len = order == ORDER_SPARSE ? BENCH_SPARSE_LEN : BENCH_PAGES * PAGE_SIZE;
	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		uint64_t number = order == ORDER_SEQ ? i : bench->shuffled[i];
		uint64_t page = order == ORDER_SPARSE ? scatter(i) : number;

		bench->va[i] = bench->start + (page << PAGE_SHIFT);
		bench->paddr[i] = number << PAGE_SHIFT;
	}
}

int bench_begin(struct bench *bench, enum order order, enum table_walker walker)
{
	const struct pt_format *format = pt_format_of(
		walker == TABLE_WALKED_BY_HARDWARE ? PT_FORMAT_X86_64_4 : PT_FORMAT_EPT_4);
	uint64_t read_only;

	place_pages(bench, order);
	bench->content = CONTENT_EMPTY;
	bench->sum = 0;
	if (format_leaf_bits(format, 1, WRITABLE, true, &bench->leaf_bits) ||
	    format_leaf_bits(format, 1, PROP(PROP_READ), true, &read_only))
		return -EOPNOTSUPP;
	bench->write_bit = bench->leaf_bits ^ read_only;
	return page_table_create(&bench->table, &bench->domain, format, walker);
}

/* The frames to map; the rest is the allocator's and the table's. */
static uint32_t held(void *unused, paddr_t paddr)
{
	(void)unused;
	return paddr.value >> PAGE_SHIFT < BENCH_PAGES;
}

int bench_end(struct bench *bench)
{
	struct audit_report report;
	int error;

	domain_reclaim(&bench->domain);
	error = mm_audit(&bench->domain, bench->scratch, held, NULL, &report);
	page_table_destroy(&bench->table);
	return error;
}

/* One reference on each frame to map. */
static int own_frames(struct bench *bench)
{
	return run_get(&bench->domain, PADDR(0), BENCH_PAGES);
}

static int open_all(struct bench *bench, struct cursor *cursor)
{
	return cursor_open(cursor, &bench->table, VADDR(bench->start), bench->len, CURSOR_MUTATE,
			   1);
}

static int fill(struct bench *bench)
{
	struct cursor cursor;
	int error = own_frames(bench);

	if (error == 0)
		error = open_all(bench, &cursor);
	if (error)
		return error;
	for (unsigned i = 0; i < BENCH_PAGES && error == 0; i++) {
		error = cursor_jump(&cursor, VADDR(bench->va[i]));
		if (error == 0)
			error = cursor_map(&cursor, PADDR(bench->paddr[i]), 1, WRITABLE, true);
	}
	cursor_close(&cursor);
	bench->writable = true;
	return error;
}

/* Page by page: so all nodes stay. */
static int clear(struct bench *bench)
{
	struct cursor cursor;
	int error = open_all(bench, &cursor);

	if (error)
		return error;
	for (unsigned i = 0; i < BENCH_PAGES && error == 0; i++) {
		error = cursor_jump(&cursor, VADDR(bench->va[i]));
		if (error == 0)
			error = cursor_unmap(&cursor, PAGE_SIZE, NULL, NULL);
	}
	cursor_close(&cursor);
	return error;
}

static int fill_untracked(struct bench *bench)
{
	struct cursor cursor;
	int error = open_all(bench, &cursor);

	if (error)
		return error;
	error = cursor_map_run(&cursor, PADDR(0), bench->len, 1, WRITABLE, false);
	cursor_close(&cursor);
	return error;
}

static int change_content(struct bench *bench, enum content content)
{
	int error = 0;

	if (content == CONTENT_UNTRACKED)
		return fill_untracked(bench);
	if (bench->content != CONTENT_TRACKED && bench->content != CONTENT_NODES)
		error = fill(bench);
	else if (content == CONTENT_TRACKED)
		error = fill(bench);
	if (error == 0 && content == CONTENT_NODES)
		error = clear(bench);
	return error;
}

static int set_writable(struct bench *bench, bool to)
{
	struct prop_change change = { PROP_WRITE, to ? PROP_WRITE : 0 };
	struct cursor cursor;
	int error = bench->writable == to ? 0 : open_all(bench, &cursor);

	if (error || bench->writable == to)
		return error;
	error = cursor_protect(&cursor, bench->len, change, NULL, NULL);
	cursor_close(&cursor);
	bench->writable = to;
	return error;
}

int bench_prepare(struct bench *bench, const struct row *row)
{
	int error = 0;

	domain_reclaim(&bench->domain);
	if (row->before != bench->content && row->before != CONTENT_EMPTY)
		error = change_content(bench, row->before);
	if (error == 0 && row->before == CONTENT_TRACKED)
		error = set_writable(bench, !row->read_only);
	if (error == 0 && row->owned)
		error = own_frames(bench);
	bench->content = row->after;
	if (row->after == CONTENT_TRACKED && row->before != CONTENT_TRACKED)
		bench->writable = true;
	return error;
}

/* Where a node is missing the walk ends in frame 0, which is all zero. */
void bench_recount(struct bench *bench)
{
	struct walk_root root = walk_root(bench);

	for (unsigned i = 0; i < 2 * BENCH_PAGES; i++) {
		uint64_t va = bench->va[i % BENCH_PAGES];
		uint64_t node = walk_node(root, va);
		struct slot *slot = domain_slot_at(&bench->domain, PADDR(node));

		if (node && i < BENCH_PAGES)
			slot->nr_children = 0;
		else if (node && walk_load(walk_leaf(root, va)) != 0)
			slot->nr_children++;
	}
}
