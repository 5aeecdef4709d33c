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

static inline struct pt_entry cursor_entry(const struct cursor *cursor)
{
	return entry_at(cursor->table, cursor_node(cursor), pte_index(cursor->at, cursor->level));
}

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

/* Adds a node that this cursor's thread has locked to the chain of those that it will unlock. */
static inline void cursor_adopt(struct cursor *cursor, struct pt_node node)
{
	node.slot->locked_next = cursor->locked;
	cursor->locked = domain_slot_number(cursor->table->domain, node.slot);
}

/*
 * The child that `entry`, a node entry of the current node, points to. -EUCLEAN unless this cursor
 * has it locked, which L-1 promises of every node in the range: only a guest that rewrites its
 * tables can break that.
 */
int cursor_child(const struct cursor *cursor, const struct pt_entry *entry, struct pt_node *child);

/*
 * Steps behind the current entry, to the first address of the next, and up while that lies in
 * another node (C-9). Behind the last entry of the guard it stays in the guard: `at` is then the
 * end of the range or beyond it.
 */
void cursor_forward(struct cursor *cursor);

/* Puts the cursor at `offset`, start <= offset <= end, in a node that covers it (C-5, BUG-1). */
void cursor_place(struct cursor *cursor, uint64_t offset);

/*
 * 0 if `len` may be given to an operation here: aligned (-EINVAL) and not beyond the range
 * (-ERANGE; BUG-2, GAP-6).
 */
int cursor_check_len(const struct cursor *cursor, uint64_t len);

enum find_nodes { FIND_LEAVES, FIND_SUBTREES }; /* stop at a node that lies wholly inside? */
enum find_split { FIND_WHOLE, FIND_SPLIT };	/* split a leaf that does not? */

/*
 * The common engine (C-4): goes to the first entry of the next `len` bytes that maps something. 1,
 * and the cursor is at it; 0, and the cursor is exactly `len` bytes further; or an error, and the
 * cursor is where it was.
 */
int cursor_find(struct cursor *cursor, uint64_t len, enum find_nodes nodes, enum find_split split);

#endif
