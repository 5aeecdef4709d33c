/* SPDX-License-Identifier: MIT */
/*
 * The layout of a guest's RAM at boot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>

#include <cmocka.h>

#include "vmm/boot_layout.h"

#define MIB (UINT64_C(1) << 20)
#define RAM_LEN (16 * MIB)

static const struct ram_layout small = { RAM_LEN, 0 };

static void assert_run(const struct abi_memory *run, uint64_t gpa, uint64_t len, uint32_t kind)
{
	assert_int_equal(run->gpa, gpa);
	assert_int_equal(run->len, len);
	assert_int_equal(run->kind, kind);
}

static void add(struct boot_layout *layout, uint64_t gpa, uint64_t len)
{
	boot_layout_add(layout, GPA(gpa), len, ABI_MEMORY_IMAGE);
}

static void test_ram_without_blocks_is_one_free_run(void **state)
{
	struct boot_layout layout = { 0 };
	struct abi_memory runs[BOOT_RUNS_MAX];

	(void)state;
	assert_int_equal(boot_layout_runs(&layout, &small, runs), 1);
	assert_run(&runs[0], 0, RAM_LEN, ABI_MEMORY_FREE);
}

static void test_blocks_are_whole_pages_and_cut_the_ram(void **state)
{
	struct boot_layout layout = { 0 };
	struct abi_memory runs[BOOT_RUNS_MAX];

	(void)state;
	add(&layout, MIB + 0x10, 0x1000);
	assert_int_equal(boot_layout_runs(&layout, &small, runs), 3);
	assert_run(&runs[0], 0, MIB, ABI_MEMORY_FREE);
	assert_run(&runs[1], MIB, 0x2000, ABI_MEMORY_IMAGE);
	assert_run(&runs[2], MIB + 0x2000, RAM_LEN - MIB - 0x2000, ABI_MEMORY_FREE);
}

static void test_blocks_at_both_ends_leave_no_empty_run(void **state)
{
	struct boot_layout layout = { 0 };
	struct abi_memory runs[BOOT_RUNS_MAX];

	(void)state;
	add(&layout, 0, 1);
	add(&layout, RAM_LEN - 1, 1);
	assert_int_equal(boot_layout_runs(&layout, &small, runs), 3);
	assert_run(&runs[0], 0, PAGE_SIZE, ABI_MEMORY_IMAGE);
	assert_run(&runs[2], RAM_LEN - PAGE_SIZE, PAGE_SIZE, ABI_MEMORY_IMAGE);
}

static void test_blocks_that_share_a_page_or_touch_are_one_run(void **state)
{
	struct boot_layout layout = { 0 };
	struct abi_memory runs[BOOT_RUNS_MAX];

	(void)state;
	add(&layout, 0x1000, 0x1800);
	add(&layout, 0x2900, 0x100);
	add(&layout, 0x3000, 0x1000);
	assert_int_equal(layout.nr_blocks, 2);
	assert_int_equal(boot_layout_runs(&layout, &small, runs), 3);
	assert_run(&runs[1], 0x1000, 0x3000, ABI_MEMORY_IMAGE);
}

static void test_blocks_may_be_added_in_any_order(void **state)
{
	struct boot_layout layout = { 0 };

	(void)state;
	add(&layout, 0x5000, 0x1000);
	add(&layout, 0x1000, 0x1000);
	add(&layout, 0x3000, 0x1000);
	assert_int_equal(layout.nr_blocks, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_run(&layout.blocks[i], 0x1000 + i * 0x2000, 0x1000, ABI_MEMORY_IMAGE);
}

static void test_ram_above_the_hole_is_a_run_of_its_own(void **state)
{
	const struct ram_layout ram = { RAM_HOLE_START, MIB };
	struct boot_layout layout = { 0 };
	struct abi_memory runs[BOOT_RUNS_MAX];

	(void)state;
	add(&layout, RAM_HOLE_END + PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(boot_layout_runs(&layout, &ram, runs), 4);
	assert_run(&runs[0], 0, RAM_HOLE_START, ABI_MEMORY_FREE);
	assert_run(&runs[1], RAM_HOLE_END, PAGE_SIZE, ABI_MEMORY_FREE);
	assert_run(&runs[2], RAM_HOLE_END + PAGE_SIZE, PAGE_SIZE, ABI_MEMORY_IMAGE);
	assert_run(&runs[3], RAM_HOLE_END + 2 * PAGE_SIZE, MIB - 2 * PAGE_SIZE, ABI_MEMORY_FREE);
}

static void place_expect(struct boot_layout *layout, enum boot_place place, uint64_t len,
			 uint64_t expected)
{
	gpa_t gpa;

	assert_true(
		boot_layout_place(layout, place, PAGE_SIZE, RAM_LEN, len, ABI_MEMORY_BOOT, &gpa));
	assert_int_equal(gpa.value, expected);
}

static void test_highest_place_is_below_what_is_there(void **state)
{
	struct boot_layout layout = { 0 };

	(void)state;
	place_expect(&layout, BOOT_PLACE_HIGHEST, MIB, RAM_LEN - MIB);
	place_expect(&layout, BOOT_PLACE_HIGHEST, 1, RAM_LEN - MIB - PAGE_SIZE);
	add(&layout, 8 * MIB, RAM_LEN - MIB - 2 * PAGE_SIZE - 8 * MIB);
	place_expect(&layout, BOOT_PLACE_HIGHEST, 2 * PAGE_SIZE, 8 * MIB - 2 * PAGE_SIZE);
	place_expect(&layout, BOOT_PLACE_HIGHEST, PAGE_SIZE, RAM_LEN - MIB - 2 * PAGE_SIZE);
}

static void test_lowest_place_is_above_what_is_there(void **state)
{
	struct boot_layout layout = { 0 };

	(void)state;
	add(&layout, 2 * PAGE_SIZE, MIB);
	place_expect(&layout, BOOT_PLACE_LOWEST, 2 * PAGE_SIZE, MIB + 2 * PAGE_SIZE);
	place_expect(&layout, BOOT_PLACE_LOWEST, PAGE_SIZE - 1, PAGE_SIZE);
	place_expect(&layout, BOOT_PLACE_LOWEST, 1, MIB + 4 * PAGE_SIZE);
}

static void test_no_room_is_no_place_and_changes_nothing(void **state)
{
	struct boot_layout layout = { 0 };
	gpa_t gpa;

	(void)state;
	add(&layout, 8 * MIB, PAGE_SIZE);
	for (unsigned place = 0; place < 2; place++) {
		assert_false(boot_layout_place(&layout, place, 0, RAM_LEN, 8 * MIB + 1,
					       ABI_MEMORY_BOOT, &gpa));
		assert_false(boot_layout_place(&layout, place, 0, RAM_LEN, UINT64_MAX,
					       ABI_MEMORY_BOOT, &gpa));
		assert_false(boot_layout_place(&layout, place, 8 * MIB, 8 * MIB + PAGE_SIZE, 1,
					       ABI_MEMORY_BOOT, &gpa));
		assert_false(boot_layout_place(&layout, place, RAM_LEN, RAM_LEN, 1, ABI_MEMORY_BOOT,
					       &gpa));
	}
	assert_int_equal(layout.nr_blocks, 1);
}

/* An image of `nr` parts, each a page, at growing distances, and the boot block at the end. */
static void scatter(struct boot_layout *layout, unsigned nr)
{
	uint64_t gpa = 0x10000;

	for (unsigned i = 0; i < nr; i++) {
		add(layout, gpa, PAGE_SIZE);
		gpa += (i + 2) * PAGE_SIZE;
	}
	boot_layout_add(layout, GPA(RAM_LEN - PAGE_SIZE), PAGE_SIZE, ABI_MEMORY_BOOT);
}

