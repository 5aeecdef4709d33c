/* SPDX-License-Identifier: MIT */
/* What the formats translate: ranges at the edges of the address space, leaves that fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/format.h"

static bool contains(const struct pt_format *format, uint64_t start, uint64_t len)
{
	return format_contains(format, VADDR(start), len);
}

/* Half of what four and five levels translate. */
#define HALF (UINT64_C(1) << 47)
#define HALF_5 (UINT64_C(1) << 56)

/* `half` is half of what the format translates, from 0 on and nothing else. */
static void check_one_range(const struct pt_format *format, uint64_t half)
{
	assert_true(contains(format, 0, 1));
	assert_true(contains(format, 0, 2 * half));
	assert_true(contains(format, half - 1, 2));
	assert_true(contains(format, 2 * half - 1, 1));
	assert_false(contains(format, 0, 2 * half + 1));
	assert_false(contains(format, 2 * half, 1));
	assert_false(contains(format, 2 * half - 1, 2));
	assert_false(contains(format, UINT64_MAX, 1));
}

/* `half` bytes at each end of the 64-bit space, and nothing between. */
static void check_two_halves(const struct pt_format *format, uint64_t half)
{
	assert_true(contains(format, 0, half));
	assert_true(contains(format, half - 1, 1));
	assert_true(contains(format, -half, half));
	assert_true(contains(format, -half, 1));
	assert_true(contains(format, UINT64_MAX, 1));
	assert_true(contains(format, -(uint64_t)4096, 4096));
	assert_false(contains(format, half - 1, 2));
	assert_false(contains(format, half, 1));
	assert_false(contains(format, 0, half + 1));
	assert_false(contains(format, -half - 1, 1));
	assert_false(contains(format, -half - 1, 2));
	assert_false(contains(format, 0, UINT64_MAX));
}

static void test_format_contains_what_its_levels_translate(void **state)
{
	(void)state;
	check_two_halves(pt_format_of(PT_FORMAT_X86_64_4), HALF);
	check_two_halves(pt_format_of(PT_FORMAT_X86_64_4_KEYS), HALF);
	check_two_halves(pt_format_of(PT_FORMAT_X86_64_5), HALF_5);
	check_two_halves(pt_format_of(PT_FORMAT_X86_64_5_KEYS), HALF_5);
	check_one_range(pt_format_of(PT_FORMAT_EPT_4), HALF);
	check_one_range(pt_format_of(PT_FORMAT_NPT_4), HALF);
	check_one_range(pt_format_of(PT_FORMAT_EPT_5), HALF_5);
	check_one_range(pt_format_of(PT_FORMAT_NPT_5), HALF_5);
}

/* BUG-2, BUG-4 */
static void test_range_that_is_empty_or_wraps_is_not_contained(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++) {
		assert_false(contains(pt_format_of(i), 0, 0));
		assert_false(contains(pt_format_of(i), 4096, 0));
		assert_false(contains(pt_format_of(i), UINT64_MAX, 0));
		assert_false(contains(pt_format_of(i), 4096, UINT64_MAX));
		assert_false(contains(pt_format_of(i), 4096, -(uint64_t)4096));
		assert_false(contains(pt_format_of(i), UINT64_MAX, 2));
		assert_false(contains(pt_format_of(i), -HALF, HALF + 1));
		assert_false(contains(pt_format_of(i), -HALF_5, HALF_5 + 1));
		assert_false(contains(pt_format_of(i), -HALF, UINT64_MAX));
	}
}

#define K4 UINT64_C(0x1000)
#define M2 UINT64_C(0x200000)
#define G1 UINT64_C(0x40000000)

static void test_leaf_that_fits_is_aligned_twice_and_within_the_length(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++) {
		const struct pt_format *format = pt_format_of(i);

		assert_int_equal(format_leaf_fit(format, 4, 0, 0, G1), 3);
		assert_int_equal(format_leaf_fit(format, UINT32_MAX, 0, 0, UINT64_MAX), 3);
		assert_int_equal(format_leaf_fit(format, 3, 0, 0, G1 - 1), 2);
		assert_int_equal(format_leaf_fit(format, 2, 0, 0, G1), 2);
		assert_int_equal(format_leaf_fit(format, 1, 0, 0, G1), 1);
		assert_int_equal(format_leaf_fit(format, 3, M2, G1, 2 * G1), 2);
		assert_int_equal(format_leaf_fit(format, 3, G1, M2, 2 * G1), 2);
		assert_int_equal(format_leaf_fit(format, 3, K4, 0, G1), 1);
		assert_int_equal(format_leaf_fit(format, 3, 0, K4, G1), 1);
		assert_int_equal(format_leaf_fit(format, 3, 0, 0, M2 - 1), 1);
		assert_int_equal(format_leaf_fit(format, 3, -G1, G1, G1), 3);
		assert_int_equal(format_leaf_fit(format, 3, 0, 0, K4), 1);
	}
}

static void test_index_is_nine_bits_of_the_address(void **state)
{
	(void)state;
	assert_int_equal(pte_index(UINT64_C(0x0000ff8040201000), 1), 1);
	assert_int_equal(pte_index(UINT64_C(0x0000ff8040201000), 2), 1);
	assert_int_equal(pte_index(UINT64_C(0x0000ff8040201000), 3), 1);
	assert_int_equal(pte_index(UINT64_C(0x0000ff8040201000), 4), 511);
	assert_int_equal(pte_index(UINT64_MAX, 1), 511);
	assert_int_equal(pte_index(UINT64_C(0x00ff000000000000), 5), 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format_contains_what_its_levels_translate),
		cmocka_unit_test(test_range_that_is_empty_or_wraps_is_not_contained),
		cmocka_unit_test(test_leaf_that_fits_is_aligned_twice_and_within_the_length),
		cmocka_unit_test(test_index_is_nine_bits_of_the_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
