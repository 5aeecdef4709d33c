/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mm/audit.h"
#include "mm/census.h"
#include "tests/unit/table_fixture.h"

static void *zeroed(uint64_t nr_words)
{
	void *words = calloc(nr_words, sizeof(uint32_t));

	assert_non_null(words);
	return words;
}

void table_fixture_open(struct table_fixture *fixture, enum pt_format_id id,
			enum table_walker walker, uint64_t nr_frames)
{
	*fixture = (struct table_fixture){ .hostile = false };
	domain_fixture_open_pool(&fixture->base, nr_frames, TABLE_POOL_FIRST, TABLE_POOL_FRAMES);
	fixture->domain = &fixture->base.domain;
	/* As it is used: host tables lie in memory of their own, guest tables in the guest's. */
	fixture->domain->private_memory = walker == TABLE_WALKED_BY_SOFTWARE;
	fixture->held = zeroed(nr_frames);
	fixture->scratch = zeroed(nr_frames);
	fixture->drained = zeroed(TABLE_POOL_FRAMES);
	assert_int_equal(
		page_table_create(&fixture->table, fixture->domain, pt_format_of(id), walker), 0);
}

static void release_all(struct table_fixture *fixture)
{
	for (uint64_t number = 0; number < fixture->domain->nr_frames; number++)
		while (fixture->held[number] > 0)
			table_release(fixture, frame_number(number), 1);
}

void table_fixture_close(struct table_fixture *fixture)
{
	/* A test that failed under an open cursor shall not make the next one wait for ever. */
	while (port_read_ongoing())
		port_read_unlock();
	table_refill(fixture);
	page_table_destroy(&fixture->table);
	if (!fixture->hostile) {
		release_all(fixture);
		assert_int_equal(atomic_load(&fixture->domain->nr_corrupt), 0);
		domain_fixture_assert_idle(&fixture->base, TABLE_POOL_FRAMES);
	}
	table_fixture_abandon(fixture);
}

void table_fixture_abandon(struct table_fixture *fixture)
{
	free(fixture->held);
	free(fixture->scratch);
	free(fixture->drained);
	domain_fixture_close(&fixture->base);
}

static int setup(void **state, enum pt_format_id id, uint64_t nr_frames)
{
	*state = malloc(sizeof(struct table_fixture));
	assert_non_null(*state);
	table_fixture_open(*state, id,
			   id == PT_FORMAT_X86_64_4 ? TABLE_WALKED_BY_HARDWARE :
						      TABLE_WALKED_BY_SOFTWARE,
			   nr_frames);
	return 0;
}

int table_setup_x86_64(void **state)
{
	return setup(state, PT_FORMAT_X86_64_4, TABLE_FRAMES);
}

int table_setup_ept(void **state)
{
	return setup(state, PT_FORMAT_EPT_4, TABLE_FRAMES);
}

int table_setup_large_x86_64(void **state)
{
	return setup(state, PT_FORMAT_X86_64_4, TABLE_LARGE_FRAMES);
}

int table_setup_large_ept(void **state)
{
	return setup(state, PT_FORMAT_EPT_4, TABLE_LARGE_FRAMES);
}

int table_teardown(void **state)
{
	table_fixture_close(*state);
	free(*state);
	return 0;
}

static uint32_t held(void *context, paddr_t paddr)
{
	const struct table_fixture *fixture = context;

	return fixture->held[paddr.value >> PAGE_SHIFT];
}

void check_audit(struct table_fixture *fixture)
{
	struct audit_report report;

	if (mm_audit(fixture->domain, fixture->scratch, held, fixture, &report) == 0)
		return;
	fail_msg("%s: %s: at 0x%llx, level %u, entry %u: expected 0x%llx, found 0x%llx",
		 report.violation.rule, report.violation.text,
		 (unsigned long long)report.violation.paddr.value, report.violation.level,
		 report.violation.index, (unsigned long long)report.violation.expected,
		 (unsigned long long)report.violation.found);
}

static void held_add(struct table_fixture *fixture, paddr_t paddr, uint64_t nr_frames,
		     uint32_t change)
{
	uint64_t first = paddr.value >> PAGE_SHIFT;

	for (uint64_t number = first; number < first + nr_frames; number++)
		fixture->held[number] += change;
}

