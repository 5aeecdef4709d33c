/* SPDX-License-Identifier: MIT */
/*
 * Spaces: transactions that end with a flush, and only then let go of what was mapped (T-5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/space.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)
#define CALLS_MAX 600

struct call {
	uint64_t start;
	uint64_t len;
	prop_t rights;
};

/* A space that writes down how it is flushed. */
struct observed {
	struct vm_space space; /* first: the flush is told of it */
	struct table_fixture *fixture;
	unsigned nr_calls;
	struct call calls[CALLS_MAX];
	/* What must hold in each call: this frame still has this count, and its page is absent. */
	uint64_t watched_frame;
	uint32_t watched_count;
	uint64_t watched_va;
};

static void flush(struct vm_space *space, vaddr_t start, uint64_t len, prop_t rights)
{
	struct observed *observed = (struct observed *)space;
	struct pt_mapping mapping;

	assert_true(observed->nr_calls < CALLS_MAX);
	assert_true(len > 0);
	observed->calls[observed->nr_calls++] = (struct call){ start.value, len, rights };
	if (observed->watched_count == 0)
		return;
	assert_int_equal(slot_count(&space->table.domain->slots[observed->watched_frame]),
			 observed->watched_count);
	assert_int_equal(page_table_walk(&space->table, VADDR(observed->watched_va), &mapping), 0);
	assert_false(mapping.present);
	/* The cursor is still open: nobody else can map anything here. */
	assert_true(port_read_ongoing());
}

static void observe(struct observed *observed, struct table_fixture *fixture)
{
	static const struct space_operations operations = { .flush = flush };

	*observed = (struct observed){ .fixture = fixture };
	assert_int_equal(space_create(&observed->space, fixture->domain, fixture->table.format,
				      fixture->table.walker, &operations),
			 0);
}

static int map(struct observed *observed, uint64_t va, paddr_t paddr, uint64_t len, prop_t prop,
	       bool tracked)
{
	int error;

	if (tracked)
		table_hold(observed->fixture, paddr, len >> PAGE_SHIFT);
	error = space_map(&observed->space, VADDR(va), paddr, len, 0, prop, tracked);
	if (tracked && error)
		table_release(observed->fixture, paddr, len >> PAGE_SHIFT);
	else if (tracked)
		table_passed(observed->fixture, paddr, len >> PAGE_SHIFT);
	check_audit(observed->fixture);
	return error;
}

static struct pt_mapping query(struct observed *observed, uint64_t va)
{
	struct pt_mapping mapping;

	assert_int_equal(space_query(&observed->space, VADDR(va), &mapping), 0);
	return mapping;
}

static uint64_t unmap(struct observed *observed, uint64_t va, uint64_t len)
{
	uint64_t pages = 77;

	assert_int_equal(space_unmap(&observed->space, VADDR(va), len, &pages), 0);
	domain_reclaim(observed->fixture->domain);
	check_audit(observed->fixture);
	return pages;
}

static void assert_call(const struct observed *observed, unsigned number, uint64_t start,
			uint64_t len, uint32_t rights)
{
	assert_true(number < observed->nr_calls);
	assert_int_equal(observed->calls[number].start, start);
	assert_int_equal(observed->calls[number].len, len);
	assert_int_equal(observed->calls[number].rights.bits, rights);
}

static void test_mapped_page_is_found_and_then_gone(void **state)
{
	struct observed observed;

	observe(&observed, *state);
	assert_false(query(&observed, MIB(5) + 3).present);
	assert_int_equal(map(&observed, MIB(5), guest_paddr(0), PAGES(1), PROP_RW, true), 0);
	assert_true(query(&observed, MIB(5) + 3).present);
	assert_int_equal(query(&observed, MIB(5) + 3).start.value, MIB(5));
	assert_int_equal(query(&observed, MIB(5) + 4095).paddr.value, guest_paddr(0).value);
	assert_int_equal(query(&observed, MIB(5)).prop.bits, PROP_RW.bits);
	assert_int_equal(map(&observed, MIB(5), guest_paddr(0), PAGES(1), PROP_RW, true), -EEXIST);
	assert_int_equal(observed.nr_calls, 0);
	assert_int_equal(unmap(&observed, MIB(5), PAGES(1)), 1);
	assert_false(query(&observed, MIB(5)).present);
	assert_int_equal(unmap(&observed, MIB(5), PAGES(1)), 0);
	assert_int_equal(observed.nr_calls, 1);
	space_destroy(&observed.space);
}

