/* SPDX-License-Identifier: MIT */
/*
 * Where RAM is, around the hole under 4 GiB and up to the largest there can be.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/gpa_fixture.h"

static struct ram_layout layout_of(uint64_t len)
{
	struct ram_layout layout;

	assert_int_equal(ram_layout_init(&layout, len), 0);
	return layout;
}

static void assert_layout(uint64_t len, uint64_t low_len, uint64_t high_len, uint64_t end)
{
	struct ram_layout layout = layout_of(len);

	assert_int_equal(layout.low_len, low_len);
	assert_int_equal(layout.high_len, high_len);
	assert_int_equal(ram_layout_end(&layout), end);
}

static void test_ram_up_to_3_gib_lies_below_the_hole(void **state)
{
	(void)state;
	assert_layout(PAGE_SIZE, PAGE_SIZE, 0, PAGE_SIZE);
	assert_layout(MIB(128), MIB(128), 0, MIB(128));
	assert_layout(GIB(3) - PAGE_SIZE, GIB(3) - PAGE_SIZE, 0, GIB(3) - PAGE_SIZE);
	assert_layout(GIB(3), GIB(3), 0, GIB(3));
}

static void test_ram_above_3_gib_goes_on_at_4_gib(void **state)
{
	(void)state;
	assert_layout(GIB(3) + PAGE_SIZE, GIB(3), PAGE_SIZE, GIB(4) + PAGE_SIZE);
	assert_layout(GIB(4), GIB(3), GIB(1), GIB(5));
	assert_layout(RAM_LEN_MAX, GIB(3), RAM_LEN_MAX - GIB(3), RAM_LEN_MAX + GIB(1));
}

static void test_ram_that_is_empty_misaligned_or_too_large_is_refused(void **state)
{
	static const uint64_t refused[] = {
		0,
		1,
		PAGE_SIZE - 1,
		PAGE_SIZE + 1,
		RAM_LEN_MAX + 1,
		RAM_LEN_MAX + PAGE_SIZE,
		UINT64_C(1) << 63,
		UINT64_MAX,
		UINT64_MAX - PAGE_SIZE + 1,
	};
	struct ram_layout layout;

	(void)state;
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(ram_layout_init(&layout, refused[i]), -EINVAL);
}

static void test_range_is_ram_if_it_lies_below_or_above_the_hole(void **state)
{
	struct ram_layout layout = layout_of(GIB(4));

	(void)state;
	assert_true(ram_layout_contains(&layout, GPA(0), GIB(3)));
	assert_true(ram_layout_contains(&layout, GPA(GIB(3) - 1), 1));
	assert_true(ram_layout_contains(&layout, GPA(GIB(4)), GIB(1)));
	assert_true(ram_layout_contains(&layout, GPA(GIB(5) - 1), 1));
}

static void test_range_that_touches_the_hole_is_not_ram(void **state)
{
	struct ram_layout layout = layout_of(GIB(4));

	(void)state;
	assert_false(ram_layout_contains(&layout, GPA(0), GIB(3) + 1));
	assert_false(ram_layout_contains(&layout, GPA(GIB(3)), 1));
	assert_false(ram_layout_contains(&layout, GPA(GIB(3) - 1), 2));
	assert_false(ram_layout_contains(&layout, GPA(GIB(4) - 1), 1));
	assert_false(ram_layout_contains(&layout, GPA(GIB(4) - 1), 2));
	assert_false(ram_layout_contains(&layout, GPA(0), GIB(5)));
}

static void test_range_behind_the_last_ram_is_not_ram(void **state)
{
	struct ram_layout high = layout_of(GIB(4));
	struct ram_layout low = layout_of(MIB(1));

	(void)state;
	assert_false(ram_layout_contains(&high, GPA(GIB(5)), 1));
	assert_false(ram_layout_contains(&high, GPA(GIB(5) - 1), 2));
	assert_false(ram_layout_contains(&low, GPA(MIB(1)), 1));
	assert_false(ram_layout_contains(&low, GPA(GIB(4)), 1));
	assert_false(ram_layout_contains(&low, GPA(GIB(4)), 0));
}

static void test_range_that_wraps_is_not_ram(void **state)
{
	struct ram_layout layout = layout_of(GIB(4));

	(void)state;
	assert_false(ram_layout_contains(&layout, GPA(UINT64_MAX), 1));
	assert_false(ram_layout_contains(&layout, GPA(UINT64_MAX), 2));
	assert_false(ram_layout_contains(&layout, GPA(UINT64_MAX - PAGE_SIZE + 1), PAGE_SIZE));
	assert_false(ram_layout_contains(&layout, GPA(PAGE_SIZE), UINT64_MAX));
	assert_false(ram_layout_contains(&layout, GPA(PAGE_SIZE), UINT64_MAX - PAGE_SIZE + 1));
	assert_false(ram_layout_contains(&layout, GPA(GIB(4)), UINT64_MAX - GIB(4) + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ram_up_to_3_gib_lies_below_the_hole),
		cmocka_unit_test(test_ram_above_3_gib_goes_on_at_4_gib),
		cmocka_unit_test(test_ram_that_is_empty_misaligned_or_too_large_is_refused),
		cmocka_unit_test(test_range_is_ram_if_it_lies_below_or_above_the_hole),
		cmocka_unit_test(test_range_that_touches_the_hole_is_not_ram),
		cmocka_unit_test(test_range_behind_the_last_ram_is_not_ram),
		cmocka_unit_test(test_range_that_wraps_is_not_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
