/* SPDX-License-Identifier: MIT */
#include "tests/sched/operations.h"

static uint64_t result(int error)
{
	return (uint64_t)(int64_t)error;
}

static uint64_t bytes(uint64_t pages)
{
	return pages << PAGE_SHIFT;
}

uint64_t op_map(unsigned space, uint64_t page, unsigned frame, uint64_t pages, prop_t prop)
{
	int error = run_get(&world->domain, world_paddr(frame), pages);

	EXPECT(error == 0);
	error = space_map(&world->spaces[space], world_page(page), world_paddr(frame), bytes(pages),
			  0, prop, true);
	if (error)
		EXPECT(run_put(&world->domain, world_paddr(frame), pages) == 0);
	return result(error);
}

uint64_t op_unmap(unsigned space, uint64_t page, uint64_t pages)
{
	uint64_t unmapped = 0;
	int error = space_unmap(&world->spaces[space], world_page(page), bytes(pages), &unmapped);

	return error ? result(error) : unmapped;
}

uint64_t op_protect(unsigned space, uint64_t page, uint64_t pages, uint32_t clear, uint32_t set)
{
	uint64_t changed = 0;
	int error = space_protect(&world->spaces[space], world_page(page), bytes(pages),
				  (struct prop_change){ clear, set }, &changed);

	return error ? result(error) : changed;
}

uint64_t op_query(unsigned space, uint64_t page)
{
	struct pt_mapping mapping;
	int error = space_query(&world->spaces[space], world_page(page), &mapping);

	return world_result(error, &mapping, page);
}

uint64_t op_walk(unsigned space, uint64_t page)
{
	struct pt_mapping mapping;
	int error = page_table_walk(world_table(space), world_page(page), &mapping);

	return world_result(error, &mapping, page);
}

uint64_t op_copy(unsigned from, uint64_t from_page, unsigned to, uint64_t to_page, uint64_t pages)
{
	uint64_t copied = 0;
	int error = space_copy((struct space_place){ &world->spaces[from], world_page(from_page) },
			       (struct space_place){ &world->spaces[to], world_page(to_page) },
			       bytes(pages), 0, &copied);

	return error ? result(error) : copied;
}

static int open_range(struct cursor *cursor, unsigned space, uint64_t page, uint64_t pages,
		      unsigned min_level)
{
	return cursor_open(cursor, world_table(space), world_page(page), bytes(pages),
			   CURSOR_MUTATE, min_level);
}

uint64_t op_coalesce(unsigned space, uint64_t page, unsigned level)
{
	struct cursor cursor;
	int error = open_range(&cursor, space, page, level_pages(level), level);

	EXPECT(error == 0);
	error = cursor_coalesce(&cursor, level, NULL);
	cursor_close(&cursor);
	return result(error);
}

uint64_t op_reclaim(unsigned space, uint64_t page, uint64_t pages, unsigned min_level)
{
	struct cursor cursor;
	int error = open_range(&cursor, space, page, pages, min_level);

	EXPECT(error == 0);
	error = cursor_reclaim(&cursor, bytes(pages), NULL);
	cursor_close(&cursor);
	return result(error);
}

uint64_t op_replace(unsigned space, uint64_t page, unsigned frame, prop_t prop)
{
	struct cursor cursor;
	struct pt_fragment fragment;
	uint64_t old;
	int error = open_range(&cursor, space, page, 1, 1);

	EXPECT(error == 0);
	EXPECT(run_get(&world->domain, world_paddr(frame), 1) == 0);
	error = cursor_replace(&cursor, world_paddr(frame), 1, prop, true, &fragment);
	EXPECT(error == 0);
	old = fragment.kind == FRAGMENT_LEAF ? fragment.leaf.paddr.value >> PAGE_SHIFT : 0;
	fragment_drop(&fragment);
	cursor_close(&cursor);
	return old;
}

uint64_t op_harvest(unsigned space, uint64_t page, uint64_t pages)
{
	struct cursor cursor;
	struct pt_mapping leaf;
	uint64_t found = 0;
	int more = open_range(&cursor, space, page, pages, 1);

	EXPECT(more == 0);
	while ((more = cursor_harvest_next(&cursor, cursor_remaining(&cursor),
					   PROP_ACCESSED | PROP_DIRTY, &leaf)) > 0)
		found = found << 8 | (leaf.prop.bits & (PROP_ACCESSED | PROP_DIRTY));
	cursor_close(&cursor);
	return more ? result(more) : found;
}

uint64_t op_mark(unsigned space, uint64_t page, uint64_t pages, uint64_t status)
{
	struct cursor cursor;
	int error = open_range(&cursor, space, page, pages, 1);

	EXPECT(error == 0);
	error = cursor_mark(&cursor, bytes(pages), status);
	cursor_close(&cursor);
	return result(error);
}

uint64_t op_count(unsigned space, uint64_t page, uint64_t pages)
{
	struct cursor cursor;
	struct pt_mapping leaf;
	uint64_t seen = 0;
	int found = cursor_open(&cursor, world_table(space), world_page(page), bytes(pages),
				CURSOR_READ, 1);

	EXPECT(found == 0);
	while ((found = cursor_query_next(&cursor, cursor_remaining(&cursor), &leaf)) > 0)
		seen = run_mix(seen, world_result(0, &leaf, leaf.start.value >> PAGE_SHIFT));
	cursor_close(&cursor);
	return found ? result(found) : seen;
}

uint64_t op_reclaim_domain(void)
{
	domain_reclaim(&world->domain);
	return 0;
}

/* 1 the leaf is marked, 0 nothing is mapped, -EAGAIN it changed meanwhile. */
static int mark_leaf(const struct page_table *table, uint64_t page, uint64_t bits)
{
	const struct pt_format *format = table->format;
	struct pt_node node = table->root;

	for (unsigned level = format->levels;; level--) {
		unsigned index = pte_index(page << PAGE_SHIFT, level);
		pte_t pte = node_read_acquire(node, index);
		enum pte_kind kind = pte_kind(format, pte, level);

		if (kind == PTE_ABSENT)
			return 0;
		if (kind == PTE_LEAF)
			return atomic_compare_exchange_strong_explicit(&node.entries[index],
								       &pte.raw, pte.raw | bits,
								       memory_order_acq_rel,
								       memory_order_relaxed) ?
				       1 :
				       -EAGAIN;
		if (node_child(table->domain, format, node, index, pte, &node))
			return -EAGAIN;
	}
}

uint64_t op_hardware(unsigned space, uint64_t page, uint32_t bits)
{
	const struct page_table *table = world_table(space);
	uint64_t with = 0, without = 0;
	int marked;

	EXPECT(format_leaf_bits(table->format, 1, PROP(PROP_READ | bits), false, &with) == 0);
	EXPECT(format_leaf_bits(table->format, 1, PROP(PROP_READ), false, &without) == 0);
	port_read_lock();
	do
		marked = mark_leaf(table, page, with & ~without);
	while (marked == -EAGAIN);
	port_read_unlock();
	return (uint64_t)marked;
}
