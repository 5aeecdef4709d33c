/* SPDX-License-Identifier: MIT */
/*
 * Changes of a VM's guest-physical memory, table and window together: see gpa_space.h.
 */
#include <errno.h>

#include "ept/gpa_space.h"

#define CHUNK_MAX level_size(3) /* more than the largest leaf helps nobody */

static int run_check(const struct gpa_space *space, gpa_t gpa, uint64_t len)
{
	if (len == 0 || !is_aligned(gpa.value | len, PAGE_SIZE))
		return -EINVAL;
	return ram_layout_contains(&space->ram, gpa, len) ? 0 : -ERANGE;
}

static int rights_check(const struct gpa_space *space, uint32_t rights)
{
	uint64_t bits;

	if (rights & ~PROP_RIGHTS)
		return -EINVAL;
	return format_leaf_bits(space->space.table.format, 1, PROP(rights), true, &bits);
}

/*
 * The cursor holds the node whose entry covers the largest leaf that could be in the run: so that a
 * leaf or a node of exactly the run is mapped or taken in one piece.
 */
static int run_open(struct gpa_space *space, struct cursor *cursor, gpa_t gpa, uint64_t len)
{
	const struct pt_format *format = space->space.table.format;

	return cursor_open(cursor, &space->space.table, gpa_to_vaddr(gpa), len, CURSOR_MUTATE,
			   format_leaf_fit(format, format->levels, gpa.value, 0, len));
}

/*
 * Frees nodes that were taken out of the table at once: a grace period is short here, for nobody
 * sleeps with a cursor open.
 */
static void run_close(struct gpa_space *space, struct cursor *cursor)
{
	cursor_close(cursor);
	domain_reclaim(&space->pool->domain);
}

/* Everything that is mapped in [gpa, gpa+len) is taken out of the table and let go. */
static int run_take(struct cursor *cursor, gpa_t gpa, uint64_t len, uint64_t *pages)
{
	uint64_t end = gpa.value + len;
	struct pt_fragment fragment;
	int found = cursor_jump(cursor, gpa_to_vaddr(gpa));

	*pages = 0;
	if (found)
		return found;
	while ((found = cursor_take_next(cursor, end - cursor_virt_addr(cursor).value, &fragment)) >
	       0) {
		*pages += fragment.pages;
		fragment_drop(&fragment);
	}
	return found;
}

/*
 * Steps behind the next leaf of the run: 1, or 0 if there is none. One that reaches beyond the run
 * is split first (-ENOMEM).
 */
static int next_leaf(struct cursor *cursor, struct pt_mapping *leaf)
{
	static const struct prop_change nothing = { 0, 0 };

	return cursor_protect_next(cursor, cursor_remaining(cursor), nothing, leaf);
}

/* From here on no leaf reaches beyond the run, and nothing can fail for want of a node. */
static int ends_split(struct cursor *cursor)
{
	struct pt_mapping leaf;
	int found;

	do
		found = next_leaf(cursor, &leaf);
	while (found > 0);
	return found;
}

/*
 * Gives the window these rights wherever the run has leaves, and nowhere else: what is hidden stays
 * hidden. On error some of it may have them.
 */
static int window_follow(struct gpa_space *space, struct cursor *cursor, gpa_t gpa, uint32_t rights)
{
	int found = cursor_jump(cursor, gpa_to_vaddr(gpa));
	uint64_t len = 0; /* of the leaves without a hole between them that begin at gpa */
	struct pt_mapping leaf;

	if (found)
		return found;
	for (;;) {
		int error = 0;

		found = next_leaf(cursor, &leaf);
		if (found < 0)
			return found;
		if (found > 0 && leaf.start.value == gpa.value + len) {
			len += leaf.len;
			continue;
		}
		if (len > 0)
			error = window_protect(&space->window, gpa, len, rights);
		if (error || found == 0)
			return error;
		gpa = GPA(leaf.start.value);
		len = leaf.len;
	}
}