void table_hold(struct table_fixture *fixture, paddr_t paddr, uint64_t nr_frames)
{
	for (uint64_t i = 0; i < nr_frames; i++) {
		paddr_t page = PADDR(paddr.value + (i << PAGE_SHIFT));
		struct frame frame;

		if (frame_from_unused(fixture->domain, page, FRAME_GUEST, &frame) != 0)
			assert_int_equal(run_get(fixture->domain, page, 1), 0);
	}
	held_add(fixture, paddr, nr_frames, 1);
}

void table_release(struct table_fixture *fixture, paddr_t paddr, uint64_t nr_frames)
{
	held_add(fixture, paddr, nr_frames, -1u);
	assert_int_equal(run_put(fixture->domain, paddr, nr_frames), 0);
}

void table_passed(struct table_fixture *fixture, paddr_t paddr, uint64_t nr_frames)
{
	held_add(fixture, paddr, nr_frames, -1u);
}

void table_received(struct table_fixture *fixture, paddr_t paddr, uint64_t nr_frames)
{
	held_add(fixture, paddr, nr_frames, 1);
}

struct cursor table_cursor(struct table_fixture *fixture, uint64_t va, uint64_t len,
			   enum cursor_mode mode, unsigned min_level)
{
	struct cursor cursor;

	assert_int_equal(cursor_open(&cursor, &fixture->table, VADDR(va), len, mode, min_level), 0);
	return cursor;
}

int table_map(struct table_fixture *fixture, uint64_t va, paddr_t paddr, unsigned level,
	      prop_t prop, bool tracked)
{
	struct cursor cursor = table_cursor(fixture, va, level_size(level), CURSOR_MUTATE, level);
	int error;

	if (tracked)
		table_hold(fixture, paddr, level_pages(level));
	error = cursor_map(&cursor, paddr, level, prop, tracked);
	cursor_close(&cursor);
	if (tracked && error)
		table_release(fixture, paddr, level_pages(level));
	else if (tracked)
		table_passed(fixture, paddr, level_pages(level));
	check_audit(fixture);
	return error;
}

uint64_t table_unmap(struct table_fixture *fixture, uint64_t va, uint64_t len)
{
	struct cursor cursor = table_cursor(fixture, va, len, CURSOR_MUTATE, 1);
	struct pt_fragment fragment;
	uint64_t pages = 0;
	int found;

	while ((found = cursor_take_next(&cursor, cursor_remaining(&cursor), &fragment)) > 0) {
		pages += fragment.pages;
		fragment_drop(&fragment);
	}
	assert_int_equal(found, 0);
	assert_int_equal(cursor_remaining(&cursor), 0);
	cursor_close(&cursor);
	domain_reclaim(fixture->domain);
	check_audit(fixture);
	return pages;
}

uint64_t table_protect(struct table_fixture *fixture, uint64_t va, uint64_t len,
		       struct prop_change change)
{
	struct cursor cursor = table_cursor(fixture, va, len, CURSOR_MUTATE, 1);
	struct pt_mapping mapping;
	uint64_t pages = 0;
	int found;

	while ((found = cursor_protect_next(&cursor, cursor_remaining(&cursor), change, &mapping)) >
	       0)
		pages += mapping.len >> PAGE_SHIFT;
	assert_int_equal(found, 0);
	cursor_close(&cursor);
	check_audit(fixture);
	return pages;
}

struct pt_mapping table_look(struct table_fixture *fixture, uint64_t va)
{
	struct cursor cursor =
		table_cursor(fixture, align_down(va, PAGE_SIZE), PAGE_SIZE, CURSOR_READ, 1);
	struct pt_mapping queried, walked;

	assert_int_equal(cursor_query(&cursor, &queried), 0);
	cursor_close(&cursor);
	assert_int_equal(page_table_walk(&fixture->table, VADDR(va), &walked), 0);
	assert_int_equal(walked.present, queried.present);
	assert_int_equal(walked.start.value, queried.start.value);
	assert_int_equal(walked.len, queried.len);
	assert_int_equal(walked.level, queried.level);
	if (queried.present) {
		assert_int_equal(walked.paddr.value, queried.paddr.value);
		assert_int_equal(walked.prop.bits, queried.prop.bits);
		assert_int_equal(walked.tracked, queried.tracked);
	}
	return queried;
}