static void test_query_needs_an_address_of_the_format(void **state)
{
	struct observed observed;
	struct pt_mapping mapping;
	bool ept;

	observe(&observed, *state);
	ept = !observed.space.table.format->sign_extended;
	assert_int_equal(space_query(&observed.space, VADDR(UINT64_MAX), &mapping),
			 ept ? -ERANGE : 0);
	assert_int_equal(space_query(&observed.space, VADDR(UINT64_C(1) << 48), &mapping), -ERANGE);
	assert_int_equal(space_query(&observed.space, VADDR((UINT64_C(1) << 48) - 1), &mapping),
			 ept ? 0 : -ERANGE);
	space_destroy(&observed.space);
}

/* BUG-8 */
static void test_run_of_one_large_page_is_one_leaf(void **state)
{
	struct observed observed;

	observe(&observed, *state);
	assert_int_equal(map(&observed, MIB(2), guest_paddr(0), MIB(2), PROP_RW, true), 0);
	assert_int_equal(query(&observed, MIB(3)).level, 2);
	assert_int_equal(map(&observed, GIB(1), PADDR(GIB(1)), GIB(1), PROP_RW, false), 0);
	assert_int_equal(query(&observed, GIB(2) - 1).level, 3);
	assert_int_equal(space_map(&observed.space, VADDR(GIB(2)), PADDR(GIB(1)), GIB(1), 2,
				   PROP_RW, false),
			 0);
	assert_int_equal(query(&observed, GIB(2)).level, 2);
	assert_int_equal(
		space_map(&observed.space, VADDR(GIB(3)), PADDR(0), MIB(2), 1, PROP_RW, false), 0);
	assert_int_equal(query(&observed, GIB(3)).level, 1);
	assert_int_equal(observed.nr_calls, 0);
	space_destroy(&observed.space);
}

static void test_large_leaf_is_mapped_where_only_an_empty_node_is(void **state)
{
	struct observed observed;
	struct cursor cursor;

	observe(&observed, *state);
	assert_int_equal(cursor_open(&cursor, &observed.space.table, VADDR(MIB(2)), PAGES(1),
				     CURSOR_MUTATE, 1),
			 0);
	cursor_close(&cursor);
	assert_int_equal(map(&observed, MIB(2), guest_paddr(0), MIB(4), PROP_RW, true), 0);
	assert_int_equal(query(&observed, MIB(2)).level, 2);
	/* Hardware may have had the node cached. */
	assert_int_equal(observed.nr_calls, 1);
	assert_call(&observed, 0, MIB(2), MIB(2), 0);
	domain_reclaim(observed.fixture->domain);
	check_audit(observed.fixture);
	space_destroy(&observed.space);
}

static void test_map_that_fails_leaves_everything(void **state)
{
	struct observed observed;

	observe(&observed, *state);
	assert_int_equal(map(&observed, MIB(4) - PAGES(1), PADDR(0), PAGES(1), PROP_RO, false), 0);
	assert_int_equal(map(&observed, MIB(2), guest_paddr(0), MIB(2), PROP_RW, true), -EEXIST);
	assert_false(query(&observed, MIB(2)).present);
	assert_int_equal(map(&observed, 0, PADDR(8), PAGES(1), PROP_RW, false), -EINVAL);
	assert_int_equal(map(&observed, 0, PADDR(0), 0, PROP_RW, false), -EINVAL);
	assert_int_equal(map(&observed, UINT64_C(1) << 48, PADDR(0), PAGES(1), PROP_RW, false),
			 -ERANGE);
	assert_int_equal(map(&observed, 0, PADDR(0), PAGES(1), PROP(PROP_WRITE), false),
			 -EOPNOTSUPP);
	assert_int_equal(observed.nr_calls, 0);
	space_destroy(&observed.space);
}

