/* SPDX-License-Identifier: MIT */
/*
 * Spaces: transactions on a table that end with a flush.
 */
#include "mm/space.h"

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

static void flush(struct vm_space *space, vaddr_t start, uint64_t len, prop_t rights)
{
	if (space->operations && len > 0)
		space->operations->flush(space, start, len, rights);
}

/*
 * The largest leaf that may lie wholly in the range. A guard that is not below it meets such a leaf,
 * or an empty node in its place, as one entry: it splits the one for nothing no more than it leaves
 * the other behind (C-12).
 */
static unsigned leaf_level(const struct vm_space *space, vaddr_t va, uint64_t len)
{
	const struct pt_format *format = space->table.format;

	return format_leaf_fit(format, format->levels, va.value, 0, len);
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
	error = cursor_map_run(&cursor, paddr, len, max_level, prop, tracked);
	cursor_close(&cursor);
	return error;
}

/* What has left the table and waits for its flush, references and all (T-2). */
#define BATCH_MAX 32

struct batch {
	struct vm_space *space;
	unsigned nr;
	struct pt_fragment fragments[BATCH_MAX];
};

/*
 * One flush for all of them, and only then are their frames let go (T-5). They came in ascending
 * order.
 */
static void batch_flush(struct batch *batch)
{
	if (batch->nr > 0) {
		const struct pt_fragment *last = &batch->fragments[batch->nr - 1];
		vaddr_t start = batch->fragments[0].start;

		flush(batch->space, start, last->start.value - start.value + last->len, PROP(0));
	}
	while (batch->nr > 0)
		fragment_drop(&batch->fragments[--batch->nr]);
}

/*
 * The flush comes before the cursor closes: nobody can map anything in the range that the flush
 * would hit.
 */
int space_unmap(struct vm_space *space, vaddr_t va, uint64_t len, uint64_t *pages)
{
	struct batch batch = { .space = space };
	struct cursor cursor;
	uint64_t total = 0;
	int found = cursor_open(&cursor, &space->table, va, len, CURSOR_MUTATE,
				leaf_level(space, va, len));

	if (found)
		return found;
	for (;;) {
		struct pt_fragment *fragment = &batch.fragments[batch.nr];

		found = cursor_take_next(&cursor, cursor_remaining(&cursor), fragment);
		if (found <= 0)
			break;
		total += fragment->pages;
		if (++batch.nr == BATCH_MAX)
			batch_flush(&batch);
	}
	batch_flush(&batch);
	cursor_close(&cursor);
	if (pages)
		*pages = total;
	return found;
}

/* Leaves that were changed and not flushed yet: one contiguous run. */
struct changed {
	vaddr_t start;
	uint64_t len;
};

static void changed_add(struct vm_space *space, struct changed *changed,
			const struct pt_mapping *leaf, prop_t rights)
{
	if (changed->len > 0 && changed->start.value + changed->len != leaf->start.value) {
		flush(space, changed->start, changed->len, rights);
		changed->len = 0;
	}
	if (changed->len == 0)
		changed->start = leaf->start;
	changed->len += leaf->len;
}

int space_protect(struct vm_space *space, vaddr_t va, uint64_t len, struct prop_change change,
		  uint64_t *pages)
{
	prop_t rights = PROP(change.set & PROP_RIGHTS);
	struct changed changed = { .len = 0 };
	struct pt_mapping leaf;
	struct cursor cursor;
	uint64_t total = 0;
	int found = cursor_open(&cursor, &space->table, va, len, CURSOR_MUTATE,
				leaf_level(space, va, len));

	if (found)
		return found;
	while ((found = cursor_protect_next(&cursor, cursor_remaining(&cursor), change, &leaf)) >
	       0) {
		total += leaf.len >> PAGE_SHIFT;
		changed_add(space, &changed, &leaf, rights);
	}
	flush(space, changed.start, changed.len, rights);
	cursor_close(&cursor);
	if (pages)
		*pages = total;
	return found;
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
