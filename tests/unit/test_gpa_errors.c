/* SPDX-License-Identifier: MIT */
/*
 * What the GPA space refuses: nothing has changed then, in table, window or pool.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gpa_fixture.h"
#include "tests/unit/memory_probe.h"
#include "tests/unit/sanitizer.h"

/* Two mapped runs with a hole between them, and a byte in each page. */
#define FIRST MIB(2)
#define FIRST_LEN MIB(2)
#define SECOND MIB(6)
#define SECOND_LEN KIB(8)

static int setup(void **state)
{
	struct gpa_fixture *fixture;

	gpa_fixture_setup(state);
	fixture = *state;
	assert_int_equal(gpa_space_map(&fixture->space, GPA(FIRST), FIRST_LEN, RWX), 0);
	assert_int_equal(gpa_space_map(&fixture->space, GPA(SECOND), SECOND_LEN, RW), 0);
	memset(fixture->space.window.memory + FIRST, 0x11, FIRST_LEN);
	memset(fixture->space.window.memory + SECOND, 0x22, SECOND_LEN);
	return 0;
}

/* All that setup() has made is as it was. */
static void assert_unchanged(struct gpa_fixture *fixture)
{
	const unsigned char *memory = fixture->space.window.memory;
	struct pt_mapping leaf;

	assert_leaves(fixture, 0, 1, 2);
	for (uint64_t at = 0; at < FIXTURE_RAM; at += PAGE_SIZE) {
		bool first = at >= FIRST && at < FIRST + FIRST_LEN;
		bool second = at >= SECOND && at < SECOND + SECOND_LEN;

		assert_int_equal(gpa_space_query(&fixture->space, GPA(at), &leaf), 0);
		assert_int_equal(leaf.present, first || second);
		if (leaf.present)
			assert_int_equal(leaf.prop.bits, first ? RWX : RW);
		assert_int_equal(memory_rights((void *)(uintptr_t)(memory + at)),
				 leaf.present ? RW : 0);
		if (leaf.present)
			assert_int_equal(memory[at], first ? 0x11 : 0x22);
	}
	if (fixture->nr_held == 0)
		gpa_fixture_audit(fixture);
}

static void assert_map_refused(struct gpa_fixture *fixture, uint64_t gpa, uint64_t len,
			       uint32_t rights, int error)
{
	uint64_t free = gpa_fixture_free(fixture);

	assert_int_equal(gpa_space_map(&fixture->space, GPA(gpa), len, rights), error);
	assert_int_equal(gpa_fixture_free(fixture), free);
}

static void assert_change_refused(struct gpa_fixture *fixture, uint64_t gpa, uint64_t len,
				  int error)
{
	uint64_t pages = 1234;

	assert_int_equal(gpa_space_unmap(&fixture->space, GPA(gpa), len, &pages), error);
	assert_int_equal(gpa_space_protect(&fixture->space, GPA(gpa), len, PROP_READ, &pages),
			 error);
	assert_int_equal(pages, 1234);
}

static void assert_run_refused(struct gpa_fixture *fixture, uint64_t gpa, uint64_t len, int error)
{
	assert_map_refused(fixture, gpa, len, RWX, error);
	assert_change_refused(fixture, gpa, len, error);
}

static void test_run_that_is_empty_or_misaligned_is_refused(void **state)
{
	assert_run_refused(*state, FIRST, 0, -EINVAL);
	assert_run_refused(*state, FIRST + 1, PAGE_SIZE, -EINVAL);
	assert_run_refused(*state, FIRST, PAGE_SIZE - 1, -EINVAL);
	assert_run_refused(*state, FIRST, UINT64_MAX, -EINVAL);
	assert_run_refused(*state, UINT64_MAX, PAGE_SIZE, -EINVAL);
	assert_unchanged(*state);
}

static void test_run_that_is_not_ram_is_refused(void **state)
{
	assert_run_refused(*state, FIXTURE_RAM, PAGE_SIZE, -ERANGE);
	assert_run_refused(*state, FIXTURE_RAM - PAGE_SIZE, 2 * PAGE_SIZE, -ERANGE);
	assert_run_refused(*state, 0, FIXTURE_RAM + PAGE_SIZE, -ERANGE);
	assert_run_refused(*state, RAM_HOLE_END, PAGE_SIZE, -ERANGE);
	assert_unchanged(*state);
}

static void test_run_that_wraps_is_refused(void **state)
{
	const uint64_t last = UINT64_MAX - PAGE_SIZE + 1;

	assert_run_refused(*state, last, PAGE_SIZE, -ERANGE);
	assert_run_refused(*state, last, 2 * PAGE_SIZE, -ERANGE);
	assert_run_refused(*state, PAGE_SIZE, last, -ERANGE);
	assert_run_refused(*state, FIRST, last, -ERANGE);
	assert_run_refused(*state, UINT64_C(1) << 63, UINT64_C(1) << 63, -ERANGE);
	assert_unchanged(*state);
}

