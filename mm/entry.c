/* SPDX-License-Identifier: MIT */
/*
 * Operations on one entry of a locked node (section 2.5).
 */
#include "mm/entry.h"

struct pt_entry entry_at(const struct page_table *table, struct pt_node node, unsigned index)
{
	return (struct pt_entry){ table, node, index, node_read(node, index) };
}

/*
 * Stores `new` if the entry still is what the snapshot says; otherwise takes a new snapshot and
 * says no. Where only software walks, the node's lock makes that certain and a plain store will do.
 * Where hardware walks, it may have set accessed or dirty since (BUG-9), and a guest may have
 * written anything.
 */
static bool entry_store(struct pt_entry *entry, pte_t new)
{
	if (entry->table->walker == TABLE_WALKED_BY_SOFTWARE)
		node_write(entry->node, entry->index, new);
	else if (!atomic_compare_exchange_strong_explicit(
			 &entry->node.entries[entry->index], &entry->pte.raw, new.raw,
			 memory_order_acq_rel, memory_order_relaxed))
		return false;
	entry->pte = new;
	return true;
}

static int leaf_to_ref(const struct pt_entry *entry, struct pt_child *child)
{
	const struct page_table *table = entry->table;
	unsigned level = node_level(entry->node);

	if (!format_has_leaf(table->format, level))
		return -EUCLEAN;
	child->paddr = pte_leaf_paddr(table->format, entry->pte, level);
	child->level = level;
	child->prop = pte_prop(table->format, entry->pte);
	child->tracked = pte_is_tracked(entry->pte);
	if (child->tracked && !domain_contains(table->domain, child->paddr, level_size(level)))
		return -EUCLEAN;
	return 0;
}

int entry_to_ref(const struct pt_entry *entry, struct pt_child *child)
{
	const struct page_table *table = entry->table;

	child->kind = entry_kind(entry);
	child->status = child->kind == PTE_ABSENT ? pte_status(entry->pte) : 0;
	if (child->kind == PTE_LEAF)
		return leaf_to_ref(entry, child);
	if (child->kind == PTE_NODE)
		return node_child(table->domain, table->format, entry->node, entry->index,
				  entry->pte, &child->node);
	return 0;
}

/* What the entry must hold to hold *child: aligned, in range, and something it can say (P-2). */
static int encode(const struct pt_entry *entry, const struct pt_child *child, pte_t *pte)
{
	const struct page_table *table = entry->table;
	unsigned level = node_level(entry->node);
	uint64_t bits;
	int error;

	if (child->kind == PTE_ABSENT) {
		*pte = pte_of_status(child->status);
		return child->status <= STATUS_MAX ? 0 : -EINVAL;
	}
	if (child->kind == PTE_NODE) {
		*pte = pte_node(table->format, node_paddr(table->domain, child->node));
		return node_level(child->node) == level - 1 ? 0 : -EINVAL;
	}
	if (child->level != level || !is_aligned(child->paddr.value, level_size(level)))
		return -EINVAL;
	if (child->tracked && !domain_contains(table->domain, child->paddr, level_size(level)))
		return -ERANGE;
	if (child->paddr.value & ~table->format->address)
		return -ERANGE;
	error = format_leaf_bits(table->format, level, child->prop, child->tracked, &bits);
	*pte = PTE(child->paddr.value | bits);
	return error;
}

int entry_protect(struct pt_entry *entry, struct prop_change change, prop_t *old)
{
	struct pt_child leaf;
	uint32_t before;
	pte_t new;
	int error;

	/* Tracked or not, and where, stays as it is (P-3); absence has no properties (E-4). */
	if ((change.clear | change.set) & ~PROP_CHANGEABLE)
		return -EINVAL;
	do {
		if (entry_kind(entry) != PTE_LEAF)
			return -ENOENT;
		error = leaf_to_ref(entry, &leaf);
		if (error)
			return error;
		leaf.kind = PTE_LEAF;
		before = leaf.prop.bits;
		leaf.prop.bits = (before & ~change.clear) | change.set;
		if (leaf.prop.bits == before)
			break;
		error = encode(entry, &leaf, &new);
		if (error)
			return error;
	} while (!entry_store(entry, new));
	if (old)
		old->bits = before;
	return 0;
}

/* What an entry is to hold says in its slot which entry that is; see node_link(). */
static void child_link(const struct pt_entry *entry, const struct pt_child *child)
{
	if (child->kind == PTE_NODE)
		node_link(entry->table->domain, entry->node, entry->index, child->node);
}

static void child_unlink(const struct pt_child *child)
{
	if (child->kind == PTE_NODE)
		node_unlink(child->node);
}

int entry_replace(struct pt_entry *entry, const struct pt_child *new, struct pt_child *old)
{
	const struct pt_format *format = entry->table->format;
	pte_t pte, before;
	int error = encode(entry, new, &pte);

	if (error)
		return error;
	for (;;) {
		/* While `new` is linked nowhere: a guest may have led an entry there. */
		error = entry_to_ref(entry, old);
		if (error)
			return error;
		before = entry->pte;
		child_link(entry, new);
		if (entry_store(entry, pte))
			break;
		child_unlink(new);
	}
	node_count_children(entry->node, pte_is_child(format, pte) - pte_is_child(format, before));
	if (new->kind == PTE_ABSENT &&new->status)
		entry->node.slot->marked = true;
	return 0;
}

