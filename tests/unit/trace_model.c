/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/trace_model.h"

uint64_t trace_below(struct trace *trace, uint64_t limit)
{
	return random_next(&trace->random) % limit;
}

uint64_t trace_address(const struct trace *trace, uint64_t page)
{
	return trace->base + PAGES(page);
}

uint64_t trace_page_of(const struct trace *trace, vaddr_t va)
{
	return (va.value - trace->base) >> PAGE_SHIFT;
}

uint64_t trace_first_mapped(const struct trace *trace, uint64_t page, uint64_t end)
{
	while (page < end && !trace->pages[page].mapped)
		page++;
	return page;
}

uint64_t trace_count_mapped(const struct trace *trace, uint64_t page, uint64_t end)
{
	uint64_t count = 0;

	for (; page < end; page++)
		count += trace->pages[page].mapped;
	return count;
}

void trace_set_mapped(struct trace *trace, uint64_t page, uint64_t nr_pages, struct page first)
{
	for (uint64_t i = 0; i < nr_pages; i++) {
		trace->pages[page + i] = first;
		trace->pages[page + i].paddr = first.paddr + PAGES(i);
	}
}

bool trace_ran_out(const struct trace *trace, int error)
{
	return error == -ENOMEM && trace->scarce;
}

void trace_assert_at(const struct trace *trace)
{
	assert_int_equal(cursor_virt_addr(&trace->cursor).value, trace_address(trace, trace->at));
	assert_int_equal(cursor_remaining(&trace->cursor), PAGES(trace->end - trace->at));
}

void trace_assert_page(const struct trace *trace, uint64_t page, const struct pt_mapping *mapping)
{
	const struct page *expected = &trace->pages[page];
	uint64_t offset = trace_address(trace, page) - mapping->start.value;

	assert_int_equal(mapping->present, expected->mapped);
	assert_true(offset < mapping->len);
	if (!expected->mapped)
		return;
	assert_int_equal(mapping->paddr.value + offset, expected->paddr);
	assert_int_equal(mapping->prop.bits, expected->prop);
	assert_int_equal(mapping->tracked, expected->tracked);
}

void trace_assert_all_pages(struct trace *trace)
{
	for (uint64_t page = 0; page < trace->nr_pages;) {
		struct pt_mapping mapping;
		uint64_t end;

		assert_int_equal(page_table_walk(&trace->fixture->table,
						 VADDR(trace_address(trace, page)), &mapping),
				 0);
		end = trace_page_of(trace, VADDR(mapping.start.value + mapping.len));
		for (; page < end && page < trace->nr_pages; page++)
			trace_assert_page(trace, page, &mapping);
	}
}

uint64_t trace_some_length(struct trace *trace)
{
	uint64_t left = trace->end - trace->at;

	if (left > 1 && trace_below(trace, 4) > 0)
		left = 1 + trace_below(trace, left < 600 ? left : 600);
	return left;
}

prop_t trace_some_property(struct trace *trace)
{
	static const uint32_t properties[] = {
		PROP_READ,
		PROP_READ | PROP_WRITE,
		PROP_READ | PROP_EXECUTE,
		PROP_READ | PROP_WRITE | PROP_EXECUTE | PROP_DIRTY,
		PROP_READ | PROP_SOFT | PROP_UNCACHEABLE,
		0,
	};

	if (trace_below(trace, 2))
		return PROP_RW;
	return PROP(properties[trace_below(trace, sizeof(properties) / sizeof(*properties))]);
}

bool trace_can_be_said(const struct trace *trace, uint32_t prop)
{
	uint64_t bits;

	return format_leaf_bits(trace->fixture->table.format, 1, PROP(prop), false, &bits) == 0;
}

paddr_t trace_some_frames(struct trace *trace, uint64_t nr_pages, uint64_t align, bool *tracked)
{
	uint64_t nr_guest = TABLE_FRAMES - TABLE_GUEST_FIRST;
	uint64_t first;

	*tracked = nr_pages > 0 && nr_pages <= nr_guest && trace_below(trace, 2);
	/* Often what makes one run of neighbours, whoever maps them. */
	if (!*tracked && trace_below(trace, 4) > 0)
		return PADDR(GIB(16) + trace_address(trace, trace->at));
	if (!*tracked)
		return PADDR(GIB(16) + PAGES(align_down(trace_below(trace, 1 << 20), align)));
	first = TABLE_GUEST_FIRST + align_down(trace_below(trace, nr_guest - nr_pages + 1), align);
	table_hold(trace->fixture, frame_number(first), nr_pages);
	return frame_number(first);
}

void trace_mapped(struct trace *trace, int error, uint64_t nr_pages, struct page first)
{
	if (error == 0) {
		trace_set_mapped(trace, trace->at, nr_pages, first);
		trace->at += nr_pages;
	}
	if (first.tracked && error)
		table_release(trace->fixture, PADDR(first.paddr), nr_pages);
	else if (first.tracked)
		table_passed(trace->fixture, PADDR(first.paddr), nr_pages);
}

struct prop_change trace_some_change(struct trace *trace)
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

	return changes[trace_below(trace, sizeof(changes) / sizeof(*changes))];
}

uint32_t trace_changed(struct prop_change change, uint32_t prop)
{
	return (prop & ~change.clear) | change.set;
}

void trace_change_pages(struct trace *trace, uint64_t start, uint64_t end,
			struct prop_change change)
{
	for (uint64_t page = start; page < end; page++)
		if (trace->pages[page].mapped)
			trace->pages[page].prop = trace_changed(change, trace->pages[page].prop);
}
