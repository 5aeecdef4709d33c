/* SPDX-License-Identifier: MIT */
/*
 * Long random traces of cursor operations against a plain array that says, for each 4 KiB page,
 * what it maps to (5.6). Whatever the nodes and leaves are, the function from address to frame and
 * property is what the array says, and the audit finds nothing. Also with hardly any memory: what
 * fails for want of it changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/trace_model.h"

static void do_map(struct trace *trace)
{
	unsigned level =
		trace_below(trace, 3) ? 1 : 2 + (trace->nr_large > 0 && trace_below(trace, 4) == 0);
	uint64_t nr_pages = level_pages(level);
	prop_t prop = trace_some_property(trace);
	bool tracked;
	paddr_t paddr = trace_some_frames(trace, nr_pages, nr_pages, &tracked);
	bool free = trace->end - trace->at >= nr_pages &&
		    trace_first_mapped(trace, trace->at, trace->at + nr_pages) ==
			    trace->at + nr_pages;
	bool fits = level <= trace->cursor.guard_level &&
		    is_aligned(trace_address(trace, trace->at), PAGES(nr_pages));
	int error = cursor_map(&trace->cursor, paddr, level, prop, tracked);

	if (!fits)
		assert_int_equal(error, -EINVAL);
	else if (trace->end - trace->at < nr_pages)
		assert_int_equal(error, -ERANGE);
	else if (!free || level > 1) /* an empty node is in the way, too (C-12) */
		assert_true(error == -EEXIST ||
			    (free && (error == 0 || trace_ran_out(trace, error))));
	else if (!trace_ran_out(trace, error))
		assert_int_equal(error, 0);
	trace->nr_large -= level == 3;
	trace_mapped(trace, error, nr_pages,
		     (struct page){ paddr.value, prop.bits, true, tracked });
}

static void do_map_run(struct trace *trace)
{
	uint64_t nr_pages = trace_some_length(trace);
	prop_t prop = trace_some_property(trace);
	bool tracked;
	paddr_t paddr =
		trace_some_frames(trace, nr_pages, trace_below(trace, 2) ? 1 : 512, &tracked);
	bool free = trace_first_mapped(trace, trace->at, trace->at + nr_pages) ==
		    trace->at + nr_pages;
	int error = cursor_map_run(&trace->cursor, paddr, PAGES(nr_pages),
				   (unsigned)trace_below(trace, 4), prop, tracked);

	if (nr_pages == 0)
		assert_int_equal(error, -EINVAL);
	else if (!free || !trace_ran_out(trace, error))
		assert_int_equal(error, free ? 0 : -EEXIST);
	trace_mapped(trace, error, nr_pages,
		     (struct page){ paddr.value, prop.bits, true, tracked });
}

static void do_take_next(struct trace *trace)
{
	uint64_t nr_pages = trace_some_length(trace);
	uint64_t end = trace->at + nr_pages;
	struct pt_fragment fragment;
	uint64_t start;
	int found = cursor_take_next(&trace->cursor, PAGES(nr_pages), &fragment);

	if (trace_ran_out(trace, found))
		return;
	assert_true(found >= 0);
	if (found == 0) {
		assert_int_equal(trace_first_mapped(trace, trace->at, end), end);
		trace->at = end;
		return;
	}
	start = trace_page_of(trace, fragment.start);
	nr_pages = fragment.len >> PAGE_SHIFT;
	assert_true(start >= trace->at && nr_pages <= end - start);
	assert_true(trace_first_mapped(trace, trace->at, end) >= start);
	assert_int_equal(fragment.pages, trace_count_mapped(trace, start, start + nr_pages));
	if (fragment.kind == FRAGMENT_LEAF)
		for (uint64_t page = start; page < start + nr_pages; page++)
			trace_assert_page(trace, page, &fragment.leaf);
	fragment_drop(&fragment);
	trace_set_mapped(trace, start, nr_pages, (struct page){ .mapped = false });
	trace->at = start + nr_pages;
}

