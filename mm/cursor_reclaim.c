/* SPDX-License-Identifier: MIT */
/*
 * Reclaim of nodes that have no children (C-12, 9.6.5).
 */
#include "mm/cursor_private.h"

struct reclaim {
	struct cursor *cursor;
	const struct range_flush *flush;
	uint64_t start; /* what is searched, as offsets in the table */
	uint64_t end;
	uint64_t run; /* what the nodes that wait for their flush covered */
	uint64_t run_end;
	uint32_t waiting; /* first of them, by slot.next */
};

/* One flush for the nodes that wait, and only then may they be freed (T-5). */
static void flush_run(struct reclaim *reclaim)
{
	const struct cursor *cursor = reclaim->cursor;
	struct phys_domain *domain = cursor->table->domain;

	if (reclaim->flush && reclaim->waiting != SLOT_NONE)
		reclaim->flush->flush(reclaim->flush->context, cursor_address(cursor, reclaim->run),
				      reclaim->run_end - reclaim->run);
	while (reclaim->waiting != SLOT_NONE) {
		struct slot *slot = &domain->slots[reclaim->waiting];

		reclaim->waiting = slot->next;
		node_defer(domain, node_at(domain, domain_slot_paddr(domain, slot)));
	}
}

/*
 * A node that covered [start, end) has been unlinked. Children come before their parents, low
 * before high: it follows the run, covers it, or lies apart.
 */
static void add_to_run(struct reclaim *reclaim, struct pt_node node, uint64_t start, uint64_t end)
{
	if (start > reclaim->run_end)
		flush_run(reclaim);
	if (reclaim->waiting == SLOT_NONE || start < reclaim->run)
		reclaim->run = start;
	reclaim->run_end = end;
	node.slot->next = reclaim->waiting;
	reclaim->waiting = domain_slot_number(reclaim->cursor->table->domain, node.slot);
}

/* Unlinks the child of an entry. Who waits for its lock sees that it came too late (L-5). */
static int unlink_child(const struct cursor *cursor, struct pt_node node, unsigned index,
			struct pt_node child)
{
	static const struct pt_child absent = { .kind = PTE_ABSENT };
	struct pt_child old;
	int error = node_replace_child(cursor->table, node, index, &absent, &old);

	if (error)
		return error;
	node_unlink(child);
	child.slot->stray = true;
	return 0;
}

static int reclaim_below(struct reclaim *reclaim, struct pt_node node, unsigned level,
			 uint64_t base);

/* The child of an entry: first what is below it, then itself. */
static int reclaim_child(struct reclaim *reclaim, struct pt_node node, unsigned index, pte_t pte,
			 unsigned level, uint64_t start)
{
	struct pt_node child;
	int error = cursor_child_at(reclaim->cursor, node, index, pte, &child);

	if (error == 0)
		error = reclaim_below(reclaim, child, level - 1, start);
	if (error || child.slot->nr_children > 0)
		return error;
	error = unlink_child(reclaim->cursor, node, index, child);
	if (error == 0)
		add_to_run(reclaim, child, start, start + level_size(level));
	return error;
}

/* Every node that is touched below `node`, whose first address is at offset `base`. */
static int reclaim_below(struct reclaim *reclaim, struct pt_node node, unsigned level,
			 uint64_t base)
{
	const struct pt_format *format = reclaim->cursor->table->format;
	uint64_t start = reclaim->start > base ? reclaim->start : base;
	uint64_t last = base + level_size(level + 1) - 1;
	unsigned index = pte_index(start, level);
	unsigned end = pte_index(reclaim->end - 1 < last ? reclaim->end - 1 : last, level);
	int error = 0;

	for (; level > 1 && index <= end && error == 0; index++) {
		pte_t pte = node_read(node, index);

		if (pte_kind(format, pte, level) == PTE_NODE)
			error = reclaim_child(reclaim, node, index, pte, level,
					      base + index * level_size(level));
	}
	return error;
}

int cursor_reclaim(struct cursor *cursor, uint64_t len, const struct range_flush *flush)
{
	struct reclaim reclaim = {
		.cursor = cursor,
		.flush = flush,
		.start = cursor->at,
		.end = cursor->at + len,
		.waiting = SLOT_NONE,
	};
	unsigned level = cursor->guard_level;
	int error = cursor->mode == CURSOR_MUTATE ? cursor_check_len(cursor, len) : -EINVAL;

	if (error || len == 0)
		return error;
	/* The node that the cursor is in may go: the guard does not. */
	cursor->level = cursor->guard_level;
	error = reclaim_below(&reclaim, cursor_node(cursor), level,
			      align_down(cursor->at, level_size(level + 1)));
	flush_run(&reclaim);
	return error;
}
