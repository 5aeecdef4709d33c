/* SPDX-License-Identifier: MIT */
/*
 * Counting frames and leaves.
 */
#include "mm/census.h"

static int count_node(const struct page_table *table, struct pt_node node, unsigned level,
		      struct table_census *census)
{
	int error = 0;

	census->nodes++;
	for (unsigned index = 0; index < NODE_ENTRIES && error == 0; index++) {
		pte_t pte = node_read_acquire(node, index);
		enum pte_kind kind = pte_kind(table->format, pte, level);
		struct pt_node child;

		if (kind == PTE_LEAF) {
			census->leaves[level]++;
			census->tracked += pte_is_tracked(pte);
		} else if (kind == PTE_ABSENT) {
			census->statuses[level] += pte_has_status(pte);
		} else {
			if (node_child(table->domain, table->format, node, index, pte, &child) == 0)
				error = count_node(table, child, level - 1, census);
			else if (node_read(node, index).raw == pte.raw)
				error = -EUCLEAN;
			/* Otherwise it was unlinked this moment. */
		}
	}
	return error;
}

int page_table_census(const struct page_table *table, struct table_census *census)
{
	int error;

	*census = (struct table_census){ .nodes = 0 };
	port_read_lock();
	error = count_node(table, table->root, table->format->levels, census);
	port_read_unlock();
	return error;
}

void domain_census(const struct phys_domain *domain, struct domain_census *census)
{
	*census = (struct domain_census){ .frames = { 0 } };
	for (uint64_t number = 0; number < domain->nr_frames; number++) {
		enum frame_kind kind = slot_kind(&domain->slots[number]);

		if (kind < FRAME_KINDS && kind != FRAME_FREE)
			census->frames[kind]++;
	}
	/* Of a free chunk only the head says so; the others look unused. */
	census->frames[FRAME_FREE] = allocator_free_frames(domain);
	census->frames[FRAME_NONE] = domain->nr_frames;
	for (unsigned kind = FRAME_NONE + 1; kind < FRAME_KINDS; kind++)
		census->frames[FRAME_NONE] -= census->frames[kind];
}
