/* SPDX-License-Identifier: MIT */
/*
 * What a trace of random operations needs: the array that says what should be, and things to choose
 * at random.
 */
#ifndef TESTS_TRACE_MODEL_H
#define TESTS_TRACE_MODEL_H

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

/* A random number below `limit`. */
uint64_t trace_below(struct trace *trace, uint64_t limit);

/* From page number to address, and back. */
uint64_t trace_address(const struct trace *trace, uint64_t page);
uint64_t trace_page_of(const struct trace *trace, vaddr_t va);

/* First mapped page from `page` on and before `end`, or `end`; and how many there are. */
uint64_t trace_first_mapped(const struct trace *trace, uint64_t page, uint64_t end);
uint64_t trace_count_mapped(const struct trace *trace, uint64_t page, uint64_t end);

/* From now on the pages are like `first`, each with its own frame. */
void trace_set_mapped(struct trace *trace, uint64_t page, uint64_t nr_pages, struct page first);

/* An operation failed for want of a node, where that can be: nothing has changed then. */
bool trace_ran_out(const struct trace *trace, int error);

/* The cursor is where the trace says. */
void trace_assert_at(const struct trace *trace);

/* A leaf, or absence, that covers this page says of it what the array says. */
void trace_assert_page(const struct trace *trace, uint64_t page, const struct pt_mapping *mapping);

/* Walks over all pages and compares. */
void trace_assert_all_pages(struct trace *trace);

/* A length that an operation may be given here, in pages: mostly short, sometimes all. */
uint64_t trace_some_length(struct trace *trace);

prop_t trace_some_property(struct trace *trace);
struct prop_change trace_some_change(struct trace *trace);
bool trace_can_be_said(const struct trace *trace, uint32_t prop);

/* Frames for a leaf or run of this size; tracked ones come with references that we hold. */
paddr_t trace_some_frames(struct trace *trace, uint64_t nr_pages, uint64_t align, bool *tracked);

/* After an attempt to map: on success the references have passed, and the pages are mapped. */
void trace_mapped(struct trace *trace, int error, uint64_t nr_pages, struct page first);

/* A property, or those of all mapped pages of [start, end), after a change. */
uint32_t trace_changed(struct prop_change change, uint32_t prop);
void trace_change_pages(struct trace *trace, uint64_t start, uint64_t end,
			struct prop_change change);

#endif
