/* SPDX-License-Identifier: MIT */
/*
 * The RAM of whole VMs: largest leaves on both sides of the hole, and what they cost.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/gpa_fixture.h"
#include "tests/unit/memory_probe.h"

#define LOW_LEN GIB(3)
#define HIGH_LEN (GIB(1) + MIB(100) + PAGE_SIZE)

static void assert_accessible(const struct gpa_fixture *fixture, uint64_t gpa, uint32_t rights)
{
	assert_int_equal(memory_rights(fixture->space.window.memory + gpa), rights);
}

static void test_ram_of_100_mib_is_50_large_leaves(void **state)
{
	struct gpa_fixture fixture;

	(void)state;
	gpa_fixture_open(&fixture, MIB(100), 0);
	assert_int_equal(gpa_space_populate(&fixture.space), 0);
	assert_leaves(&fixture, 0, 50, 0);
	/* Three nodes, in pages as large as the host may give. */
	assert_true(gpa_fixture_populated(&fixture) <= MIB(4));
	assert_int_equal(memory_mappings(fixture.space.window.memory, MIB(100)), 2);
	gpa_fixture_close(&fixture);
}

static void assert_high_ram(struct gpa_fixture *fixture)
{
	const uint64_t end = RAM_HOLE_END + HIGH_LEN;

	assert_accessible(fixture, 0, RW);
	assert_accessible(fixture, LOW_LEN - PAGE_SIZE, RW);
	assert_accessible(fixture, LOW_LEN, 0);
	assert_accessible(fixture, RAM_HOLE_END - PAGE_SIZE, 0);
	assert_accessible(fixture, RAM_HOLE_END, RW);
	assert_accessible(fixture, end - PAGE_SIZE, RW);
	assert_int_equal(gpa_space_map(&fixture->space, GPA(LOW_LEN), PAGE_SIZE, RWX), -ERANGE);
	assert_int_equal(gpa_space_map(&fixture->space, GPA(end), PAGE_SIZE, RWX), -ERANGE);
	assert_null(gpa_space_pointer(&fixture->space, GPA(LOW_LEN - 1), 2, PROP_READ));
	assert_null(gpa_space_pointer(&fixture->space, GPA(RAM_HOLE_END - 1), 2, PROP_READ));
	assert_non_null(gpa_space_pointer(&fixture->space, GPA(0), LOW_LEN, RWX));
	assert_non_null(gpa_space_pointer(&fixture->space, GPA(RAM_HOLE_END), HIGH_LEN, RWX));
}

static void test_ram_on_both_sides_of_the_hole_has_leaves_of_every_size(void **state)
{
	struct gpa_fixture fixture;
	uint64_t pages;

	(void)state;
	gpa_fixture_open(&fixture, LOW_LEN + HIGH_LEN, 0);
	assert_int_equal(gpa_space_populate(&fixture.space), 0);
	assert_leaves(&fixture, 3 + 1, 50, 1);
	assert_high_ram(&fixture);
	/* A page out of a leaf of 1 GiB. */
	assert_int_equal(gpa_space_unmap(&fixture.space, GPA(GIB(1)), PAGE_SIZE, &pages), 0);
	assert_int_equal(pages, 1);
	assert_leaves(&fixture, 3, 50 + 511, 1 + 511);
	assert_accessible(&fixture, GIB(1), 0);
	assert_accessible(&fixture, GIB(1) + PAGE_SIZE, RW);
	assert_int_equal(gpa_space_unmap(&fixture.space, GPA(0), LOW_LEN, &pages), 0);
	assert_int_equal(pages, LOW_LEN / PAGE_SIZE - 1);
	assert_leaves(&fixture, 1, 50, 1);
	gpa_fixture_close(&fixture);
}

static void test_populated_ram_cannot_be_populated_again(void **state)
{
	struct gpa_fixture *fixture = *state;

	assert_int_equal(gpa_space_populate(&fixture->space), 0);
	assert_int_equal(gpa_space_populate(&fixture->space), -EEXIST);
	assert_leaves(fixture, 0, 8, 0);
	assert_int_equal(gpa_space_unmap(&fixture->space, GPA(MIB(7)), PAGE_SIZE, NULL), 0);
	assert_int_equal(gpa_space_populate(&fixture->space), -EEXIST);
	assert_leaves(fixture, 0, 7, 511);
	assert_window_follows_table(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ram_of_100_mib_is_50_large_leaves),
		cmocka_unit_test(test_ram_on_both_sides_of_the_hole_has_leaves_of_every_size),
		GPA_TEST(test_populated_ram_cannot_be_populated_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
