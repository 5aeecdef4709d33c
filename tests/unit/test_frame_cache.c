/* SPDX-License-Identifier: MIT */
/*
 * What threads have at hand: frames on shelves are free, are fetched before memory is out, and the
 * slot decides whose they are (1.8, M-6, S-8, INV-X5).
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/audit.h"
#include "mm/cursor.h"
#include "mm/frame_cache.h"
#include "tests/unit/domain_fixture.h"

static struct frame_cache *own_cache(struct domain_fixture *fixture)
{
	struct frame_cache *cache = frame_cache_of(&fixture->domain, port_thread());

	assert_non_null(cache);
	return cache;
}

/* Allocates a frame and puts it again: the shelf is filled then. */
static void *fill_shelf(void *domain)
{
	struct frame frame;

	if (frame_alloc(domain, FRAME_DATA, false, &frame) == 0)
		frame_put(&frame);
	return NULL;
}

/* The same by a thread that ends then. */
static void fill_other_shelf(struct domain_fixture *fixture)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fill_shelf, &fixture->domain), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Without the allocator's lock: whoever wanted it would be told -EDEADLK. */
static void forbid_allocator(struct domain_fixture *fixture)
{
	assert_int_equal(lock_acquire(&fixture->domain.allocator.lock, port_thread()), 0);
}

static void allow_allocator(struct domain_fixture *fixture)
{
	lock_release(&fixture->domain.allocator.lock);
}

