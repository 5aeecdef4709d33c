/* SPDX-License-Identifier: MIT */
/*
 * Mapping: from absent to present, and never over anything.
 */
#include "mm/cursor_private.h"
#include "mm/untyped.h"

SLOW_PATH int cursor_reach(struct cursor *cursor, unsigned level)
{
	while (cursor->level < level)
		cursor_pop(cursor);
	while (cursor->level > level) {
		struct pt_entry entry = cursor_entry(cursor);
		struct pt_node child;
		int error;

		if (entry_is_node(&entry)) {
			error = cursor_child(cursor, entry.pte, &child);
		} else {
			error = entry_alloc_if_none(&entry, cursor->thread, &child);
			if (error == 0)
				cursor_adopt(cursor, child);
		}
		if (error)
			return error;
		cursor_push(cursor, child);
	}
	return 0;
}

/* Can [paddr, paddr + len) be mapped here at all? */
static int check_run(const struct cursor *cursor, paddr_t paddr, uint64_t len, bool tracked)
{
	const struct page_table *table = cursor->table;
	uint64_t last = paddr.value + (len - 1);
	int error = cursor_check_len(cursor, len);

	if (error)
		return error;
	if (cursor->mode != CURSOR_MUTATE || !is_aligned(paddr.value, PAGE_SIZE) || len == 0)
		return -EINVAL;
	if (last < paddr.value || align_down(last, PAGE_SIZE) & ~table->format->address)
		return -ERANGE;
	return tracked && !domain_contains(table->domain, paddr, len) ? -ERANGE : 0;
}

/* Fills cursor->encoded for leaves of this kind, with all that does not depend on the place. */
static int encode(struct cursor *cursor, unsigned level, prop_t prop, bool tracked)
{
	const struct page_table *table = cursor->table;
	uint64_t size = tracked ? table->domain->nr_frames << PAGE_SHIFT : UINT64_MAX;
	int error = format_leaf_bits(table->format, level, prop, tracked, &cursor->encoded.bits);

	cursor->encoded.level = 0;
	if (error)
		return error;
	if (cursor->mode != CURSOR_MUTATE || level > cursor->guard_level)
		return -EINVAL;
	if (size < level_size(level))
		return -ERANGE;
	cursor->encoded.limit = size - level_size(level);
	if (cursor->encoded.limit > table->format->address)
		cursor->encoded.limit = table->format->address;
	cursor->encoded.level = level;
	cursor->encoded.prop = prop;
	cursor->encoded.tracked = tracked;
	return 0;
}

/* Behind the leaf that was put at `index` of its node. */
static inline void step_behind(struct cursor *cursor, unsigned level, unsigned index)
{
	cursor->at += level_size(level);
	if (index == NODE_ENTRIES - 1)
		cursor_leave_node(cursor);
}

/* put_leaf() where the entry is not zero. */
static SLOW_PATH int put_over(struct cursor *cursor, unsigned level, pte_t pte)
{
	struct pt_node node = cursor->path[level];
	unsigned index = pte_index(cursor->at, level);
	pte_t old = node_read(node, index);

	if (pte_is_present(cursor->table->format, old))
		return -EEXIST;
	node_write(node, index, pte);
	if (!pte_has_status(old))
		node_count_child(node);
	step_behind(cursor, level, index);
	return 0;
}

/*
 * Puts a leaf where nothing is, and steps behind it. Hardware never changes an absent entry, so the
 * node's lock makes a plain store safe in every table.
 */
static inline int put_leaf(struct cursor *cursor, unsigned level, pte_t pte)
{
	struct pt_node node = cursor->path[level];
	unsigned index = pte_index(cursor->at, level);

	if (node_read(node, index).raw != 0)
		return put_over(cursor, level, pte);
	node_write(node, index, pte);
	node_count_child(node);
	step_behind(cursor, level, index);
	return 0;
}

/* Are leaves of this kind what was encoded last? */
static inline bool is_encoded(const struct cursor *cursor, unsigned level, prop_t prop,
			      bool tracked)
{
	return cursor->encoded.level == level && cursor->encoded.prop.bits == prop.bits &&
	       cursor->encoded.tracked == tracked;
}

/* Can a leaf of the kind that is encoded map `paddr` here? */
static inline int check_place(const struct cursor *cursor, paddr_t paddr, uint64_t size)
{
	if (!is_aligned(cursor->at | paddr.value, size))
		return -EINVAL;
	return paddr.value <= cursor->encoded.limit && size <= cursor_remaining(cursor) ? 0 :
											  -ERANGE;
}

/* cursor_map() of any leaf, anywhere. */
static __attribute__((noinline)) int map_any(struct cursor *cursor, paddr_t paddr, unsigned level,
					     prop_t prop, bool tracked)
{
	int error = 0;

	if (level == 0 || !is_encoded(cursor, level, prop, tracked))
		error = encode(cursor, level, prop, tracked);
	if (error == 0)
		error = check_place(cursor, paddr, level_size(level));
	if (error == 0 && cursor->level != level)
		error = cursor_reach(cursor, level);
	return error ? error : put_leaf(cursor, level, PTE(paddr.value | cursor->encoded.bits));
}