static void test_query_outside_ram_is_refused(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct pt_mapping leaf;

	assert_int_equal(gpa_space_query(&fixture->space, GPA(FIXTURE_RAM - 1), &leaf), 0);
	assert_int_equal(gpa_space_query(&fixture->space, GPA(FIXTURE_RAM), &leaf), -ERANGE);
	assert_int_equal(gpa_space_query(&fixture->space, GPA(UINT64_MAX), &leaf), -ERANGE);
}

static void assert_rights_refused(struct gpa_fixture *fixture, uint32_t rights, int error)
{
	uint64_t pages = 1234;

	assert_map_refused(fixture, 0, PAGE_SIZE, rights, error);
	assert_int_equal(gpa_space_protect(&fixture->space, GPA(FIRST), FIRST_LEN, rights, &pages),
			 error);
	assert_int_equal(pages, 1234);
}

static void test_rights_that_ept_cannot_say_are_refused(void **state)
{
	assert_rights_refused(*state, PROP_WRITE, -EOPNOTSUPP);
	assert_rights_refused(*state, PROP_WRITE | PROP_EXECUTE, -EOPNOTSUPP);
	assert_unchanged(*state);
}

static void test_properties_that_are_no_rights_are_refused(void **state)
{
	assert_rights_refused(*state, RWX | PROP_USER, -EINVAL);
	assert_rights_refused(*state, RW | PROP_DIRTY, -EINVAL);
	assert_rights_refused(*state, PROP_READ | PROP_UNCACHEABLE, -EINVAL);
	assert_rights_refused(*state, UINT32_MAX, -EINVAL);
	assert_unchanged(*state);
}

static void test_mapping_over_anything_is_refused(void **state)
{
	assert_map_refused(*state, FIRST, FIRST_LEN, RWX, -EEXIST);
	assert_map_refused(*state, FIRST + MIB(1), PAGE_SIZE, RWX, -EEXIST);
	assert_map_refused(*state, FIRST - PAGE_SIZE, 2 * PAGE_SIZE, RWX, -EEXIST);
	assert_map_refused(*state, SECOND + PAGE_SIZE, PAGE_SIZE, RWX, -EEXIST);
	assert_map_refused(*state, 0, FIXTURE_RAM, RWX, -EEXIST);
	assert_unchanged(*state);
}

static void test_change_under_an_open_cursor_of_the_same_thread_is_refused(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct cursor cursor;

	assert_int_equal(cursor_open(&cursor, &fixture->space.space.table, VADDR(FIRST), FIRST_LEN,
				     CURSOR_READ, 1),
			 0);
	assert_run_refused(fixture, FIRST, FIRST_LEN, -EDEADLK);
	cursor_close(&cursor);
	assert_unchanged(fixture);
}

/* The pool runs dry at various places: of the first chunk, of a later one, of a node. */
static void test_map_that_the_pool_cannot_fill_maps_nothing(void **state)
{
	struct gpa_fixture *fixture = *state;

	gpa_fixture_drain(fixture);
	for (unsigned step = 0; step < 10; step++) {
		assert_int_equal(gpa_space_map(&fixture->space, GPA(MIB(8) - PAGE_SIZE), MIB(4),
					       RWX),
				 -ENOMEM);
		assert_unchanged(fixture);
		gpa_fixture_give(fixture, 20);
	}
}

static void test_fragmented_pool_fills_a_run_with_small_leaves(void **state)
{
	struct gpa_fixture *fixture = *state;

	gpa_fixture_drain(fixture);
	gpa_fixture_give(fixture, 600);
	assert_int_equal(gpa_space_map(&fixture->space, GPA(MIB(8)), MIB(2), RWX), 0);
	assert_leaves(fixture, 0, 1, 2 + 512);
	assert_window_follows_table(fixture);
	for (uint64_t at = 0; at < MIB(2); at += PAGE_SIZE)
		assert_int_equal(byte_at(fixture, MIB(8) + at), 0);
	assert_int_equal(gpa_space_unmap(&fixture->space, GPA(MIB(8)), MIB(2), NULL), 0);
	assert_unchanged(fixture);
}

static void test_change_that_finds_no_node_to_split_a_leaf_changes_nothing(void **state)
{
	struct gpa_fixture *fixture = *state;
	uint64_t end = SECOND + SECOND_LEN;

	gpa_fixture_drain(fixture);
	assert_change_refused(fixture, FIRST + MIB(1), PAGE_SIZE, -ENOMEM);
	/* The leaf that is to be split is the last, or the first, of the run. */
	assert_change_refused(fixture, 0, FIRST + PAGE_SIZE, -ENOMEM);
	assert_change_refused(fixture, FIRST + PAGE_SIZE, end - FIRST - PAGE_SIZE, -ENOMEM);
	assert_unchanged(fixture);
}