static void test_guest_is_told_of_every_run_if_they_are_few(void **state)
{
	struct boot_layout layout = { 0 };
	struct abi_memory memory[ABI_MEMORY_MAX];

	(void)state;
	scatter(&layout, 7);
	assert_int_equal(boot_layout_memory(&layout, &small, memory), 16);
	assert_run(&memory[1], 0x10000, PAGE_SIZE, ABI_MEMORY_IMAGE);
	assert_run(&memory[2], 0x11000, PAGE_SIZE, ABI_MEMORY_FREE);
}

static void test_smallest_gaps_of_a_scattered_image_count_as_image(void **state)
{
	struct boot_layout layout = { 0 };
	struct abi_memory memory[ABI_MEMORY_MAX];
	uint64_t end = 0;

	(void)state;
	scatter(&layout, 8);
	assert_int_equal(boot_layout_memory(&layout, &small, memory), 16);
	assert_run(&memory[0], 0, 0x10000, ABI_MEMORY_FREE);
	assert_run(&memory[1], 0x10000, 3 * PAGE_SIZE, ABI_MEMORY_IMAGE);
	assert_run(&memory[2], 0x13000, 2 * PAGE_SIZE, ABI_MEMORY_FREE);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(memory[i].gpa, end);
		end += memory[i].len;
	}
	assert_int_equal(end, RAM_LEN);
}

static void test_as_many_segments_as_there_can_be_fit(void **state)
{
	struct boot_layout layout = { 0 };
	struct abi_memory memory[ABI_MEMORY_MAX];

	(void)state;
	scatter(&layout, IMAGE_SEGMENTS_MAX);
	assert_int_equal(boot_layout_memory(&layout, &small, memory), 16);
}

/* Blocks between which nothing of the image lies. */
static void test_runs_that_cannot_be_joined_are_too_many(void **state)
{
	struct boot_layout layout = { 0 };
	struct abi_memory memory[ABI_MEMORY_MAX];

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		boot_layout_add(&layout, GPA((2 * i + 1) * PAGE_SIZE), PAGE_SIZE, ABI_MEMORY_BOOT);
	assert_int_equal(boot_layout_memory(&layout, &small, memory), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ram_without_blocks_is_one_free_run),
		cmocka_unit_test(test_blocks_are_whole_pages_and_cut_the_ram),
		cmocka_unit_test(test_blocks_at_both_ends_leave_no_empty_run),
		cmocka_unit_test(test_blocks_that_share_a_page_or_touch_are_one_run),
		cmocka_unit_test(test_blocks_may_be_added_in_any_order),
		cmocka_unit_test(test_ram_above_the_hole_is_a_run_of_its_own),
		cmocka_unit_test(test_highest_place_is_below_what_is_there),
		cmocka_unit_test(test_lowest_place_is_above_what_is_there),
		cmocka_unit_test(test_no_room_is_no_place_and_changes_nothing),
		cmocka_unit_test(test_guest_is_told_of_every_run_if_they_are_few),
		cmocka_unit_test(test_smallest_gaps_of_a_scattered_image_count_as_image),
		cmocka_unit_test(test_as_many_segments_as_there_can_be_fit),
		cmocka_unit_test(test_runs_that_cannot_be_joined_are_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
