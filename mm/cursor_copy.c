/* SPDX-License-Identifier: MIT */
/*
 * Copy-on-write between two ranges, in the three steps that cursor_copy.h states.
 *
 * The destination keeps account between them: its leaves grant nothing at first, but own their
 * references and say which frames these are for. What a guest does to the source meanwhile can make
 * the copy fail, and cannot make a leaf without a reference.
 */
#include "mm/cursor_copy.h"
#include "mm/cursor_private.h"

struct copy {
	struct cursor *source;
	struct cursor *destination;
	uint64_t from; /* offsets in their tables at which the ranges begin */
	uint64_t to;
	uint64_t len;
	uint32_t flags;
	uint64_t pages;
};

/*
 * Goes to the first leaf that begins *done bytes behind `start`, or later, within `len` bytes: 1,
 * and *done and *leaf say where and what; 0 if there is none. No leaf reaches over an end of the
 * range, unless a guest makes one.
 */
static int next_leaf(struct cursor *cursor, uint64_t start, uint64_t len, uint64_t *done,
		     struct pt_mapping *leaf)
{
	uint64_t at = start + *done;
	int found;

	cursor_place(cursor, at);
	found = cursor_find(cursor, len - *done, FIND_LEAVES, FIND_WHOLE);
	if (found > 0 && cursor_entry_start(cursor) < at)
		return -EUCLEAN;
	if (found <= 0)
		return found;
	found = cursor_query(cursor, leaf);
	*done = cursor_entry_start(cursor) - start;
	if (found)
		return found;
	return leaf->present && leaf->len <= len - *done ? 1 : -EUCLEAN;
}

static bool loses_write(const struct pt_mapping *leaf)
{
	return leaf->tracked && (leaf->prop.bits & PROP_WRITE);
}

/* What a leaf that loses PROP_WRITE loses and gets. */
static struct prop_change share_change(const struct copy *copy)
{
	return (struct prop_change){ PROP_WRITE, copy->flags & COPY_MARK ? PROP_SOFT : 0 };
}

/* The properties of a source's leaf when it is shared. */
static prop_t shared_prop(const struct copy *copy, const struct pt_mapping *leaf)
{
	struct prop_change change = share_change(copy);

	return loses_write(leaf) ? PROP((leaf->prop.bits & ~change.clear) | change.set) :
				   leaf->prop;
}

static prop_t copied_prop(const struct copy *copy, const struct pt_mapping *leaf)
{
	return PROP(shared_prop(copy, leaf).bits & ~(PROP_ACCESSED | PROP_DIRTY));
}

/* Can both leaves be said? No property depends on the level, so one level speaks for all. */
static int check_leaf(const struct copy *copy, const struct pt_mapping *leaf)
{
	uint64_t bits;
	int error;

	if (!leaf->tracked && copy->flags & COPY_TRACKED_ONLY)
		return -EOPNOTSUPP;
	if (loses_write(leaf) && copy->flags & COPY_PROTECTED)
		return -EBUSY;
	error = format_leaf_bits(copy->source->table->format, leaf->level, shared_prop(copy, leaf),
				 leaf->tracked, &bits);
	if (error)
		return error;
	return format_leaf_bits(copy->destination->table->format, 1, copied_prop(copy, leaf),
				leaf->tracked, &bits);
}

/* The leaf owns a reference on each frame, so none can be refused but for want of numbers. */
static int take_references(const struct copy *copy, const struct pt_mapping *leaf)
{
	int error = leaf->tracked ? run_get(copy->source->table->domain, leaf->paddr,
					    level_pages(leaf->level)) :
				    0;

	return error == 0 || error == -EOVERFLOW ? error : -EUCLEAN;
}

/* Makes the copy of one leaf, which begins `done` bytes into the range; it grants nothing yet. */
static int share_leaf(struct copy *copy, const struct pt_mapping *leaf, uint64_t done)
{
	prop_t prop = PROP(copied_prop(copy, leaf).bits & ~PROP_RIGHTS);
	int error = check_leaf(copy, leaf);

	if (error == 0)
		error = take_references(copy, leaf);
	if (error)
		return error;
	cursor_place(copy->destination, copy->to + done);
	error = cursor_map_run(copy->destination, leaf->paddr, leaf->len, leaf->level, prop,
			       leaf->tracked);
	if (error && leaf->tracked)
		(void)run_put(copy->source->table->domain, leaf->paddr, level_pages(leaf->level));
	copy->pages += level_pages(leaf->level);
	return error;
}

