/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing: the lock protocol that cursor.h states.
 */
#include "mm/cursor_private.h"

/* Does the whole range lie in one entry of a node at `level`? */
static bool in_one_entry(const struct cursor *cursor, unsigned level)
{
	return (cursor->start ^ (cursor->end - 1)) >> level_shift(level) == 0;
}

/*
 * The descent to the guard. `locked` says whether this thread holds `node`; it never holds more
 * than one here, but for the moment in which a child that it has just created becomes the node.
 */
struct descent {
	struct pt_node node;
	unsigned level;
	bool locked;
};

static void descent_unlock(struct descent *descent)
{
	if (descent->locked)
		lock_release(&descent->node.slot->lock);
	descent->locked = false;
}

/* -EAGAIN: the node was unlinked before we had its lock (L-5). */
static int descent_lock(const struct cursor *cursor, struct descent *descent)
{
	int error;

	if (descent->locked)
		return 0;
	error = lock_acquire(&descent->node.slot->lock, cursor->thread);
	if (error)
		return error;
	descent->locked = true;
	return descent->node.slot->stray ? -EAGAIN : 0;
}

static void descent_enter(struct descent *descent, struct pt_node child, bool locked)
{
	descent_unlock(descent);
	descent->node = child;
	descent->locked = locked;
	descent->level--;
}

/*
 * Makes the absent entry a node, locked before anybody sees it, unless it has changed by the time
 * we have the lock.
 */
static int descent_create(const struct cursor *cursor, struct descent *descent)
{
	struct pt_node child;
	int error = descent_lock(cursor, descent);

	if (error)
		return error;
	error = node_alloc_absent_child(cursor->table, descent->node,
					pte_index(cursor->start, descent->level), cursor->thread,
					&child);
	if (error == -EEXIST)
		return 0;
	if (error == 0)
		descent_enter(descent, child, true);
	return error;
}

/* One step down: 1 if the node reached is the guard, 0 to go on, or an error. */
static int descent_step(const struct cursor *cursor, struct descent *descent)
{
	const struct pt_format *format = cursor->table->format;
	pte_t pte = node_read_acquire(descent->node, pte_index(cursor->start, descent->level));
	struct pt_node child;
	int error;

	switch (pte_kind(format, pte, descent->level)) {
	case PTE_NODE:
		error = node_child(cursor->table->domain, format, pte, descent->level, &child);
		if (error == 0)
			descent_enter(descent, child, false);
		return error;
	case PTE_ABSENT:
		if (cursor->mode == CURSOR_MUTATE)
			return descent_create(cursor, descent);
		return 1;
	case PTE_LEAF:
		break;
	}
	return 1;
}

/* Phase 1. -EAGAIN: begin again. */
static int lock_guard(struct cursor *cursor, unsigned min_level)
{
	struct descent descent = { .node = cursor->table->root,
				   .level = cursor->table->format->levels };
	int found = 0;
	int error;

	while (found == 0 && descent.level > min_level && in_one_entry(cursor, descent.level))
		found = descent_step(cursor, &descent);
	error = found < 0 ? found : descent_lock(cursor, &descent);
	if (error) {
		descent_unlock(&descent);
		return error;
	}
	cursor_adopt(cursor, descent.node);
	cursor->level = cursor->guard_level = (uint8_t)descent.level;
	cursor->path[descent.level] = descent.node;
	return 0;
}

static int lock_below(struct cursor *cursor, struct pt_node node, unsigned level, uint64_t base);

/*
 * Locks a node below a locked one, and those below it. A stray one cannot be linked (L-2): a guest
 * linked it again.
 */
static int lock_subtree(struct cursor *cursor, struct pt_node node, unsigned level, uint64_t base)
{
	int error = lock_acquire(&node.slot->lock, cursor->thread);

	if (error)
		return error;
	cursor_adopt(cursor, node);
	if (node.slot->stray)
		return -EUCLEAN;
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
		error = node_child(table->domain, table->format, pte, level, &child);
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
	int error;

	do
		error = lock_guard(cursor, min_level);
	while (error == -EAGAIN);
	if (error || cursor->guard_level == 1)
		return error;
	error = lock_below(cursor, cursor->path[cursor->guard_level], cursor->guard_level,
			   align_down(cursor->start, level_size(cursor->guard_level + 1u)));
	if (error)
		unlock_all(cursor);
	return error;
}

int cursor_open(struct cursor *cursor, struct page_table *table, vaddr_t va, uint64_t len,
		enum cursor_mode mode, unsigned min_level)
{
	uint64_t mask = (UINT64_C(1) << format_address_bits(table->format)) - 1;
	int error;

	if (len == 0 || !is_aligned(va.value | len, PAGE_SIZE) || min_level < 1 ||
	    min_level > table->format->levels)
		return -EINVAL;
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
	cursor->encoded_key = CURSOR_NOTHING_ENCODED;
	cursor->decoded_bits = 0;
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
	if (atomic_load_explicit(&domain->nr_deferred, memory_order_relaxed) > NODE_DEFERRED_MAX &&
	    !port_read_ongoing())
		domain_reclaim(domain);
}
