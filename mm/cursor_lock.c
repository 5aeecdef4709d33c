/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing: the lock protocol that cursor.h states.
 */
#include "mm/cursor_private.h"
#include "mm/frame_cache.h"

/*
 * The level of the lowest node that covers the whole range, but not below `min_level`: the guard's,
 * if there are nodes down to it.
 */
static unsigned lowest_guard(const struct cursor *cursor, unsigned min_level)
{
	uint64_t difference = cursor->start ^ (cursor->end - 1);
	unsigned level = min_level;

	while (difference >> level_shift(level + 1) != 0)
		level++;
	return level;
}

/* -EAGAIN: the node was unlinked before we had its lock (L-5). It is not locked then. */
static inline int lock_linked(const struct cursor *cursor, struct pt_node node)
{
	int error = lock_acquire(&node.slot->lock, cursor->thread);

	if (error == 0 && node.slot->stray) {
		lock_release(&node.slot->lock);
		error = -EAGAIN;
	}
	return error;
}

/*
 * Goes down without locks, as far as there are nodes. -EAGAIN: a node was unlinked between the look
 * at its entry and the look at its slot.
 */
static inline int descend(const struct cursor *cursor, unsigned lowest, struct pt_node *node,
			  unsigned *level)
{
	const struct page_table *table = cursor->table;

	while (*level > lowest) {
		unsigned index = pte_index(cursor->start, *level);
		pte_t pte = node_read_acquire(*node, index);
		struct pt_node child;

		if (pte_kind(table->format, pte, *level) != PTE_NODE)
			return 0;
		if (node_child(table->domain, table->format, *node, index, pte, &child))
			return node_read(*node, index).raw == pte.raw ? -EUCLEAN : -EAGAIN;
		*node = child;
		(*level)--;
	}
	return 0;
}

/*
 * Makes the nodes that are missing, from `node`, which is locked, to the guard: each is locked
 * before anybody sees it, and its parent is unlocked after that. `node` is locked also on error.
 */
static int create(const struct cursor *cursor, unsigned lowest, struct pt_node *node,
		  unsigned *level)
{
	while (*level > lowest) {
		struct pt_node child;
		int error = node_alloc_absent_child(cursor->table, *node,
						    pte_index(cursor->start, *level),
						    cursor->thread, &child);

		/* Absent by the look of it, and we have the lock: only a guest writes here. */
		if (error)
			return error == -EEXIST ? -EUCLEAN : error;
		lock_release(&node->slot->lock);
		*node = child;
		(*level)--;
	}
	return 0;
}

/* Phase 1. -EAGAIN: begin again. */
static int lock_guard(struct cursor *cursor, unsigned lowest)
{
	const struct pt_format *format = cursor->table->format;
	struct pt_node node = cursor->table->root;
	unsigned level = format->levels;
	enum pte_kind kind;
	int error;

	do {
		error = descend(cursor, lowest, &node, &level);
		if (error == 0)
			error = lock_linked(cursor, node);
		if (error)
			return error;
		if (level == lowest)
			break;
		/* With the lock, look again: somebody may have made a node here meanwhile. */
		kind = pte_kind(format, node_read(node, pte_index(cursor->start, level)), level);
		if (kind == PTE_NODE)
			lock_release(&node.slot->lock);
		else if (kind == PTE_ABSENT && cursor->mode == CURSOR_MUTATE)
			error = create(cursor, lowest, &node, &level);
	} while (kind == PTE_NODE);
	if (error) {
		lock_release(&node.slot->lock);
		return error;
	}
	cursor_adopt(cursor, node);
	cursor->level = cursor->guard_level = (uint8_t)level;
	cursor->path[level] = node;
	return 0;
}

static int lock_below(struct cursor *cursor, struct pt_node node, unsigned level, uint64_t base);

/* Locks a node below a locked one, and those below it. It is linked, so it is not stray (L-2). */
static int lock_subtree(struct cursor *cursor, struct pt_node node, unsigned level, uint64_t base)
{
	int error = lock_acquire(&node.slot->lock, cursor->thread);

	if (error)
		return error;
	cursor_adopt(cursor, node);
	return lock_below(cursor, node, level, base);
}

