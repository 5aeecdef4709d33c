/* SPDX-License-Identifier: MIT */
/*
 * Moving a cursor and looking through it.
 */
#include "mm/cursor_private.h"

vaddr_t cursor_virt_addr(const struct cursor *cursor)
{
	return cursor_address(cursor, cursor->at);
}

/*
 * `at` may be the first address behind the guard; then it says nothing about which nodes are in the
 * path.
 */
void cursor_place(struct cursor *cursor, uint64_t offset)
{
	if (cursor->at >= cursor->end)
		cursor->level = cursor->guard_level;
	while (cursor->level < cursor->guard_level &&
	       (cursor->at ^ offset) >> level_shift(cursor->level + 1u) != 0)
		cursor_pop(cursor);
	cursor->at = offset;
}

int cursor_jump(struct cursor *cursor, vaddr_t va)
{
	uint64_t distance = va.value - cursor_address(cursor, cursor->start).value;

	if (!is_aligned(va.value, PAGE_SIZE))
		return -EINVAL;
	if (distance >= cursor->end - cursor->start)
		return -ERANGE;
	cursor_place(cursor, cursor->start + distance);
	return 0;
}

int cursor_settle(struct cursor *cursor, pte_t *pte)
{
	const struct pt_format *format = cursor->table->format;

	for (;;) {
		struct pt_node child;
		int error;

		*pte = node_read(cursor_node(cursor), pte_index(cursor->at, cursor->level));
		if (pte_kind(format, *pte, cursor->level) != PTE_NODE)
			return 0;
		error = cursor_child(cursor, *pte, &child);
		if (error)
			return error;
		cursor_push(cursor, child);
	}
}

/* What the current entry, `pte`, at the cursor's level, maps, tracked or not (V-5). */
static inline int mapping_read(struct cursor *cursor, unsigned level, pte_t pte,
			       struct pt_mapping *mapping)
{
	mapping->start = cursor_address(cursor, align_down(cursor->at, level_size(level)));
	mapping->len = level_size(level);
	mapping->level = level;
	mapping->present = pte_is_present(cursor->table->format, pte);
	if (!mapping->present) {
		mapping->status = pte_status(pte);
		return 0;
	}
	mapping->tracked = pte_is_tracked(pte);
	mapping->paddr = pte_leaf_paddr(cursor->table->format, pte, level);
	mapping->prop = cursor_decode(cursor, pte);
	return cursor_check_leaf(cursor, mapping);
}

int cursor_query(struct cursor *cursor, struct pt_mapping *mapping)
{
	pte_t pte;
	int error = cursor->at < cursor->end ? cursor_settle(cursor, &pte) : -ERANGE;

	return error ? error : mapping_read(cursor, cursor->level, pte, mapping);
}

/*
 * The leaf here, if there is one: 1, and the cursor is behind it. The cursor's level is a parameter
 * because most of the arithmetic goes away where it is known to be 1.
 */
static inline __attribute__((always_inline)) int query_step(struct cursor *cursor, unsigned level,
							    struct pt_mapping *mapping)
{
	unsigned index = pte_index(cursor->at, level);
	pte_t pte = node_read(cursor->path[level], index);
	int error;

	if (pte_kind(cursor->table->format, pte, level) != PTE_LEAF)
		return 0;
	error = mapping_read(cursor, level, pte, mapping);
	if (error)
		return error;
	cursor->at = align_down(cursor->at, level_size(level)) + level_size(level);
	if (index == NODE_ENTRIES - 1)
		cursor_leave_node(cursor);
	if (cursor->at > cursor->end)
		cursor_place(cursor, cursor->end);
	return 1;
}

int cursor_query_next(struct cursor *cursor, uint64_t len, struct pt_mapping *mapping)
{
	uint64_t begin = cursor->at;
	int found = cursor_check_len(cursor, len);

	if (found == 0 && len > 0 && cursor->level == 1)
		found = query_step(cursor, 1, mapping);
	if (found)
		return found;
	found = cursor_find(cursor, len, FIND_LEAVES, FIND_WHOLE);
	if (found <= 0)
		return found;
	found = query_step(cursor, cursor->level, mapping);
	if (found < 0)
		cursor_place(cursor, begin);
	return found;
}

int cursor_split(struct cursor *cursor)
{
	struct pt_entry entry = cursor_entry(cursor);
	struct pt_node child;
	int error = entry_split_if_mapped_huge(&entry, cursor->thread, &child);

	if (error)
		return error;
	cursor_adopt(cursor, child);
	cursor_push(cursor, child);
	return 0;
}

/*
 * What to do at the current entry: 1 to stop here, 0 after a step forward or down, or an error.
 * `inside` says whether the entry begins here and ends within what is searched.
 */
static int find_step(struct cursor *cursor, bool inside, enum find_nodes nodes, enum find_split how)
{
	struct pt_entry entry = cursor_entry(cursor);
	struct pt_node child;
	int error;

	switch (entry_kind(&entry)) {
	case PTE_LEAF:
		return inside || how == FIND_WHOLE ? 1 : cursor_split(cursor);
	case PTE_NODE:
		if (inside && nodes == FIND_SUBTREES)
			return 1;
		error = cursor_child(cursor, entry.pte, &child);
		if (error)
			return error;
		if (child.slot->nr_children > 0) {
			cursor_push(cursor, child);
			return 0;
		}
		break;
	case PTE_ABSENT:
		break;
	}
	cursor_forward(cursor);
	return 0;
}

int cursor_find(struct cursor *cursor, uint64_t len, enum find_nodes nodes, enum find_split how)
{
	uint64_t begin = cursor->at;
	uint64_t end = begin + len;
	int found = cursor_check_len(cursor, len);

	/* Whole nodes can be seen from above only. */
	while (nodes == FIND_SUBTREES && cursor->level < cursor->guard_level &&
	       pte_index(begin, cursor->level) == 0)
		cursor_pop(cursor);
	while (found == 0 && cursor->at < end) {
		bool inside = cursor->at == cursor_entry_start(cursor) &&
			      cursor_entry_end(cursor) <= end;

		found = find_step(cursor, inside, nodes, how);
	}
	if (found == 0)
		cursor_place(cursor, end);
	else if (found < 0)
		cursor_place(cursor, begin);
	return found;
}

int cursor_find_next(struct cursor *cursor, uint64_t len)
{
	return cursor_find(cursor, len, FIND_LEAVES, FIND_WHOLE);
}
