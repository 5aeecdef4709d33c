/* SPDX-License-Identifier: MIT */
/*
 * Spaces: transactions on a table that end with a flush.
 */
#include "mm/space_private.h"

int space_create(struct vm_space *space, struct phys_domain *domain, const struct pt_format *format,
		 enum table_walker walker, const struct space_operations *operations)
{
	space->operations = operations;
	return page_table_create(&space->table, domain, format, walker);
}

void space_destroy(struct vm_space *space)
{
	page_table_destroy(&space->table);
}

void space_flush_range(void *context, vaddr_t start, uint64_t len)
{
	const struct space_flush *flush = context;
	struct vm_space *space = flush->space;

	if (space->operations)
		space->operations->flush(space, start, len, flush->rights);
}

int space_map(struct vm_space *space, vaddr_t va, paddr_t paddr, uint64_t len, unsigned max_level,
	      prop_t prop, bool tracked)
{
	const struct pt_format *format = space->table.format;
	unsigned largest = format_leaf_fit(format, max_level ? max_level : format->levels, va.value,
					   paddr.value, len);
	struct space_flush context = { space, PROP(0) };
	struct cursor cursor;
	int error = cursor_open(&cursor, &space->table, va, len, CURSOR_MUTATE, largest);

	if (error)
		return error;
	/* Nodes of earlier times that map nothing any more take the place of a large leaf (C-12). */
	if (max_level != 1 && len >= level_size(2))
		error = cursor_reclaim(&cursor, len,
				       &(struct range_flush){ space_flush_range, &context });
	if (error == 0)
		error = cursor_map_run(&cursor, paddr, len, max_level, prop, tracked);
	cursor_close(&cursor);
	return error;
}

/*
 * The guard is not below the largest leaf that may lie wholly in the range, so that a node which
 * covers just the range goes as a whole and leaves nothing empty behind (C-12). The flush comes
 * before the cursor closes: nobody can map anything that it would hit.
 */
int space_unmap(struct vm_space *space, vaddr_t va, uint64_t len, uint64_t *pages)
{
	const struct pt_format *format = space->table.format;
	unsigned level = format_leaf_fit(format, format->levels, va.value, 0, len);
	struct space_flush context = { space, PROP(0) };
	struct cursor cursor;
	int error = cursor_open(&cursor, &space->table, va, len, CURSOR_MUTATE, level);

	if (error)
		return error;
	error = cursor_unmap(&cursor, len, &(struct range_flush){ space_flush_range, &context },
			     pages);
	cursor_close(&cursor);
	return error;
}

int space_protect(struct vm_space *space, vaddr_t va, uint64_t len, struct prop_change change,
		  uint64_t *pages)
{
	struct space_flush context = { space, PROP(change.set & PROP_RIGHTS) };
	struct cursor cursor;
	int error = cursor_open(&cursor, &space->table, va, len, CURSOR_MUTATE, 1);

	if (error)
		return error;
	error = cursor_protect(&cursor, len, change,
			       &(struct range_flush){ space_flush_range, &context }, pages);
	cursor_close(&cursor);
	return error;
}

int space_query(struct vm_space *space, vaddr_t va, struct pt_mapping *mapping)
{
	struct cursor cursor;
	int error = cursor_open(&cursor, &space->table, VADDR(align_down(va.value, PAGE_SIZE)),
				PAGE_SIZE, CURSOR_READ, 1);

	if (error)
		return error;
	error = cursor_query(&cursor, mapping);
	cursor_close(&cursor);
	return error;
}