static void do_unmap(struct trace *trace)
{
	uint64_t nr_pages = trace_some_length(trace);
	uint64_t pages = 0;
	int error = cursor_unmap(&trace->cursor, PAGES(nr_pages), NULL, &pages);

	if (trace_ran_out(trace, error))
		return;
	assert_int_equal(error, 0);
	assert_int_equal(pages, trace_count_mapped(trace, trace->at, trace->at + nr_pages));
	trace_set_mapped(trace, trace->at, nr_pages, (struct page){ .mapped = false });
	trace->at += nr_pages;
}

static void do_protect_next(struct trace *trace)
{
	uint64_t nr_pages = trace_some_length(trace);
	uint64_t end = trace->at + nr_pages;
	uint64_t first = trace_first_mapped(trace, trace->at, end);
	struct prop_change change = trace_some_change(trace);
	struct pt_mapping mapping;
	int found = cursor_protect_next(&trace->cursor, PAGES(nr_pages), change, &mapping);

	if (trace_ran_out(trace, found))
		return;
	if (first == end) {
		assert_int_equal(found, 0);
		trace->at = end;
		return;
	}
	if (!trace_can_be_said(trace, trace_changed(change, trace->pages[first].prop))) {
		assert_int_equal(found, -EOPNOTSUPP);
		return;
	}
	assert_int_equal(found, 1);
	assert_int_equal(trace_page_of(trace, mapping.start), first);
	end = first + (mapping.len >> PAGE_SHIFT);
	assert_true(end <= trace->at + nr_pages);
	for (uint64_t page = first; page < end; page++)
		trace_assert_page(trace, page, &mapping);
	trace_change_pages(trace, first, end, change);
	trace->at = end;
}

static void do_protect(struct trace *trace)
{
	uint64_t nr_pages = trace_some_length(trace);
	uint64_t end = trace->at + nr_pages;
	struct prop_change change = trace_some_change(trace);
	bool possible = true;
	uint64_t pages = 0;
	int error = cursor_protect(&trace->cursor, PAGES(nr_pages), change, NULL, &pages);

	if (trace_ran_out(trace, error))
		return;
	for (uint64_t page = trace->at; page < end; page++)
		possible &=
			!trace->pages[page].mapped ||
			trace_can_be_said(trace, trace_changed(change, trace->pages[page].prop));
	assert_int_equal(error, possible ? 0 : -EOPNOTSUPP);
	if (error)
		return;
	assert_int_equal(pages, trace_count_mapped(trace, trace->at, end));
	trace_change_pages(trace, trace->at, end, change);
	trace->at = end;
}

static void do_find_next(struct trace *trace)
{
	uint64_t nr_pages = trace_some_length(trace);
	uint64_t first = trace_first_mapped(trace, trace->at, trace->at + nr_pages);
	int found = cursor_find_next(&trace->cursor, PAGES(nr_pages));

	assert_int_equal(found, first < trace->at + nr_pages);
	trace->at = first;
}

static void do_query(struct trace *trace)
{
	struct pt_mapping mapping;
	int error = cursor_query(&trace->cursor, &mapping);

	assert_int_equal(error, trace->at < trace->end ? 0 : -ERANGE);
	if (error == 0)
		trace_assert_page(trace, trace->at, &mapping);
}

static void do_query_next(struct trace *trace)
{
	uint64_t nr_pages = trace_some_length(trace);
	uint64_t first = trace_first_mapped(trace, trace->at, trace->at + nr_pages);
	uint64_t behind;
	struct pt_mapping mapping;
	int found = cursor_query_next(&trace->cursor, PAGES(nr_pages), &mapping);

	assert_int_equal(found, first < trace->at + nr_pages);
	trace->at = first;
	if (found == 0)
		return;
	trace_assert_page(trace, first, &mapping);
	behind = trace_page_of(trace, VADDR(mapping.start.value + mapping.len));
	trace->at = behind < trace->end ? behind : trace->end;
}

