/* SPDX-License-Identifier: MIT */
/*
 * Harvest of accessed and dirty bits: the one operation that may take them away (V-8, INV-X7).
 */
#include "mm/cursor_private.h"

/*
 * Goes to the first entry before `end` that is a leaf with any bit of `mask`: 1; or to `end`, or
 * beyond it if an entry reaches there: 0.
 */
static int find_marked(struct cursor *cursor, uint64_t end, uint64_t mask)
{
	const struct pt_format *format = cursor->table->format;

	while (cursor->at < end) {
		pte_t pte = node_read(cursor_node(cursor), pte_index(cursor->at, cursor->level));
		enum pte_kind kind = pte_kind(format, pte, cursor->level);
		struct pt_node child;
		int error;

		if (kind == PTE_LEAF && pte.raw & mask)
			return 1;
		if (kind == PTE_NODE) {
			error = cursor_child(cursor, pte, &child);
			if (error)
				return error;
			if (child.slot->nr_children > 0) {
				cursor_push(cursor, child);
				continue;
			}
		}
		cursor_forward(cursor);
	}
	return 0;
}

/* Clears the bits of `mask` in the current entry, and gives it as it was at that moment (BUG-9). */
static pte_t clear_bits(const struct cursor *cursor, uint64_t mask)
{
	struct pt_node node = cursor_node(cursor);
	unsigned index = pte_index(cursor->at, cursor->level);
	pte_t old = node_read(node, index);

	if (cursor->table->walker == TABLE_WALKED_BY_HARDWARE)
		return PTE(atomic_fetch_and_explicit(&node.entries[index], ~mask,
						     memory_order_acq_rel));
	node_write(node, index, PTE(old.raw & ~mask));
	return old;
}

/* The next leaf that has any bit of `mask`, without it from now on. */
static int harvest_leaf(struct cursor *cursor, uint64_t end, uint64_t mask,
			struct pt_mapping *mapping)
{
	struct pt_mapping leaf;
	pte_t old;
	int found = find_marked(cursor, end, mask);

	if (found <= 0)
		return found;
	found = cursor_query(cursor, &leaf);
	if (found)
		return found;
	old = clear_bits(cursor, mask);
	leaf.prop = pte_prop(cursor->table->format, old);
	cursor_forward(cursor);
	*mapping = leaf;
	return 1;
}

int cursor_harvest_next(struct cursor *cursor, uint64_t len, uint32_t bits,
			struct pt_mapping *mapping)
{
	uint64_t mask = format_prop_bits(cursor->table->format, bits);
	uint64_t begin = cursor->at;
	uint64_t end = begin + len;
	int found = cursor_check_len(cursor, len);

	if (found)
		return found;
	if (cursor->mode != CURSOR_MUTATE || bits == 0 || bits & ~(PROP_ACCESSED | PROP_DIRTY))
		return -EINVAL;
	if (mask == 0)
		return -EOPNOTSUPP;
	found = harvest_leaf(cursor, end, mask, mapping);
	if (found < 0)
		cursor_place(cursor, begin);
	else if (cursor->at > end)
		cursor_place(cursor, end);
	return found;
}

/* Leaves [start, start + len) that have been harvested and not flushed. */
struct harvest_run {
	const struct range_flush *flush;
	vaddr_t start;
	uint64_t len;
};

static void flush_run(struct harvest_run *run)
{
	if (run->flush && run->len > 0)
		run->flush->flush(run->flush->context, run->start, run->len);
	run->len = 0;
}

static void add_to_run(struct harvest_run *run, const struct pt_mapping *leaf)
{
	if (leaf->start.value != run->start.value + run->len)
		flush_run(run);
	if (run->len == 0)
		run->start = leaf->start;
	run->len += leaf->len;
}

int cursor_harvest(struct cursor *cursor, uint64_t len, uint32_t bits,
		   const struct range_flush *flush, uint64_t *pages)
{
	struct harvest_run run = { .flush = flush };
	struct pt_mapping leaf;
	uint64_t begin = cursor->at;
	uint64_t end = begin + len;
	uint64_t found_pages = 0;
	int found;

	while ((found = cursor_harvest_next(cursor, end - cursor->at, bits, &leaf)) > 0) {
		found_pages += leaf.len >> PAGE_SHIFT;
		add_to_run(&run, &leaf);
	}
	flush_run(&run);
	if (found < 0)
		cursor_place(cursor, begin);
	if (pages)
		*pages = found_pages;
	return found;
}
