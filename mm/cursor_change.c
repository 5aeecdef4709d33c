/* SPDX-License-Identifier: MIT */
/*
 * Changing what is mapped: taking leaves and whole sub-trees out, and changing properties.
 */
#include "mm/cursor_private.h"

/*
 * Counts the 4 KiB pages that are mapped under `node` (BUG-7), and makes sure that this cursor
 * holds every node there: then the whole tree can be unlinked. -EUCLEAN otherwise.
 */
static int subtree_pages(const struct cursor *cursor, struct pt_node node, unsigned level,
			 uint64_t *pages)
{
	const struct page_table *table = cursor->table;

	if (!cursor_has_locked(cursor, node) || node.slot->stray)
		return -EUCLEAN;
	if (level == 1 && !node.slot->marked) {
		*pages += node.slot->nr_children;
		return 0;
	}
	for (unsigned index = 0; index < NODE_ENTRIES; index++) {
		pte_t pte = node_read(node, index);
		enum pte_kind kind = pte_kind(table->format, pte, level);
		struct pt_node child;
		int error;

		if (kind == PTE_LEAF)
			*pages += level_pages(level);
		if (kind != PTE_NODE)
			continue;
		error = node_child(table->domain, table->format, node, index, pte, &child);
		if (error == 0)
			error = subtree_pages(cursor, child, level - 1, pages);
		if (error)
			return error;
	}
	return 0;
}

/* Who waits for one of these nodes must see, once it gets the lock, that it came too late (L-5). */
static void subtree_mark_stray(const struct cursor *cursor, struct pt_node node, unsigned level)
{
	const struct page_table *table = cursor->table;

	node.slot->stray = true;
	for (unsigned index = 0; level > 1 && index < NODE_ENTRIES; index++) {
		pte_t pte = node_read(node, index);
		struct pt_node child;

		if (pte_kind(table->format, pte, level) == PTE_NODE &&
		    node_child(table->domain, table->format, node, index, pte, &child) == 0 &&
		    cursor_has_locked(cursor, child) && !child.slot->stray)
			subtree_mark_stray(cursor, child, level - 1);
	}
}

static void fragment_of_leaf(struct pt_fragment *fragment, const struct pt_child *leaf)
{
	fragment->kind = FRAGMENT_LEAF;
	fragment->pages = level_pages(leaf->level);
	fragment->leaf = (struct pt_mapping){
		.start = fragment->start,
		.len = fragment->len,
		.level = leaf->level,
		.present = true,
		.tracked = leaf->tracked,
		.paddr = leaf->paddr,
		.prop = leaf->prop,
	};
}

static void fragment_of_subtree(struct cursor *cursor, struct pt_fragment *fragment,
				struct pt_node node, uint64_t pages)
{
	fragment->kind = FRAGMENT_SUBTREE;
	fragment->pages = pages;
	fragment->node = node;
	node_unlink(node);
	subtree_mark_stray(cursor, node, cursor->level - 1u);
}

/*
 * What the look has confirmed is what comes out. Hardware may have set accessed and dirty since:
 * of a leaf, the exchange says (BUG-9). What else a guest has written since owns no reference.
 */
int cursor_exchange(struct cursor *cursor, const struct pt_child *new, struct pt_fragment *fragment)
{
	struct pt_entry entry = cursor_entry(cursor);
	struct pt_child seen, old;
	uint64_t pages = 0;
	int error = entry_to_ref(&entry, &seen);

	if (error == 0 && seen.kind == PTE_NODE)
		error = subtree_pages(cursor, seen.node, cursor->level - 1u, &pages);
	if (error == 0)
		error = entry_replace(&entry, new, &old);
	if (error)
		return error;
	*fragment = (struct pt_fragment){
		.kind = FRAGMENT_NONE,
		.domain = cursor->table->domain,
		.start = cursor_address(cursor, cursor_entry_start(cursor)),
		.len = level_size(cursor->level),
	};
	if (seen.kind == PTE_LEAF && old.kind == PTE_LEAF)
		seen.prop = old.prop;
	if (seen.kind == PTE_LEAF)
		fragment_of_leaf(fragment, &seen);
	else if (seen.kind == PTE_NODE)
		fragment_of_subtree(cursor, fragment, seen.node, pages);
	else
		fragment->leaf.status = seen.status;
	return 0;
}

int cursor_take(struct cursor *cursor, struct pt_fragment *fragment)
{
	static const struct pt_child absent = { .kind = PTE_ABSENT };

	return cursor_exchange(cursor, &absent, fragment);
}

int cursor_take_next(struct cursor *cursor, uint64_t len, struct pt_fragment *fragment)
{
	uint64_t begin = cursor->at;
	int found = cursor->mode == CURSOR_MUTATE ?
			    cursor_find(cursor, len, FIND_SUBTREES, FIND_SPLIT) :
			    -EINVAL;
	int error;

	if (found <= 0)
		return found;
	error = cursor_take(cursor, fragment);
	if (error) {
		cursor_place(cursor, begin);
		return error;
	}
	cursor_forward(cursor);
	return 1;
}

void fragment_drop(struct pt_fragment *fragment)
{
	if (fragment->kind == FRAGMENT_SUBTREE)
		node_defer(fragment->domain, fragment->node);
	else if (fragment->kind == FRAGMENT_LEAF && fragment->leaf.tracked)
		run_put(fragment->domain, fragment->leaf.paddr, level_pages(fragment->leaf.level));
}

int cursor_protect_next(struct cursor *cursor, uint64_t len, struct prop_change change,
			struct pt_mapping *mapping)
{
	uint64_t begin = cursor->at;
	int found = cursor->mode == CURSOR_MUTATE ?
			    cursor_find(cursor, len, FIND_LEAVES, FIND_SPLIT) :
			    -EINVAL;
	struct pt_mapping old;
	struct pt_entry entry;
	int error;

	if (found <= 0)
		return found;
	error = cursor_query(cursor, &old);
	entry = cursor_entry(cursor);
	if (error == 0)
		error = entry_protect(&entry, change, &old.prop);
	if (error) {
		cursor_place(cursor, begin);
		return error;
	}
	if (mapping)
		*mapping = old;
	cursor_forward(cursor);
	return 1;
}
