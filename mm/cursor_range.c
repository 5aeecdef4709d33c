/* SPDX-License-Identifier: MIT */
/*
 * Whole ranges in one call: what cursor_protect_next() and cursor_take_next() do leaf by leaf, with
 * one loop for each node.
 *
 * Leaves that reach over an end of the range are split before anything else happens. After that
 * nothing is allocated, so that a range is changed as a whole or not at all.
 */
#include "mm/cursor_private.h"
#include "mm/frame_run.h"

/* Goes to the leaf at `offset`, and splits it as long as it reaches over `edge`, inside it. */
static int split_at(struct cursor *cursor, uint64_t offset, uint64_t edge)
{
	int error = 0;

	cursor_place(cursor, offset);
	while (error == 0) {
		pte_t pte;

		error = cursor_settle(cursor, &pte);
		if (error || !pte_is_present(cursor->table->format, pte) ||
		    cursor_entry_start(cursor) >= edge || cursor_entry_end(cursor) <= edge)
			break;
		error = cursor_split(cursor);
	}
	return error;
}

int cursor_split_edges(struct cursor *cursor, uint64_t len)
{
	uint64_t begin = cursor->at;
	int error;

	error = split_at(cursor, begin, begin);
	if (error == 0)
		error = split_at(cursor, begin + len - PAGE_SIZE, begin + len);
	cursor_place(cursor, begin);
	return error;
}

/* Entries of the current node from the current one on that end at `end` or before. */
static unsigned entries_until(const struct cursor *cursor, uint64_t end)
{
	unsigned left = NODE_ENTRIES - pte_index(cursor->at, cursor->level);
	uint64_t inside = (end - cursor->at) >> level_shift(cursor->level);

	return inside < left ? (unsigned)inside : left;
}

/* Steps over `nr` entries of the current node, which are not beyond its end. */
static void skip_entries(struct cursor *cursor, unsigned nr)
{
	cursor->at += (uint64_t)(nr - 1) << level_shift(cursor->level);
	cursor_forward(cursor);
}

/* Changing properties. */

struct protect {
	struct prop_change change;
	const struct range_flush *flush;
	uint64_t pages;
	bool store;   /* not in the first pass, which only looks whether all of it can be said */
	uint64_t run; /* offset of the first changed leaf that is not flushed yet */
	uint64_t run_end;
};

/* Fills cursor->changed for leaves like this one. */
static int protect_encode(struct cursor *cursor, struct prop_change change, pte_t pte)
{
	const struct pt_format *format = cursor->table->format;
	uint32_t prop = (pte_prop(format, pte).bits & ~change.clear) | change.set;
	uint64_t from = pte.raw & ~format->address;
	uint64_t to;
	int error = format_leaf_bits(format, cursor->level, PROP(prop), pte_is_tracked(pte), &to);

	if (error)
		return error;
	cursor->changed.change = change;
	cursor->changed.from = from;
	cursor->changed.to = to;
	cursor->changed.level = cursor->level;
	return 0;
}

static void protect_flush(const struct cursor *cursor, const struct protect *protect)
{
	if (protect->run_end > protect->run)
		protect->flush->flush(protect->flush->context, cursor_address(cursor, protect->run),
				      protect->run_end - protect->run);
}

/* Leaves [start, end), offsets in the table, have been changed: flushed by runs (T-1). */
static void protect_changed(const struct cursor *cursor, struct protect *protect, uint64_t start,
			    uint64_t end)
{
	protect->pages += (end - start) >> PAGE_SHIFT;
	if (!protect->flush)
		return;
	if (protect->run_end != start) {
		protect_flush(cursor, protect);
		protect->run = start;
	}
	protect->run_end = end;
}

/*
 * Three ways through neighbouring leaves that have the bits `from` beside their address: to look at
 * them, and to give them the bits `to`, where software walks and where hardware does, which may set
 * accessed and dirty between look and change (BUG-9). Each goes through `nr` entries, up to the
 * first that is not like that, and returns how many were.
 */
