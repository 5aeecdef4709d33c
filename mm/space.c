/* SPDX-License-Identifier: MIT */
/*
 * Spaces: transactions on a table that end with a flush.
 */
#include "mm/space_private.h"

/* Nothing is shared with another table, no kernel half either (V-1). */
int space_create(struct vm_space *space, struct phys_domain *domain, const struct pt_format *format,
		 enum table_walker walker, const struct space_operations *operations)
{
	int error = page_table_create(&space->table, domain, format, walker);

	if (error)
		return error;
	space->operations = operations;
	flush_queue_open(&space->queue, domain);
	return 0;
}

void space_destroy(struct vm_space *space)
{
	flush_queue_close(&space->queue);
	page_table_destroy(&space->table);
}

void space_flush_range(void *context, vaddr_t start, uint64_t len)
{
	const struct space_flush *flush = context;
	struct vm_space *space = flush->space;

	if (space->operations && space->operations->flush)
		space->operations->flush(space, start, len, flush->rights);
}

int space_check_queue(struct vm_space *space)
{
	return space_is_observed(space) && flush_queue_is_full(&space->queue, SPACE_WAITING_MAX) ?
		       -EAGAIN :
		       0;
}

/* Unmaps the next `len` bytes of an observed space. What was mapped waits. */
static int retire(struct vm_space *space, struct cursor *cursor, uint64_t len, uint64_t *pages)
{
	struct retired retired;
	uint64_t removed = 0;
	int error = cursor_retire(cursor, len, &retired, &removed);

	if (removed > 0 || retired.nr_nodes > 0)
		flush_queue_add(&space->queue, &retired);
	if (pages)
		*pages = removed;
	return error;
}

int space_make_room(struct vm_space *space, struct cursor *cursor, uint64_t len)
{
	struct space_flush context = { space, PROP(0) };
	vaddr_t start = cursor_virt_addr(cursor);
	int found;

	if (!space_is_observed(space))
		return cursor_reclaim(cursor, len,
				      &(struct range_flush){ space_flush_range, &context });
	/* Statuses must stay, and so must the nodes. */
	if (atomic_load_explicit(&space->table.marked, memory_order_relaxed))
		return 0;
	found = cursor_find_next(cursor, len);
	cursor_jump(cursor, start);
	if (found)
		return found > 0 ? -EEXIST : found;
	found = retire(space, cursor, len, NULL);
	cursor_jump(cursor, start);
	return found;
}

void space_settle(struct vm_space *space)
{
	if (!space_is_observed(space))
		return;
	(void)flush_queue_collect(&space->queue);
	if (space->operations->kick && !flush_queue_is_quiet(&space->queue))
		space->operations->kick(space);
}

int space_map(struct vm_space *space, vaddr_t va, paddr_t paddr, uint64_t len, unsigned max_level,
	      prop_t prop, bool tracked)
{
	const struct pt_format *format = space->table.format;
	unsigned largest = format_leaf_fit(format, max_level ? max_level : format->levels, va.value,
					   paddr.value, len);
	struct cursor cursor;
	int error = cursor_open(&cursor, &space->table, va, len, CURSOR_MUTATE, largest);

	if (error)
		return error;
	if (max_level != 1 && len >= level_size(2))
		error = space_make_room(space, &cursor, len);
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
	struct range_flush flush = { space_flush_range, &context };
	struct cursor cursor;
	int error = space_check_queue(space);

	if (error == 0)
		error = cursor_open(&cursor, &space->table, va, len, CURSOR_MUTATE, level);
	if (error)
		return error;
	error = space_is_observed(space) ? retire(space, &cursor, len, pages) :
					   cursor_unmap(&cursor, len, &flush, pages);
	cursor_close(&cursor);
	space_settle(space);
	return error;
}

/* Protecting removes nothing, but observers have to forget the old rights before the epoch ends. */
int space_protect(struct vm_space *space, vaddr_t va, uint64_t len, struct prop_change change,
		  uint64_t *pages)
{
	struct space_flush context = { space, PROP(change.set & PROP_RIGHTS) };
	struct range_flush flush = { space_flush_range, &context };
	struct cursor cursor;
	int error = space_check_queue(space);

	if (error == 0)
		error = cursor_open(&cursor, &space->table, va, len, CURSOR_MUTATE, 1);
	if (error)
		return error;
	error = cursor_protect(&cursor, len, change, &flush, pages);
	if (space_is_observed(space))
		flush_queue_begin_epoch(&space->queue);
	cursor_close(&cursor);
	space_settle(space);
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

int space_observe(struct vm_space *space, struct observer *observer)
{
	if (!space_is_observed(space) || observer->queue)
		return -EINVAL;
	observer_join(observer, &space->queue);
	return 0;
}

void space_unobserve(struct vm_space *space, struct observer *observer)
{
	observer_leave(observer);
	(void)flush_queue_collect(&space->queue);
}

uint32_t space_collect(struct vm_space *space)
{
	return flush_queue_collect(&space->queue);
}

bool space_is_quiet(struct vm_space *space)
{
	return flush_queue_is_quiet(&space->queue);
}
