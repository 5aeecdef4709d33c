/* SPDX-License-Identifier: MIT */
/*
 * Many leaves become one (9.6.5): the inverse of a split, on request.
 */
#include "mm/cursor_private.h"

#define USED (PROP_ACCESSED | PROP_DIRTY)

struct coalesce {
	struct cursor *cursor;
	struct pt_child leaf; /* what the leaves found so far make together, without USED */
	uint64_t len;	      /* bytes that they map */
	uint32_t used;	      /* those of USED that any of them has */
	uint32_t nodes;	      /* first of the nodes that they are in, by slot.next */
};

/* The next leaf must go on where the others end, and be like them. */
static int gather_leaf(struct coalesce *coalesce, pte_t pte, unsigned level)
{
	const struct pt_format *format = coalesce->cursor->table->format;
	uint32_t prop = pte_prop(format, pte).bits;
	struct pt_child leaf = {
		.kind = PTE_LEAF,
		.paddr = pte_leaf_paddr(format, pte, level),
		.prop = PROP(prop & ~USED),
		.tracked = pte_is_tracked(pte),
	};
	const struct pt_child *first = &coalesce->leaf;

	if (coalesce->len == 0)
		coalesce->leaf = leaf;
	else if (leaf.paddr.value != first->paddr.value + coalesce->len ||
		 leaf.prop.bits != first->prop.bits || leaf.tracked != first->tracked)
		return -ENOENT;
	coalesce->len += level_size(level);
	coalesce->used |= prop & USED;
	return format_has_leaf(format, level) ? 0 : -EUCLEAN;
}

/*
 * Every leaf below `node`. Its slot's `next` is free while the node is linked, and no node comes
 * twice: each knows its one parent.
 */
static int gather(struct coalesce *coalesce, struct pt_node node, unsigned level)
{
	const struct page_table *table = coalesce->cursor->table;
	int error = 0;

	node.slot->next = coalesce->nodes;
	coalesce->nodes = domain_slot_number(table->domain, node.slot);
	for (unsigned index = 0; index < NODE_ENTRIES && error == 0; index++) {
		pte_t pte = node_read(node, index);
		enum pte_kind kind = pte_kind(table->format, pte, level);
		struct pt_node child;

		if (kind == PTE_ABSENT)
			return -ENOENT;
		if (kind == PTE_LEAF) {
			error = gather_leaf(coalesce, pte, level);
			continue;
		}
		error = cursor_child_at(coalesce->cursor, node, index, pte, &child);
		if (error == 0)
			error = gather(coalesce, child, level - 1);
	}
	return error;
}

/* The next of the nodes gathered; false behind the last. It may be put into another chain. */
static bool next_node(const struct coalesce *coalesce, uint32_t *number, struct pt_node *node)
{
	struct phys_domain *domain = coalesce->cursor->table->domain;

	if (*number == SLOT_NONE)
		return false;
	*node = node_at(domain, PADDR((uint64_t)*number << PAGE_SHIFT));
	*number = node->slot->next;
	return true;
}

/*
 * Who waits for one of these nodes must see that it came too late (L-5). Those who are in the
 * topmost already find the way down as before, and there what was mapped all the time.
 */
static void make_stray(const struct coalesce *coalesce, struct pt_node top)
{
	uint32_t next = coalesce->nodes;
	struct pt_node node;

	node_unlink(top);
	while (next_node(coalesce, &next, &node))
		node.slot->stray = true;
}

/* What hardware has set in the small leaves, by now. */
static uint32_t used_by_now(const struct coalesce *coalesce)
{
	const struct pt_format *format = coalesce->cursor->table->format;
	uint32_t next = coalesce->nodes;
	struct pt_node node;
	uint32_t used = 0;

	while (next_node(coalesce, &next, &node))
		for (unsigned index = 0; index < NODE_ENTRIES; index++) {
			pte_t pte = node_read(node, index);

			if (pte_kind(format, pte, node_level(node)) == PTE_LEAF)
				used |= pte_prop(format, pte).bits & USED;
		}
	return used;
}

/*
 * The large leaf owns now what the nodes' leaves owned. These stay as they are, for who looks at
 * them without a lock shall not see a hole; the counts say that the nodes own nothing.
 */
static void defer_nodes(const struct coalesce *coalesce)
{
	uint32_t next = coalesce->nodes;
	struct pt_node node;

	while (next_node(coalesce, &next, &node)) {
		node.slot->nr_children = 0;
		node_defer(coalesce->cursor->table->domain, node);
	}
}

/*
 * The large leaf takes the place of the node. Until the flush is over, hardware may go on setting
 * bits in the small leaves: they are looked at once more after it (BUG-9, INV-X7).
 */
static int publish(struct coalesce *coalesce, struct pt_entry *entry, struct pt_node top,
		   const struct range_flush *flush)
{
	struct cursor *cursor = coalesce->cursor;
	struct pt_child old;
	int error;

	coalesce->leaf.prop.bits |= coalesce->used;
	error = entry_replace(entry, &coalesce->leaf, &old);
	if (error)
		return error;
	make_stray(coalesce, top);
	if (flush)
		flush->flush(flush->context, cursor_virt_addr(cursor), coalesce->len);
	if (cursor->table->walker == TABLE_WALKED_BY_HARDWARE)
		(void)entry_protect(entry, (struct prop_change){ .set = used_by_now(coalesce) },
				    NULL);
	defer_nodes(coalesce);
	return 0;
}

/* Goes down to the node at `level`, or to the entry above it that is none. */
static int go_to(struct cursor *cursor, unsigned level)
{
	const struct pt_format *format = cursor->table->format;
	int error = 0;

	while (cursor->level < level)
		cursor_pop(cursor);
	while (cursor->level > level && error == 0) {
		struct pt_entry entry = cursor_entry(cursor);
		struct pt_node child;

		if (pte_kind(format, entry.pte, cursor->level) != PTE_NODE)
			break;
		error = cursor_child(cursor, entry.pte, &child);
		if (error == 0)
			cursor_push(cursor, child);
	}
	return error;
}

static int check_place(const struct cursor *cursor, unsigned level)
{
	if (!format_has_leaf(cursor->table->format, level))
		return -EOPNOTSUPP;
	if (cursor->mode != CURSOR_MUTATE || level < 2 || level > cursor->guard_level ||
	    !is_aligned(cursor->at, level_size(level)))
		return -EINVAL;
	return cursor_remaining(cursor) < level_size(level) ? -ERANGE : 0;
}

int cursor_coalesce(struct cursor *cursor, unsigned level, const struct range_flush *flush)
{
	struct coalesce coalesce = { .cursor = cursor, .nodes = SLOT_NONE };
	struct pt_entry entry;
	struct pt_child child;
	int error = check_place(cursor, level);

	if (error == 0)
		error = go_to(cursor, level);
	if (error)
		return error;
	entry = cursor_entry(cursor);
	error = entry_to_ref(&entry, &child);
	if (error == 0 && child.kind == PTE_ABSENT)
		error = -ENOENT;
	if (error || child.kind == PTE_LEAF)
		return error;
	error = cursor_child(cursor, entry.pte, &child.node);
	if (error == 0)
		error = gather(&coalesce, child.node, level - 1);
	coalesce.leaf.level = level;
	if (error == 0 && !is_aligned(coalesce.leaf.paddr.value, level_size(level)))
		error = -ENOENT;
	return error ? error : publish(&coalesce, &entry, child.node, flush);
}