/* Most leaves are like the one before, and beside it: 4 KiB, of the same kind, in the same node. */
int cursor_map(struct cursor *cursor, paddr_t paddr, unsigned level, prop_t prop, bool tracked)
{
	int error;

	if (level != 1 || cursor->level != 1 || !is_encoded(cursor, 1, prop, tracked))
		return map_any(cursor, paddr, level, prop, tracked);
	error = check_place(cursor, paddr, PAGE_SIZE);
	return error ? error : put_leaf(cursor, 1, PTE(paddr.value | cursor->encoded.bits));
}

int cursor_map_frame(struct cursor *cursor, struct frame *frame, prop_t prop)
{
	int error;

	/* What a leaf owns of another kind it could never give up (INV-T7). */
	if (frame->domain != cursor->table->domain || !frame_is_untyped(frame))
		return -EINVAL;
	error = cursor_map(cursor, frame->paddr, 1, prop, true);
	if (error == 0)
		frame_into_raw(frame);
	return error;
}

/*
 * One leaf of the run, as large as fits; smaller where an empty node of earlier times is in the way
 * (C-12).
 */
static int map_largest(struct cursor *cursor, paddr_t paddr, uint64_t len, unsigned max_level,
		       prop_t prop, bool tracked)
{
	unsigned level =
		format_leaf_fit(cursor->table->format, max_level, cursor->at, paddr.value, len);
	int error;

	do
		error = cursor_map(cursor, paddr, level, prop, tracked);
	while (error == -EEXIST && --level > 0);
	return error;
}

/*
 * Takes the leaves of a run away again that was mapped half; their references are the caller's
 * still.
 */
static void unmap_again(struct cursor *cursor, uint64_t begin)
{
	static const struct pt_child absent = { .kind = PTE_ABSENT };
	uint64_t end = cursor->at;

	cursor_place(cursor, begin);
	while (cursor_find(cursor, end - cursor->at, FIND_LEAVES, FIND_WHOLE) > 0) {
		struct pt_entry entry = cursor_entry(cursor);
		struct pt_child old;

		entry_replace(&entry, &absent, &old);
		cursor_forward(cursor);
	}
	cursor_place(cursor, begin);
}

/*
 * Goes on with leaves like the one just mapped, to the end of its node or of the run, as long as
 * there is not even a status: no larger one can begin there.
 */
static void map_more(struct cursor *cursor, uint64_t paddr, uint64_t end)
{
	const struct pt_format *format = cursor->table->format;
	struct pt_node node = cursor_node(cursor);
	unsigned first = pte_index(cursor->at, cursor->level);
	uint64_t size = level_size(cursor->level);
	uint64_t room = (end - cursor->at) >> level_shift(cursor->level);
	unsigned index = first;

	if (first == 0 || cursor->encoded.level != cursor->level)
		return;
	for (; index < NODE_ENTRIES && index - first < room; index++, paddr += size) {
		if (pte_is_child(format, node_read(node, index)))
			break;
		node_write(node, index, PTE(paddr | cursor->encoded.bits));
	}
	node_count_children(node, (int)(index - first));
	cursor->at += (index - first) * size;
	if (index == NODE_ENTRIES)
		cursor_leave_node(cursor);
}

/*
 * Makes the nodes that a run needs, so that memory cannot run out when statuses have been mapped
 * over: they would be gone.
 */
static int reserve_run(struct cursor *cursor, paddr_t paddr, uint64_t len, unsigned max_level)
{
	const struct pt_format *format = cursor->table->format;
	uint64_t begin = cursor->at;
	int error = 0;

	while (error == 0 && cursor->at < begin + len) {
		uint64_t done = cursor->at - begin;
		unsigned level = format_leaf_fit(format, max_level, cursor->at, paddr.value + done,
						 len - done);
		struct pt_entry entry;

		do {
			error = cursor_reach(cursor, level);
			entry = cursor_entry(cursor);
		} while (error == 0 && entry_is_node(&entry) && --level > 0);
		if (error == 0)
			cursor_forward(cursor);
	}
	cursor_place(cursor, begin);
	return error;
}

int cursor_map_run(struct cursor *cursor, paddr_t paddr, uint64_t len, unsigned max_level,
		   prop_t prop, bool tracked)
{
	uint64_t begin = cursor->at;
	uint64_t end = begin + len;
	int error = check_run(cursor, paddr, len, tracked);

	if (error)
		return error;
	if (max_level == 0 || max_level > cursor->guard_level)
		max_level = cursor->guard_level;
	error = cursor_find(cursor, len, FIND_LEAVES, FIND_WHOLE);
	cursor_place(cursor, begin);
	if (error)
		return error > 0 ? -EEXIST : error;
	if (atomic_load_explicit(&cursor->table->marked, memory_order_relaxed))
		error = reserve_run(cursor, paddr, len, max_level);
	if (error)
		return error;
	while (error == 0 && cursor->at < end) {
		uint64_t done = cursor->at - begin;

		error = map_largest(cursor, PADDR(paddr.value + done), len - done, max_level, prop,
				    tracked);
		if (error == 0)
			map_more(cursor, paddr.value + (cursor->at - begin), end);
	}
	if (error)
		unmap_again(cursor, begin);
	return error;
}
