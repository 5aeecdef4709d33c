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

#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

struct page {
	uint64_t paddr;
	uint32_t prop;
	bool mapped;
	bool tracked;
};

struct trace {
	struct table_fixture *fixture;
	uint64_t random;
	uint64_t base; /* address of the first page */
	uint64_t nr_pages;
	struct page *pages;
	struct cursor cursor;
	uint64_t start; /* of the cursor, as page numbers */
	uint64_t at;
	uint64_t end;
	unsigned nr_large; /* leaves of 1 GiB that may still be mapped */
	bool scarce;	   /* nodes may run out */
};

static uint64_t below(struct trace *trace, uint64_t limit)
{
	return random_next(&trace->random) % limit;
}

static uint64_t address(const struct trace *trace, uint64_t page)
{
	return trace->base + PAGES(page);
}

static uint64_t page_of(const struct trace *trace, vaddr_t va)
{
	return (va.value - trace->base) >> PAGE_SHIFT;
}

/* First mapped page from `page` on and before `end`, or `end`. */
static uint64_t first_mapped(const struct trace *trace, uint64_t page, uint64_t end)
{
	while (page < end && !trace->pages[page].mapped)
		page++;
	return page;
}

static uint64_t count_mapped(const struct trace *trace, uint64_t page, uint64_t end)
{
	uint64_t count = 0;

	for (; page < end; page++)
		count += trace->pages[page].mapped;
	return count;
}

static void set_mapped(struct trace *trace, uint64_t page, uint64_t nr_pages, struct page first)
{
	for (uint64_t i = 0; i < nr_pages; i++) {
		trace->pages[page + i] = first;
		trace->pages[page + i].paddr = first.paddr + PAGES(i);
	}
}

/* An operation failed for want of a node, where that can be: nothing has changed then. */
static bool ran_out(const struct trace *trace, int error)
{
	return error == -ENOMEM && trace->scarce;
}

static void assert_at(const struct trace *trace)
{
	assert_int_equal(cursor_virt_addr(&trace->cursor).value, address(trace, trace->at));
	assert_int_equal(cursor_remaining(&trace->cursor), PAGES(trace->end - trace->at));
}

static void assert_page(const struct trace *trace, uint64_t page, const struct pt_mapping *mapping)
{
	const struct page *expected = &trace->pages[page];
	uint64_t offset = address(trace, page) - mapping->start.value;

	assert_int_equal(mapping->present, expected->mapped);
	assert_true(offset < mapping->len);
	if (!expected->mapped)
		return;
	assert_int_equal(mapping->paddr.value + offset, expected->paddr);
	assert_int_equal(mapping->prop.bits, expected->prop);
	assert_int_equal(mapping->tracked, expected->tracked);
}

static void assert_all_pages(struct trace *trace)
{
	for (uint64_t page = 0; page < trace->nr_pages;) {
		struct pt_mapping mapping;
		uint64_t end;

		assert_int_equal(page_table_walk(&trace->fixture->table,
						 VADDR(address(trace, page)), &mapping),
				 0);
		end = page_of(trace, VADDR(mapping.start.value + mapping.len));
		for (; page < end && page < trace->nr_pages; page++)
			assert_page(trace, page, &mapping);
	}
}

/* A length that an operation may be given here: mostly short, sometimes all. */
static uint64_t some_length(struct trace *trace)
{
	uint64_t left = trace->end - trace->at;

	if (left > 1 && below(trace, 4) > 0)
		left = 1 + below(trace, left < 600 ? left : 600);
	return left;
}

static prop_t some_property(struct trace *trace)
{
	static const uint32_t properties[] = {
		PROP_READ,
		PROP_READ | PROP_WRITE,
		PROP_READ | PROP_EXECUTE,
		PROP_READ | PROP_WRITE | PROP_EXECUTE | PROP_DIRTY,
		PROP_READ | PROP_SOFT | PROP_UNCACHEABLE,
		0,
	};

	return PROP(properties[below(trace, sizeof(properties) / sizeof(*properties))]);
}

static bool can_be_said(const struct trace *trace, uint32_t prop)
{
	uint64_t bits;

	return format_leaf_bits(trace->fixture->table.format, 1, PROP(prop), false, &bits) == 0;
}

/* Frames for a leaf or run of this size; tracked ones come with references that we hold. */
static paddr_t some_frames(struct trace *trace, uint64_t nr_pages, uint64_t align, bool *tracked)
{
	uint64_t nr_guest = TABLE_FRAMES - TABLE_GUEST_FIRST;
	uint64_t first;

	*tracked = nr_pages > 0 && nr_pages <= nr_guest && below(trace, 2);
	if (!*tracked)
		return PADDR(GIB(16) + PAGES(align_down(below(trace, 1 << 20), align)));
	first = TABLE_GUEST_FIRST + align_down(below(trace, nr_guest - nr_pages + 1), align);
	table_hold(trace->fixture, frame_number(first), nr_pages);
	return frame_number(first);
}