static unsigned leaves_look(const _Atomic uint64_t *entry, unsigned nr, uint64_t address,
			    uint64_t from)
{
	unsigned done = 0;

	while (done < nr &&
	       (atomic_load_explicit(&entry[done], memory_order_relaxed) & ~address) == from)
		done++;
	return done;
}

static unsigned leaves_store(_Atomic uint64_t *entry, unsigned nr, uint64_t address, uint64_t from,
			     uint64_t to)
{
	unsigned done = 0;

	for (; done < nr; done++) {
		uint64_t paddr = atomic_load_explicit(&entry[done], memory_order_relaxed) ^ from;

		if (paddr & ~address)
			break;
		atomic_store_explicit(&entry[done], paddr ^ to, memory_order_release);
	}
	return done;
}

static unsigned leaves_exchange(_Atomic uint64_t *entry, unsigned nr, uint64_t address,
				uint64_t from, uint64_t to)
{
	for (unsigned done = 0; done < nr; done++) {
		uint64_t raw = atomic_load_explicit(&entry[done], memory_order_relaxed);

		do
			if ((raw & ~address) != from)
				return done;
		while (!atomic_compare_exchange_weak_explicit(&entry[done], &raw, raw ^ from ^ to,
							      memory_order_acq_rel,
							      memory_order_relaxed));
	}
	return nr;
}

/* Leaves like the one that was encoded last: all of them change in the same way. */
static unsigned protect_alike(const struct cursor *cursor, const struct protect *protect,
			      _Atomic uint64_t *entry, unsigned nr)
{
	uint64_t address = cursor->table->format->address;
	uint64_t from = cursor->changed.from;
	uint64_t to = cursor->changed.to;

	if (cursor->changed.level != cursor->level)
		return 0;
	if (!protect->store || to == from)
		return leaves_look(entry, nr, address, from);
	if (cursor->table->walker == TABLE_WALKED_BY_SOFTWARE)
		return leaves_store(entry, nr, address, from, to);
	return leaves_exchange(entry, nr, address, from, to);
}

/*
 * Changes `nr` entries of the current node, up to the first that is no leaf, and returns how many
 * were.
 */
static int protect_leaves(struct cursor *cursor, const struct protect *protect, unsigned nr)
{
	struct pt_node node = cursor_node(cursor);
	unsigned first = pte_index(cursor->at, cursor->level);
	unsigned done = 0;

	for (;;) {
		pte_t pte;
		int error;

		done += protect_alike(cursor, protect, &node.entries[first + done], nr - done);
		if (done == nr)
			return (int)done;
		pte = node_read(node, first + done);
		if (pte_kind(cursor->table->format, pte, cursor->level) != PTE_LEAF)
			return (int)done;
		error = protect_encode(cursor, protect->change, pte);
		if (error)
			return error;
	}
}

/* One pass over the range, from the cursor's place to `end`; nothing there is no error (V-7). */
static int protect_pass(struct cursor *cursor, struct protect *protect, uint64_t end)
{
	while (cursor->at < end) {
		uint64_t start = cursor->at;
		int found = cursor_is_at_leaf(cursor) ?
				    1 :
				    cursor_find(cursor, end - start, FIND_LEAVES, FIND_WHOLE);

		if (found <= 0)
			return found;
		start = cursor->at;
		found = protect_leaves(cursor, protect, entries_until(cursor, end));
		if (found <= 0)
			return found ? found : -EUCLEAN;
		skip_entries(cursor, (unsigned)found);
		if (protect->store)
			protect_changed(cursor, protect, start, cursor->at);
	}
	return 0;
}

/*
 * Can every combination of rights that a leaf may have now be said after the change, too? Then no
 * leaf need be looked at to know that the change will go through.
 */
static bool change_is_total(const struct pt_format *format, struct prop_change change)
{
	uint64_t bits;

	/* Of caching a part may be changed, and the rest together with it cannot be said. */
	if ((change.clear | change.set) & PROP_CACHE && ~change.clear & PROP_CACHE)
		return false;
	for (uint32_t rights = 0; rights <= PROP_RIGHTS; rights++) {
		uint32_t new = (rights & ~change.clear) | change.set;

		if (format->rights >> rights & 1 &&
		    format_leaf_bits(format, 1, PROP(new), false, &bits))
			return false;
	}
	return true;
}