/*
 * After window_follow() or window_hide() failed: each leaf of the run gets the rights back that the
 * table says. There were mappings enough for that before, so there are again: one at a time, from
 * low to high, each has to cut off no more than its own end. Where there is just one to be had the
 * kernel refuses to cut, but not to map anew.
 *
 * Another thread of the process may use that one up. Then a leaf stays inaccessible, or keeps
 * rights that were asked for, until it is changed again; its frame is its own all the while.
 */
static void window_restore(struct gpa_space *space, struct cursor *cursor, gpa_t gpa)
{
	struct pt_mapping leaf;

	cursor_jump(cursor, gpa_to_vaddr(gpa));
	while (next_leaf(cursor, &leaf) > 0) {
		gpa_t start = GPA(leaf.start.value);

		if (window_protect(&space->window, start, leaf.len, leaf.prop.bits))
			window_show(&space->window, start, leaf.len, space->pool->fd,
				    leaf.paddr.value, leaf.prop.bits);
	}
}

/* Neighbouring pages that show neighbouring parts of the pool. */
struct stretch {
	gpa_t gpa;
	uint64_t len;
	uint64_t offset; /* in the pool */
	uint32_t rights;
};

/*
 * The one place where frames become visible to the guest. Memory that is to be filled at the first
 * access, or copied at the first write, will be shown here with less than its rights.
 *
 * Somebody may have used the frames before, and only the host's kernel knows which of them.
 */
static int stretch_show(struct gpa_space *space, const struct stretch *stretch)
{
	struct host_pool *pool = space->pool;
	int error = host_pool_clear(pool, PADDR(stretch->offset), stretch->len);

	return error ? error :
		       window_show(&space->window, stretch->gpa, stretch->len, pool->fd,
				   stretch->offset, stretch->rights);
}

/* The largest power of two, at most `limit`, that is within `len` and that gpa is a multiple of. */
static uint64_t chunk_fit(gpa_t gpa, uint64_t len, uint64_t limit)
{
	while (limit > len || !is_aligned(gpa.value, limit))
		limit /= 2;
	return limit;
}

/* Frames for a chunk of at most *limit bytes, which is lowered to what the pool still has. */
static int chunk_alloc(struct gpa_space *space, gpa_t gpa, uint64_t len, uint64_t *limit,
		       struct segment *segment)
{
	for (;;) {
		uint64_t size = chunk_fit(gpa, len, *limit);
		int error = segment_alloc(&space->pool->domain, size >> PAGE_SHIFT, size,
					  FRAME_DATA, segment);

		if (error != -ENOMEM || size == PAGE_SIZE)
			return error;
		*limit = size / 2;
	}
}

/* Maps the next chunk of the run, and steps behind it. Its frames are not visible yet. */
static int chunk_map(struct gpa_space *space, struct cursor *cursor, uint32_t rights,
		     uint64_t *limit, struct stretch *chunk)
{
	gpa_t gpa = GPA(cursor_virt_addr(cursor).value);
	struct segment segment;
	int error = chunk_alloc(space, gpa, cursor_remaining(cursor), limit, &segment);

	if (error)
		return error;
	*chunk = (struct stretch){
		.gpa = gpa,
		.len = segment.nr_frames << PAGE_SHIFT,
		.offset = segment.paddr.value,
		.rights = rights,
	};
	error = cursor_map_run(cursor, segment.paddr, chunk->len, 0, PROP(rights), true);
	if (error)
		segment_put(&segment);
	else
		segment_into_raw(&segment);
	return error;
}

/*
 * Takes back what run_fill() has mapped so far, of which [gpa, hidden) is shown. Should the host
 * refuse to hide that again, which it does not for want of mappings as long as no other thread uses
 * them up, it stays mapped: nobody may get frames that a vCPU can reach.
 */
static void run_undo(struct gpa_space *space, struct cursor *cursor, gpa_t gpa, gpa_t hidden)
{
	uint64_t shown = hidden.value - gpa.value;
	uint64_t len = cursor_virt_addr(cursor).value - gpa.value;
	uint64_t pages;

	if (len > shown)
		run_take(cursor, hidden, len - shown, &pages);
	if (shown == 0)
		return;
	if (window_hide(&space->window, gpa, shown) == 0)
		run_take(cursor, gpa, shown, &pages);
	else
		window_restore(space, cursor, gpa);
}