/* After an attempt to map: on success the references have passed, and the pages are mapped. */
static void mapped(struct trace *trace, int error, uint64_t nr_pages, struct page first)
{
	if (error == 0) {
		set_mapped(trace, trace->at, nr_pages, first);
		trace->at += nr_pages;
	}
	if (first.tracked && error)
		table_release(trace->fixture, PADDR(first.paddr), nr_pages);
	else if (first.tracked)
		table_passed(trace->fixture, PADDR(first.paddr), nr_pages);
}

static void do_map(struct trace *trace)
{
	unsigned level = below(trace, 3) ? 1 : 2 + (trace->nr_large > 0 && below(trace, 4) == 0);
	uint64_t nr_pages = level_pages(level);
	prop_t prop = some_property(trace);
	bool tracked;
	paddr_t paddr = some_frames(trace, nr_pages, nr_pages, &tracked);
	bool free = trace->end - trace->at >= nr_pages &&
		    first_mapped(trace, trace->at, trace->at + nr_pages) == trace->at + nr_pages;
	bool fits = level <= trace->cursor.guard_level &&
		    is_aligned(address(trace, trace->at), PAGES(nr_pages));
	int error = cursor_map(&trace->cursor, paddr, level, prop, tracked);

	if (!fits)
		assert_int_equal(error, -EINVAL);
	else if (trace->end - trace->at < nr_pages)
		assert_int_equal(error, -ERANGE);
	else if (!free || level > 1) /* an empty node is in the way, too (C-12) */
		assert_true(error == -EEXIST || (free && (error == 0 || ran_out(trace, error))));
	else if (!ran_out(trace, error))
		assert_int_equal(error, 0);
	trace->nr_large -= level == 3;
	mapped(trace, error, nr_pages, (struct page){ paddr.value, prop.bits, true, tracked });
}

static void do_map_run(struct trace *trace)
{
	uint64_t nr_pages = some_length(trace);
	prop_t prop = some_property(trace);
	bool tracked;
	paddr_t paddr = some_frames(trace, nr_pages, below(trace, 2) ? 1 : 512, &tracked);
	bool free = first_mapped(trace, trace->at, trace->at + nr_pages) == trace->at + nr_pages;
	int error = cursor_map_run(&trace->cursor, paddr, PAGES(nr_pages),
				   (unsigned)below(trace, 4), prop, tracked);

	if (nr_pages == 0)
		assert_int_equal(error, -EINVAL);
	else if (!free || !ran_out(trace, error))
		assert_int_equal(error, free ? 0 : -EEXIST);
	mapped(trace, error, nr_pages, (struct page){ paddr.value, prop.bits, true, tracked });
}

static void do_take_next(struct trace *trace)
{
	uint64_t nr_pages = some_length(trace);
	uint64_t end = trace->at + nr_pages;
	struct pt_fragment fragment;
	uint64_t start;
	int found = cursor_take_next(&trace->cursor, PAGES(nr_pages), &fragment);

	if (ran_out(trace, found))
		return;
	assert_true(found >= 0);
	if (found == 0) {
		assert_int_equal(first_mapped(trace, trace->at, end), end);
		trace->at = end;
		return;
	}
	start = page_of(trace, fragment.start);
	nr_pages = fragment.len >> PAGE_SHIFT;
	assert_true(start >= trace->at && nr_pages <= end - start);
	assert_true(first_mapped(trace, trace->at, end) >= start);
	assert_int_equal(fragment.pages, count_mapped(trace, start, start + nr_pages));
	if (fragment.kind == FRAGMENT_LEAF)
		for (uint64_t page = start; page < start + nr_pages; page++)
			assert_page(trace, page, &fragment.leaf);
	fragment_drop(&fragment);
	set_mapped(trace, start, nr_pages, (struct page){ .mapped = false });
	trace->at = start + nr_pages;
}

static void do_unmap(struct trace *trace)
{
	uint64_t nr_pages = some_length(trace);
	uint64_t pages = 0;
	int error = cursor_unmap(&trace->cursor, PAGES(nr_pages), NULL, &pages);

	if (ran_out(trace, error))
		return;
	assert_int_equal(error, 0);
	assert_int_equal(pages, count_mapped(trace, trace->at, trace->at + nr_pages));
	set_mapped(trace, trace->at, nr_pages, (struct page){ .mapped = false });
	trace->at += nr_pages;
}

static struct prop_change some_change(struct trace *trace)
{
	static const struct prop_change changes[] = {
		{ .clear = PROP_WRITE },
		{ .set = PROP_READ | PROP_WRITE },
		{ .clear = PROP_RIGHTS },
		{ .clear = PROP_READ },
		{ .clear = PROP_DIRTY | PROP_ACCESSED },
		{ .clear = PROP_CACHE, .set = PROP_SOFT },
		{ .clear = PROP_CHANGEABLE, .set = PROP_READ },
	};

