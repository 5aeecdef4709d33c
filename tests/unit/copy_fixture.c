/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/copy_fixture.h"

static void record(struct vm_space *space, vaddr_t start, uint64_t len, prop_t rights)
{
	struct recorded *recorded = (struct recorded *)space;

	assert_true(recorded->nr_calls < CALLS_MAX);
	recorded->calls[recorded->nr_calls].start = start.value;
	recorded->calls[recorded->nr_calls].len = len;
	recorded->calls[recorded->nr_calls++].rights = rights.bits;
	if (recorded->during)
		recorded->during(recorded);
}

void recorded_create(struct table_fixture *fixture, struct recorded *recorded)
{
	static const struct space_operations operations = { .flush = record };

	*recorded = (struct recorded){ .nr_calls = 0 };
	assert_int_equal(space_create(&recorded->space, fixture->domain, fixture->table.format,
				      fixture->table.walker, &operations),
			 0);
}

void pair_open(struct pair *pair, void **state)
{
	pair->fixture = *state;
	recorded_create(pair->fixture, &pair->source);
	recorded_create(pair->fixture, &pair->destination);
	pair->source.other = &pair->destination;
}

void pair_close(struct pair *pair)
{
	space_destroy(&pair->source.space);
	space_destroy(&pair->destination.space);
	check_audit(pair->fixture);
	assert_int_equal(allocator_free_frames(pair->fixture->domain), TABLE_POOL_FRAMES - 1);
}

void pair_map(struct pair *pair, uint64_t va, paddr_t paddr, uint64_t len, unsigned level,
	      prop_t prop, bool tracked)
{
	if (tracked)
		table_hold(pair->fixture, paddr, len >> PAGE_SHIFT);
	assert_int_equal(
		space_map(&pair->source.space, VADDR(va), paddr, len, level, prop, tracked), 0);
	if (tracked)
		table_passed(pair->fixture, paddr, len >> PAGE_SHIFT);
}

int pair_copy(struct pair *pair, uint64_t from, uint64_t to, uint64_t len, uint32_t flags)
{
	int error = space_copy((struct space_place){ &pair->source.space, VADDR(from) },
			       (struct space_place){ &pair->destination.space, VADDR(to) }, len,
			       flags, NULL);

	domain_reclaim(pair->fixture->domain);
	check_audit(pair->fixture);
	return error;
}

void recorded_mark(struct recorded *recorded, uint64_t va, uint64_t len, uint64_t status)
{
	struct cursor cursor;

	assert_int_equal(
		cursor_open(&cursor, &recorded->space.table, VADDR(va), len, CURSOR_MUTATE, 3), 0);
	assert_int_equal(cursor_mark(&cursor, len, status), 0);
	cursor_close(&cursor);
}

struct pt_mapping recorded_look(struct recorded *recorded, uint64_t va)
{
	struct pt_mapping mapping;

	assert_int_equal(page_table_walk(&recorded->space.table, VADDR(va), &mapping), 0);
	return mapping;
}

void assert_copy_leaf(struct recorded *recorded, uint64_t va, paddr_t paddr, uint32_t prop,
		      unsigned level)
{
	struct pt_mapping mapping = recorded_look(recorded, va);

	assert_true(mapping.present);
	assert_int_equal(mapping.paddr.value + (va - mapping.start.value), paddr.value);
	assert_int_equal(mapping.prop.bits, prop);
	assert_int_equal(mapping.level, level);
}

uint32_t pair_count(const struct pair *pair, paddr_t paddr)
{
	return slot_count(domain_slot_at(pair->fixture->domain, paddr));
}

struct view recorded_view(const struct pair *pair, const struct recorded *recorded)
{
	struct table_fixture fixture = *pair->fixture;

	fixture.table = recorded->space.table;
	return table_view(&fixture);
}

void assert_recorded_view(const struct pair *pair, const struct recorded *recorded,
			  const struct view *expected)
{
	struct table_fixture fixture = *pair->fixture;

	fixture.table = recorded->space.table;
	assert_view(&fixture, expected);
}

int pair_copy_within(struct pair *pair, uint64_t from, uint64_t to, uint64_t len)
{
	int error = space_copy((struct space_place){ &pair->source.space, VADDR(from) },
			       (struct space_place){ &pair->source.space, VADDR(to) }, len, 0,
			       NULL);

	domain_reclaim(pair->fixture->domain);
	check_audit(pair->fixture);
	return error;
}
