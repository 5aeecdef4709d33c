/* SPDX-License-Identifier: MIT */
/*
 * What the cost of an operation depends on, and what it must not: the number of pages that are
 * mapped, and the size of the pool. And what a page costs in memory.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "bench/mm_walk.h"
#include "mm/census.h"

#define NEAR_PAGES 512u /* that are worked on again and again */
#define SAMPLES 16384u
#define ROUNDS 7

static const prop_t writable = PROP(PROP_READ | PROP_WRITE);

/* A table that is full from BENCH_BASE on, and the pages of it that are worked on. */
struct scale {
	struct bench *bench;
	uint64_t nr_pages; /* a power of two */
	bool random;	   /* any of the pages; otherwise NEAR_PAGES in the middle */
	bool writable;
	uint64_t state;
};

static vaddr_t next_page(struct scale *scale)
{
	uint64_t random = bench_random(&scale->state) >> 16;
	uint64_t page = scale->random ? random & (scale->nr_pages - 1) :
					scale->nr_pages / 2 + random % NEAR_PAGES;

	return VADDR(BENCH_BASE + (page << PAGE_SHIFT));
}

static int open_page(struct scale *scale, struct cursor *cursor)
{
	return cursor_open(cursor, &scale->bench->table, next_page(scale), PAGE_SIZE, CURSOR_MUTATE,
			   1);
}

static int query(struct scale *scale, struct cursor *cursor)
{
	struct pt_mapping mapping;
	int error = cursor_query(cursor, &mapping);

	scale->bench->sum += mapping.paddr.value;
	return error;
}

static int protect(struct scale *scale, struct cursor *cursor)
{
	struct prop_change change = { PROP_WRITE, scale->writable ? 0 : PROP_WRITE };

	return cursor_protect(cursor, PAGE_SIZE, change, NULL, NULL);
}

static int remap(struct scale *scale, struct cursor *cursor)
{
	vaddr_t va = cursor_virt_addr(cursor);
	int error = cursor_unmap(cursor, PAGE_SIZE, NULL, NULL);

	(void)scale;
	if (error == 0)
		error = cursor_jump(cursor, va);
	if (error == 0)
		error = cursor_map(cursor, PADDR(va.value - BENCH_BASE), 1, writable, false);
	return error;
}

static int sample(struct scale *scale, int (*operation)(struct scale *scale, struct cursor *cursor))
{
	int error = 0;

	for (unsigned i = 0; i < SAMPLES && error == 0; i++) {
		struct cursor cursor;

		error = open_page(scale, &cursor);
		if (error)
			break;
		error = operation(scale, &cursor);
		cursor_close(&cursor);
	}
	scale->writable = !scale->writable;
	return error;
}

/* No operation: walk, lock, load, unlock. */
static int sample_limit(struct scale *scale)
{
	struct walk_root root = walk_root(scale->bench);

	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t va = next_page(scale).value;
		uint64_t node = walk_node(root, va);
		lock_t *lock = &scale->bench->domain.slots[node >> PAGE_SHIFT].lock;

		if (!lock_try(lock, 1))
			return -EAGAIN;
		scale->bench->sum += walk_load(&walk_entries(root, node)[pte_index(va, 1)]);
		lock_release(lock);
	}
	return 0;
}

/* Not of the table at all. */
static int sample_frames(struct scale *scale)
{
	int error = 0;

	for (unsigned i = 0; i < SAMPLES && error == 0; i++) {
		struct frame frame;

		error = frame_alloc(&scale->bench->domain, FRAME_DATA, false, &frame);
		if (error == 0)
			error = frame_put(&frame);
	}
	return error;
}

enum column { QUERY, PROTECT, REMAP, LIMIT, FRAME, COLUMNS };

static int run_sample(struct scale *scale, enum column column)
{
	switch (column) {
	case QUERY:
		return sample(scale, query);
	case PROTECT:
		return sample(scale, protect);
	case REMAP:
		return sample(scale, remap);
	case LIMIT:
		return sample_limit(scale);
	default:
		return sample_frames(scale);
	}
}

/* Nanoseconds of one operation. */
static int measure(struct scale *scale, enum column column, double *ns)
{
	double times[ROUNDS];
	int error = 0;

	for (unsigned round = 0; round < ROUNDS && error == 0; round++) {
		double start;

		scale->state = 1;
		start = bench_cpu_time();
		error = run_sample(scale, column);
		times[round] = (bench_cpu_time() - start) / SAMPLES;
	}
	if (error == 0)
		*ns = bench_median(times, ROUNDS);
	return error;
}

static int measure_all(struct scale *scale, double *ns)
{
	int error = 0;

	for (enum column column = 0; column < COLUMNS && error == 0; column++)
		error = measure(scale, column, &ns[column]);
	return error;
}

static void print_pages(unsigned shift, const char *where, const double *ns, bool json)
{
	if (json)
		printf("{\"name\": \"pages\", \"which\": \"%s\", \"pages\": %lu, "
		       "\"query_ns\": %.1f, \"protect_ns\": %.1f, \"remap_ns\": %.1f, "
		       "\"limit_ns\": %.1f}\n",
		       where, 1ul << shift, ns[QUERY], ns[PROTECT], ns[REMAP], ns[LIMIT]);
	else
		printf("2^%-6u %-7s %9.1f %9.1f %9.1f %9.1f\n", shift, where, ns[QUERY],
		       ns[PROTECT], ns[REMAP], ns[LIMIT]);
}

