/* SPDX-License-Identifier: MIT */
/*
 * Page tables: created, destroyed, and looked at without a lock.
 */
#include "mm/table.h"

int page_table_create(struct page_table *table, struct phys_domain *domain,
		      const struct pt_format *format, enum table_walker walker)
{
	int error = node_alloc(domain, format, format->levels, &table->root);

	if (error)
		return error;
	table->domain = domain;
	table->format = format;
	table->walker = walker;
	atomic_init(&table->marked, false);
	lock_acquire(&domain->lock, port_thread());
	table->next = domain->tables;
	domain->tables = table;
	lock_release(&domain->lock);
	return 0;
}

void page_table_destroy(struct page_table *table)
{
	struct phys_domain *domain = table->domain;
	struct page_table **link = &domain->tables;

	lock_acquire(&domain->lock, port_thread());
	while (*link != table)
		link = &(*link)->next;
	*link = table->next;
	lock_release(&domain->lock);
	domain_reclaim(domain);
	node_free(domain, table->root);
}

int page_table_root_get(struct page_table *table, struct frame *root)
{
	return frame_from_in_use(table->domain, page_table_root(table), root);
}

static void mapping_fill(struct pt_mapping *mapping, const struct pt_format *format, pte_t pte,
			 vaddr_t va, unsigned level)
{
	mapping->start = VADDR(align_down(va.value, level_size(level)));
	mapping->len = level_size(level);
	mapping->level = level;
	mapping->present = pte_is_present(format, pte);
	mapping->tracked = pte_is_tracked(pte);
	mapping->paddr = pte_leaf_paddr(format, pte, level);
	mapping->prop = pte_prop(format, pte);
	mapping->status = mapping->present ? 0 : pte_status(pte);
}

static int walk(const struct page_table *table, vaddr_t va, struct pt_mapping *mapping)
{
	const struct pt_format *format = table->format;
	struct pt_node node = table->root;

	for (unsigned level = format->levels;;) {
		unsigned index = pte_index(va.value, level);
		pte_t pte = node_read_acquire(node, index);
		struct pt_node child;

		if (pte_kind(format, pte, level) != PTE_NODE) {
			mapping_fill(mapping, format, pte, va, level);
			return mapping->present && !format_has_leaf(format, level) ? -EUCLEAN : 0;
		}
		if (node_child(table->domain, format, node, index, pte, &child) == 0) {
			node = child;
			level--;
		} else if (node_read(node, index).raw == pte.raw) {
			return -EUCLEAN;
		}
		/* Otherwise the child was unlinked after the entry was read: look again. */
	}
}

int page_table_walk(const struct page_table *table, vaddr_t va, struct pt_mapping *mapping)
{
	int error;

	if (!format_contains(table->format, va, 1))
		return -ERANGE;
	port_read_lock();
	error = walk(table, va, mapping);
	port_read_unlock();
	return error;
}
