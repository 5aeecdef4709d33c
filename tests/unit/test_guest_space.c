/* SPDX-License-Identifier: MIT */
/*
 * The guest's page tables as the VMM keeps them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/guest_space_fixture.h"

static const gva_t halves[] = { { 0x10000000000 }, { 0xffffa00000000000 } };

static void test_map_counts_each_frame_and_unmap_frees_it(void **state)
{
	struct vm *vm = *state;
	uint64_t pages;

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(guest_map(vm, halves[i], TARGET, 4 * PAGE_SIZE, RW), 0);
		assert_references(vm, TARGET, 4 * PAGE_SIZE, 1);
		assert_references(vm, TARGET + 4 * PAGE_SIZE, PAGE_SIZE, 0);
		assert_int_equal(guest_space_unmap(&vm->tables, halves[i], 4 * PAGE_SIZE, &pages),
				 0);
		assert_int_equal(pages, 4);
		assert_references(vm, TARGET, 4 * PAGE_SIZE, 0);
		assert_absent(vm, halves[i]);
	}
}

static void test_frame_that_is_mapped_twice_has_two_references(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(guest_map(vm, LOW, TARGET, 2 * PAGE_SIZE, RW), 0);
	assert_int_equal(guest_map(vm, HIGH, TARGET + PAGE_SIZE, 2 * PAGE_SIZE, RW), 0);
	assert_references(vm, TARGET, PAGE_SIZE, 1);
	assert_references(vm, TARGET + PAGE_SIZE, PAGE_SIZE, 2);
	assert_references(vm, TARGET + 2 * PAGE_SIZE, PAGE_SIZE, 1);
	assert_int_equal(guest_space_unmap(&vm->tables, LOW, 2 * PAGE_SIZE, NULL), 0);
	assert_references(vm, TARGET, PAGE_SIZE, 0);
	assert_references(vm, TARGET + PAGE_SIZE, 2 * PAGE_SIZE, 1);
}

static void test_leaves_are_accessed_and_if_writable_dirty_from_the_start(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(guest_map(vm, LOW, TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(guest_map(vm, HIGH, TARGET, PAGE_SIZE, PROP_READ | PROP_EXECUTE), 0);
	assert_leaf(vm, LOW, TARGET, 1, RW | PROP_ACCESSED | PROP_DIRTY);
	assert_leaf(vm, HIGH, TARGET, 1, PROP_READ | PROP_EXECUTE | PROP_ACCESSED);
}

static void test_run_takes_the_largest_leaves_that_fit(void **state)
{
	struct vm *vm = *state;
	gva_t gva = gva_add(LOW, LEN_2M - PAGE_SIZE);

	assert_int_equal(guest_map(vm, gva, TARGET + LEN_2M - PAGE_SIZE, LEN_2M + 2 * PAGE_SIZE,
				   PROP_READ),
			 0);
	assert_int_equal(guest_look(vm, gva).level, 1);
	assert_int_equal(guest_look(vm, gva_add(gva, PAGE_SIZE)).level, 2);
	assert_int_equal(guest_look(vm, gva_add(gva, PAGE_SIZE + LEN_2M)).level, 1);
	assert_references(vm, TARGET + LEN_2M - PAGE_SIZE, LEN_2M + 2 * PAGE_SIZE, 1);
}

static void test_level_asked_for_is_the_largest_made(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(guest_space_map(&vm->tables, LOW, GPA(TARGET), LEN_2M, 1, RW), 0);
	assert_int_equal(guest_look(vm, LOW).level, 1);
	assert_int_equal(guest_space_map(&vm->tables, HIGH, GPA(TARGET), LEN_2M, 2, RW), 0);
	assert_int_equal(guest_look(vm, HIGH).level, 2);
}

static void test_gigabyte_leaves_are_made_only_for_a_cpu_that_has_them(void **state)
{
	(void)state;
	for (unsigned max_level = 2; max_level <= 3; max_level++) {
		struct vm *vm = vm_fixture_open(2 * GIB);

		vm_fixture_add_tables(vm, GPA(0), MIB, max_level);
		assert_int_equal(guest_space_map(&vm->tables, LOW, GPA(GIB), GIB, 3, RW), 0);
		assert_int_equal(guest_look(vm, LOW).level, max_level);
		assert_int_equal(guest_space_unmap(&vm->tables, gva_add(LOW, 5 * PAGE_SIZE),
						   PAGE_SIZE, NULL),
				 0);
		assert_int_equal(guest_look(vm, gva_add(LOW, 6 * PAGE_SIZE)).level, 1);
		assert_int_equal(guest_look(vm, gva_add(LOW, LEN_2M)).level, 2);
		assert_references(vm, GIB + 5 * PAGE_SIZE, PAGE_SIZE, 0);
		assert_references(vm, GIB + 6 * PAGE_SIZE, PAGE_SIZE, 1);
		vm_fixture_close(vm);
	}
}

static void test_large_leaf_is_made_where_small_ones_were(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(guest_map(vm, LOW, TARGET, 3 * PAGE_SIZE, RW), 0);
	assert_int_equal(guest_space_unmap(&vm->tables, LOW, 3 * PAGE_SIZE, NULL), 0);
	assert_int_equal(guest_map(vm, LOW, TARGET, 2 * LEN_2M, RW), 0);
	assert_int_equal(guest_look(vm, LOW).level, 2);
	assert_int_equal(guest_look(vm, gva_add(LOW, LEN_2M)).level, 2);
}

static void test_large_leaf_is_made_in_the_middle_of_a_run_where_small_ones_were(void **state)
{
	struct vm *vm = *state;
	gva_t gva = gva_add(LOW, PAGE_SIZE);

	assert_int_equal(guest_map(vm, gva_add(LOW, LEN_2M), TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(guest_space_unmap(&vm->tables, gva_add(LOW, LEN_2M), PAGE_SIZE, NULL), 0);
	assert_int_equal(guest_map(vm, gva, TARGET + PAGE_SIZE, 2 * LEN_2M, RW), 0);
	assert_int_equal(guest_look(vm, gva_add(LOW, LEN_2M)).level, 2);
}

static void test_last_page_of_the_address_space_can_be_mapped_and_unmapped(void **state)
{
	struct vm *vm = *state;
	gva_t last = GVA(-PAGE_SIZE);
	uint64_t pages;

	assert_int_equal(guest_map(vm, last, TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(guest_space_protect(&vm->tables, last, PAGE_SIZE, PROP_READ, &pages), 0);
	assert_int_equal(pages, 1);
	assert_int_equal(guest_space_unmap(&vm->tables, GVA(-LEN_2M), LEN_2M, &pages), 0);
	assert_int_equal(pages, 1);
}

static void test_part_of_a_large_leaf_is_unmapped_and_no_more_is_split(void **state)
{
	struct vm *vm = *state;
	uint64_t pages;

	assert_int_equal(guest_map(vm, LOW, TARGET, 2 * LEN_2M, RW), 0);
	assert_int_equal(guest_space_unmap(&vm->tables, gva_add(LOW, 3 * PAGE_SIZE), 2 * PAGE_SIZE,
					   &pages),
			 0);
	assert_int_equal(pages, 2);
	assert_absent(vm, gva_add(LOW, 4 * PAGE_SIZE));
	assert_leaf(vm, gva_add(LOW, 5 * PAGE_SIZE), TARGET + 5 * PAGE_SIZE, 1,
		    RW | PROP_ACCESSED | PROP_DIRTY);
	assert_int_equal(guest_look(vm, gva_add(LOW, LEN_2M)).level, 2);
	assert_references(vm, TARGET + 3 * PAGE_SIZE, 2 * PAGE_SIZE, 0);
	assert_references(vm, TARGET + 5 * PAGE_SIZE, PAGE_SIZE, 1);
}

static void test_protect_of_whole_leaves_splits_none(void **state)
{
	struct vm *vm = *state;
	uint64_t pages;

	assert_int_equal(guest_map(vm, LOW, TARGET, 3 * LEN_2M, RW), 0);
	assert_int_equal(guest_space_protect(&vm->tables, LOW, 2 * LEN_2M + PAGE_SIZE, PROP_READ,
					     &pages),
			 0);
	assert_int_equal(pages, 1025);
	assert_leaf(vm, LOW, TARGET, 2, PROP_READ | PROP_ACCESSED | PROP_DIRTY);
	assert_int_equal(guest_look(vm, gva_add(LOW, LEN_2M)).level, 2);
	assert_leaf(vm, gva_add(LOW, 2 * LEN_2M), TARGET + 2 * LEN_2M, 1,
		    PROP_READ | PROP_ACCESSED | PROP_DIRTY);
	assert_leaf(vm, gva_add(LOW, 2 * LEN_2M + PAGE_SIZE), TARGET + 2 * LEN_2M + PAGE_SIZE, 1,
		    RW | PROP_ACCESSED | PROP_DIRTY);
}

static void test_protect_makes_a_leaf_dirty_when_it_makes_it_writable(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(guest_map(vm, LOW, TARGET, PAGE_SIZE, PROP_READ), 0);
	assert_int_equal(guest_space_protect(&vm->tables, LOW, PAGE_SIZE, RW | PROP_USER, NULL), 0);
	assert_leaf(vm, LOW, TARGET, 1, RW | PROP_USER | PROP_ACCESSED | PROP_DIRTY);
}

static void test_absent_pages_are_passed_over(void **state)
{
	struct vm *vm = *state;
	uint64_t pages;

	assert_int_equal(guest_map(vm, LOW, TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(guest_map(vm, gva_add(LOW, 9 * PAGE_SIZE), TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(guest_space_protect(&vm->tables, LOW, GIB, PROP_READ, &pages), 0);
	assert_int_equal(pages, 2);
	assert_int_equal(guest_space_unmap(&vm->tables, LOW, GIB, &pages), 0);
	assert_int_equal(pages, 2);
	assert_int_equal(guest_space_unmap(&vm->tables, LOW, GIB, &pages), 0);
	assert_int_equal(pages, 0);
}

static void test_direct_map_owns_no_frames_and_may_show_the_tables(void **state)
{
	struct vm *vm = *state;
	uint64_t pages;

	assert_int_equal(
		guest_space_map_direct(&vm->tables, HIGH, GPA(0), FIXTURE_MEMORY, PROP_READ), 0);
	assert_leaf(vm, gva_add(HIGH, FIXTURE_TABLES.value), FIXTURE_TABLES.value, 2,
		    PROP_READ | PROP_ACCESSED);
	assert_references(vm, TARGET, LEN_2M, 0);
	assert_int_equal(guest_space_unmap(&vm->tables, gva_add(HIGH, TARGET), PAGE_SIZE, &pages),
			 0);
	assert_int_equal(pages, 1);
	assert_references(vm, TARGET, LEN_2M, 0);
}

static void test_nodes_come_back_for_other_mappings(void **state)
{
	struct vm *vm = *state;

	for (uint64_t i = 0; i < 2 * FIXTURE_TABLES_LEN / PAGE_SIZE; i++) {
		gva_t gva = gva_add(LOW, i * GIB);

		assert_int_equal(guest_map(vm, gva, TARGET, PAGE_SIZE, RW), 0);
		assert_int_equal(guest_space_unmap(&vm->tables, gva, GIB, NULL), 0);
	}
}

#define VM_TEST(name) \
	cmocka_unit_test_setup_teardown(name, vm_fixture_setup_tables, vm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VM_TEST(test_map_counts_each_frame_and_unmap_frees_it),
		VM_TEST(test_frame_that_is_mapped_twice_has_two_references),
		VM_TEST(test_leaves_are_accessed_and_if_writable_dirty_from_the_start),
		VM_TEST(test_run_takes_the_largest_leaves_that_fit),
		VM_TEST(test_level_asked_for_is_the_largest_made),
		cmocka_unit_test(test_gigabyte_leaves_are_made_only_for_a_cpu_that_has_them),
		VM_TEST(test_large_leaf_is_made_where_small_ones_were),
		VM_TEST(test_large_leaf_is_made_in_the_middle_of_a_run_where_small_ones_were),
		VM_TEST(test_last_page_of_the_address_space_can_be_mapped_and_unmapped),
		VM_TEST(test_part_of_a_large_leaf_is_unmapped_and_no_more_is_split),
		VM_TEST(test_protect_of_whole_leaves_splits_none),
		VM_TEST(test_protect_makes_a_leaf_dirty_when_it_makes_it_writable),
		VM_TEST(test_absent_pages_are_passed_over),
		VM_TEST(test_direct_map_owns_no_frames_and_may_show_the_tables),
		VM_TEST(test_nodes_come_back_for_other_mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