static int run_fill(struct gpa_space *space, struct cursor *cursor, gpa_t gpa, uint32_t rights)
{
	struct stretch hidden = { .gpa = gpa, .rights = rights };
	uint64_t limit = CHUNK_MAX;
	int error = 0;

	while (!error && cursor_remaining(cursor) > 0) {
		struct stretch chunk;

		error = chunk_map(space, cursor, rights, &limit, &chunk);
		if (error)
			break;
		if (hidden.len > 0 && chunk.offset != hidden.offset + hidden.len) {
			error = stretch_show(space, &hidden);
			if (error)
				break;
			hidden.len = 0;
		}
		if (hidden.len == 0)
			hidden = (struct stretch){ chunk.gpa, 0, chunk.offset, rights };
		hidden.len += chunk.len;
	}
	if (!error)
		error = stretch_show(space, &hidden);
	if (error)
		run_undo(space, cursor, gpa, hidden.gpa);
	return error;
}

/* Nothing may be mapped in the run; nodes that map nothing must not stand in a large leaf's way. */
static int run_prune(struct cursor *cursor, gpa_t gpa)
{
	uint64_t len = cursor_remaining(cursor);
	int found = cursor_find_next(cursor, len);
	uint64_t pages;

	if (found)
		return found > 0 ? -EEXIST : found;
	found = run_take(cursor, gpa, len, &pages);
	return found ? found : cursor_jump(cursor, gpa_to_vaddr(gpa));
}

int gpa_space_map(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights)
{
	struct cursor cursor;
	int error = run_check(space, gpa, len);

	if (!error)
		error = rights_check(space, rights);
	if (!error)
		error = run_open(space, &cursor, gpa, len);
	if (error)
		return error;
	error = run_prune(&cursor, gpa);
	if (!error)
		error = run_fill(space, &cursor, gpa, rights);
	run_close(space, &cursor);
	return error;
}

int gpa_space_unmap(struct gpa_space *space, gpa_t gpa, uint64_t len, uint64_t *pages)
{
	struct cursor cursor;
	uint64_t total;
	int error = run_check(space, gpa, len);

	if (!error)
		error = run_open(space, &cursor, gpa, len);
	if (error)
		return error;
	error = ends_split(&cursor);
	if (!error) {
		error = window_hide(&space->window, gpa, len);
		if (error)
			window_restore(space, &cursor, gpa);
	}
	if (!error)
		error = run_take(&cursor, gpa, len, &total);
	run_close(space, &cursor);
	if (!error && pages)
		*pages = total;
	return error;
}

/* The window has the rights already. */
static int run_protect(struct cursor *cursor, gpa_t gpa, uint32_t rights, uint64_t *pages)
{
	struct prop_change change = { .clear = PROP_RIGHTS, .set = rights };
	struct pt_mapping leaf;
	int found = cursor_jump(cursor, gpa_to_vaddr(gpa));

	*pages = 0;
	if (found)
		return found;
	while ((found = cursor_protect_next(cursor, cursor_remaining(cursor), change, &leaf)) > 0)
		*pages += leaf.len >> PAGE_SHIFT;
	return found;
}

int gpa_space_protect(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights,
		      uint64_t *pages)
{
	struct cursor cursor;
	uint64_t total;
	int error = run_check(space, gpa, len);

	if (!error)
		error = rights_check(space, rights);
	if (!error)
		error = run_open(space, &cursor, gpa, len);
	if (error)
		return error;
	error = window_follow(space, &cursor, gpa, rights);
	if (error)
		window_restore(space, &cursor, gpa);
	else
		error = run_protect(&cursor, gpa, rights, &total);
	run_close(space, &cursor);
	if (!error && pages)
		*pages = total;
	return error;
}
