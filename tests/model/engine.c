/* SPDX-License-Identifier: MIT */
/*
 * Reads the engine's tables as hardware would: by addresses in entries, with no look at a slot.
 */
#include "tests/model/model.h"

static _Atomic uint64_t *entries_at(const struct world *world, uint64_t frame)
{
	return (_Atomic uint64_t *)(void *)(world->memory + PAGES(frame));
}

/* The entry for `page` at `level`, or the first above it that is for no node. */
static _Atomic uint64_t *entry_of(const struct world *world, const struct model_space *space,
				  uint64_t page, unsigned level, unsigned *found)
{
	const struct page_table *table = &space->space.table;
	uint64_t offset = world->config->base + PAGES(page);
	_Atomic uint64_t *entry;
	uint64_t frame = page_table_root(table).value >> PAGE_SHIFT;

	for (*found = table->format->levels;; --*found) {
		pte_t pte;

		entry = entries_at(world, frame) + pte_index(offset, *found);
		pte = PTE(*entry);
		if (*found == level || pte_kind(table->format, pte, *found) != PTE_NODE)
			return entry;
		frame = pte_paddr(table->format, pte).value >> PAGE_SHIFT;
	}
}

enum place_kind place_at(const struct world *world, const struct model_space *space, uint64_t page,
			 unsigned level, unsigned *found)
{
	pte_t pte = PTE(*entry_of(world, space, page, level, found));

	switch (pte_kind(space->space.table.format, pte, *found)) {
	case PTE_NODE:
		return PLACE_NODE;
	case PTE_LEAF:
		return PLACE_LEAF;
	default:
		return PLACE_ABSENT;
	}
}

_Atomic uint64_t *leaf_entry(const struct world *world, const struct model_space *space,
			     uint64_t page, unsigned *level)
{
	_Atomic uint64_t *entry = entry_of(world, space, page, 1, level);

	return pte_kind(space->space.table.format, PTE(*entry), *level) == PTE_LEAF ? entry : NULL;
}

uint32_t node_of(const struct world *world, const struct model_space *space, uint64_t page,
		 unsigned level)
{
	const struct page_table *table = &space->space.table;
	unsigned found;

	if (level == table->format->levels)
		return (uint32_t)(page_table_root(table).value >> PAGE_SHIFT);
	return (uint32_t)(pte_paddr(table->format,
				    PTE(*entry_of(world, space, page, level + 1, &found)))
				  .value >>
			  PAGE_SHIFT);
}
