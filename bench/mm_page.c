/* SPDX-License-Identifier: MIT */
/*
 * A cursor opened and closed for each page, and frames one by one; and what bounds them: the walk,
 * the lock of the node that has the entry, and the counts that change.
 */
#include "bench/mm_walk.h"

#define WRITABLE PROP(PROP_READ | PROP_WRITE)

static inline int open_page(struct bench *bench, struct cursor *cursor, unsigned i,
			    enum cursor_mode mode)
{
	return cursor_open(cursor, &bench->table, VADDR(bench->va[i]), PAGE_SIZE, mode, 1);
}

int run_open_map(struct bench *bench)
{
	int error = 0;

	for (unsigned i = 0; i < BENCH_PAGES && error == 0; i++) {
		struct cursor cursor;

		error = open_page(bench, &cursor, i, CURSOR_MUTATE);
		if (error)
			break;
		error = cursor_map(&cursor, PADDR(bench->paddr[i]), 1, WRITABLE, true);
		cursor_close(&cursor);
	}
	return error;
}

int run_open_query(struct bench *bench)
{
	int error = 0;

	for (unsigned i = 0; i < BENCH_PAGES && error == 0; i++) {
		struct pt_mapping mapping;
		struct cursor cursor;

		error = open_page(bench, &cursor, i, CURSOR_READ);
		if (error)
			break;
		error = cursor_query(&cursor, &mapping);
		cursor_close(&cursor);
		if (error == 0)
			bench->sum += mapping.paddr.value + mapping.prop.bits;
	}
	return error;
}

int run_open_protect(struct bench *bench)
{
	struct prop_change change = { PROP_WRITE, bench->writable ? 0 : PROP_WRITE };
	int error = 0;

	bench->writable = !bench->writable;
	for (unsigned i = 0; i < BENCH_PAGES && error == 0; i++) {
		struct cursor cursor;

		error = open_page(bench, &cursor, i, CURSOR_MUTATE);
		if (error)
			break;
		error = cursor_protect(&cursor, PAGE_SIZE, change, NULL, NULL);
		cursor_close(&cursor);
	}
	return error;
}

int run_open_unmap(struct bench *bench)
{
	int error = 0;

	for (unsigned i = 0; i < BENCH_PAGES && error == 0; i++) {
		struct cursor cursor;

		error = open_page(bench, &cursor, i, CURSOR_MUTATE);
		if (error)
			break;
		error = cursor_unmap(&cursor, PAGE_SIZE, NULL, NULL);
		cursor_close(&cursor);
	}
	return error;
}

/* Always the same page. */
int run_open_close(struct bench *bench)
{
	int error = 0;

	for (unsigned i = 0; i < BENCH_PAGES && error == 0; i++) {
		struct cursor cursor;

		error = open_page(bench, &cursor, 0, CURSOR_MUTATE);
		if (error == 0)
			cursor_close(&cursor);
	}
	return error;
}

int run_frame(struct bench *bench)
{
	int error = 0;

	for (unsigned i = 0; i < BENCH_PAGES && error == 0; i++) {
		struct frame frame;

		error = frame_alloc(&bench->domain, FRAME_DATA, false, &frame);
		if (error == 0)
			error = frame_put(&frame);
	}
	return error;
}

/* The entry of a page, in a node that is locked. */
struct locked {
	struct slot *slot;
	_Atomic uint64_t *entry;
};

/* False if somebody has the lock, which nobody does. */
static inline bool lock_page(const struct bench *bench, struct walk_root root, uint64_t va,
			     struct locked *locked)
{
	uint64_t node = walk_node(root, va);

	locked->slot = &bench->domain.slots[node >> PAGE_SHIFT];
	locked->entry = walk_entries(root, node) + pte_index(va, 1);
	return lock_try(&locked->slot->lock, 1);
}

int limit_open_map(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	struct locked page;

	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		if (!lock_page(bench, root, bench->va[i], &page))
			return -EAGAIN;
		walk_store(page.entry, bench->paddr[i] | bench->leaf_bits);
		page.slot->nr_children++;
		lock_release(&page.slot->lock);
	}
	return 0;
}

int limit_open_query(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	struct locked page;

	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		if (!lock_page(bench, root, bench->va[i], &page))
			return -EAGAIN;
		bench->sum += walk_load(page.entry);
		lock_release(&page.slot->lock);
	}
	return 0;
}

int limit_open_protect(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	uint64_t clear = bench->write_bit;
	uint64_t set = bench->writable ? 0 : clear;
	struct locked page;

	bench->writable = !bench->writable;
	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		if (!lock_page(bench, root, bench->va[i], &page))
			return -EAGAIN;
		walk_store(page.entry, (walk_load(page.entry) & ~clear) | set);
		lock_release(&page.slot->lock);
	}
	return 0;
}

int limit_open_unmap(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	struct locked page;

	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		uint64_t pte;

		if (!lock_page(bench, root, bench->va[i], &page))
			return -EAGAIN;
		pte = walk_load(page.entry);
		walk_store(page.entry, 0);
		page.slot->nr_children--;
		lock_release(&page.slot->lock);
		atomic_fetch_sub(&bench->domain.slots[(pte & WALK_ADDRESS) >> PAGE_SHIFT].state, 1);
	}
	return 0;
}

int limit_open_close(struct bench *bench)
{
	struct walk_root root = walk_root(bench);
	struct locked page;

	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		if (!lock_page(bench, root, bench->va[0], &page))
			return -EAGAIN;
		lock_release(&page.slot->lock);
	}
	return 0;
}

/* Two compare-exchanges: a frame becomes somebody's, and nobody's again. */
int limit_frame(struct bench *bench)
{
	_Atomic uint32_t *state = &bench->domain.slots[0].state;

	for (unsigned i = 0; i < BENCH_PAGES; i++) {
		uint32_t old = slot_state(&bench->domain.slots[0]);

		if (!atomic_compare_exchange_strong(state, &old, old + 1))
			return -EAGAIN;
		old++;
		if (!atomic_compare_exchange_strong(state, &old, old - 1))
			return -EAGAIN;
	}
	return 0;
}