static void do_replace(struct trace *trace)
{
	unsigned level = trace_below(trace, 3) ? 1 : 2;
	uint64_t nr_pages = level_pages(level);
	prop_t prop = trace_some_property(trace);
	struct pt_fragment fragment;
	bool tracked;
	paddr_t paddr = trace_some_frames(trace, nr_pages, nr_pages, &tracked);
	int error = cursor_replace(&trace->cursor, paddr, level, prop, tracked, &fragment);

	if (level > trace->cursor.guard_level ||
	    !is_aligned(trace_address(trace, trace->at), PAGES(nr_pages)))
		assert_int_equal(error, -EINVAL);
	else if (trace->end - trace->at < nr_pages)
		assert_int_equal(error, -ERANGE);
	else if (!trace_ran_out(trace, error))
		assert_int_equal(error, 0);
	if (error == 0) {
		assert_int_equal(fragment.pages,
				 trace_count_mapped(trace, trace->at, trace->at + nr_pages));
		for (unsigned i = 0; fragment.kind == FRAGMENT_LEAF && i < nr_pages; i++)
			trace_assert_page(trace, trace->at + i, &fragment.leaf);
		fragment_drop(&fragment);
	}
	trace_mapped(trace, error, nr_pages,
		     (struct page){ paddr.value, prop.bits, true, tracked });
}

static bool has_dirty(const struct trace *trace, uint64_t page)
{
	return trace->pages[page].mapped && trace->pages[page].prop & PROP_DIRTY;
}

/* A leaf that reaches over an end is harvested as a whole; the array does not know of leaves. */
static void do_harvest_next(struct trace *trace)
{
	uint64_t nr_pages = trace_some_length(trace);
	uint64_t first = trace->at, end = trace->at + nr_pages;
	uint64_t behind;
	struct pt_mapping mapping;
	int found = cursor_harvest_next(&trace->cursor, PAGES(nr_pages), PROP_DIRTY, &mapping);

	while (first < end && !has_dirty(trace, first))
		first++;
	assert_int_equal(found, first < end);
	trace->at = first;
	if (found == 0)
		return;
	trace_assert_page(trace, first, &mapping);
	behind = trace_page_of(trace, VADDR(mapping.start.value + mapping.len));
	for (uint64_t page = trace_page_of(trace, mapping.start); page < behind; page++)
		if (page < trace->nr_pages)
			trace->pages[page].prop &= ~PROP_DIRTY;
	trace->at = behind < end ? behind : end;
}

static void do_reclaim(struct trace *trace)
{
	assert_int_equal(cursor_reclaim(&trace->cursor, PAGES(trace_some_length(trace)), NULL), 0);
}

/* Could the 512 pages from here on be one leaf? Gives the dirty bit that it would have. */
static bool are_uniform(const struct trace *trace, uint64_t first, uint32_t *dirty)
{
	const struct page *pages = &trace->pages[first];

	if (!pages[0].mapped || !is_aligned(pages[0].paddr, MIB(2)))
		return false;
	for (unsigned i = 0; i < 512; i++) {
		*dirty |= pages[i].prop & PROP_DIRTY;
		if (!pages[i].mapped || pages[i].paddr != pages[0].paddr + PAGES(i) ||
		    (pages[i].prop ^ pages[0].prop) & ~PROP_DIRTY ||
		    pages[i].tracked != pages[0].tracked)
			return false;
	}
	return true;
}

/*
 * Goes to a place for a large leaf, if the range has one, and gives all that is mapped there the
 * same property.
 */
static void make_alike(struct trace *trace)
{
	const struct prop_change change = { .clear = PROP_CHANGEABLE, .set = PROP_READ };
	uint64_t first = align_down(trace->start + 511, 512);

	if (first + 512 > trace->end)
		return;
	trace->at = first + 512 * trace_below(trace, (trace->end - first) / 512);
	assert_int_equal(cursor_jump(&trace->cursor, VADDR(trace_address(trace, trace->at))), 0);
	if (cursor_protect(&trace->cursor, PAGES(512), change, NULL, NULL) != 0)
		return;
	trace_change_pages(trace, trace->at, trace->at + 512, change);
	assert_int_equal(cursor_jump(&trace->cursor, VADDR(trace_address(trace, trace->at))), 0);
}

