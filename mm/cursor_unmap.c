/* SPDX-License-Identifier: MIT */
/*
 * Unmapping whole ranges in one call: what cursor_take_next() does leaf by leaf, with one loop for
 * each node, one flush for each batch, and one look at the counts for each run of frames.
 */
#include "mm/cursor_private.h"
#include "mm/frame_run.h"

/* What has left the table and waits for its flush, references and all (T-2). */
#ifndef BATCH_MAX /* a proof has a smaller one, so that it gets full */
#define BATCH_MAX 64
#endif

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
 * Are these frames, that a tracked leaf owned, the domain's? If not, a guest made them up; a run is
 * put only if all of it is the domain's, so they must not spoil one.
 */
static inline bool frames_are_owned(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames)
{
	if (domain_contains(domain, paddr, nr_frames << PAGE_SHIFT))
		return true;
	atomic_fetch_add_explicit(&domain->nr_corrupt, 1, memory_order_relaxed);
	return false;
}

/* Frames that a tracked leaf owned. There is room for one more run. */
static void unmap_frames(struct phys_domain *domain, struct unmap *unmap, paddr_t paddr,
			 uint64_t nr_frames)
{
	if (!frames_are_owned(domain, paddr, nr_frames))
		return;
	if (unmap->nr_runs > 0 && frame_run_add(&unmap->runs[unmap->nr_runs - 1], paddr, nr_frames))
		return;
	unmap->runs[unmap->nr_runs++] = (struct frame_run){ paddr, nr_frames };
}

/* Clears an entry; where hardware walks, the exchange takes it away from that in one step. */
static inline pte_t entry_clear(const struct page_table *table, struct pt_node node, unsigned index,
				pte_t pte)
{
	if (table->walker == TABLE_WALKED_BY_HARDWARE)
		return PTE(atomic_exchange_explicit(&node.entries[index], 0, memory_order_acq_rel));
	node_write(node, index, PTE(0));
	return pte;
}

/*
 * Clears the leaf `pte`, the current node's entry `index`, and those of the `nr` entries from it on
 * that go on where it ends: how many. Where hardware walks it is one.
 */
static unsigned unmap_run(struct cursor *cursor, struct unmap *unmap, unsigned index, unsigned nr,
			  pte_t pte)
{
	const struct page_table *table = cursor->table;
	struct pt_node node = cursor_node(cursor);
	pte_t old = pte;

	nr = table->walker == TABLE_WALKED_BY_HARDWARE ?
		     1 :
		     node_leaf_run(table->domain, table->format, node, index, nr, pte);
	for (unsigned i = 0; i < nr; i++)
		old = entry_clear(table, node, index + i, pte);
	if (pte_is_tracked(old))
		unmap_frames(table->domain, unmap,
			     pte_leaf_paddr(table->format, old, cursor->level),
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
	unsigned nr = cursor_entries_until(cursor, end);
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
	cursor_skip(cursor, (unsigned)done);
	if (unmap->nr_runs == BATCH_MAX || unmap->nr_nodes == BATCH_MAX)
		unmap_flush(domain, unmap);
	return 0;
}

/* The entry of one 4 KiB page, as in many calls. */
static int unmap_page(struct cursor *cursor, const struct range_flush *flush, uint64_t *pages)
{
	const struct page_table *table = cursor->table;
	struct pt_node node = cursor->path[1];
	unsigned index = pte_index(cursor->at, 1);
	pte_t pte = node_read(node, index);
	bool present = pte_is_present(table->format, pte);

	if (present) {
		paddr_t paddr;

		pte = entry_clear(table, node, index, pte);
		paddr = pte_leaf_paddr(table->format, pte, 1);
		node_count_children(node, -1);
		if (flush)
			flush->flush(flush->context, cursor_virt_addr(cursor), PAGE_SIZE);
		if (pte_is_tracked(pte) && frames_are_owned(table->domain, paddr, 1))
			(void)run_put(table->domain, paddr, 1);
	}
	cursor_forward(cursor);
	if (pages)
		*pages = present;
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
	if (len == PAGE_SIZE && cursor->level == 1)
		return unmap_page(cursor, flush, pages);
	/* Not cleared as a whole: the batch is large and written before it is read. */
	unmap.flush = flush;
	unmap.pages = unmap.len = 0;
	unmap.nr_runs = unmap.nr_nodes = 0;
	while (error == 0 && cursor->at < end) {
		int found = cursor_find(cursor, end - cursor->at, FIND_SUBTREES, FIND_WHOLE);

		error = found > 0 ? unmap_step(cursor, &unmap, end) : found;
	}
	unmap_flush(cursor->table->domain, &unmap);
	if (pages)
		*pages = unmap.pages;
	return error;
}