/*
 * Phase 2: every node below `node`, whose first address is at offset `base`, that the range
 * touches; in pre-order, ascending (L-1, L-3). On error the locks taken so far are in the chain.
 */
static int lock_below(struct cursor *cursor, struct pt_node node, unsigned level, uint64_t base)
{
	const struct page_table *table = cursor->table;
	uint64_t last = base + level_size(level + 1) - 1;
	unsigned end = cursor->end - 1 < last ? pte_index(cursor->end - 1, level) :
						NODE_ENTRIES - 1;

	if (level == 1)
		return 0;
	for (unsigned index = cursor->start > base ? pte_index(cursor->start, level) : 0;
	     index <= end; index++) {
		pte_t pte = node_read(node, index);
		struct pt_node child;
		int error;

		if (pte_kind(table->format, pte, level) != PTE_NODE)
			continue;
		error = node_child(table->domain, table->format, node, index, pte, &child);
		if (error == 0)
			error = lock_subtree(cursor, child, level - 1,
					     base + index * level_size(level));
		if (error)
			return error;
	}
	return 0;
}

/* Reverse order: the chain begins with the node that was locked last and ends with the guard. */
static void unlock_all(struct cursor *cursor)
{
	while (cursor->locked != SLOT_NONE) {
		struct slot *slot = &cursor->table->domain->slots[cursor->locked];

		cursor->locked = slot->locked_next;
		lock_release(&slot->lock);
	}
}

static int lock_range(struct cursor *cursor, unsigned min_level)
{
	unsigned lowest = lowest_guard(cursor, min_level);
	int error;

	do
		error = lock_guard(cursor, lowest);
	while (error == -EAGAIN);
	if (error || cursor->guard_level == 1)
		return error;
	error = lock_below(cursor, cursor->path[cursor->guard_level], cursor->guard_level,
			   align_down(cursor->start, level_size(cursor->guard_level + 1u)));
	if (error)
		unlock_all(cursor);
	return error;
}

/*
 * Nodes that may be wanted: those on the way down, and one for each of their ranges if the cursor's
 * is longer. Zeroed before anything is locked.
 */
static void prepare_nodes(const struct cursor *cursor, unsigned min_level)
{
	uint64_t len = cursor->end - cursor->start;

	frame_cache_prepare(cursor->table->domain, cursor->thread,
			    LEVELS_MAX + (len >> level_shift(min_level + 1)));
}

int cursor_open(struct cursor *cursor, struct page_table *table, vaddr_t va, uint64_t len,
		enum cursor_mode mode, unsigned min_level)
{
	uint64_t mask = (UINT64_C(1) << format_address_bits(table->format)) - 1;
	int error;

	if (len == 0 || !is_aligned(va.value | len, PAGE_SIZE) || min_level < 1 ||
	    min_level > table->format->levels)
		return -EINVAL;
	/* V-2 */
	if (!format_contains(table->format, va, len))
		return -ERANGE;
	/* Not by one assignment: that would clear the path, which is written as it is walked. */
	cursor->table = table;
	cursor->mode = mode;
	cursor->thread = port_thread();
	cursor->locked = SLOT_NONE;
	cursor->base = VADDR(va.value & ~mask);
	cursor->start = va.value & mask;
	cursor->end = cursor->start + len;
	cursor->at = cursor->start;
	cursor->encoded.key = CURSOR_NOTHING_ENCODED;
	cursor->decoded_bits = 0;
	cursor->changed.from = 0;
	if (mode == CURSOR_MUTATE)
		prepare_nodes(cursor, min_level);
	port_read_lock();
	error = lock_range(cursor, min_level);
	if (error)
		port_read_unlock();
	return error;
}

void cursor_close(struct cursor *cursor)
{
	struct phys_domain *domain = cursor->table->domain;

	unlock_all(cursor);
	port_read_unlock();
	domain_limit_deferred(domain);
}