void assert_mapped(struct table_fixture *fixture, uint64_t va, paddr_t paddr, prop_t prop)
{
	struct pt_mapping mapping = table_look(fixture, va);

	assert_true(mapping.present);
	assert_int_equal(mapping.paddr.value + (va - mapping.start.value), paddr.value);
	assert_int_equal(mapping.prop.bits, prop.bits);
}

void assert_unmapped(struct table_fixture *fixture, uint64_t va)
{
	assert_false(table_look(fixture, va).present);
}

uint64_t table_nodes(const struct table_fixture *fixture)
{
	struct table_census census;

	assert_int_equal(page_table_census(&fixture->table, &census), 0);
	return census.nodes;
}

struct pt_node table_node(const struct table_fixture *fixture, uint64_t va, unsigned level)
{
	const struct pt_format *format = fixture->table.format;
	struct pt_node node = fixture->table.root;

	for (unsigned above = format->levels; above > level; above--) {
		pte_t pte = node_read(node, pte_index(va, above));

		assert_int_equal(pte_kind(format, pte, above), PTE_NODE);
		node = node_at(fixture->domain, pte_paddr(format, pte));
	}
	assert_int_equal(node_level(node), level);
	return node;
}

static void view_add(struct view *view, struct view_run run)
{
	struct view_run *last = view->nr_runs > 0 ? &view->runs[view->nr_runs - 1] : NULL;

	if (last && last->start + last->len == run.start && last->paddr + last->len == run.paddr &&
	    last->prop == run.prop && last->tracked == run.tracked) {
		last->len += run.len;
		return;
	}
	assert_true(view->nr_runs < VIEW_RUNS_MAX);
	view->runs[view->nr_runs++] = run;
}

static void view_node(const struct table_fixture *fixture, struct view *view, paddr_t node,
		      unsigned level, uint64_t start)
{
	const struct pt_format *format = fixture->table.format;
	const _Atomic uint64_t *entries = domain_pointer(fixture->domain, node);

	for (unsigned index = 0; index < NODE_ENTRIES; index++) {
		pte_t pte = PTE(atomic_load(&entries[index]));
		uint64_t va = start + index * level_size(level);

		if (pte_kind(format, pte, level) == PTE_NODE)
			view_node(fixture, view, pte_paddr(format, pte), level - 1, va);
		else if (pte_kind(format, pte, level) == PTE_LEAF)
			view_add(view, (struct view_run){
					       .start = va,
					       .len = level_size(level),
					       .paddr = pte_paddr(format, pte).value,
					       .prop = pte_prop(format, pte).bits,
					       .tracked = pte_is_tracked(pte),
				       });
	}
}

struct view table_view(const struct table_fixture *fixture)
{
	struct view view = { .nr_runs = 0 };

	view_node(fixture, &view, page_table_root(&fixture->table), fixture->table.format->levels,
		  0);
	return view;
}

void assert_view(const struct table_fixture *fixture, const struct view *expected)
{
	struct view view = table_view(fixture);

	assert_int_equal(view.nr_runs, expected->nr_runs);
	for (unsigned i = 0; i < view.nr_runs; i++) {
		assert_int_equal(view.runs[i].start, expected->runs[i].start);
		assert_int_equal(view.runs[i].len, expected->runs[i].len);
		assert_int_equal(view.runs[i].paddr, expected->runs[i].paddr);
		assert_int_equal(view.runs[i].prop, expected->runs[i].prop);
		assert_int_equal(view.runs[i].tracked, expected->runs[i].tracked);
	}
}

void table_leave(struct table_fixture *fixture, unsigned nr_frames)
{
	while (allocator_free_frames(fixture->domain) > nr_frames) {
		paddr_t paddr;

		assert_int_equal(allocator_take(fixture->domain, 1, PAGE_SIZE, &paddr), 0);
		fixture->drained[fixture->nr_drained++] = (uint32_t)(paddr.value >> PAGE_SHIFT);
	}
}

void table_refill(struct table_fixture *fixture)
{
	while (fixture->nr_drained > 0) {
		uint32_t number = fixture->drained[--fixture->nr_drained];

		assert_int_equal(allocator_give(fixture->domain, frame_number(number), 1), 0);
	}
}

uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
