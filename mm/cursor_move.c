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

		*pte = cursor_read(cursor);
		if (pte_kind(format, *pte, cursor->level) != PTE_NODE)
			return 0;
		error = cursor_child(cursor, *pte, &child);
		if (error)
			return error;
		cursor_push(cursor, child);
	}
}

/*
 * What the current entry, `pte`, which is no node, maps, tracked or not (V-5). The cursor's level
 * is a parameter because most of the arithmetic goes away where it is known to be 1.
 */
static inline __attribute__((always_inline)) int
mapping_read(const struct cursor *cursor, unsigned level, pte_t pte, struct pt_mapping *mapping)
{
	const struct page_table *table = cursor->table;

	mapping->start = cursor_address(cursor, align_down(cursor->at, level_size(level)));
	mapping->len = level_size(level);
	mapping->level = level;
	mapping->present = pte_is_present(table->format, pte);
	if (!mapping->present) {
		mapping->status = pte_status(pte);
		return 0;
	}
	mapping->tracked = pte_is_tracked(pte);
	mapping->paddr = pte_leaf_paddr(table->format, pte, level);
	mapping->prop = pte_prop(table->format, pte);
	return cursor_check_leaf(cursor, mapping);
}

/* The 4 KiB leaf `pte` here, which makes sense, is the last one now. */
static void remember_leaf(struct cursor *cursor, pte_t pte, const struct pt_mapping *mapping)
{
	const struct page_table *table = cursor->table;

	cursor->decoded.bits = pte.raw & ~cursor->decoded.address;
	cursor->decoded.limit = mapping->tracked ? (table->domain->nr_frames - 1) << PAGE_SHIFT :
						   UINT64_MAX;
	cursor->decoded.prop = mapping->prop;
	cursor->decoded.tracked = mapping->tracked;
}

int cursor_query(struct cursor *cursor, struct pt_mapping *mapping)
{
	pte_t pte;
	int error;

	if (cursor->at >= cursor->end)
		return -ERANGE;
	if (cursor->level == 1)
		return mapping_read(cursor, 1, cursor_read(cursor), mapping);
	error = cursor_settle(cursor, &pte);
	return error ? error : mapping_read(cursor, cursor->level, pte, mapping);
}

int cursor_query_find(struct cursor *cursor, uint64_t len, struct pt_mapping *mapping)
{
	uint64_t begin = cursor->at;
	int found = cursor_find(cursor, len, FIND_LEAVES, FIND_WHOLE);
	pte_t pte;
	int error;

	if (found <= 0)
		return found;
	pte = cursor_read(cursor);
	error = mapping_read(cursor, cursor->level, pte, mapping);
	if (error) {
		cursor_place(cursor, begin);
		return error;
	}
	if (cursor->level == 1 && mapping->present)
		remember_leaf(cursor, pte, mapping);
	cursor_forward(cursor);
	if (cursor->at > cursor->end)
		cursor_place(cursor, cursor->end);
	return mapping->present;
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