/* T-5, T-4 */
static void test_unmapped_frame_is_held_until_the_flush_is_over(void **state)
{
	struct observed observed;

	observe(&observed, *state);
	assert_int_equal(map(&observed, MIB(2), guest_paddr(0), PAGES(3), PROP_RW, true), 0);
	observed.watched_frame = TABLE_GUEST_FIRST + 1;
	observed.watched_count = 1;
	observed.watched_va = MIB(2) + PAGES(1);
	assert_int_equal(unmap(&observed, MIB(2), PAGES(3)), 3);
	assert_int_equal(observed.nr_calls, 1);
	assert_call(&observed, 0, MIB(2), PAGES(3), 0);
	assert_int_equal(slot_count(&observed.fixture->domain->slots[TABLE_GUEST_FIRST + 1]), 0);
	/* The same for one page alone, */
	assert_int_equal(map(&observed, MIB(2) + PAGES(1), guest_paddr(PAGES(1)), PAGES(1), PROP_RW,
			     true),
			 0);
	assert_int_equal(unmap(&observed, MIB(2) + PAGES(1), PAGES(1)), 1);
	/* for frames that go with a whole sub-tree, and for a large leaf. */
	assert_int_equal(map(&observed, MIB(4), guest_paddr(0), PAGES(3), PROP_RW, true), 0);
	assert_int_equal(map(&observed, MIB(8), guest_paddr(MIB(2)), MIB(2), PROP_RW, true), 0);
	observed.watched_va = MIB(4) + PAGES(1);
	assert_int_equal(unmap(&observed, 0, MIB(8)), 3);
	observed.watched_frame = TABLE_GUEST_FIRST + 512;
	observed.watched_va = MIB(8);
	assert_int_equal(unmap(&observed, 0, GIB(1)), 512);
	space_destroy(&observed.space);
}

/* T-6 */
static void test_flushes_of_an_unmap_cover_what_was_mapped(void **state)
{
	struct observed observed;
	uint64_t covered = 0;
	uint64_t end = 0;

	observe(&observed, *state);
	/* Every second page, so that neither pages nor frames are neighbours; over two nodes. */
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(map(&observed, MIB(1) + PAGES(2 * i), guest_paddr(PAGES(i * 3)),
				     PAGES(1), PROP_RW, true),
				 0);
	assert_int_equal(unmap(&observed, PAGES(1), MIB(8)), 500);
	for (unsigned i = 0; i < observed.nr_calls; i++) {
		assert_true(observed.calls[i].start >= end);
		end = observed.calls[i].start + observed.calls[i].len;
		for (unsigned page = 0; page < 500; page++)
			covered += MIB(1) + PAGES(2 * page) >= observed.calls[i].start &&
				   MIB(1) + PAGES(2 * page) < end;
	}
	assert_int_equal(covered, 500);
	/* Batched: far fewer flushes than leaves. */
	assert_in_range(observed.nr_calls, 1, 50);
	space_destroy(&observed.space);
}

/* T-2 */
static void test_unmap_of_neighbours_is_one_flush(void **state)
{
	struct observed observed;

	observe(&observed, *state);
	assert_int_equal(map(&observed, PAGES(1), guest_paddr(PAGES(1)), MIB(2), PROP_RW, true), 0);
	assert_int_equal(unmap(&observed, 0, PAGES(500)), 499);
	assert_int_equal(observed.nr_calls, 1);
	assert_call(&observed, 0, PAGES(1), PAGES(499), 0);
	space_destroy(&observed.space);
}

/* The frames are more runs than one batch of an unmap holds. */
static void test_unmap_of_neighbours_whose_frames_lie_apart_lets_go_of_each(void **state)
{
	struct observed observed;

	observe(&observed, *state);
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(map(&observed, PAGES(i), guest_paddr(PAGES(i * 2)), PAGES(1),
				     PROP_RW, true),
				 0);
	assert_int_equal(unmap(&observed, 0, PAGES(500)), 500);
	assert_in_range(observed.nr_calls, 1, 10);
	space_destroy(&observed.space);
}

/* T-1 */
static void test_protect_flushes_contiguous_runs_only(void **state)
{
	struct observed observed;
	uint64_t pages = 0;

	observe(&observed, *state);
	assert_int_equal(map(&observed, PAGES(1), guest_paddr(0), PAGES(3), PROP_RW, true), 0);
	assert_int_equal(map(&observed, PAGES(6), guest_paddr(PAGES(9)), PAGES(2), PROP_RW, true),
			 0);
	assert_int_equal(map(&observed, MIB(2) - PAGES(1), guest_paddr(MIB(2) - PAGES(1)),
			     MIB(2) + PAGES(1), PROP_RW, true),
			 0);
	assert_int_equal(space_protect(&observed.space, VADDR(0), MIB(8),
				       (struct prop_change){ PROP_RIGHTS, PROP_READ }, &pages),
			 0);
	check_audit(observed.fixture);
	assert_int_equal(pages, 3 + 2 + 513);
	assert_int_equal(observed.nr_calls, 3);
	assert_call(&observed, 0, PAGES(1), PAGES(3), PROP_READ);
	assert_call(&observed, 1, PAGES(6), PAGES(2), PROP_READ);
	assert_call(&observed, 2, MIB(2) - PAGES(1), MIB(2) + PAGES(1), PROP_READ);
	assert_int_equal(query(&observed, MIB(3)).prop.bits, PROP_READ);
	assert_int_equal(query(&observed, MIB(3)).level, 2);
	space_destroy(&observed.space);
}