int cursor_protect(struct cursor *cursor, uint64_t len, struct prop_change change,
		   const struct range_flush *flush, uint64_t *pages)
{
	struct protect protect = { .change = change, .flush = flush };
	uint64_t begin = cursor->at;
	int error = (change.clear | change.set) & ~PROP_CHANGEABLE ? -EINVAL :
								     cursor_begin(cursor, len);

	if (error)
		return error;
	if (cursor->changed.level != 0 && (cursor->changed.change.clear != change.clear ||
					   cursor->changed.change.set != change.set))
		cursor->changed.level = 0;
	/* One page needs no look ahead: it is refused before it is changed. */
	if (len > PAGE_SIZE && !change_is_total(cursor->table->format, change)) {
		error = protect_pass(cursor, &protect, begin + len);
		cursor_place(cursor, begin);
	}
	if (error)
		return error;
	protect.store = true;
	error = protect_pass(cursor, &protect, begin + len);
	protect_flush(cursor, &protect);
	if (pages)
		*pages = protect.pages;
	return error;
}

/* Unmapping. */

/* What has left the table and waits for its flush, references and all (T-2). */
#define BATCH_MAX 64

struct unmap {
	const struct range_flush *flush;
	uint64_t pages;
	vaddr_t start; /* of what is in the batch: these come in ascending order */
	uint64_t len;
	unsigned nr_runs;
	unsigned nr_nodes;
	struct frame_run runs[BATCH_MAX];
	struct pt_node nodes[BATCH_MAX];
};

/* One flush for all of it, and only then are the frames let go (T-5). */
static void unmap_flush(struct phys_domain *domain, struct unmap *unmap)
{
	if (unmap->flush && unmap->len > 0)
		unmap->flush->flush(unmap->flush->context, unmap->start, unmap->len);
	for (unsigned i = 0; i < unmap->nr_runs; i++)
		frame_run_put(domain, &unmap->runs[i]);
	for (unsigned i = 0; i < unmap->nr_nodes; i++)
		node_defer(domain, unmap->nodes[i]);
	unmap->nr_runs = unmap->nr_nodes = 0;
	unmap->len = 0;
}

/* [start, start+len) has left the table; the flush may cover more, never less (T-6). */
static void unmap_removed(struct unmap *unmap, vaddr_t start, uint64_t len)
{
	if (unmap->len == 0)
		unmap->start = start;
	unmap->len = start.value + len - unmap->start.value;
}

/*
 * Frames that a tracked leaf owned. There is room for one more run. Those that are not the domain's
 * a guest made up; a run is put only if all of it is the domain's, so they must not spoil one.
 */
static void unmap_frames(struct phys_domain *domain, struct unmap *unmap, paddr_t paddr,
			 uint64_t nr_frames)
{
	if (!domain_contains(domain, paddr, nr_frames << PAGE_SHIFT)) {
		atomic_fetch_add_explicit(&domain->nr_corrupt, 1, memory_order_relaxed);
		return;
	}
	if (unmap->nr_runs > 0 && frame_run_add(&unmap->runs[unmap->nr_runs - 1], paddr, nr_frames))
		return;
	unmap->runs[unmap->nr_runs++] = (struct frame_run){ paddr, nr_frames };
}

/*
 * Clears the leaf `pte`, the current node's entry `index`, and those of the `nr` entries from it on
 * that go on where it ends: how many. Where hardware walks it is one, and the exchange takes it
 * away from the hardware in one step.
 */
static unsigned unmap_run(struct cursor *cursor, struct unmap *unmap, unsigned index, unsigned nr,
			  pte_t pte)
{
	const struct page_table *table = cursor->table;
	struct pt_node node = cursor_node(cursor);

	if (table->walker == TABLE_WALKED_BY_HARDWARE) {
		pte = PTE(atomic_exchange_explicit(&node.entries[index], 0, memory_order_acq_rel));
		nr = 1;
	} else {
		nr = node_leaf_run(table->domain, table->format, node, index, nr, pte);
		for (unsigned i = 0; i < nr; i++)
			node_write(node, index + i, PTE(0));
	}
	if (pte_is_tracked(pte))
		unmap_frames(table->domain, unmap,
			     pte_leaf_paddr(table->format, pte, cursor->level),
			     nr * level_pages(cursor->level));
	return nr;
}