static void do_coalesce(struct trace *trace)
{
	uint32_t dirty = 0;
	int error;

	if (trace_below(trace, 2))
		make_alike(trace);
	error = cursor_coalesce(&trace->cursor, 2, NULL);
	if (trace->cursor.guard_level < 2 || !is_aligned(trace_address(trace, trace->at), MIB(2)))
		assert_int_equal(error, -EINVAL);
	else if (trace->end - trace->at < 512)
		assert_int_equal(error, -ERANGE);
	else
		assert_int_equal(error, are_uniform(trace, trace->at, &dirty) ? 0 : -ENOENT);
	if (error == 0)
		trace_change_pages(trace, trace->at, trace->at + 512,
				   (struct prop_change){ .set = dirty });
}

static void do_jump(struct trace *trace)
{
	trace->at = trace->start + trace_below(trace, trace->end - trace->start);
	if (trace_below(trace, 2) && align_down(trace->at, 512) >= trace->start)
		trace->at = align_down(trace->at, 512);
	assert_int_equal(cursor_jump(&trace->cursor, VADDR(trace_address(trace, trace->at))), 0);
}

static void open_somewhere(struct trace *trace)
{
	int error;

	do {
		uint64_t nr_pages =
			1 + trace_below(trace, trace_below(trace, 2) ? 8 : trace->nr_pages);

		trace->start = trace->at = trace_below(trace, trace->nr_pages - nr_pages + 1);
		trace->end = trace->start + nr_pages;
		error = cursor_open(&trace->cursor, &trace->fixture->table,
				    VADDR(trace_address(trace, trace->at)), PAGES(nr_pages),
				    CURSOR_MUTATE, 1 + (unsigned)trace_below(trace, 3));
	} while (trace_ran_out(trace, error));
	assert_int_equal(error, 0);
}

static void close_and_check(struct trace *trace)
{
	cursor_close(&trace->cursor);
	domain_reclaim(trace->fixture->domain);
	check_audit(trace->fixture);
	trace_assert_all_pages(trace);
}

static void run(struct trace *trace, unsigned nr_operations, unsigned audit_every)
{
	static void (*const operations[])(struct trace *) = {
		do_map,	     do_map,	      do_map_run, do_map_run,	   do_take_next,
		do_unmap,    do_protect_next, do_protect, do_find_next,	   do_query,
		do_jump,     do_jump,	      do_jump,	  do_query_next,   do_replace,
		do_coalesce, do_coalesce,     do_reclaim, do_harvest_next,
	};

	trace->pages = calloc(trace->nr_pages, sizeof(*trace->pages));
	assert_non_null(trace->pages);
	open_somewhere(trace);
	for (unsigned i = 0; i < nr_operations; i++) {
		if (trace_below(trace, 8) == 0) {
			cursor_close(&trace->cursor);
			open_somewhere(trace);
		}
		operations[trace_below(trace, sizeof(operations) / sizeof(*operations))](trace);
		trace_assert_at(trace);
		if (i % audit_every == 0) {
			close_and_check(trace);
			open_somewhere(trace);
		}
	}
	close_and_check(trace);
	free(trace->pages);
}

static void test_random_trace_over_small_regions_matches_an_array(void **state)
{
	struct trace trace = {
		.fixture = *state,
		.random = 0x9e3779b97f4a7c15,
		.base = GIB(1) - MIB(4),
		.nr_pages = 4 * 512,
	};

	run(&trace, 20000, 100);
}

static void test_random_trace_over_gibs_matches_an_array(void **state)
{
	struct trace trace = {
		.fixture = *state,
		.random = 0xd1b54a32d192ed03,
		.base = GIB(512) - GIB(1),
		.nr_pages = 2 * 262144,
		.nr_large = 20,
		.scarce = true,
	};

	run(&trace, 600, 50);
}

static void test_random_trace_with_few_nodes_matches_an_array(void **state)
{
	struct trace trace = {
		.fixture = *state,
		.random = 0x2545f4914f6cdd1d,
		.base = GIB(1) - MIB(4),
		.nr_pages = 4 * 512,
		.scarce = true,
	};

	table_leave(trace.fixture, 5);
	run(&trace, 10000, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_random_trace_over_small_regions_matches_an_array),
		TABLE_TEST(test_random_trace_over_gibs_matches_an_array),
		TABLE_TEST(test_random_trace_with_few_nodes_matches_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