/* A new node one level below the entry's, locked before anybody can see it. */
static int alloc_locked(const struct pt_entry *entry, uint32_t thread, struct pt_node *child)
{
	const struct page_table *table = entry->table;
	int error = node_alloc(table->domain, table->format, node_level(entry->node) - 1, child);

	if (error)
		return error;
	lock_try(&child->slot->lock, thread);
	node_link(table->domain, entry->node, entry->index, *child);
	return 0;
}

static pte_t entry_to_node(const struct pt_entry *entry, struct pt_node child)
{
	const struct page_table *table = entry->table;

	return pte_node(table->format, node_paddr(table->domain, child));
}

/*
 * Gives up a node that was not published after all, whose entries own nothing. It was linked, so a
 * guest may have written an entry that leads there, and somebody may wait for its lock: he sees
 * that it is stray, and it stays in memory for as long as he looks (L-5).
 */
static void discard(const struct page_table *table, struct pt_node node)
{
	node.slot->nr_children = 0;
	node.slot->stray = true;
	node_unlink(node);
	lock_release(&node.slot->lock);
	node_defer(table->domain, node);
}

/* Every entry of `child` gets the status of `pte`, which is absent. */
static void fill_status(struct pt_node child, pte_t pte)
{
	for (unsigned index = 0; index < NODE_ENTRIES; index++)
		atomic_store_explicit(&child.entries[index], pte.raw, memory_order_relaxed);
	child.slot->nr_children = NODE_ENTRIES;
	child.slot->marked = true;
}

int entry_alloc_if_none(struct pt_entry *entry, uint32_t thread, struct pt_node *child)
{
	bool marked = pte_has_status(entry->pte);
	struct pt_node node;
	int error;

	if (node_level(entry->node) == 1)
		return -EINVAL;
	if (!entry_is_none(entry))
		return -EEXIST;
	error = alloc_locked(entry, thread, &node);
	if (error)
		return error;
	if (marked)
		fill_status(node, entry->pte);
	if (!entry_store(entry, entry_to_node(entry, node))) {
		discard(entry->table, node);
		return -EEXIST;
	}
	node_count_children(entry->node, !marked);
	*child = node;
	return 0;
}

/* Leaves one level down that map what `leaf`, a large one, maps. */
static int fill_split(struct pt_node child, const struct pt_format *format,
		      const struct pt_child *leaf)
{
	uint64_t bits;
	int error = format_leaf_bits(format, leaf->level - 1, leaf->prop, leaf->tracked, &bits);

	if (error)
		return error;
	for (unsigned index = 0; index < NODE_ENTRIES; index++) {
		uint64_t paddr = leaf->paddr.value + index * level_size(leaf->level - 1);

		atomic_store_explicit(&child.entries[index], paddr | bits, memory_order_relaxed);
	}
	child.slot->nr_children = NODE_ENTRIES;
	return 0;
}

int entry_split_if_mapped_huge(struct pt_entry *entry, uint32_t thread, struct pt_node *child)
{
	const struct page_table *table = entry->table;
	struct pt_child leaf;
	struct pt_node node;
	int error;

	if (entry_kind(entry) != PTE_LEAF || node_level(entry->node) == 1)
		return -ENOENT;
	error = alloc_locked(entry, thread, &node);
	if (error)
		return error;
	do {
		error = entry_kind(entry) == PTE_LEAF ? leaf_to_ref(entry, &leaf) : -ENOENT;
		if (error == 0)
			error = fill_split(node, table->format, &leaf);
		if (error) {
			discard(table, node);
			return error;
		}
	} while (!entry_store(entry, entry_to_node(entry, node)));
	*child = node;
	return 0;
}

int node_protect_child(const struct page_table *table, struct pt_node node, unsigned index,
		       struct prop_change change, prop_t *old)
{
	struct pt_entry entry = entry_at(table, node, index);

	return entry_protect(&entry, change, old);
}

int node_replace_child(const struct page_table *table, struct pt_node node, unsigned index,
		       const struct pt_child *new, struct pt_child *old)
{
	struct pt_entry entry = entry_at(table, node, index);

	return entry_replace(&entry, new, old);
}

int node_alloc_absent_child(const struct page_table *table, struct pt_node node, unsigned index,
			    uint32_t thread, struct pt_node *child)
{
	struct pt_entry entry = entry_at(table, node, index);

	return entry_alloc_if_none(&entry, thread, child);
}

int node_replace_absent_with_frame(const struct page_table *table, struct pt_node node,
				   unsigned index, paddr_t paddr, prop_t prop, bool tracked)
{
	struct pt_entry entry = entry_at(table, node, index);
	struct pt_child leaf = {
		.kind = PTE_LEAF,
		.paddr = paddr,
		.level = node_level(node),
		.prop = prop,
		.tracked = tracked,
	};
	pte_t before = entry.pte, pte;
	int error = entry_is_none(&entry) ? encode(&entry, &leaf, &pte) : -EEXIST;

	if (error)
		return error;
	if (!entry_store(&entry, pte))
		return -EEXIST;
	node_count_children(node, !pte_has_status(before));
	return 0;
}
