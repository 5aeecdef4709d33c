/* SPDX-License-Identifier: MIT */
/*
 * Unmapping into removed nodes. All nodes that will be needed are had before anything is unmapped.
 */
#include "mm/cursor_private.h"
#include "mm/cursor_retire.h"

struct retire {
	struct cursor *cursor;
	uint64_t end; /* of what is unmapped, as an offset in the table */
	struct retired *retired;
	uint64_t pages;
	uint64_t leaves[LEVELS_MAX + 1]; /* tracked ones that go one by one, by level */
	uint32_t room[LEVELS_MAX + 1];	 /* nodes for them, by slot.next */
};

static struct pt_node numbered_node(const struct retire *retire, uint32_t number)
{
	const struct phys_domain *domain = retire->cursor->table->domain;

	return node_at(domain, domain_slot_paddr(domain, &domain->slots[number]));
}

static void retired_add(const struct retire *retire, struct pt_node node)
{
	struct phys_domain *domain = retire->cursor->table->domain;
	struct retired *retired = retire->retired;
	uint32_t number = domain_slot_number(domain, node.slot);

	node.slot->next = SLOT_NONE;
	if (retired->nr_nodes++ == 0)
		retired->first = number;
	else
		domain->slots[retired->last].next = number;
	retired->last = number;
}

/*
 * Goes to what is to be unmapped next: 1 and the cursor is at it, 0 if there is nothing more. It
 * lies wholly inside, unless a guest has made it larger.
 */
static int find(const struct retire *retire)
{
	struct cursor *cursor = retire->cursor;
	int found = 0;

	if (cursor->at < retire->end)
		found = cursor_find(cursor, retire->end - cursor->at, FIND_SUBTREES, FIND_WHOLE);
	if (found > 0 && cursor_entry_end(cursor) > retire->end)
		found = -EUCLEAN;
	return found;
}

static int count_leaves(struct retire *retire)
{
	struct cursor *cursor = retire->cursor;
	uint64_t begin = cursor->at;
	int found;

	while ((found = find(retire)) > 0) {
		struct pt_entry entry = cursor_entry(cursor);

		if (entry_kind(&entry) == PTE_LEAF && pte_is_tracked(entry.pte))
			retire->leaves[cursor->level]++;
		cursor_forward(cursor);
	}
	cursor_place(cursor, begin);
	return found;
}

/* Gives nodes back that nothing was put in. */
static void room_free(struct retire *retire, unsigned level)
{
	while (retire->room[level] != SLOT_NONE) {
		struct pt_node node = numbered_node(retire, retire->room[level]);

		retire->room[level] = node.slot->next;
		node_free(retire->cursor->table->domain, node);
	}
}

/* One node more for leaves of this level. Nobody will ever reach it by an entry. */
static int room_add(struct retire *retire, unsigned level)
{
	const struct page_table *table = retire->cursor->table;
	struct pt_node node;
	int error = node_alloc(table->domain, table->format, level, &node);

	if (error)
		return error;
	node.slot->stray = true;
	node.slot->next = retire->room[level];
	retire->room[level] = domain_slot_number(table->domain, node.slot);
	return 0;
}

static int room_reserve(struct retire *retire)
{
	int error = 0;

	for (unsigned level = 1; level <= LEVELS_MAX; level++)
		for (uint64_t had = 0; had < retire->leaves[level] && error == 0;
		     had += NODE_ENTRIES)
			error = room_add(retire, level);
	return error;
}

/* Statuses go, too. Everything else that needs memory has been had. */
static int take_statuses(struct retire *retire)
{
	struct cursor *cursor = retire->cursor;
	uint64_t begin = cursor->at;
	int error = cursor_is_marked(cursor) ? cursor_mark(cursor, retire->end - begin, 0) : 0;

	cursor_place(cursor, begin);
	return error;
}

/*
 * Moves the references of a tracked leaf to a leaf that no one can reach. If a guest has made more
 * leaves than were counted, there may be no room: rather than too early they are never given up.
 */
static void keep_leaf(struct retire *retire, const struct pt_mapping *leaf)
{
	const struct page_table *table = retire->cursor->table;
	uint32_t *room = &retire->room[leaf->level];
	struct pt_node node;
	uint64_t bits;

	if (*room == SLOT_NONE ||
	    format_leaf_bits(table->format, leaf->level, PROP(0), true, &bits)) {
		atomic_fetch_add_explicit(&table->domain->nr_corrupt, 1, memory_order_relaxed);
		return;
	}
	node = numbered_node(retire, *room);
	node_write(node, node.slot->nr_children, PTE(leaf->paddr.value | bits));
	node_count_children(node, 1);
	if (node.slot->nr_children == NODE_ENTRIES) {
		*room = node.slot->next;
		retired_add(retire, node);
	}
}

static int retire_all(struct retire *retire)
{
	struct cursor *cursor = retire->cursor;
	int found;

	while ((found = find(retire)) > 0) {
		struct pt_fragment fragment;
		int error = cursor_take(cursor, &fragment);

		if (error)
			return error;
		cursor_forward(cursor);
		retire->pages += fragment.pages;
		if (fragment.kind == FRAGMENT_SUBTREE)
			retired_add(retire, fragment.node);
		else if (fragment.leaf.tracked)
			keep_leaf(retire, &fragment.leaf);
	}
	return found;
}

/* The last node of each level is filled in part, or not at all. */
static void room_close(struct retire *retire)
{
	for (unsigned level = 1; level <= LEVELS_MAX; level++) {
		struct pt_node node;

		if (retire->room[level] == SLOT_NONE)
			continue;
		node = numbered_node(retire, retire->room[level]);
		if (node.slot->nr_children > 0) {
			retire->room[level] = node.slot->next;
			retired_add(retire, node);
		}
		room_free(retire, level);
	}
}

int cursor_retire(struct cursor *cursor, uint64_t len, struct retired *retired, uint64_t *pages)
{
	struct retire retire = { .cursor = cursor, .retired = retired };
	int error = cursor_begin(cursor, len);

	*retired = (struct retired){ SLOT_NONE, SLOT_NONE, 0 };
	for (unsigned level = 0; level <= LEVELS_MAX; level++)
		retire.room[level] = SLOT_NONE;
	retire.end = cursor->at + len;
	if (error == 0)
		error = count_leaves(&retire);
	if (error == 0)
		error = room_reserve(&retire);
	if (error == 0)
		error = take_statuses(&retire);
	if (error == 0)
		error = retire_all(&retire);
	room_close(&retire);
	if (pages)
		*pages = retire.pages;
	return error;
}
