/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/observed_fixture.h"

static void kick(struct vm_space *space)
{
	struct observed *observed = (struct observed *)space;

	observed->nr_kicks++;
	/* No lock is held: this would wait for ever. */
	assert_false(space_is_quiet(space));
	assert_false(port_read_ongoing());
	if (observed->obedient)
		observer_pass(observed->obedient, observer_epoch(observed->obedient));
}

void observed_open(struct observed *observed, void **state)
{
	static const struct space_operations operations = { .kick = kick };

	*observed = (struct observed){ .fixture = *state };
	assert_int_equal(space_create(&observed->space, observed->fixture->domain,
				      observed->fixture->table.format,
				      observed->fixture->table.walker, &operations),
			 0);
}

void observed_close(struct observed *observed)
{
	space_destroy(&observed->space);
	check_audit(observed->fixture);
	assert_null(observed->fixture->domain->queues);
	assert_int_equal(allocator_free_frames(observed->fixture->domain), TABLE_POOL_FRAMES - 1);
}

void observed_map(struct observed *observed, uint64_t va, paddr_t paddr, uint64_t len)
{
	table_hold(observed->fixture, paddr, len >> PAGE_SHIFT);
	assert_int_equal(space_map(&observed->space, VADDR(va), paddr, len, 0, PROP_RW, true), 0);
	table_passed(observed->fixture, paddr, len >> PAGE_SHIFT);
}

uint64_t observed_unmap(struct observed *observed, uint64_t va, uint64_t len)
{
	uint64_t pages = 77;

	assert_int_equal(space_unmap(&observed->space, VADDR(va), len, &pages), 0);
	domain_reclaim(observed->fixture->domain);
	check_audit(observed->fixture);
	return pages;
}

void observed_join(struct observed *observed, struct observer *observer)
{
	*observer = (struct observer){ .queue = NULL };
	assert_int_equal(space_observe(&observed->space, observer), 0);
}

void observed_pass(struct observed *observed, struct observer *observer)
{
	observer_pass(observer, observer_epoch(observer));
	observed_collect(observed);
}

uint32_t observed_collect(struct observed *observed)
{
	uint32_t waiting = space_collect(&observed->space);

	domain_reclaim(observed->fixture->domain);
	check_audit(observed->fixture);
	return waiting;
}

uint32_t observed_count(const struct observed *observed, paddr_t paddr)
{
	return slot_count(domain_slot_at(observed->fixture->domain, paddr));
}
