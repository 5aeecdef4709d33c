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

/*
 * What lock_node() says in place of an error: a reading cursor has no place for the number of one
 * more node.
 */
#define TOO_WIDE 1

/*
 * The node cannot be had at once. A thread waits for it only if it has no other cursor on the
 * table: who has the node now, or waits for it already, may be waiting for a node of that one
 * (BUG-10). But what the thread reads already it may read once more, whoever waits.
 */
static int wait_for_node(const struct cursor *cursor, struct slot *slot)
{
	const struct cursor_place *places = port_cursors()->places;
	uint32_t number = domain_slot_number(cursor->table->domain, slot);
	bool has_another = false, reads_it = false;

	for (unsigned i = 0; i < THREAD_CURSORS; i++) {
		if (&places[i] == cursor->place || places[i].table != cursor->table)
			continue;
		has_another = true;
		reads_it |= cursor_place_has(&places[i], number);
	}
	if (!has_another)
		return lock_wait(&slot->lock, cursor->thread, cursor_lock_mode(cursor));
	return cursor->shared && reads_it ? lock_share_again(&slot->lock) : -EDEADLK;
}

/* TOO_WIDE; errors as lock_wait(). */
static inline int lock_node(const struct cursor *cursor, struct pt_node node)
{
	if (cursor->shared && cursor->place->nr_nodes == SHARED_NODES_MAX)
		return TOO_WIDE;
	if (cursor->shared ? lock_try_shared(&node.slot->lock) :
			     lock_try(&node.slot->lock, cursor->thread))
		return 0;
	return wait_for_node(cursor, node.slot);
}

static inline void unlock_node(const struct cursor *cursor, struct slot *slot)
{
	if (cursor->shared)
		lock_release_shared(&slot->lock);
	else
		lock_release(&slot->lock);
}

