/* SPDX-License-Identifier: MIT */
/*
 * Whole ranges in one call: what cursor_protect_next() does leaf by leaf, with one loop for each
 * node. Unmapping is in mm/cursor_unmap.c.
 *
 * Leaves that reach over an end of the range are split before anything else happens. After that
 * nothing is allocated, so that a range is changed as a whole or not at all.
 */
#include "mm/cursor_private.h"

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
static unsigned protect_alike(const struct cursor *cursor, bool store, _Atomic uint64_t *entry,
			      unsigned nr)
{
	uint64_t address = cursor->table->format->address;
	uint64_t from = cursor->changed.from;
	uint64_t to = cursor->changed.to;

	if (cursor->changed.level != cursor->level)
		return 0;
	if (!store || to == from)
		return leaves_look(entry, nr, address, from);
	if (cursor->table->walker == TABLE_WALKED_BY_SOFTWARE)
		return leaves_store(entry, nr, address, from, to);
	return leaves_exchange(entry, nr, address, from, to);
}

/*
 * Changes `nr` entries of the current node, up to the first that is no leaf, or only looks whether
 * they can be (`store`): how many, or an error at the first that cannot.
 */
static int protect_leaves(struct cursor *cursor, struct prop_change change, bool store, unsigned nr)
{
	struct pt_node node = cursor_node(cursor);
	unsigned first = pte_index(cursor->at, cursor->level);
	unsigned done = 0;

	for (;;) {
		pte_t pte;
		int error;

		done += protect_alike(cursor, store, &node.entries[first + done], nr - done);
		if (done == nr)
			return (int)done;
		pte = node_read(node, first + done);
		if (pte_kind(cursor->table->format, pte, cursor->level) != PTE_LEAF)
			return (int)done;
		error = protect_encode(cursor, change, pte);
		if (error)
			return error;
	}
}

/*
 * The entry of one 4 KiB page, as in many calls: it needs no look ahead, for it is refused before
 * it is changed.
 */
static int protect_page(struct cursor *cursor, struct prop_change change,
			const struct range_flush *flush, uint64_t *pages)
{
	int done = protect_leaves(cursor, change, true, 1);

	if (done < 0)
		return done;
	if (done > 0 && flush)
		flush->flush(flush->context, cursor_virt_addr(cursor), PAGE_SIZE);
	cursor_forward(cursor);
	if (pages)
		*pages = (uint64_t)done;
	return 0;
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
		found = protect_leaves(cursor, protect->change, protect->store,
				       cursor_entries_until(cursor, end));
		if (found <= 0)
			return found ? found : -EUCLEAN;
		cursor_skip(cursor, (unsigned)found);
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
	if (len == PAGE_SIZE && cursor->level == 1)
		return protect_page(cursor, change, flush, pages);
	if (!change_is_total(cursor->table->format, change)) {
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
