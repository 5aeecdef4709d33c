/* SPDX-License-Identifier: MIT */
/*
 * When the process has no host mapping left (vm.max_map_count): a change is carried out whole or
 * not at all, and never shows what the table does not map.
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

#define RUN MIB(4)
#define RUN_LEN MIB(4)

/* One run that is one host mapping, as long as nothing is cut out of it. */
static int setup(void **state)
{
	struct gpa_fixture *fixture;

	gpa_fixture_setup(state);
	fixture = *state;
	assert_int_equal(gpa_space_map(&fixture->space, GPA(RUN), RUN_LEN, RWX), 0);
	memset(fixture->space.window.memory + RUN, 0x3c, RUN_LEN);
	return 0;
}

/* cmocka takes the line before a skip for its reason. */
static void exhaust(void)
{
	SKIP_UNDER_THREAD_SANITIZER("it needs mappings of its own");
	if (memory_mappings_exhaust())
		return;
	print_message("vm.max_map_count is too large to be reached in a test\n");
	skip();
}

static void assert_run_is(struct gpa_fixture *fixture, uint32_t rights)
{
	uint64_t mapped = 0;

	assert_window_follows_table(fixture);
	gpa_fixture_audit(fixture);
	for (uint64_t at = RUN; at < RUN + RUN_LEN; at += PAGE_SIZE) {
		struct pt_mapping leaf;

		assert_int_equal(gpa_space_query(&fixture->space, GPA(at), &leaf), 0);
		if (!leaf.present)
			continue;
		mapped++;
		assert_int_equal(leaf.prop.bits, rights);
		if (rights & PROP_READ)
			assert_int_equal(byte_at(fixture, at), 0x3c);
	}
	assert_int_equal(mapped, RUN_LEN / PAGE_SIZE);
}

static void test_unmap_that_would_cut_a_mapping_is_refused(void **state)
{
	struct gpa_fixture *fixture = *state;
	uint64_t free = gpa_fixture_free(fixture);
	int error;

	exhaust();
	error = gpa_space_unmap(&fixture->space, GPA(RUN + MIB(1)), PAGE_SIZE, NULL);
	memory_mappings_restore();
	assert_int_equal(error, -ENOMEM);
	assert_run_is(fixture, RWX);
	assert_true(gpa_fixture_free(fixture) >= free - 1); /* a leaf was split */
	assert_int_equal(gpa_space_unmap(&fixture->space, GPA(RUN + MIB(1)), PAGE_SIZE, NULL), 0);
	assert_window_follows_table(fixture);
}

static void test_protect_that_would_cut_a_mapping_is_refused(void **state)
{
	struct gpa_fixture *fixture = *state;
	int error;

	exhaust();
	error = gpa_space_protect(&fixture->space, GPA(RUN + MIB(1)), PAGE_SIZE, PROP_READ, NULL);
	memory_mappings_restore();
	assert_int_equal(error, -ENOMEM);
	assert_run_is(fixture, RWX);
	assert_int_equal(gpa_space_protect(&fixture->space, GPA(RUN + MIB(1)), PAGE_SIZE, PROP_READ,
					   NULL),
			 0);
	assert_window_follows_table(fixture);
}

/* The first pages, which have no neighbours, can be changed; what comes behind them cannot. */
static void test_protect_that_fails_half_way_restores_the_rights(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct gpa_space *space = &fixture->space;
	int error;

	for (uint64_t page = 0; page < 8; page += 2)
		assert_int_equal(gpa_space_map(space, GPA(page * PAGE_SIZE), PAGE_SIZE, RW), 0);
	exhaust();
	error = gpa_space_protect(space, GPA(0), RUN + MIB(1), PROP_READ, NULL);
	memory_mappings_restore();
	assert_int_equal(error, -ENOMEM);
	assert_window_follows_table(fixture);
	for (uint64_t page = 0; page < 8; page++)
		assert_int_equal(memory_rights(space->window.memory + page * PAGE_SIZE),
				 page % 2 ? 0 : RW);
	assert_int_equal(gpa_space_unmap(space, GPA(0), RUN, NULL), 0);
	assert_run_is(fixture, RWX);
}

/*
 * A mapping more than allowed: nothing can be mapped over the pages at the beginning. They could be
 * made inaccessible, but behind them is a mapping that would have to be cut.
 */
