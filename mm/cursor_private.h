/* SPDX-License-Identifier: MIT */
/*
 * What the files of the cursor share: position and path. Nothing here takes or gives back a lock
 * but cursor_adopt().
 */
#ifndef MM_CURSOR_PRIVATE_H
#define MM_CURSOR_PRIVATE_H

#include "mm/cursor.h"

static inline vaddr_t cursor_address(const struct cursor *cursor, uint64_t offset)
{
	return VADDR(cursor->base.value + offset);
}

static inline struct pt_node cursor_node(const struct cursor *cursor)
{
	return cursor->path[cursor->level];
}

static inline uint64_t cursor_entry_start(const struct cursor *cursor)
{
	return align_down(cursor->at, level_size(cursor->level));
}

static inline uint64_t cursor_entry_end(const struct cursor *cursor)
{
	return cursor_entry_start(cursor) + level_size(cursor->level);
}

/* The current entry, as it is now. */
static inline pte_t cursor_read(const struct cursor *cursor)
{
	return node_read(cursor_node(cursor), pte_index(cursor->at, cursor->level));
}

static inline struct pt_entry cursor_entry(const struct cursor *cursor)
{
	return entry_at(cursor->table, cursor_node(cursor), pte_index(cursor->at, cursor->level));
}

/* May absent entries of the table have a status? */
static inline bool cursor_is_marked(const struct cursor *cursor)
{
	return atomic_load_explicit(&cursor->table->marked, memory_order_relaxed);
}

/* No leaf's bits beside its address: the cursor has decoded none yet. */
#define CURSOR_NOTHING UINT64_MAX

/* Goes one level up; the node left stays locked (C-10). */
static inline void cursor_pop(struct cursor *cursor)
{
	cursor->level++;
}

/* Goes into a child of the current node that this cursor has locked. */
static inline void cursor_push(struct cursor *cursor, struct pt_node child)
{
	cursor->path[--cursor->level] = child;
}

static inline enum lock_mode cursor_lock_mode(const struct cursor *cursor)
{
	return cursor->shared ? LOCK_SHARED : LOCK_EXCLUSIVE;
}

/* Notes a node that this cursor has locked among those that it will unlock. */
static inline void cursor_adopt(struct cursor *cursor, struct pt_node node)
{
	uint32_t number = domain_slot_number(cursor->table->domain, node.slot);

	if (cursor->shared) {
		cursor->place->nodes[cursor->place->nr_nodes++] = number;
		return;
	}
	node.slot->locked_next = cursor->locked;
	cursor->locked = number;
}

static inline bool cursor_place_has(const struct cursor_place *place, uint32_t node)
{
	unsigned i = 0;

	while (i < place->nr_nodes && place->nodes[i] != node)
		i++;
	return i < place->nr_nodes;
}

/*
 * Has this cursor locked the node? If it locks as an owner, the lock's word says that its thread
 * has. If it shares, the word says at most that there are readers, and not who: the cursor's own
 * notes do.
 */
static inline bool cursor_has_locked(const struct cursor *cursor, struct pt_node node)
{
	if (!cursor->shared)
		return lock_owner(&node.slot->lock) == cursor->thread;
	return cursor_place_has(cursor->place,
				domain_slot_number(cursor->table->domain, node.slot));
}

/*
 * The child that `pte`, entry `index` of `node` and one for a node, points to. -EUCLEAN unless this
 * cursor has it locked, which L-1 promises of every node in the range: only a guest that rewrites
 * its tables can break that.
 */
static inline int cursor_child_at(const struct cursor *cursor, struct pt_node node, unsigned index,
				  pte_t pte, struct pt_node *child)
{
	const struct page_table *table = cursor->table;
	int error = node_child(table->domain, table->format, node, index, pte, child);

	if (error == 0 && !cursor_has_locked(cursor, *child))
		error = -EUCLEAN;
	return error;
}

/* The same of the current entry. */
static inline int cursor_child(const struct cursor *cursor, pte_t pte, struct pt_node *child)
{
	return cursor_child_at(cursor, cursor_node(cursor), pte_index(cursor->at, cursor->level),
			       pte, child);
}

/* Goes up from a node that the cursor has stepped out of. Never out of the guard. */
static inline void cursor_leave_node(struct cursor *cursor)
{
	while (cursor->level < cursor->guard_level && pte_index(cursor->at, cursor->level) == 0)
		cursor_pop(cursor);
}

/*
 * Steps behind the current entry, to the first address of the next, and up while that lies in
 * another node (C-9). Behind the last entry of the guard it stays in the guard: `at` is then the
 * end of the range or beyond it.
 */
