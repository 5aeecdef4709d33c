/* SPDX-License-Identifier: MIT */
/*
 * The guest's page tables as the VMM keeps them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm_fixture.h"

#define LOW GVA(0x10000000000)
#define HIGH GVA(0xffffa00000000000)
#define TARGET (16 * MIB)
#define RW (PROP_READ | PROP_WRITE)
#define LEN_2M (2 * MIB)

static const gva_t halves[] = { { 0x10000000000 }, { 0xffffa00000000000 } };

static gva_t gva_add(gva_t gva, uint64_t offset)
{
	return GVA(gva.value + offset);
}

static int map(struct vm *vm, gva_t gva, uint64_t gpa, uint64_t len, uint32_t rights)
{
	return guest_space_map(&vm->tables, gva, GPA(gpa), len, 0, rights);
}

static struct pt_mapping look(struct vm *vm, gva_t gva)
{
	struct pt_mapping leaf;

	assert_int_equal(guest_space_query(&vm->tables, gva, &leaf), 0);
	return leaf;
}

static void assert_leaf(struct vm *vm, gva_t gva, uint64_t gpa, unsigned level, uint32_t prop)
{
	struct pt_mapping leaf = look(vm, gva);

	assert_true(leaf.present);
	assert_int_equal(leaf.paddr.value + (gva.value - leaf.start.value), gpa);
	assert_int_equal(leaf.level, level);
	assert_int_equal(leaf.prop.bits, prop);
}

static void assert_absent(struct vm *vm, gva_t gva)
{
	assert_false(look(vm, gva).present);
}

static void assert_references(struct vm *vm, uint64_t gpa, uint64_t len, unsigned count)
{
	for (uint64_t at = 0; at < len; at += PAGE_SIZE)
		assert_int_equal(vm_fixture_references(vm, gpa + at), count);
}

static void test_map_counts_each_frame_and_unmap_frees_it(void **state)
{
	struct vm *vm = *state;
	uint64_t pages;

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(map(vm, halves[i], TARGET, 4 * PAGE_SIZE, RW), 0);
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

	assert_int_equal(map(vm, LOW, TARGET, 2 * PAGE_SIZE, RW), 0);
	assert_int_equal(map(vm, HIGH, TARGET + PAGE_SIZE, 2 * PAGE_SIZE, RW), 0);
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

	assert_int_equal(map(vm, LOW, TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(map(vm, HIGH, TARGET, PAGE_SIZE, PROP_READ | PROP_EXECUTE), 0);
	assert_leaf(vm, LOW, TARGET, 1, RW | PROP_ACCESSED | PROP_DIRTY);
	assert_leaf(vm, HIGH, TARGET, 1, PROP_READ | PROP_EXECUTE | PROP_ACCESSED);
}

static void test_run_takes_the_largest_leaves_that_fit(void **state)
{
	struct vm *vm = *state;
	gva_t gva = gva_add(LOW, LEN_2M - PAGE_SIZE);

	assert_int_equal(
		map(vm, gva, TARGET + LEN_2M - PAGE_SIZE, LEN_2M + 2 * PAGE_SIZE, PROP_READ), 0);
	assert_int_equal(look(vm, gva).level, 1);
	assert_int_equal(look(vm, gva_add(gva, PAGE_SIZE)).level, 2);
	assert_int_equal(look(vm, gva_add(gva, PAGE_SIZE + LEN_2M)).level, 1);
	assert_references(vm, TARGET + LEN_2M - PAGE_SIZE, LEN_2M + 2 * PAGE_SIZE, 1);
}

static void test_level_asked_for_is_the_largest_made(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(guest_space_map(&vm->tables, LOW, GPA(TARGET), LEN_2M, 1, RW), 0);
	assert_int_equal(look(vm, LOW).level, 1);
	assert_int_equal(guest_space_map(&vm->tables, HIGH, GPA(TARGET), LEN_2M, 2, RW), 0);
	assert_int_equal(look(vm, HIGH).level, 2);
}

static void test_gigabyte_leaves_are_made_only_for_a_cpu_that_has_them(void **state)
{
	(void)state;
	for (unsigned max_level = 2; max_level <= 3; max_level++) {
		struct vm *vm = vm_fixture_open(2 * GIB);

		vm_fixture_add_tables(vm, GPA(0), MIB, max_level);
		assert_int_equal(guest_space_map(&vm->tables, LOW, GPA(GIB), GIB, 3, RW), 0);
		assert_int_equal(look(vm, LOW).level, max_level);
		assert_int_equal(guest_space_unmap(&vm->tables, gva_add(LOW, 5 * PAGE_SIZE),
						   PAGE_SIZE, NULL),
				 0);
		assert_int_equal(look(vm, gva_add(LOW, 6 * PAGE_SIZE)).level, 1);
		assert_int_equal(look(vm, gva_add(LOW, LEN_2M)).level, 2);
		assert_references(vm, GIB + 5 * PAGE_SIZE, PAGE_SIZE, 0);
		assert_references(vm, GIB + 6 * PAGE_SIZE, PAGE_SIZE, 1);
		vm_fixture_close(vm);
	}
}

static void test_large_leaf_is_made_where_small_ones_were(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(map(vm, LOW, TARGET, 3 * PAGE_SIZE, RW), 0);
	assert_int_equal(guest_space_unmap(&vm->tables, LOW, 3 * PAGE_SIZE, NULL), 0);
	assert_int_equal(map(vm, LOW, TARGET, 2 * LEN_2M, RW), 0);
	assert_int_equal(look(vm, LOW).level, 2);
	assert_int_equal(look(vm, gva_add(LOW, LEN_2M)).level, 2);
}

static void test_large_leaf_is_made_in_the_middle_of_a_run_where_small_ones_were(void **state)
{
	struct vm *vm = *state;
	gva_t gva = gva_add(LOW, PAGE_SIZE);

	assert_int_equal(map(vm, gva_add(LOW, LEN_2M), TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(guest_space_unmap(&vm->tables, gva_add(LOW, LEN_2M), PAGE_SIZE, NULL), 0);
	assert_int_equal(map(vm, gva, TARGET + PAGE_SIZE, 2 * LEN_2M, RW), 0);
	assert_int_equal(look(vm, gva_add(LOW, LEN_2M)).level, 2);
}

static void test_map_over_a_mapping_is_refused_and_undone(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(map(vm, gva_add(LOW, 2 * PAGE_SIZE), TARGET, PAGE_SIZE, PROP_READ), 0);
	assert_int_equal(map(vm, LOW, TARGET, 4 * PAGE_SIZE, RW), -EEXIST);
	assert_int_equal(map(vm, LOW, TARGET, LEN_2M, RW), -EEXIST);
	assert_absent(vm, LOW);
	assert_leaf(vm, gva_add(LOW, 2 * PAGE_SIZE), TARGET, 1, PROP_READ | PROP_ACCESSED);
	assert_references(vm, TARGET, PAGE_SIZE, 1);
	assert_references(vm, TARGET + PAGE_SIZE, LEN_2M - PAGE_SIZE, 0);
}

struct refusal {
	uint64_t gva;
	uint64_t gpa;
	uint64_t len;
	uint32_t rights;
	int result;
};

static void test_map_of_what_cannot_be_is_refused_and_changes_nothing(void **state)
{
	static const struct refusal refusals[] = {
		{ 0x10000000008, TARGET, PAGE_SIZE, RW, -EINVAL },
		{ 0x10000000000, TARGET + 8, PAGE_SIZE, RW, -EINVAL },
		{ 0x10000000000, TARGET, 0, RW, -EINVAL },
		{ 0x10000000000, TARGET, 100, RW, -EINVAL },
		{ 0x10000000000, TARGET, PAGE_SIZE, RW | PROP_GLOBAL, -EINVAL },
		{ 0x10000000000, TARGET, PAGE_SIZE, RW | PROP_SOFT, -EINVAL },
		{ 0x10000000000, TARGET, PAGE_SIZE, PROP_WRITE, -EOPNOTSUPP },
		{ 0x10000000000, FIXTURE_MEMORY, PAGE_SIZE, RW, -ERANGE },
		{ 0x10000000000, FIXTURE_MEMORY - PAGE_SIZE, 2 * PAGE_SIZE, RW, -ERANGE },
		{ 0x10000000000, -PAGE_SIZE, 2 * PAGE_SIZE, RW, -ERANGE },
		{ 0x10000000000, TARGET, -PAGE_SIZE, RW, -ERANGE },
		{ 0x0000800000000000, TARGET, PAGE_SIZE, RW, -ERANGE },
		{ 0x00007ffffffff000, TARGET, 2 * PAGE_SIZE, RW, -ERANGE },
		{ 0xffff7ffffffff000, TARGET, PAGE_SIZE, RW, -ERANGE },
		{ 0xfffffffffffff000, TARGET, 2 * PAGE_SIZE, RW, -ERANGE },
		{ 0x10000000000, 60 * MIB, PAGE_SIZE, RW, -EBUSY },
		{ 0x10000000000, 61 * MIB - PAGE_SIZE, 2 * PAGE_SIZE, RW, -EBUSY },
		{ 0x10000000000, 58 * MIB, 4 * MIB, RW, -EBUSY },
	};
	struct vm *vm = *state;

	for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *refusal = &refusals[i];

		assert_int_equal(map(vm, GVA(refusal->gva), refusal->gpa, refusal->len,
				     refusal->rights),
				 refusal->result);
		assert_absent(vm, LOW);
		assert_references(vm, TARGET, PAGE_SIZE, 0);
	}
}

static void test_frames_beside_the_tables_can_be_mapped(void **state)
{
	struct vm *vm = *state;
	uint64_t start = FIXTURE_TABLES.value;

	assert_int_equal(map(vm, LOW, start - PAGE_SIZE, PAGE_SIZE, RW), 0);
	assert_int_equal(map(vm, HIGH, start + FIXTURE_TABLES_LEN, PAGE_SIZE, RW), 0);
}

/* Somebody has a frame of the run for himself. */
static void test_map_of_a_frame_that_cannot_be_shared_gives_the_others_back(void **state)
{
	struct vm *vm = *state;
	struct unique_frame unique;

	assert_int_equal(unique_frame_from_unused(&vm->memory.guest, PADDR(TARGET + 2 * PAGE_SIZE),
						  FRAME_GUEST, &unique),
			 0);
	assert_int_equal(map(vm, LOW, TARGET, 4 * PAGE_SIZE, RW), -EBUSY);
	assert_absent(vm, LOW);
	assert_references(vm, TARGET, 4 * PAGE_SIZE, 0);
	assert_int_equal(unique_frame_put(&unique), 0);
}