static void test_unmap_that_fails_half_way_restores_the_rights(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct gpa_space *space = &fixture->space;
	int map, unmap;

	assert_int_equal(gpa_space_map(space, GPA(0), PAGE_SIZE, RW), 0);
	exhaust();
	map = gpa_space_map(space, GPA(PAGE_SIZE), PAGE_SIZE, PROP_READ);
	unmap = gpa_space_unmap(space, GPA(0), RUN + MIB(1), NULL);
	memory_mappings_restore();
	assert_int_equal(map, 0);
	assert_int_equal(unmap, -ENOMEM);
	assert_int_equal(memory_rights(space->window.memory), RW);
	assert_int_equal(memory_rights(space->window.memory + PAGE_SIZE), PROP_READ);
	assert_int_equal(gpa_space_unmap(space, GPA(0), RUN, NULL), 0);
	assert_run_is(fixture, RWX);
}

static void test_whole_mappings_can_be_changed_and_unmapped(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct gpa_space *space = &fixture->space;
	uint64_t changed = 0, unmapped = 0;
	int protect, unmap;

	exhaust();
	protect = gpa_space_protect(space, GPA(RUN), RUN_LEN, PROP_READ, &changed);
	unmap = gpa_space_unmap(space, GPA(RUN), RUN_LEN, &unmapped);
	memory_mappings_restore();
	assert_int_equal(protect, 0);
	assert_int_equal(changed, RUN_LEN / PAGE_SIZE);
	assert_int_equal(unmap, 0);
	assert_int_equal(unmapped, RUN_LEN / PAGE_SIZE);
	assert_leaves(fixture, 0, 0, 0);
	assert_window_follows_table(fixture);
}

static void test_map_into_a_hole_that_would_be_cut_is_refused(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct gpa_space *space = &fixture->space;
	uint64_t free;
	int error;

	assert_int_equal(gpa_space_unmap(space, GPA(RUN + MIB(1)), 3 * PAGE_SIZE, NULL), 0);
	free = gpa_fixture_free(fixture);
	exhaust();
	error = gpa_space_map(space, GPA(RUN + MIB(1) + PAGE_SIZE), PAGE_SIZE, RWX);
	memory_mappings_restore();
	assert_int_equal(error, -ENOMEM);
	assert_int_equal(gpa_fixture_free(fixture), free);
	gpa_fixture_audit(fixture);
	assert_window_follows_table(fixture);
}

/*
 * The frames of the run are no neighbours, so each page needs a mapping of its own; some get one.
 * One mapping more than allowed exists then, so that the kernel refuses to map anything over them.
 */
static void test_map_that_fails_half_way_hides_what_it_has_shown(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct gpa_space *space = &fixture->space;
	uint64_t free;
	int error;

	gpa_fixture_drain(fixture);
	gpa_fixture_give(fixture, 64);
	assert_int_equal(gpa_space_map(space, GPA(0), PAGE_SIZE, RWX), 0);
	free = gpa_fixture_free(fixture);
	exhaust();
	error = gpa_space_map(space, GPA(PAGE_SIZE), 16 * PAGE_SIZE, RWX);
	memory_mappings_restore();
	assert_int_equal(error, -ENOMEM);
	assert_int_equal(gpa_fixture_free(fixture), free);
	assert_window_follows_table(fixture);
	assert_int_equal(gpa_space_map(space, GPA(PAGE_SIZE), 16 * PAGE_SIZE, RWX), 0);
	assert_window_follows_table(fixture);
}

static void test_guest_that_cuts_its_memory_to_pieces_is_refused_in_the_end(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct gpa_space *space = &fixture->space;
	uint64_t at = RUN;
	int error;

	assert_int_equal(gpa_space_unmap(space, GPA(RUN), PAGE_SIZE, NULL), 0);
	assert_int_equal(gpa_space_map(space, GPA(RUN), PAGE_SIZE, RWX), 0);
	exhaust();
	do {
		error = gpa_space_unmap(space, GPA(at), PAGE_SIZE, NULL);
		at += 2 * PAGE_SIZE;
	} while (error == 0 && at < RUN + RUN_LEN);
	memory_mappings_restore();
	assert_int_equal(error, -ENOMEM);
	gpa_fixture_audit(fixture);
	assert_window_follows_table(fixture);
}

#define MAPPINGS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, gpa_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAPPINGS_TEST(test_unmap_that_would_cut_a_mapping_is_refused),
		MAPPINGS_TEST(test_protect_that_would_cut_a_mapping_is_refused),
		MAPPINGS_TEST(test_protect_that_fails_half_way_restores_the_rights),
		MAPPINGS_TEST(test_unmap_that_fails_half_way_restores_the_rights),
		MAPPINGS_TEST(test_whole_mappings_can_be_changed_and_unmapped),
		MAPPINGS_TEST(test_map_into_a_hole_that_would_be_cut_is_refused),
		MAPPINGS_TEST(test_map_that_fails_half_way_hides_what_it_has_shown),
		MAPPINGS_TEST(test_guest_that_cuts_its_memory_to_pieces_is_refused_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