static int fill(struct bench *bench, uint64_t nr_pages)
{
	uint64_t len = nr_pages << PAGE_SHIFT;
	struct cursor cursor;
	int error = cursor_open(&cursor, &bench->table, VADDR(BENCH_BASE), len, CURSOR_MUTATE, 1);

	if (error)
		return error;
	error = cursor_map_run(&cursor, PADDR(0), len, 1, writable, false);
	cursor_close(&cursor);
	return error;
}

static int run_pages(struct bench *bench, unsigned shift, bool json)
{
	struct scale scale = { bench, UINT64_C(1) << shift, false, true, 1 };
	double near[COLUMNS], any[COLUMNS];
	int error = bench_begin(bench, ORDER_SEQ, TABLE_WALKED_BY_SOFTWARE);

	if (error)
		return error;
	error = fill(bench, scale.nr_pages);
	if (error == 0)
		error = measure_all(&scale, near);
	scale.random = true;
	if (error == 0)
		error = measure_all(&scale, any);
	page_table_destroy(&bench->table);
	if (error)
		return error;
	print_pages(shift, "near", near, json);
	print_pages(shift, "random", any, json);
	return 0;
}

static void *reserve(uint64_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* A domain of that many frames with a table; its memory is there when it is touched. */
static int pool_open(struct bench *pool, uint64_t nr_frames)
{
	struct slot *slots = reserve(nr_frames * sizeof(*slots));
	void *memory = reserve(nr_frames * PAGE_SIZE);
	int error = slots && memory ? domain_init(&pool->domain, slots, nr_frames, memory) :
				      -ENOMEM;

	if (error)
		return error;
	pool->domain.private_memory = true;
	error = allocator_add(&pool->domain, PADDR(0), nr_frames);
	if (error)
		return error;
	return page_table_create(&pool->table, &pool->domain, pt_format_of(PT_FORMAT_EPT_4),
				 TABLE_WALKED_BY_SOFTWARE);
}

static void pool_close(struct bench *pool)
{
	page_table_destroy(&pool->table);
	munmap(pool->domain.memory, pool->domain.nr_frames * PAGE_SIZE);
	munmap(pool->domain.slots, pool->domain.nr_frames * sizeof(struct slot));
}

static void print_pool(unsigned shift, const double *ns, bool json)
{
	if (json)
		printf("{\"name\": \"pool\", \"frames\": %lu, \"query_ns\": %.1f, \"protect_ns\": "
		       "%.1f, \"remap_ns\": %.1f, \"frame_ns\": %.1f}\n",
		       1ul << shift, ns[QUERY], ns[PROTECT], ns[REMAP], ns[FRAME]);
	else
		printf("2^%-6u %-7s %9.1f %9.1f %9.1f %9.1f\n", shift, "", ns[QUERY], ns[PROTECT],
		       ns[REMAP], ns[FRAME]);
}

static int run_pool(unsigned shift, bool json)
{
	struct bench pool = { .sum = 0 };
	struct scale scale = { &pool, 2 * NEAR_PAGES, false, true, 1 };
	double ns[COLUMNS];
	int error = pool_open(&pool, UINT64_C(1) << shift);

	if (error)
		return error;
	error = fill(&pool, scale.nr_pages);
	if (error == 0)
		error = measure_all(&scale, ns);
	if (error == 0)
		print_pool(shift, ns, json);
	pool_close(&pool);
	return error;
}

int bench_scale(struct bench *bench, bool json)
{
	int error = 0;

	if (!json)
		printf("\n%-8s %-7s %9s %9s %9s %9s   ns, cursor opened and closed each time\n",
		       "pages", "which", "query", "protect", "remap", "limit");
	for (unsigned shift = 10; shift <= 24 && error == 0; shift += 2)
		error = run_pages(bench, shift, json);
	if (!json)
		printf("\n%-8s %-7s %9s %9s %9s %9s   ns\n", "pool", "", "query", "protect",
		       "remap", "frame");
	for (unsigned shift = 14; shift <= 22 && error == 0; shift += 2)
		error = run_pool(shift, json);
	return error;
}

static int print_memory(struct bench *bench, enum order order, const char *name, bool json)
{
	static const struct row full = { .before = CONTENT_TRACKED, .after = CONTENT_TRACKED };
	struct table_census census = { 0 };
	int error = bench_begin(bench, order, TABLE_WALKED_BY_SOFTWARE);

	if (error)
		return error;
	error = bench_prepare(bench, &full);
	if (error == 0)
		error = page_table_census(&bench->table, &census);
	page_table_destroy(&bench->table);
	if (error)
		return error;
	printf(json ? "{\"name\": \"memory\", \"order\": \"%s\", \"pages\": %u, \"nodes\": %lu, "
		      "\"node_bytes\": %.2f, \"slot_bytes\": %zu}\n" :
		      "Memory, %s: %u pages, %lu nodes: %.2f bytes of nodes "
		      "and %zu of slot per page\n",
	       name, BENCH_PAGES, (unsigned long)census.nodes,
	       (double)(census.nodes * PAGE_SIZE) / BENCH_PAGES, sizeof(struct slot));
	return 0;
}

int bench_memory(struct bench *bench, bool json)
{
	int error;

	if (!json)
		putchar('\n');
	error = print_memory(bench, ORDER_SEQ, "seq", json);
	return error ? error : print_memory(bench, ORDER_SPARSE, "sparse", json);
}