/* Clears `nr` entries from the current one on, up to the first that is no leaf: how many. */
static int unmap_leaves(struct cursor *cursor, struct unmap *unmap, unsigned nr)
{
	struct pt_node node = cursor_node(cursor);
	unsigned first = pte_index(cursor->at, cursor->level);
	unsigned done = 0;

	while (done < nr && unmap->nr_runs < BATCH_MAX) {
		pte_t pte = node_read(node, first + done);

		if (pte_kind(cursor->table->format, pte, cursor->level) != PTE_LEAF)
			break;
		done += unmap_run(cursor, unmap, first + done, nr - done, pte);
	}
	node_count_children(node, -(int)done);
	return (int)done;
}

/* Removes the sub-tree at the cursor's place, or what a guest has put there meanwhile. */
static int unmap_subtree(struct cursor *cursor, struct unmap *unmap)
{
	struct pt_fragment fragment;
	int error = cursor_take(cursor, &fragment);

	if (error)
		return error;
	if (fragment.kind == FRAGMENT_SUBTREE)
		unmap->nodes[unmap->nr_nodes++] = fragment.node;
	else if (fragment.leaf.tracked)
		unmap_frames(fragment.domain, unmap, fragment.leaf.paddr, fragment.pages);
	unmap->pages += fragment.pages;
	return 1;
}

/*
 * Removes leaves from the cursor's place on, or the sub-tree there, and steps behind them. There is
 * one, or a guest has taken it away or made it reach over the end.
 */
static int unmap_step(struct cursor *cursor, struct unmap *unmap, uint64_t end)
{
	struct phys_domain *domain = cursor->table->domain;
	vaddr_t start = cursor_virt_addr(cursor);
	unsigned nr = entries_until(cursor, end);
	int done = -EUCLEAN;

	if (nr > 0 &&
	    pte_kind(cursor->table->format, cursor_read(cursor), cursor->level) == PTE_NODE) {
		done = unmap_subtree(cursor, unmap);
	} else if (nr > 0) {
		done = unmap_leaves(cursor, unmap, nr);
		unmap->pages += (uint64_t)done * level_pages(cursor->level);
	}
	if (done <= 0)
		return done ? done : -EUCLEAN;
	unmap_removed(unmap, start, (uint64_t)done << level_shift(cursor->level));
	skip_entries(cursor, (unsigned)done);
	if (unmap->nr_runs == BATCH_MAX || unmap->nr_nodes == BATCH_MAX)
		unmap_flush(domain, unmap);
	return 0;
}

int cursor_unmap(struct cursor *cursor, uint64_t len, const struct range_flush *flush,
		 uint64_t *pages)
{
	struct unmap unmap;
	uint64_t end = cursor->at + len;
	int error = cursor_begin(cursor, len);

	if (error == 0 && cursor_is_marked(cursor)) {
		error = cursor_mark(cursor, len, 0);
		cursor_place(cursor, end - len);
	}
	if (error)
		return error;
	/* Not cleared as a whole: the batch is large and written before it is read. */
	unmap.flush = flush;
	unmap.pages = unmap.len = 0;
	unmap.nr_runs = unmap.nr_nodes = 0;
	while (error == 0 && cursor->at < end) {
		/* In a guard of 4 KiB leaves there are no sub-trees to find. */
		int found =
			cursor->guard_level == 1 && cursor_is_at_leaf(cursor) ?
				1 :
				cursor_find(cursor, end - cursor->at, FIND_SUBTREES, FIND_WHOLE);

		error = found > 0 ? unmap_step(cursor, &unmap, end) : found;
	}
	unmap_flush(cursor->table->domain, &unmap);
	if (pages)
		*pages = unmap.pages;
	return error;
}