static void test_protect_that_cannot_be_said_changes_and_flushes_nothing(void **state)
{
	struct observed observed;
	uint64_t pages = 0;

	observe(&observed, *state);
	assert_int_equal(map(&observed, 0, guest_paddr(0), PAGES(3), PROP_RX, true), 0);
	assert_int_equal(map(&observed, PAGES(3), guest_paddr(PAGES(3)), PAGES(3), PROP_RW, true),
			 0);
	assert_int_equal(space_protect(&observed.space, VADDR(0), PAGES(6),
				       (struct prop_change){ PROP_READ | PROP_EXECUTE, 0 }, &pages),
			 -EOPNOTSUPP);
	check_audit(observed.fixture);
	assert_int_equal(observed.nr_calls, 0);
	assert_int_equal(query(&observed, 0).prop.bits, PROP_RX.bits);
	assert_int_equal(query(&observed, PAGES(4)).prop.bits, PROP_RW.bits);
	space_destroy(&observed.space);
}

static void test_unmap_without_memory_to_split_unmaps_and_flushes_nothing(void **state)
{
	struct observed observed;
	uint64_t pages = 0;

	observe(&observed, *state);
	assert_int_equal(map(&observed, 0, guest_paddr(0), MIB(6), PROP_RW, true), 0);
	table_leave(observed.fixture, 1);
	assert_int_equal(space_unmap(&observed.space, VADDR(PAGES(1)), MIB(4), &pages), -ENOMEM);
	table_refill(observed.fixture);
	check_audit(observed.fixture);
	assert_int_equal(observed.nr_calls, 0);
	assert_int_equal(unmap(&observed, 0, MIB(8)), 3 * 512);
	space_destroy(&observed.space);
}

static void test_space_that_nobody_caches_needs_no_flush(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space space;
	uint64_t pages = 0;

	assert_int_equal(space_create(&space, fixture->domain, fixture->table.format,
				      fixture->table.walker, NULL),
			 0);
	assert_int_equal(space_map(&space, VADDR(0), PADDR(0), MIB(2), 1, PROP_RW, false), 0);
	assert_int_equal(space_protect(&space, VADDR(0), MIB(1),
				       (struct prop_change){ .clear = PROP_WRITE }, NULL),
			 0);
	assert_int_equal(space_unmap(&space, VADDR(0), MIB(2), &pages), 0);
	assert_int_equal(pages, 512);
	assert_int_equal(space_unmap(&space, VADDR(0), MIB(2), NULL), 0);
	check_audit(fixture);
	space_destroy(&space);
}

static void test_destroyed_space_gives_everything_back_without_a_flush(void **state)
{
	struct observed observed;

	observe(&observed, *state);
	assert_int_equal(map(&observed, PAGES(1), guest_paddr(PAGES(1)), MIB(6), PROP_RW, true), 0);
	space_destroy(&observed.space);
	assert_int_equal(observed.nr_calls, 0);
	check_audit(observed.fixture);
	assert_int_equal(allocator_free_frames(observed.fixture->domain), TABLE_POOL_FRAMES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_mapped_page_is_found_and_then_gone),
		TABLE_TEST(test_query_needs_an_address_of_the_format),
		TABLE_TEST(test_run_of_one_large_page_is_one_leaf),
		TABLE_TEST(test_large_leaf_is_mapped_where_only_an_empty_node_is),
		TABLE_TEST(test_map_that_fails_leaves_everything),
		TABLE_TEST(test_unmapped_frame_is_held_until_the_flush_is_over),
		TABLE_TEST(test_flushes_of_an_unmap_cover_what_was_mapped),
		TABLE_TEST(test_unmap_of_neighbours_is_one_flush),
		TABLE_TEST(test_unmap_of_neighbours_whose_frames_lie_apart_lets_go_of_each),
		TABLE_TEST(test_protect_flushes_contiguous_runs_only),
		TABLE_TEST(test_protect_that_cannot_be_said_changes_and_flushes_nothing),
		TABLE_TEST(test_unmap_without_memory_to_split_unmaps_and_flushes_nothing),
		TABLE_TEST(test_space_that_nobody_caches_needs_no_flush),
		TABLE_TEST(test_destroyed_space_gives_everything_back_without_a_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