/*
 * Undoes step 1. Nothing to flush: nothing was granted. Statuses there are only ours, each in
 * entries of its own, so that taking them away splits nothing and cannot fail.
 */
static void withdraw(struct copy *copy)
{
	struct pt_mapping leaf;
	uint64_t done = 0;

	cursor_place(copy->destination, copy->to);
	if (cursor_is_marked(copy->destination))
		(void)cursor_mark(copy->destination, copy->len, 0);
	while (next_leaf(copy->destination, copy->to, copy->len, &done, &leaf) > 0) {
		struct pt_fragment fragment;

		if (cursor_take(copy->destination, &fragment) == 0)
			fragment_drop(&fragment);
		done += leaf.len;
	}
}

/* Looks at the entry at *done bytes of the range, and puts *done behind it. */
static int next_entry(struct cursor *cursor, uint64_t start, uint64_t len, uint64_t *done,
		      struct pt_mapping *mapping)
{
	uint64_t end;
	int error;

	cursor_place(cursor, start + *done);
	error = cursor_query(cursor, mapping);
	end = cursor_entry_end(cursor) - start;
	*done = end < len ? end : len;
	return error;
}

/* What is only to come in the source is to come in the copy, too (3.8). */
static int share_statuses(struct copy *copy)
{
	uint64_t done = 0;
	int error = 0;

	while (cursor_is_marked(copy->source) && done < copy->len && error == 0) {
		uint64_t begin = done;
		struct pt_mapping entry;

		error = next_entry(copy->source, copy->from, copy->len, &done, &entry);
		if (error || entry.present || entry.status == 0)
			continue;
		cursor_place(copy->destination, copy->to + begin);
		error = cursor_mark(copy->destination, done - begin, entry.status);
	}
	return error;
}

/* Step 1. */
static int share(struct copy *copy)
{
	struct pt_mapping leaf;
	uint64_t done = 0;
	int found;

	while ((found = next_leaf(copy->source, copy->from, copy->len, &done, &leaf)) > 0) {
		found = share_leaf(copy, &leaf, done);
		if (found)
			break;
		done += leaf.len;
	}
	if (found == 0)
		found = share_statuses(copy);
	if (found)
		withdraw(copy);
	return found;
}

/* Leaves [start, end), offsets in the range, have lost a right. */
static void flush_run(const struct copy *copy, const struct range_flush *flush, uint64_t start,
		      uint64_t end)
{
	if (flush && end > start)
		flush->flush(flush->context, cursor_address(copy->source, copy->from + start),
			     end - start);
}

/* Step 2. */
static int protect(struct copy *copy, const struct range_flush *flush)
{
	struct prop_change change = share_change(copy);
	struct pt_mapping leaf;
	uint64_t done = 0;
	uint64_t run = 0; /* changed and not yet flushed: [run, end) */
	uint64_t end = 0;
	int found;

	while ((found = next_leaf(copy->source, copy->from, copy->len, &done, &leaf)) > 0) {
		struct pt_entry entry = cursor_entry(copy->source);

		if (loses_write(&leaf)) {
			if (entry_protect(&entry, change, NULL))
				break;
			if (end != done) {
				flush_run(copy, flush, run, end);
				run = done;
			}
			end = done + leaf.len;
		}
		done += leaf.len;
	}
	flush_run(copy, flush, run, end);
	return found ? -EUCLEAN : 0;
}

/* The properties for a leaf of the destination, `done` bytes into the range. */
static int find_prop(struct copy *copy, const struct pt_mapping *copied, uint64_t done,
		     prop_t *prop)
{
	struct pt_mapping leaf;
	uint64_t inside;
	int error;

	cursor_place(copy->source, copy->from + done);
	error = cursor_query(copy->source, &leaf);
	if (error)
		return error;
	inside = copy->from + done - cursor_entry_start(copy->source);
	if (!leaf.present || leaf.tracked != copied->tracked ||
	    leaf.paddr.value + inside != copied->paddr.value)
		return -EUCLEAN;
	*prop = copied_prop(copy, &leaf);
	return 0;
}