/* -EAGAIN: the node was unlinked before we had its lock (L-5). It is not locked then. */
static inline int lock_linked(const struct cursor *cursor, struct pt_node node)
{
	int error = lock_node(cursor, node);

	if (error == 0 && node.slot->stray) {
		unlock_node(cursor, node.slot);
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
	const struct phys_domain *domain = cursor->table->domain;
	const struct pt_format *format = cursor->table->format;
	/* Copies: after an acquire the compiler reads again what lies in memory. */
	struct slot *slots = domain->slots;
	unsigned char *memory = domain->memory;
	uint64_t nr_frames = domain->nr_frames;
	uint64_t start = cursor->start, address = format->address;
	uint64_t present = format->present | PTE_HELD, huge = format->huge;
	uint32_t type = SLOT_NODE_TYPE(*level, format->id, 0);
	uint64_t number = domain_slot_number(domain, node->slot);

	while (*level > lowest) {
		unsigned index = pte_index(start, *level);
		pte_t pte = node_read_acquire(*node, index);
		uint64_t parent = number;

		/* pte_kind() above level 1 */
		if (!(pte.raw & present) || (pte.raw & huge))
			return 0;
		type -= SLOT_TYPE(0, 1, 0);
		number = (pte.raw & address) >> PAGE_SHIFT;
		if (number >= nr_frames ||
		    !node_confirm(&slots[number], type | index << SLOT_INDEX_SHIFT,
				  (uint32_t)parent))
			return node_read(*node, index).raw == pte.raw ? -EUCLEAN : -EAGAIN;
		node->slot = &slots[number];
		node->entries = memory_frame(memory, number);
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

/*
 * Nodes that may be wanted: those on the way down, and one for each of their ranges if the cursor's
 * is longer.
 */
static SLOW_PATH void prepare_nodes(const struct cursor *cursor, unsigned min_level)
{
	uint64_t len = cursor->end - cursor->start;

	frame_cache_prepare(cursor->table->domain, cursor->thread,
			    LEVELS_MAX + (len >> level_shift(min_level + 1)));
}

/* Phase 1. -EAGAIN: begin again; TOO_WIDE. */
static inline int lock_guard(struct cursor *cursor, unsigned min_level, unsigned lowest,
			     struct pt_node *guard, unsigned *guard_level)
{
	const struct pt_format *format = cursor->table->format;
	struct pt_node node = cursor->table->root;
	unsigned level = format->levels, rounds = LEVELS_MAX;
	int error;

	do {
		enum pte_kind kind;

		error = descend(cursor, lowest, &node, &level);
		/* Zeroed before anything is locked. Under a node of 4 KiB leaves there are none. */
		if (level > 1 && cursor->mode == CURSOR_MUTATE)
			prepare_nodes(cursor, min_level);
		if (error == 0)
			error = lock_linked(cursor, node);
		if (error)
			return error;
		if (level == lowest)
			break;
		/* With the lock, look again: somebody may have made a node here meanwhile. */
		kind = pte_kind(format, node_read(node, pte_index(cursor->start, level)), level);
		if (kind == PTE_ABSENT && cursor->mode == CURSOR_MUTATE)
			error = create(cursor, lowest, &node, &level);
		if (kind != PTE_NODE)
			break;
		unlock_node(cursor, node.slot);
		/* Each round goes down, unless a guest hides the node again. */
	} while (--rounds > 0);
	if (rounds == 0)
		return -EAGAIN;
	if (error) {
		lock_release(&node.slot->lock);
		return error;
	}
	cursor_adopt(cursor, node);
	*guard = node;
	*guard_level = level;
	return 0;
}

static int lock_below(struct cursor *cursor, struct pt_node node, unsigned level, uint64_t base);

/* Locks a node below a locked one, and those below it. It is linked, so it is not stray (L-2). */
static int lock_subtree(struct cursor *cursor, struct pt_node node, unsigned level, uint64_t base)
{
	int error = lock_node(cursor, node);

	if (error)
		return error;
	cursor_adopt(cursor, node);
	return lock_below(cursor, node, level, base);
}

/*
 * Phase 2: every node below `node`, whose first address is at offset `base`, that the range
 * touches; in pre-order, ascending (L-1, L-3). On error, or TOO_WIDE, the locks taken so far are
 * adopted.
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

static void unlock_shared(const struct cursor *cursor)
{
	struct slot *slots = cursor->table->domain->slots;
	struct cursor_place *place = cursor->place;

	while (place->nr_nodes > 0)
		lock_release_shared(&slots[place->nodes[--place->nr_nodes]].lock);
}

/* Those that the cursor owns, from the node with this number on. */
static void unlock_chain(const struct cursor *cursor, uint32_t number)
{
	while (number != SLOT_NONE) {
		struct slot *slot = &cursor->table->domain->slots[number];

		number = slot->locked_next;
		lock_release(&slot->lock);
	}
}

/* Reverse order: the guard comes last. Most cursors have locked nothing else. */
static inline void unlock_all(const struct cursor *cursor)
{
	struct slot *last;
	uint32_t next;

	if (cursor->shared) {
		unlock_shared(cursor);
		return;
	}
	last = &cursor->table->domain->slots[cursor->locked];
	next = last->locked_next;
	lock_release(&last->lock);
	if (next != SLOT_NONE)
		unlock_chain(cursor, next);
}

static int lock_both(struct cursor *cursor, unsigned min_level, unsigned lowest)
{
	struct pt_node guard;
	unsigned level;
	int error;

	cursor->locked = SLOT_NONE;
	error = lock_guard(cursor, min_level, lowest, &guard, &level);
	if (error)
		return error;
	cursor->level = cursor->guard_level = (uint8_t)level;
	cursor->path[level] = guard;
	if (level == 1)
		return 0;
	error = lock_below(cursor, guard, level, align_down(cursor->start, level_size(level + 1)));
	if (error)
		unlock_all(cursor);
	return error;
}

/*
 * Who comes too late seeks its guard one level higher next time. The root is never unlinked, so
 * that it is had in the end, whatever others do meanwhile.
 */
static int lock_range(struct cursor *cursor, unsigned min_level)
{
	unsigned lowest = lowest_guard(cursor, min_level);
	int error;

	while ((error = lock_both(cursor, min_level, lowest)) == -EAGAIN || error == TOO_WIDE) {
		if (error == TOO_WIDE)
			cursor->shared = false;
		else if (lowest < cursor->table->format->levels)
			lowest++;
	}
	return error;
}

/* Notes that the thread has a cursor on the table. NULL: it has too many. */
static inline struct cursor_place *place_take(struct thread_cursors *cursors,
					      const struct page_table *table)
{
	struct cursor_place *place = cursors->places;

	while (place->table)
		if (++place == &cursors->places[THREAD_CURSORS])
			return NULL;
	place->table = table;
	return place;
}

int cursor_open(struct cursor *cursor, struct page_table *table, vaddr_t va, uint64_t len,
		enum cursor_mode mode, unsigned min_level)
{
	uint64_t mask = (UINT64_C(1) << format_address_bits(table->format)) - 1;
	struct thread_cursors *cursors = port_cursors();
	int error;

	if (len == 0 || !is_aligned(va.value | len, PAGE_SIZE) ||
	    min_level - 1 >= table->format->levels)
		return -EINVAL;
	/* V-2 */
	if (!format_contains(table->format, va, len))
		return -ERANGE;
	cursor->place = place_take(cursors, table);
	if (!cursor->place)
		return -EMFILE;
	/* Not by one assignment: that would clear the path, which is written as it is walked. */
	cursor->table = table;
	cursor->mode = mode;
	cursor->thread = cursors->thread;
	cursor->start = va.value & mask;
	cursor->base = VADDR(va.value - cursor->start);
	cursor->end = cursor->start + len;
	cursor->at = cursor->start;
	cursor->encoded.level = 0;
	cursor->decoded.address = table->format->address;
	cursor->decoded.bits = CURSOR_NOTHING;
	cursor->changed.level = 0;
	cursor->shared = mode == CURSOR_READ;
	port_read_lock();
	error = lock_range(cursor, min_level);
	if (error) {
		cursor->place->table = NULL;
		port_read_unlock();
	}
	return error;
}

void cursor_close(struct cursor *cursor)
{
	unlock_all(cursor);
	cursor->place->table = NULL;
	port_read_unlock();
	domain_limit_deferred(cursor->table->domain);
}