static void test_frames_on_a_shelf_count_as_free(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frames[FIXTURE_POOL_FRAMES];

	for (unsigned i = 0; i < FIXTURE_POOL_FRAMES; i++) {
		assert_int_equal(frame_alloc(&fixture->domain, FRAME_DATA, false, &frames[i]), 0);
		assert_int_equal(domain_fixture_assert_allocator(fixture),
				 FIXTURE_POOL_FRAMES - 1 - i);
	}
	for (unsigned i = 0; i < FIXTURE_POOL_FRAMES; i++) {
		frame_put(&frames[i]);
		assert_int_equal(domain_fixture_assert_allocator(fixture), i + 1);
	}
	assert_int_equal(shelf_nr(&own_cache(fixture)->plain), FIXTURE_POOL_FRAMES);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_frame_from_the_shelf_needs_no_allocator(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame;

	fill_shelf(&fixture->domain);
	forbid_allocator(fixture);
	assert_int_equal(frame_alloc(&fixture->domain, FRAME_DATA, true, &frame), 0);
	assert_int_equal(frame_put(&frame), 0);
	allow_allocator(fixture);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_allocator_in_an_interrupted_section_is_refused(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_shelf *shelf = &own_cache(fixture)->plain;
	struct frame frame;
	paddr_t paddr;

	forbid_allocator(fixture);
	assert_int_equal(frame_alloc(&fixture->domain, FRAME_DATA, true, &frame), -EDEADLK);
	assert_int_equal(allocator_take(&fixture->domain, 1, PAGE_SIZE, &paddr), -EDEADLK);
	assert_int_equal(allocator_give(&fixture->domain, frame_number(0), 1), -EDEADLK);
	assert_int_equal(allocator_empty(&fixture->domain, shelf, 1), -EDEADLK);
	assert_int_equal(allocator_drain(&fixture->domain), 0);
	allow_allocator(fixture);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_full_shelf_gives_what_lay_there_longest_to_the_allocator(void **state)
{
	struct domain_fixture fixture;
	struct frame frames[SHELF_PLACES + 1];
	uint64_t oldest, newest;

	(void)state;
	domain_fixture_open_pool(&fixture, 256, 0, 256);
	for (unsigned i = 0; i <= SHELF_PLACES; i++)
		assert_int_equal(frame_alloc(&fixture.domain, FRAME_DATA, false, &frames[i]), 0);
	allocator_drain(&fixture.domain);
	oldest = frames[0].paddr.value >> PAGE_SHIFT;
	newest = frames[SHELF_PLACES].paddr.value >> PAGE_SHIFT;
	for (unsigned i = 0; i <= SHELF_PLACES; i++)
		frame_put(&frames[i]);
	assert_in_range(shelf_nr(&own_cache(&fixture)->plain), SHELF_HALF, SHELF_PLACES);
	for (uint32_t place = 0; place < SHELF_PLACES; place++)
		assert_int_not_equal(shelf_read(&own_cache(&fixture)->plain, place), oldest + 1);
	assert_int_equal(frame_alloc(&fixture.domain, FRAME_DATA, false, &frames[0]), 0);
	assert_int_equal(frames[0].paddr.value >> PAGE_SHIFT, newest);
	frame_put(&frames[0]);
	domain_fixture_assert_idle(&fixture, 256);
	domain_fixture_close(&fixture);
}

static void test_long_run_is_made_of_what_lies_on_shelves(void **state)
{
	struct domain_fixture *fixture = *state;
	struct segment segment;

	fill_other_shelf(fixture);
	fill_shelf(&fixture->domain);
	frame_cache_prepare(&fixture->domain, port_thread(), SHELF_HALF);
	assert_true(fixture->domain.allocator.nr_free < 32);
	assert_int_equal(segment_alloc(&fixture->domain, 32, PAGE_SIZE, FRAME_DATA, &segment), 0);
	assert_int_equal(domain_fixture_assert_allocator(fixture), FIXTURE_POOL_FRAMES - 32);
	assert_int_equal(segment_put(&segment), 0);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_last_frames_are_found_on_the_shelves_of_others(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frames[FIXTURE_POOL_FRAMES], more;

	fill_shelf(&fixture->domain);
	frame_cache_prepare(&fixture->domain, port_thread(), SHELF_HALF);
	fill_other_shelf(fixture);
	for (unsigned i = 0; i < FIXTURE_POOL_FRAMES; i++)
		assert_int_equal(frame_alloc(&fixture->domain, FRAME_DATA, false, &frames[i]), 0);
	assert_int_equal(frame_alloc(&fixture->domain, FRAME_DATA, false, &more), -ENOMEM);
	for (unsigned i = 0; i < FIXTURE_POOL_FRAMES; i++)
		frame_put(&frames[i]);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* M-6: the slot says whose it is, not the shelf. */
static void test_frame_claimed_by_its_address_is_passed_over_and_comes_back(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame stolen, frames[FIXTURE_POOL_FRAMES];
	unsigned nr = 0;
	uint32_t entry;

	fill_shelf(&fixture->domain);
	entry = shelf_read(&own_cache(fixture)->plain, 3);
	assert_int_equal(frame_from_unused(&fixture->domain, frame_number(entry - 1), FRAME_DATA,
					   &stolen),
			 0);
	while (frame_alloc(&fixture->domain, FRAME_DATA, false, &frames[nr]) == 0)
		nr++;
	assert_int_equal(nr, FIXTURE_POOL_FRAMES - 1);
	assert_int_equal(frame_reference_count(&stolen), 1);
	frame_put(&stolen);
	while (nr > 0)
		frame_put(&frames[--nr]);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_frame_claimed_by_its_address_and_put_stays_on_its_shelf_once(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frame;
	uint32_t entry;

	fill_shelf(&fixture->domain);
	entry = shelf_read(&own_cache(fixture)->plain, 3);
	domain_fixture_remember(fixture);
	frame_from_unused(&fixture->domain, frame_number(entry - 1), FRAME_DATA, &frame);
	assert_int_equal(frame_put(&frame), 0);
	domain_fixture_assert_unchanged(fixture);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_frame_on_a_shelf_cannot_be_given_again(void **state)
{
	struct domain_fixture *fixture = *state;
	uint64_t numbers[2];

	fixture->domain.private_memory = true;
	fill_shelf(&fixture->domain);
	frame_cache_prepare(&fixture->domain, port_thread(), 1);
	numbers[0] = shelf_read(&own_cache(fixture)->plain, 0) - 1;
	numbers[1] = shelf_read(&own_cache(fixture)->zeroed, 0) - 1;
	domain_fixture_remember(fixture);
	for (unsigned i = 0; i < 2; i++) {
		paddr_t paddr = frame_number(numbers[i]);

		assert_int_equal(allocator_give(&fixture->domain, paddr, 1), -EEXIST);
		assert_int_equal(allocator_add(&fixture->domain, paddr, 1), -EEXIST);
	}
	domain_fixture_assert_unchanged(fixture);
}

/* Takes every frame for a node and asserts that each is all 0, as P-7 says. */
static void assert_nodes_are_zero(struct domain_fixture *fixture)
{
	static const unsigned char zeros[PAGE_SIZE];
	const struct pt_format *format = pt_format_of(PT_FORMAT_EPT_4);
	struct pt_node nodes[FIXTURE_POOL_FRAMES];
	unsigned nr = 0;

	while (node_alloc(&fixture->domain, format, 1, &nodes[nr]) == 0)
		assert_memory_equal(nodes[nr++].entries, zeros, PAGE_SIZE);
	assert_int_equal(nr, FIXTURE_POOL_FRAMES);
	while (nr > 0)
		node_free(&fixture->domain, nodes[--nr]);
}

static void test_nodes_are_zero_whatever_was_in_their_frames(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame frames[FIXTURE_POOL_FRAMES];

	fixture->domain.private_memory = true;
	frame_cache_prepare(&fixture->domain, port_thread(), 5);
	for (unsigned i = 0; i < FIXTURE_POOL_FRAMES; i++) {
		frame_alloc(&fixture->domain, FRAME_DATA, false, &frames[i]);
		memset(domain_pointer(&fixture->domain, frames[i].paddr), 0xff, PAGE_SIZE);
	}
	for (unsigned i = 0; i < FIXTURE_POOL_FRAMES; i++)
		frame_put(&frames[i]);
	/* More than there were before, whose places are still counted. */
	frame_cache_prepare(&fixture->domain, port_thread(), SHELF_HALF);
	assert_nodes_are_zero(fixture);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

/* A guest writes to what lies in its RAM, free or not. */
static void test_nodes_are_zero_although_others_write_to_free_frames(void **state)
{
	struct domain_fixture *fixture = *state;

	frame_cache_prepare(&fixture->domain, port_thread(), SHELF_HALF);
	memset(fixture->domain.memory, 0xff, FIXTURE_FRAMES * PAGE_SIZE);
	assert_nodes_are_zero(fixture);
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
}

static void test_zeroed_frame_that_was_claimed_by_its_address_is_zeroed_no_more(void **state)
{
	static const enum frame_kind kinds[] = { FRAME_DATA, FRAME_GUEST };
	struct domain_fixture *fixture = *state;

	fixture->domain.private_memory = true;
	for (unsigned i = 0; i < 2; i++) {
		struct frame frame;
		uint32_t entry;

		frame_cache_prepare(&fixture->domain, port_thread(), 5);
		entry = shelf_read(&own_cache(fixture)->zeroed, 2);
		assert_int_equal(frame_from_unused(&fixture->domain, frame_number(entry - 1),
						   kinds[i], &frame),
				 0);
		memset(domain_pointer(&fixture->domain, frame.paddr), 0xff, PAGE_SIZE);
		assert_int_equal(frame_put(&frame), 0);
		domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
		assert_nodes_are_zero(fixture);
	}
}

/* A whole transaction, while its nodes are locked, does with what was there before. */
static void test_cursor_needs_no_allocator_for_its_nodes(void **state)
{
	struct domain_fixture *fixture = *state;
	struct page_table table;
	struct cursor cursor;

	for (unsigned private_memory = 0; private_memory < 2; private_memory++) {
		fixture->domain.private_memory = private_memory;
		assert_int_equal(page_table_create(&table, &fixture->domain,
						   pt_format_of(PT_FORMAT_EPT_4),
						   TABLE_WALKED_BY_SOFTWARE),
				 0);
		/* Two sub-trees of three nodes each, out of what opening has prepared. */
		allocator_drain(&fixture->domain);
		assert_int_equal(cursor_open(&cursor, &table, VADDR(0), UINT64_C(1) << 40,
					     CURSOR_MUTATE, 1),
				 0);
		assert_in_range(shelf_nr(private_memory ? &own_cache(fixture)->zeroed :
							  &own_cache(fixture)->plain),
				LEVELS_MAX + 1, SHELF_PLACES);
		forbid_allocator(fixture);
		assert_int_equal(cursor_map(&cursor, PADDR(0), 1, PROP(PROP_READ), false), 0);
		assert_int_equal(cursor_jump(&cursor, VADDR(UINT64_C(1) << 39)), 0);
		assert_int_equal(cursor_map(&cursor, PADDR(0), 1, PROP(PROP_READ), false), 0);
		allow_allocator(fixture);
		cursor_close(&cursor);
		page_table_destroy(&table);
		domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
	}
}

static const char *broken_rule(struct domain_fixture *fixture)
{
	uint32_t scratch[FIXTURE_FRAMES];
	struct audit_report report;

	mm_audit(&fixture->domain, scratch, NULL, NULL, &report);
	return report.violation.rule ? report.violation.rule : "none";
}

static void test_audit_knows_what_lies_on_shelves(void **state)
{
	struct domain_fixture *fixture = *state;
	struct frame_cache *cache;
	struct slot *slot;
	uint32_t entry;

	fixture->domain.private_memory = true;
	frame_cache_prepare(&fixture->domain, port_thread(), 5);
	cache = own_cache(fixture);
	assert_string_equal(broken_rule(fixture), "none");

	entry = shelf_read(&cache->zeroed, 1);
	slot = &fixture->domain.slots[entry - 1];
	*(char *)domain_pointer(&fixture->domain, frame_number(entry - 1)) = 1;
	assert_string_equal(broken_rule(fixture), "P-7");
	*(char *)domain_pointer(&fixture->domain, frame_number(entry - 1)) = 0;

	assert_int_equal(slot_claim(slot), 0);
	assert_string_equal(broken_rule(fixture), "GAP-9");
	slot_release(slot);

	shelf_push(&cache->plain, entry - 1);
	assert_string_equal(broken_rule(fixture), "INV-A1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_frames_on_a_shelf_count_as_free),
		POOL_TEST(test_frame_from_the_shelf_needs_no_allocator),
		POOL_TEST(test_allocator_in_an_interrupted_section_is_refused),
		cmocka_unit_test(test_full_shelf_gives_what_lay_there_longest_to_the_allocator),
		POOL_TEST(test_long_run_is_made_of_what_lies_on_shelves),
		POOL_TEST(test_last_frames_are_found_on_the_shelves_of_others),
		POOL_TEST(test_frame_claimed_by_its_address_is_passed_over_and_comes_back),
		POOL_TEST(test_frame_claimed_by_its_address_and_put_stays_on_its_shelf_once),
		POOL_TEST(test_frame_on_a_shelf_cannot_be_given_again),
		POOL_TEST(test_nodes_are_zero_whatever_was_in_their_frames),
		POOL_TEST(test_nodes_are_zero_although_others_write_to_free_frames),
		POOL_TEST(test_zeroed_frame_that_was_claimed_by_its_address_is_zeroed_no_more),
		POOL_TEST(test_cursor_needs_no_allocator_for_its_nodes),
		POOL_TEST(test_audit_knows_what_lies_on_shelves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
