/* SPDX-License-Identifier: MIT */
/*
 * What the guest's page tables refuse, and that nothing has changed then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/guest_space_fixture.h"

static void test_map_over_a_mapping_is_refused_and_undone(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(guest_map(vm, gva_add(LOW, 2 * PAGE_SIZE), TARGET, PAGE_SIZE, PROP_READ),
			 0);
	assert_int_equal(guest_map(vm, LOW, TARGET, 4 * PAGE_SIZE, RW), -EEXIST);
	assert_int_equal(guest_map(vm, LOW, TARGET, LEN_2M, RW), -EEXIST);
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

		assert_int_equal(guest_map(vm, GVA(refusal->gva), refusal->gpa, refusal->len,
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

	assert_int_equal(guest_map(vm, LOW, start - PAGE_SIZE, PAGE_SIZE, RW), 0);
	assert_int_equal(guest_map(vm, HIGH, start + FIXTURE_TABLES_LEN, PAGE_SIZE, RW), 0);
}

/* Somebody has a frame of the run for himself. */
static void test_map_of_a_frame_that_cannot_be_shared_gives_the_others_back(void **state)
{
	struct vm *vm = *state;
	struct unique_frame unique;

	assert_int_equal(unique_frame_from_unused(&vm->memory.guest, PADDR(TARGET + 2 * PAGE_SIZE),
						  FRAME_GUEST, &unique),
			 0);
	assert_int_equal(guest_map(vm, LOW, TARGET, 4 * PAGE_SIZE, RW), -EBUSY);
	assert_absent(vm, LOW);
	assert_references(vm, TARGET, 4 * PAGE_SIZE, 0);
	assert_int_equal(unique_frame_put(&unique), 0);
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
	assert_int_equal(guest_map(vm, LOW, TARGET, PAGE_SIZE, RW), 0);
	assert_int_equal(guest_map(vm, HIGH, TARGET, PAGE_SIZE, RW), -ENOMEM);
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
	assert_int_equal(guest_map(vm, LOW, TARGET, 3 * LEN_2M, RW), 0);
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
	assert_int_equal(guest_map(vm, LOW, TARGET, 3 * LEN_2M, RW), 0);
	assert_int_equal(guest_space_unmap(&vm->tables, gva_add(LOW, PAGE_SIZE),
					   3 * LEN_2M - 2 * PAGE_SIZE, NULL),
			 -ENOMEM);
	for (uint64_t at = 0; at < 3 * LEN_2M; at += PAGE_SIZE) {
		leaf = guest_look(vm, gva_add(LOW, at));
		assert_true(leaf.present);
		assert_int_equal(leaf.prop.bits, RW | PROP_ACCESSED | PROP_DIRTY);
	}
	assert_references(vm, TARGET, 3 * LEN_2M, 1);
	vm_fixture_close(vm);
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
		assert_int_equal(guest_map(vm, LOW, TARGET, LEN_2M, RW), 0);
		assert_int_equal(guest_map(vm, HIGH, TARGET, 5 * PAGE_SIZE, RW), 0);
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
		VM_TEST(test_map_over_a_mapping_is_refused_and_undone),
		VM_TEST(test_map_of_what_cannot_be_is_refused_and_changes_nothing),
		VM_TEST(test_frames_beside_the_tables_can_be_mapped),
		VM_TEST(test_map_of_a_frame_that_cannot_be_shared_gives_the_others_back),
		VM_TEST(test_unmap_and_protect_of_what_cannot_be_is_refused),
		cmocka_unit_test(test_map_without_nodes_left_is_undone),
		cmocka_unit_test(test_unmap_and_protect_that_cannot_split_change_nothing),
		cmocka_unit_test(test_unmap_that_can_split_one_end_only_unmaps_nothing),
		VM_TEST(test_create_in_memory_that_is_not_free_ram_is_refused),
		cmocka_unit_test(test_tables_that_the_guest_wrote_to_are_unclean_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