	return changes[below(trace, sizeof(changes) / sizeof(*changes))];
}

static uint32_t changed(struct prop_change change, uint32_t prop)
{
	return (prop & ~change.clear) | change.set;
}

static void change_pages(struct trace *trace, uint64_t start, uint64_t end,
			 struct prop_change change)
{
	for (uint64_t page = start; page < end; page++)
		if (trace->pages[page].mapped)
			trace->pages[page].prop = changed(change, trace->pages[page].prop);
}

static void do_protect_next(struct trace *trace)
{
	uint64_t nr_pages = some_length(trace);
	uint64_t end = trace->at + nr_pages;
	uint64_t first = first_mapped(trace, trace->at, end);
	struct prop_change change = some_change(trace);
	struct pt_mapping mapping;
	int found = cursor_protect_next(&trace->cursor, PAGES(nr_pages), change, &mapping);

	if (ran_out(trace, found))
		return;
	if (first == end) {
		assert_int_equal(found, 0);
		trace->at = end;
		return;
	}
	if (!can_be_said(trace, changed(change, trace->pages[first].prop))) {
		assert_int_equal(found, -EOPNOTSUPP);
		return;
	}
	assert_int_equal(found, 1);
	assert_int_equal(page_of(trace, mapping.start), first);
	end = first + (mapping.len >> PAGE_SHIFT);
	assert_true(end <= trace->at + nr_pages);
	for (uint64_t page = first; page < end; page++)
		assert_page(trace, page, &mapping);
	change_pages(trace, first, end, change);
	trace->at = end;
}

static void do_protect(struct trace *trace)
{
	uint64_t nr_pages = some_length(trace);
	uint64_t end = trace->at + nr_pages;
	struct prop_change change = some_change(trace);
	bool possible = true;
	uint64_t pages = 0;
	int error = cursor_protect(&trace->cursor, PAGES(nr_pages), change, NULL, &pages);

	if (ran_out(trace, error))
		return;
	for (uint64_t page = trace->at; page < end; page++)
		possible &= !trace->pages[page].mapped ||
			    can_be_said(trace, changed(change, trace->pages[page].prop));
	assert_int_equal(error, possible ? 0 : -EOPNOTSUPP);
	if (error)
		return;
	assert_int_equal(pages, count_mapped(trace, trace->at, end));
	change_pages(trace, trace->at, end, change);
	trace->at = end;
}

static void do_find_next(struct trace *trace)
{
	uint64_t nr_pages = some_length(trace);
	uint64_t first = first_mapped(trace, trace->at, trace->at + nr_pages);
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
		assert_page(trace, trace->at, &mapping);
}

static void do_jump(struct trace *trace)
{
	trace->at = trace->start + below(trace, trace->end - trace->start);
	if (below(trace, 2) && align_down(trace->at, 512) >= trace->start)
		trace->at = align_down(trace->at, 512);
	assert_int_equal(cursor_jump(&trace->cursor, VADDR(address(trace, trace->at))), 0);
}

static void open_somewhere(struct trace *trace)
{
	int error;

	do {
		uint64_t nr_pages = 1 + below(trace, below(trace, 2) ? 8 : trace->nr_pages);

		trace->start = trace->at = below(trace, trace->nr_pages - nr_pages + 1);
		trace->end = trace->start + nr_pages;
		error = cursor_open(&trace->cursor, &trace->fixture->table,
				    VADDR(address(trace, trace->at)), PAGES(nr_pages),
				    CURSOR_MUTATE, 1 + (unsigned)below(trace, 3));
	} while (ran_out(trace, error));
	assert_int_equal(error, 0);
}

static void close_and_check(struct trace *trace)
{
	cursor_close(&trace->cursor);
	domain_reclaim(trace->fixture->domain);
	check_audit(trace->fixture);
	assert_all_pages(trace);
}

static void run(struct trace *trace, unsigned nr_operations, unsigned audit_every)
{
	static void (*const operations[])(struct trace *) = {
		do_map,	    do_map,	  do_map_run, do_take_next, do_unmap, do_protect_next,
		do_protect, do_find_next, do_query,   do_jump,	    do_jump,
	};

	trace->pages = calloc(trace->nr_pages, sizeof(*trace->pages));
	assert_non_null(trace->pages);
	open_somewhere(trace);
	for (unsigned i = 0; i < nr_operations; i++) {
		if (below(trace, 8) == 0) {
			cursor_close(&trace->cursor);
			open_somewhere(trace);
		}
		operations[below(trace, sizeof(operations) / sizeof(*operations))](trace);
		assert_at(trace);
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
