/* SPDX-License-Identifier: MIT */
/*
 * Mapping over what is there, which comes out in one piece.
 */
#include "mm/cursor_private.h"

/* Can the leaf be put here at all? Asked before anything is split or made for it. */
static int check_leaf(const struct cursor *cursor, const struct pt_child *leaf)
{
	const struct page_table *table = cursor->table;
	uint64_t bits;
	int error = format_leaf_bits(table->format, leaf->level, leaf->prop, leaf->tracked, &bits);

	if (error)
		return error;
	if (cursor->mode != CURSOR_MUTATE || leaf->level > cursor->guard_level ||
	    !is_aligned(cursor->at | leaf->paddr.value, level_size(leaf->level)))
		return -EINVAL;
	if (cursor_remaining(cursor) < level_size(leaf->level) ||
	    leaf->paddr.value & ~table->format->address)
		return -ERANGE;
	return !leaf->tracked || domain_contains(table->domain, leaf->paddr,
						 level_size(leaf->level)) ?
		       0 :
		       -ERANGE;
}

/* Goes to the entry of the leaf's level, through larger leaves too, which are split (C-11). */
static int reach_through(struct cursor *cursor, unsigned level)
{
	int error;

	do
		error = cursor_reach(cursor, level);
	while (error == -EEXIST && (error = cursor_split(cursor)) == 0);
	return error == -ENOENT ? -EUCLEAN : error;
}

int cursor_replace(struct cursor *cursor, paddr_t paddr, unsigned level, prop_t prop, bool tracked,
		   struct pt_fragment *fragment)
{
	const struct pt_child leaf = {
		.kind = PTE_LEAF,
		.paddr = paddr,
		.level = level,
		.prop = prop,
		.tracked = tracked,
	};
	int error = check_leaf(cursor, &leaf);

	if (error == 0)
		error = reach_through(cursor, level);
	if (error == 0)
		error = cursor_exchange(cursor, &leaf, fragment);
	if (error == 0)
		cursor_forward(cursor);
	return error;
}