static void test_last_page_of_the_address_space_can_be_mapped_and_unmapped(void **state)
{
	struct vm *vm = *state;
	gva_t last = GVA(-PAGE_SIZE);
	uint64_t pages;

	assert_int_equal(map(vm, last, TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(guest_space_protect(&vm->tables, last, PAGE_SIZE, PROP_READ, &pages), 0);
	assert_int_equal(pages, 1);
	assert_int_equal(guest_space_unmap(&vm->tables, GVA(-LEN_2M), LEN_2M, &pages), 0);
	assert_int_equal(pages, 1);
}

static void test_unmap_and_protect_of_what_cannot_be_is_refused(void **state)
{
	struct vm *vm = *state;
	struct guest_space *tables = &vm->tables;

	assert_int_equal(guest_space_unmap(tables, GVA(8), PAGE_SIZE, NULL), -EINVAL);
	assert_int_equal(guest_space_unmap(tables, LOW, 0, NULL), -EINVAL);
	assert_int_equal(guest_space_unmap(tables, GVA(UINT64_C(1) << 47), PAGE_SIZE, NULL),
			 -ERANGE);
	assert_int_equal(guest_space_protect(tables, LOW, 8, RW, NULL), -EINVAL);
	assert_int_equal(guest_space_protect(tables, LOW, PAGE_SIZE, PROP_GLOBAL, NULL), -EINVAL);
	assert_int_equal(guest_space_protect(tables, LOW, UINT64_C(1) << 63, RW, NULL), -ERANGE);
}

static void test_part_of_a_large_leaf_is_unmapped_and_no_more_is_split(void **state)
{
	struct vm *vm = *state;
	uint64_t pages;

	assert_int_equal(map(vm, LOW, TARGET, 2 * LEN_2M, RW), 0);
	assert_int_equal(guest_space_unmap(&vm->tables, gva_add(LOW, 3 * PAGE_SIZE), 2 * PAGE_SIZE,
					   &pages),
			 0);
	assert_int_equal(pages, 2);
	assert_absent(vm, gva_add(LOW, 4 * PAGE_SIZE));
	assert_leaf(vm, gva_add(LOW, 5 * PAGE_SIZE), TARGET + 5 * PAGE_SIZE, 1,
		    RW | PROP_ACCESSED | PROP_DIRTY);
	assert_int_equal(look(vm, gva_add(LOW, LEN_2M)).level, 2);
	assert_references(vm, TARGET + 3 * PAGE_SIZE, 2 * PAGE_SIZE, 0);
	assert_references(vm, TARGET + 5 * PAGE_SIZE, PAGE_SIZE, 1);
}

static void test_protect_of_whole_leaves_splits_none(void **state)
{
	struct vm *vm = *state;
	uint64_t pages;

	assert_int_equal(map(vm, LOW, TARGET, 3 * LEN_2M, RW), 0);
	assert_int_equal(guest_space_protect(&vm->tables, LOW, 2 * LEN_2M + PAGE_SIZE, PROP_READ,
					     &pages),
			 0);
	assert_int_equal(pages, 1025);
	assert_leaf(vm, LOW, TARGET, 2, PROP_READ | PROP_ACCESSED | PROP_DIRTY);
	assert_int_equal(look(vm, gva_add(LOW, LEN_2M)).level, 2);
	assert_leaf(vm, gva_add(LOW, 2 * LEN_2M), TARGET + 2 * LEN_2M, 1,
		    PROP_READ | PROP_ACCESSED | PROP_DIRTY);
	assert_leaf(vm, gva_add(LOW, 2 * LEN_2M + PAGE_SIZE), TARGET + 2 * LEN_2M + PAGE_SIZE, 1,
		    RW | PROP_ACCESSED | PROP_DIRTY);
}

static void test_protect_makes_a_leaf_dirty_when_it_makes_it_writable(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(map(vm, LOW, TARGET, PAGE_SIZE, PROP_READ), 0);
	assert_int_equal(guest_space_protect(&vm->tables, LOW, PAGE_SIZE, RW | PROP_USER, NULL), 0);
	assert_leaf(vm, LOW, TARGET, 1, RW | PROP_USER | PROP_ACCESSED | PROP_DIRTY);
}

static void test_absent_pages_are_passed_over(void **state)
{
	struct vm *vm = *state;
	uint64_t pages;

	assert_int_equal(map(vm, LOW, TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(map(vm, gva_add(LOW, 9 * PAGE_SIZE), TARGET, PAGE_SIZE, RW), 0);
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

/* Tables of `nr` pages, the root included. */
static struct vm *vm_with_few_nodes(unsigned nr)
{
	struct vm *vm = vm_fixture_open(FIXTURE_MEMORY);

	vm_fixture_add_tables(vm, FIXTURE_TABLES, nr * PAGE_SIZE, 3);
	return vm;
}

static void test_map_without_nodes_left_is_undone(void **state)
{
	struct vm *vm = vm_with_few_nodes(5);

	(void)state;
	assert_int_equal(map(vm, LOW, TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(map(vm, HIGH, TARGET, PAGE_SIZE, RW), -ENOMEM);
	assert_absent(vm, HIGH);
	assert_references(vm, TARGET, PAGE_SIZE, 1);
	vm_fixture_close(vm);
}

static void assert_whole_leaves(struct vm *vm, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		assert_leaf(vm, gva_add(LOW, i * LEN_2M), TARGET + i * LEN_2M, 2,
			    RW | PROP_ACCESSED | PROP_DIRTY);
}

static void test_unmap_and_protect_that_cannot_split_change_nothing(void **state)
{
	struct vm *vm = vm_with_few_nodes(3);
	gva_t gva = gva_add(LOW, PAGE_SIZE);
	uint64_t len = 3 * LEN_2M - 2 * PAGE_SIZE;

	(void)state;
	assert_int_equal(map(vm, LOW, TARGET, 3 * LEN_2M, RW), 0);
	assert_int_equal(guest_space_unmap(&vm->tables, gva, len, NULL), -ENOMEM);
	assert_whole_leaves(vm, 3);
	assert_int_equal(guest_space_protect(&vm->tables, gva, len, PROP_READ, NULL), -ENOMEM);
	assert_whole_leaves(vm, 3);
	assert_int_equal(guest_space_unmap(&vm->tables, LOW, LEN_2M, NULL), 0);
	assert_references(vm, TARGET, LEN_2M, 0);
	assert_references(vm, TARGET + LEN_2M, 2 * LEN_2M, 1);
	vm_fixture_close(vm);
}

/* One node is left, and two ends want one. */
static void test_unmap_that_can_split_one_end_only_unmaps_nothing(void **state)
{
	struct vm *vm = vm_with_few_nodes(4);
	struct pt_mapping leaf;

	(void)state;
	assert_int_equal(map(vm, LOW, TARGET, 3 * LEN_2M, RW), 0);
	assert_int_equal(guest_space_unmap(&vm->tables, gva_add(LOW, PAGE_SIZE),
					   3 * LEN_2M - 2 * PAGE_SIZE, NULL),
			 -ENOMEM);
	for (uint64_t at = 0; at < 3 * LEN_2M; at += PAGE_SIZE) {
		leaf = look(vm, gva_add(LOW, at));
		assert_true(leaf.present);
		assert_int_equal(leaf.prop.bits, RW | PROP_ACCESSED | PROP_DIRTY);
	}
	assert_references(vm, TARGET, 3 * LEN_2M, 1);
	vm_fixture_close(vm);
}

static void test_nodes_come_back_for_other_mappings(void **state)
{
	struct vm *vm = *state;

	for (uint64_t i = 0; i < 2 * FIXTURE_TABLES_LEN / PAGE_SIZE; i++) {
		gva_t gva = gva_add(LOW, i * GIB);

		assert_int_equal(map(vm, gva, TARGET, PAGE_SIZE, RW), 0);
		assert_int_equal(guest_space_unmap(&vm->tables, gva, GIB, NULL), 0);
	}
}

static void test_create_in_memory_that_is_not_free_ram_is_refused(void **state)
{
	struct vm *vm = *state;
	struct guest_space other;

	assert_int_equal(guest_space_create(&other, &vm->memory, GPA(8), PAGE_SIZE, 3), -EINVAL);
	assert_int_equal(guest_space_create(&other, &vm->memory, GPA(0), 0, 3), -EINVAL);
	assert_int_equal(guest_space_create(&other, &vm->memory, GPA(FIXTURE_MEMORY), PAGE_SIZE, 3),
			 -ERANGE);
	assert_int_equal(guest_space_create(&other, &vm->memory, FIXTURE_TABLES, PAGE_SIZE, 3),
			 -EEXIST);
	assert_int_equal(gpa_space_protect(&vm->memory, GPA(0), PAGE_SIZE, PROP_READ, NULL), 0);
	assert_int_equal(guest_space_create(&other, &vm->memory, GPA(0), PAGE_SIZE, 3), -ERANGE);
}

/* All of the table's stretch, but for its root, is what a guest could have written there. */
static void test_tables_that_the_guest_wrote_to_are_unclean_and_no_more(void **state)
{
	static const uint64_t words[] = { UINT64_MAX, 0x10000067, 0x3c00027, 0x7ffffffffffff067 };
	uint64_t pages;

	(void)state;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct vm *vm = vm_fixture_open(FIXTURE_MEMORY);
		uint64_t *entries = gpa_space_pointer(&vm->memory, FIXTURE_TABLES,
						      FIXTURE_TABLES_LEN, PROP_WRITE);
		struct pt_mapping leaf;

		vm_fixture_add_tables(vm, FIXTURE_TABLES, FIXTURE_TABLES_LEN, 3);
		assert_int_equal(map(vm, LOW, TARGET, LEN_2M, RW), 0);
		assert_int_equal(map(vm, HIGH, TARGET, 5 * PAGE_SIZE, RW), 0);
		for (uint64_t n = 0; n < FIXTURE_TABLES_LEN / sizeof(*entries); n++)
			entries[n] = words[i];
		guest_space_query(&vm->tables, LOW, &leaf);
		guest_space_map(&vm->tables, LOW, GPA(TARGET), LEN_2M, 0, RW);
		guest_space_protect(&vm->tables, HIGH, GIB, PROP_READ, &pages);
		guest_space_unmap(&vm->tables, HIGH, GIB, &pages);
		assert_true(guest_space_unmap(&vm->tables, LOW, PAGE_SIZE, &pages) < 0);
		vm_fixture_close_unsound(vm);
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
		VM_TEST(test_map_over_a_mapping_is_refused_and_undone),
		VM_TEST(test_map_of_what_cannot_be_is_refused_and_changes_nothing),
		VM_TEST(test_frames_beside_the_tables_can_be_mapped),
		VM_TEST(test_map_of_a_frame_that_cannot_be_shared_gives_the_others_back),
		VM_TEST(test_last_page_of_the_address_space_can_be_mapped_and_unmapped),
		VM_TEST(test_unmap_and_protect_of_what_cannot_be_is_refused),
		VM_TEST(test_part_of_a_large_leaf_is_unmapped_and_no_more_is_split),
		VM_TEST(test_protect_of_whole_leaves_splits_none),
		VM_TEST(test_protect_makes_a_leaf_dirty_when_it_makes_it_writable),
		VM_TEST(test_absent_pages_are_passed_over),
		VM_TEST(test_direct_map_owns_no_frames_and_may_show_the_tables),
		cmocka_unit_test(test_map_without_nodes_left_is_undone),
		cmocka_unit_test(test_unmap_and_protect_that_cannot_split_change_nothing),
		cmocka_unit_test(test_unmap_that_can_split_one_end_only_unmaps_nothing),
		VM_TEST(test_nodes_come_back_for_other_mappings),
		VM_TEST(test_create_in_memory_that_is_not_free_ram_is_refused),
		cmocka_unit_test(test_tables_that_the_guest_wrote_to_are_unclean_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
