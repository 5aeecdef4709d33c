/* SPDX-License-Identifier: MIT */
/*
 * Operations on one entry of a locked node (2.5). They keep nr_children equal to the number of
 * entries that are not absent or have a status (INV-T5), publish nothing before it is filled (P-8),
 * and leave everything as it was when they fail.
 *
 * Two forms. `struct pt_entry` carries a snapshot, so that a word which hardware may be changing is
 * read once; the node_*_child() forms name the entry by its index.
 */
#ifndef MM_ENTRY_H
#define MM_ENTRY_H

#include "mm/table.h"

struct pt_entry {
	const struct page_table *table;
	struct pt_node node;
	unsigned index;
	pte_t pte; /* as it was when the entry was made, or as the last operation left it */
};

/*
 * What an entry holds or shall hold. A node and a tracked leaf carry the references that the entry
 * owns.
 */
struct pt_child {
	enum pte_kind kind;
	struct pt_node node; /* PTE_NODE */
	paddr_t paddr;	     /* PTE_LEAF, and what follows */
	unsigned level;
	prop_t prop;
	bool tracked;
	uint64_t status; /* PTE_ABSENT: 0 to STATUS_MAX (3.8) */
};

/* Properties to take away and to give, as one change: `(old & ~clear) | set`. */
struct prop_change {
	uint32_t clear;
	uint32_t set;
};

/* What a change may touch: never presence, address, or who owns the frame (GAP-3, P-12). */
#define PROP_CHANGEABLE (PROP_FLAGS | PROP_CACHE | PROP_KEYS)

struct pt_entry entry_at(const struct page_table *table, struct pt_node node, unsigned index);

static inline enum pte_kind entry_kind(const struct pt_entry *entry)
{
	return pte_kind(entry->table->format, entry->pte, node_level(entry->node));
}

static inline bool entry_is_none(const struct pt_entry *entry)
{
	return entry_kind(entry) == PTE_ABSENT;
}

static inline bool entry_is_node(const struct pt_entry *entry)
{
	return entry_kind(entry) == PTE_NODE;
}

/*
 * What the entry holds, borrowed: no count changes. -EUCLEAN for a node that is none, or a leaf
 * where none can be.
 */
int entry_to_ref(const struct pt_entry *entry, struct pt_child *child);

/*
 * Changes the properties of a leaf; no store if nothing changes. Where hardware walks, accessed and
 * dirty bits that it sets meanwhile survive (BUG-9). `old` (may be NULL) gets the properties as
 * they were at the change.
 * -ENOENT not a leaf, -EOPNOTSUPP the format cannot say it, -EINVAL a change outside
 *   PROP_CHANGEABLE.
 */
int entry_protect(struct pt_entry *entry, struct prop_change change, prop_t *old);

/*
 * Puts `new` in, and gives what was there to the caller with its references (P-9); A and D bits of
 * the old leaf are those at the moment of the exchange. A removed node is not yet stray: see
 * cursor_take_next().
 * -EINVAL new's level does not fit the node, or a status above STATUS_MAX; -EOPNOTSUPP, -EUCLEAN.
 */
int entry_replace(struct pt_entry *entry, const struct pt_child *new, struct pt_child *old);

/*
 * A new node under an absent entry, locked by `thread` before it is published (2.5). If the entry
 * has a status, all of the node's have it: a split like that of a huge leaf (3.8). -EEXIST the
 * entry is not absent,
 * -EINVAL level 1 has no nodes below, -ENOMEM.
 */
int entry_alloc_if_none(struct pt_entry *entry, uint32_t thread, struct pt_node *child);

/*
 * Replaces a huge leaf by a node of NODE_ENTRIES leaves one level down with the same properties and
 * the same frames, which each own what the large one owned (P-4). Filled and locked by `thread`,
 * then published by one store: the mapping is never absent. -ENOENT not a huge leaf, -EOPNOTSUPP no
 * leaves one level down, -ENOMEM.
 */
int entry_split_if_mapped_huge(struct pt_entry *entry, uint32_t thread, struct pt_node *child);

/* The same by index. */
int node_protect_child(const struct page_table *table, struct pt_node node, unsigned index,
		       struct prop_change change, prop_t *old);
int node_replace_child(const struct page_table *table, struct pt_node node, unsigned index,
		       const struct pt_child *new, struct pt_child *old);
int node_alloc_absent_child(const struct page_table *table, struct pt_node node, unsigned index,
			    uint32_t thread, struct pt_node *child);

/*
 * Puts a leaf where nothing is. -EEXIST if something is, -EINVAL, -EOPNOTSUPP. Takes over the
 * leaf's references.
 */
int node_replace_absent_with_frame(const struct page_table *table, struct pt_node node,
				   unsigned index, paddr_t paddr, prop_t prop, bool tracked);

#endif