static inline void cursor_forward(struct cursor *cursor)
{
	cursor->at = cursor_entry_end(cursor);
	cursor_leave_node(cursor);
}

/*
 * 0 if `len` may be given to an operation here: aligned (-EINVAL) and not beyond the range
 * (-ERANGE; BUG-2, GAP-6).
 */
static inline int cursor_check_len(const struct cursor *cursor, uint64_t len)
{
	if (!is_aligned(len, PAGE_SIZE))
		return -EINVAL;
	return len <= cursor_remaining(cursor) ? 0 : -ERANGE;
}

/* -EUCLEAN if a leaf is where none can be, or is tracked and not the domain's. */
static inline int cursor_check_leaf(const struct cursor *cursor, const struct pt_mapping *leaf)
{
	const struct page_table *table = cursor->table;

	return format_has_leaf(table->format, leaf->level) &&
			       (!leaf->tracked ||
				domain_contains(table->domain, leaf->paddr, leaf->len)) ?
		       0 :
		       -EUCLEAN;
}

/* Puts the cursor at `offset`, start <= offset <= end, in a node that covers it (C-5, BUG-1). */
void cursor_place(struct cursor *cursor, uint64_t offset);

/* Goes down to the entry that covers the cursor's address, a leaf or absent, and reads it. */
int cursor_settle(struct cursor *cursor, pte_t *pte);

/*
 * The current entry is a leaf above level 1: replaces it by a node and goes into that (C-11).
 * Errors as entry_split_if_mapped_huge().
 */
int cursor_split(struct cursor *cursor);

/*
 * A primitive (C-14). Goes to the node at `level`, not above the guard, that covers the cursor's
 * address, and makes those on the way that are missing. -EEXIST, and the cursor is at it: a larger
 * leaf is in the way;
 * -ENOMEM, -EUCLEAN.
 */
int cursor_reach(struct cursor *cursor, unsigned level);

/*
 * Puts `new` into the current entry, and gives what was there: a sub-tree with all its nodes stray.
 * Does not move. Errors as entry_replace(); -EUCLEAN also if a node below is not locked.
 */
int cursor_exchange(struct cursor *cursor, const struct pt_child *new,
		    struct pt_fragment *fragment);

/* Takes out what the current entry, which is not absent, holds; does not move. -EUCLEAN. */
int cursor_take(struct cursor *cursor, struct pt_fragment *fragment);

enum find_nodes { FIND_LEAVES, FIND_SUBTREES }; /* stop at a node that lies wholly inside? */
enum find_split { FIND_WHOLE, FIND_SPLIT };	/* split a leaf that does not? */

/*
 * The common engine (C-4): goes to the first entry of the next `len` bytes that maps something. 1,
 * and the cursor is at it; 0, and the cursor is exactly `len` bytes further; or an error, and the
 * cursor is where it was.
 */
int cursor_find(struct cursor *cursor, uint64_t len, enum find_nodes nodes, enum find_split split);

/* Is the cursor at a 4 KiB leaf? As a rule that need not be found. */
static inline bool cursor_is_at_leaf(const struct cursor *cursor)
{
	return cursor->level == 1 && pte_is_present(cursor->table->format, cursor_read(cursor));
}

/* Entries of the current node from the current one on that end at `end` or before. */
static inline unsigned cursor_entries_until(const struct cursor *cursor, uint64_t end)
{
	unsigned left = NODE_ENTRIES - pte_index(cursor->at, cursor->level);
	uint64_t inside = (end - cursor->at) >> level_shift(cursor->level);

	return inside < left ? (unsigned)inside : left;
}

/* Steps over `nr` entries of the current node, which are not beyond its end. */
static inline void cursor_skip(struct cursor *cursor, unsigned nr)
{
	cursor->at += (uint64_t)(nr - 1) << level_shift(cursor->level);
	cursor_forward(cursor);
}

/* Splits the leaves that reach over the ends of the next `len` bytes (> 0). Does not move. */
int cursor_split_edges(struct cursor *cursor, uint64_t len);

/*
 * Begins an operation on all of the next `len` bytes: splits the leaves that reach over their ends,
 * so that no other needs to be. Does not move. -EINVAL not a changing cursor, and as
 * cursor_check_len(); -ENOMEM, -EUCLEAN.
 */
static inline int cursor_begin(struct cursor *cursor, uint64_t len)
{
	int error = cursor->mode == CURSOR_MUTATE ? cursor_check_len(cursor, len) : -EINVAL;

	/* In a node of 4 KiB leaves nothing reaches over anything. */
	if (error || len == 0 || cursor->guard_level == 1)
		return error;
	return cursor_split_edges(cursor, len);
}

#endif
