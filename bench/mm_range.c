/* SPDX-License-Identifier: MIT */
/*
 * One cursor over the whole range, and what bounds it.
 *
 * In ascending order an operation that takes a range is called once; in the others the cursor jumps
 * to each page. Opening and closing are part of the work.
 */
#include "bench/mm_walk.h"

#define WRITABLE PROP(PROP_READ | PROP_WRITE)

static int open_all(struct bench *bench, struct cursor *cursor, enum cursor_mode mode)
{
	return cursor_open(cursor, &bench->table, VADDR(bench->start), bench->len, mode, 1);
}

static int map_all(const struct bench *bench, struct cursor *cursor)
{
	const uint64_t *paddr = bench->paddr;

	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		int error = cursor_map(cursor, PADDR(paddr[i]), 1, WRITABLE, true);

		if (error)
			return error;
	}
	return 0;
}

static int map_each(const struct bench *bench, struct cursor *cursor)
{
	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		int error = cursor_jump(cursor, VADDR(bench->va[i]));

		if (error == 0)
			error = cursor_map(cursor, PADDR(bench->paddr[i]), 1, WRITABLE, true);
		if (error)
			return error;
	}
	return 0;
}

int run_map(struct bench *bench)
{
	struct cursor cursor;
	int error = open_all(bench, &cursor, CURSOR_MUTATE);

	if (error)
		return error;
	error = bench->order == ORDER_SEQ ? map_all(bench, &cursor) : map_each(bench, &cursor);
	cursor_close(&cursor);
	return error;
}

int limit_map(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	const uint64_t *va = bench->va, *paddr = bench->paddr;
	uint64_t bits = bench->leaf_bits;

	for (unsigned i = 0; i < BENCH_PAGES; i++)
		walk_store(walk_leaf(root, va[i]), paddr[i] | bits);
	return 0;
}

int run_map_run(struct bench *bench)
{
	struct cursor cursor;
	int error = open_all(bench, &cursor, CURSOR_MUTATE);

	if (error)
		return error;
	error = cursor_map_run(&cursor, PADDR(0), bench->len, 1, WRITABLE, true);
	cursor_close(&cursor);
	return error;
}

/* One walk for each node. */
int limit_map_run(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	uint64_t end = bench->start + bench->len;
	uint64_t pte = bench->leaf_bits;
	_Atomic uint64_t *entry = NULL;

	for (uint64_t va = bench->start; va < end; va += PAGE_SIZE, pte += PAGE_SIZE, entry++) {
		if (pte_index(va, 1) == 0)
			entry = walk_leaf(root, va);
		walk_store(entry, pte);
	}
	return 0;
}

static int query_all(struct bench *bench, struct cursor *cursor)
{
	struct pt_mapping mapping;
	int found;

	while ((found = cursor_query_next(cursor, cursor_remaining(cursor), &mapping)) > 0)
		bench->sum += mapping.paddr.value + mapping.prop.bits;
	return found;
}

static int query_each(struct bench *bench, struct cursor *cursor)
{
	struct pt_mapping mapping;
	int error = 0;

	for (unsigned i = 0; i < BENCH_PAGES && error == 0; i++) {
		error = cursor_jump(cursor, VADDR(bench->va[i]));
		if (error == 0)
			error = cursor_query(cursor, &mapping);
		if (error == 0)
			bench->sum += mapping.paddr.value + mapping.prop.bits;
	}
	return error;
}

int run_query(struct bench *bench)
{
	struct cursor cursor;
	int error = open_all(bench, &cursor, CURSOR_READ);

	if (error)
		return error;
	error = bench->order == ORDER_SEQ ? query_all(bench, &cursor) : query_each(bench, &cursor);
	cursor_close(&cursor);
	return error;
}

int limit_query(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	const uint64_t *va = bench->va;
	uint64_t sum = 0;

	for (unsigned i = 0; i < BENCH_PAGES; i++)
		sum += walk_load(walk_leaf(root, va[i]));
	bench->sum += sum;
	return 0;
}

/* Takes the right to write away, or gives it back: every leaf changes. */
static struct prop_change next_change(struct bench *bench)
{
	bench->writable = !bench->writable;
	return (struct prop_change){ PROP_WRITE, bench->writable ? PROP_WRITE : 0 };
}

int run_protect(struct bench *bench)
{
	struct prop_change change = next_change(bench);
	struct cursor cursor;
	int error = open_all(bench, &cursor, CURSOR_MUTATE);

	if (error)
		return error;
	if (bench->order == ORDER_SEQ)
		error = cursor_protect(&cursor, bench->len, change, NULL, NULL);
	for (unsigned i = 0; bench->order != ORDER_SEQ && i < BENCH_PAGES && error == 0; i++) {
		error = cursor_jump(&cursor, VADDR(bench->va[i]));
		if (error == 0)
			error = cursor_protect(&cursor, PAGE_SIZE, change, NULL, NULL);
	}
	cursor_close(&cursor);
	return error;
}

int limit_protect(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	uint64_t clear = bench->write_bit;
	uint64_t set = next_change(bench).set ? clear : 0;
	const uint64_t *va = bench->va;

	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		_Atomic uint64_t *entry = walk_leaf(root, va[i]);

		walk_store(entry, (walk_load(entry) & ~clear) | set);
	}
	return 0;
}

int limit_protect_atomic(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	uint64_t clear = bench->write_bit;
	uint64_t set = next_change(bench).set ? clear : 0;
	const uint64_t *va = bench->va;

	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		_Atomic uint64_t *entry = walk_leaf(root, va[i]);
		uint64_t pte = walk_load(entry);

		while (!atomic_compare_exchange_strong(entry, &pte, (pte & ~clear) | set))
			;
	}
	return 0;
}

/* What was unmapped is given back within the time. */
int run_unmap(struct bench *bench)
{
	struct cursor cursor;
	int error = open_all(bench, &cursor, CURSOR_MUTATE);

	if (error)
		return error;
	if (bench->order == ORDER_SEQ)
		error = cursor_unmap(&cursor, bench->len, NULL, NULL);
	for (unsigned i = 0; bench->order != ORDER_SEQ && i < BENCH_PAGES && error == 0; i++) {
		error = cursor_jump(&cursor, VADDR(bench->va[i]));
		if (error == 0)
			error = cursor_unmap(&cursor, PAGE_SIZE, NULL, NULL);
	}
	cursor_close(&cursor);
	domain_reclaim(&bench->domain);
	return error;
}

int limit_unmap(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	struct slot *slots = bench->domain.slots;
	const uint64_t *va = bench->va;

	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		_Atomic uint64_t *entry = walk_leaf(root, va[i]);
		uint64_t pte = walk_load(entry);

		walk_store(entry, 0);
		atomic_fetch_sub(&slots[(pte & WALK_ADDRESS) >> PAGE_SHIFT].state, 1);
	}
	return 0;
}

int run_subtrees(struct bench *bench)
{
	struct cursor cursor;
	struct pt_fragment fragment;
	int found = open_all(bench, &cursor, CURSOR_MUTATE);

	if (found)
		return found;
	while ((found = cursor_take_next(&cursor, cursor_remaining(&cursor), &fragment)) > 0)
		fragment_drop(&fragment);
	cursor_close(&cursor);
	domain_reclaim(&bench->domain);
	return found;
}