/* Gives the destination's leaf at `done` bytes its properties. */
static int grant(struct copy *copy, uint64_t done, prop_t prop)
{
	struct pt_entry entry;
	pte_t pte;
	int error;

	cursor_place(copy->destination, copy->to + done);
	error = cursor_settle(copy->destination, &pte);
	if (error)
		return error;
	entry = cursor_entry(copy->destination);
	return entry_protect(&entry, (struct prop_change){ PROP_CHANGEABLE, prop.bits }, NULL);
}

/* Step 3. */
static int publish(struct copy *copy)
{
	struct pt_mapping leaf;
	uint64_t done = 0;
	int found;

	while ((found = next_leaf(copy->destination, copy->to, copy->len, &done, &leaf)) > 0) {
		prop_t prop;
		int error = find_prop(copy, &leaf, done, &prop);

		if (error == 0)
			error = grant(copy, done, prop);
		if (error)
			return -EUCLEAN;
		done += leaf.len;
	}
	return found;
}

/* 0, and where a side's range begins in its table. */
static int side_offset(const struct copy_side *side, uint64_t len, uint64_t *offset)
{
	const struct cursor *cursor = side->cursor;
	uint64_t size = cursor->end - cursor->start;
	uint64_t distance = side->start.value - cursor_address(cursor, cursor->start).value;

	if (cursor->mode != CURSOR_MUTATE || !is_aligned(side->start.value | len, PAGE_SIZE))
		return -EINVAL;
	*offset = cursor->start + distance;
	return distance <= size && len <= size - distance ? 0 : -ERANGE;
}

static int check_sides(const struct copy *copy)
{
	const struct page_table *source = copy->source->table;
	const struct page_table *destination = copy->destination->table;
	uint64_t distance = copy->from < copy->to ? copy->to - copy->from : copy->from - copy->to;

	if (copy->flags & ~COPY_FLAGS || source->domain != destination->domain)
		return -EINVAL;
	if (copy->source == copy->destination)
		return distance >= copy->len ? 0 : -EINVAL;
	return source != destination ? 0 : -EINVAL;
}

/* -EEXIST unless the destination is empty, of statuses, too: an undo could not bring them back. */
static int check_empty(struct copy *copy)
{
	struct cursor *cursor = copy->destination;
	uint64_t done = 0;
	int found;

	cursor_place(cursor, copy->to);
	found = cursor_find(cursor, copy->len, FIND_LEAVES, FIND_WHOLE);
	while (cursor_is_marked(cursor) && done < copy->len && found == 0) {
		struct pt_mapping entry;

		found = next_entry(cursor, copy->to, copy->len, &done, &entry);
		if (found == 0)
			found = entry.present || entry.status;
	}
	return found > 0 ? -EEXIST : found;
}

/* What can be refused before anything is changed; then the source's ends are split. */
static int prepare(struct copy *copy)
{
	int error = check_empty(copy);

	if (error)
		return error;
	cursor_place(copy->source, copy->from);
	return cursor_begin(copy->source, copy->len);
}

int cursor_copy(struct copy_side from, struct copy_side to, uint64_t len, uint32_t flags,
		const struct range_flush *flush, uint64_t *pages)
{
	struct copy copy = { from.cursor, to.cursor, .len = len, .flags = flags };
	uint64_t source_at = from.cursor->at;
	uint64_t destination_at = to.cursor->at;
	int error = side_offset(&from, len, &copy.from);

	if (error == 0)
		error = side_offset(&to, len, &copy.to);
	if (error == 0)
		error = check_sides(&copy);
	if (error)
		return error;
	error = prepare(&copy);
	if (error == 0)
		error = share(&copy);
	if (error == 0)
		error = protect(&copy, flush);
	if (error == 0)
		error = publish(&copy);
	cursor_place(copy.source, source_at);
	cursor_place(copy.destination, destination_at);
	if (pages && error == 0)
		*pages = copy.pages;
	return error;
}