/* Where runs with several rights come before what cannot be changed, they get theirs back. */
static void test_protect_that_fails_at_the_end_restores_all_rights(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct gpa_space *space = &fixture->space;

	assert_int_equal(gpa_space_map(space, GPA(0), 4 * PAGE_SIZE, RWX), 0);
	assert_int_equal(gpa_space_protect(space, GPA(PAGE_SIZE), PAGE_SIZE, PROP_READ, NULL), 0);
	assert_int_equal(gpa_space_protect(space, GPA(2 * PAGE_SIZE), PAGE_SIZE, 0, NULL), 0);
	gpa_fixture_drain(fixture);
	assert_change_refused(fixture, 0, FIRST + PAGE_SIZE, -ENOMEM);
	assert_int_equal(memory_rights(space->window.memory), RW);
	assert_int_equal(memory_rights(space->window.memory + PAGE_SIZE), PROP_READ);
	assert_int_equal(memory_rights(space->window.memory + 2 * PAGE_SIZE), 0);
	assert_window_follows_table(fixture);
	gpa_fixture_give_all(fixture);
	assert_int_equal(gpa_space_unmap(space, GPA(0), MIB(1), NULL), 0);
	assert_unchanged(fixture);
}

static void test_space_without_a_node_or_address_space_leaves_nothing_behind(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct ram_layout ram = { .low_len = MIB(512) };
	uint64_t used;
	struct gpa_space other;
	int window, slots, node;

	gpa_fixture_drain(fixture);
	used = memory_used();
	memory_limit(0);
	window = gpa_space_create(&other, &fixture->pool, &ram);
	memory_unlimit();
	memory_limit(ram.low_len + MIB(2));
	slots = gpa_space_create(&other, &fixture->pool, &ram);
	memory_unlimit();
	node = gpa_space_create(&other, &fixture->pool, &ram);
	assert_int_equal(window, -ENOMEM);
	assert_int_equal(slots, -ENOMEM);
	assert_int_equal(node, -ENOMEM);
	assert_int_equal(memory_used(), used);
	assert_null(fixture->pool.domain.tables->next);
}

static void test_space_of_more_frames_than_a_domain_has_is_refused(void **state)
{
	struct gpa_fixture *fixture = *state;
	uint64_t used = memory_used();
	struct gpa_space other;
	struct ram_layout ram;

	SKIP_UNDER_THREAD_SANITIZER("it leaves no room for so large a window");
	assert_int_equal(ram_layout_init(&ram, RAM_LEN_MAX), 0);
	assert_int_equal(gpa_space_create(&other, &fixture->pool, &ram), -EINVAL);
	assert_int_equal(ram_layout_init(&ram, UINT64_C(1) << 44), 0);
	assert_int_equal(gpa_space_create(&other, &fixture->pool, &ram), -EINVAL);
	assert_int_equal(memory_used(), used);
}

static void test_ram_that_the_pool_cannot_fill_is_not_populated_at_all(void **state)
{
	struct gpa_fixture fixture;

	(void)state;
	/* Enough for what lies below the hole. */
	gpa_fixture_open(&fixture, GIB(3) + MIB(64), GIB(3) + MIB(32));
	assert_int_equal(gpa_space_populate(&fixture.space), -ENOMEM);
	assert_leaves(&fixture, 0, 0, 0);
	assert_int_equal(memory_rights(fixture.space.window.memory), 0);
	assert_int_equal(memory_rights(fixture.space.window.memory + RAM_HOLE_END), 0);
	gpa_fixture_close(&fixture);
}

#define ERROR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, gpa_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ERROR_TEST(test_run_that_is_empty_or_misaligned_is_refused),
		ERROR_TEST(test_run_that_is_not_ram_is_refused),
		ERROR_TEST(test_run_that_wraps_is_refused),
		ERROR_TEST(test_query_outside_ram_is_refused),
		ERROR_TEST(test_rights_that_ept_cannot_say_are_refused),
		ERROR_TEST(test_properties_that_are_no_rights_are_refused),
		ERROR_TEST(test_mapping_over_anything_is_refused),
		ERROR_TEST(test_change_under_an_open_cursor_of_the_same_thread_is_refused),
		ERROR_TEST(test_map_that_the_pool_cannot_fill_maps_nothing),
		ERROR_TEST(test_fragmented_pool_fills_a_run_with_small_leaves),
		ERROR_TEST(test_change_that_finds_no_node_to_split_a_leaf_changes_nothing),
		ERROR_TEST(test_protect_that_fails_at_the_end_restores_all_rights),
		ERROR_TEST(test_space_without_a_node_or_address_space_leaves_nothing_behind),
		GPA_TEST(test_space_of_more_frames_than_a_domain_has_is_refused),
		cmocka_unit_test(test_ram_that_the_pool_cannot_fill_is_not_populated_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
