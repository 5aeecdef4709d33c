/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/audit_subject.h"

void subject_arrange(struct subject *subject, struct table_fixture *fixture)
{
	struct phys_domain *domain = fixture->domain;
	struct cursor cursor;

	subject->fixture = fixture;
	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, PAGES(7), guest_paddr(0), 1, PROP_RO, true), 0);
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(MIB(2)), 2, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, GIB(1), PADDR(GIB(1)), 3, PROP_RW, false), 0);
	table_hold(fixture, guest_paddr(0), 2);
	assert_int_equal(unique_frame_from_unused(domain, frame_number(UNIQUE_NUMBER), FRAME_GUEST,
						  &subject->unique),
			 0);
	assert_int_equal(frame_from_unused(domain, frame_number(RESERVED_NUMBER), FRAME_RESERVED,
					   &subject->reserved),
			 0);
	assert_int_equal(page_table_create(&subject->second, domain, fixture->table.format,
					   TABLE_WALKED_BY_SOFTWARE),
			 0);
	assert_int_equal(
		cursor_open(&cursor, &subject->second, VADDR(0), PAGES(1), CURSOR_MUTATE, 1), 0);
	cursor_close(&cursor);
	assert_int_equal(node_alloc(domain, fixture->table.format, 1, &subject->deferred), 0);
	subject->deferred.slot->stray = true;
	node_defer(domain, subject->deferred);
}

void subject_clean_up(struct subject *subject)
{
	page_table_destroy(&subject->second);
	unique_frame_put(&subject->unique);
	frame_put(&subject->reserved);
}

static uint32_t held(void *context, paddr_t paddr)
{
	const struct subject *subject = context;

	return subject->fixture->held[paddr.value >> PAGE_SHIFT];
}

int subject_audit(struct subject *subject)
{
	return mm_audit(subject->fixture->domain, subject->fixture->scratch, held, subject,
			&subject->report);
}

void subject_set_entry(struct subject *subject, uint64_t va, unsigned level, uint64_t raw)
{
	atomic_store(&table_node(subject->fixture, va, level).entries[pte_index(va, level)], raw);
}

uint64_t subject_leaf(struct subject *subject, paddr_t paddr, unsigned level)
{
	uint64_t bits;

	assert_int_equal(
		format_leaf_bits(subject->fixture->table.format, level, PROP_RW, true, &bits), 0);
	return paddr.value | bits;
}
