/* SPDX-License-Identifier: MIT */
/*
 * A VM's guest-physical memory: what map, unmap, protect and query do to table, window and frames.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gpa_fixture.h"
#include "tests/unit/memory_probe.h"

static int map(struct gpa_fixture *fixture, uint64_t gpa, uint64_t len, uint32_t rights)
{
	return gpa_space_map(&fixture->space, GPA(gpa), len, rights);
}

static void assert_unmapped(struct gpa_fixture *fixture, uint64_t gpa, uint64_t len, uint64_t pages)
{
	uint64_t count = UINT64_MAX;

	assert_int_equal(gpa_space_unmap(&fixture->space, GPA(gpa), len, &count), 0);
	assert_int_equal(count, pages);
}

static void assert_protected(struct gpa_fixture *fixture, uint64_t gpa, uint64_t len,
			     uint32_t rights, uint64_t pages)
{
	uint64_t count = UINT64_MAX;

	assert_int_equal(gpa_space_protect(&fixture->space, GPA(gpa), len, rights, &count), 0);
	assert_int_equal(count, pages);
}

static struct pt_mapping query(struct gpa_fixture *fixture, uint64_t gpa)
{
	struct pt_mapping leaf;

	assert_int_equal(gpa_space_query(&fixture->space, GPA(gpa), &leaf), 0);
	return leaf;
}

static void fill(struct gpa_fixture *fixture, uint64_t gpa, uint64_t len, int byte)
{
	memset(fixture->space.window.memory + gpa, byte, len);
}

static void assert_rights(struct gpa_fixture *fixture, uint64_t gpa, uint64_t len, uint32_t rights)
{
	for (uint64_t at = gpa; at < gpa + len; at += PAGE_SIZE)
		assert_int_equal(memory_rights(fixture->space.window.memory + at), rights);
}

static void test_new_space_maps_and_shows_nothing(void **state)
{
	assert_leaves(*state, 0, 0, 0);
	assert_false(query(*state, 0).present);
	assert_rights(*state, 0, FIXTURE_RAM, 0);
}

static void test_mapped_run_is_shown_and_nothing_beside_it(void **state)
{
	assert_int_equal(map(*state, MIB(2), MIB(1), RWX), 0);
	assert_rights(*state, MIB(2), MIB(1), RW);
	assert_rights(*state, MIB(2) - PAGE_SIZE, PAGE_SIZE, 0);
	assert_rights(*state, MIB(3), PAGE_SIZE, 0);
	assert_window_follows_table(*state);
}

static void test_mapped_memory_is_zero_and_not_populated(void **state)
{
	struct gpa_fixture *fixture = *state;
	uint64_t before = gpa_fixture_populated(fixture);

	assert_int_equal(map(fixture, 0, FIXTURE_RAM, RWX), 0);
	/* Three nodes at most, in pages as large as the host may give. */
	assert_true(gpa_fixture_populated(fixture) - before <= MIB(4));
	assert_int_equal(byte_at(fixture, 0), 0);
	assert_int_equal(byte_at(fixture, FIXTURE_RAM - 1), 0);
}

static void test_leaf_owns_one_reference_on_each_of_its_frames(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct pt_mapping leaf;

	assert_int_equal(map(fixture, 0, MIB(2), RWX), 0);
	leaf = query(fixture, 0);
	assert_true(leaf.tracked);
	for (uint64_t at = 0; at < MIB(2); at += PAGE_SIZE) {
		struct slot *slot;

		assert_int_equal(
			domain_slot(&fixture->pool.domain, PADDR(leaf.paddr.value + at), &slot), 0);
		assert_int_equal(slot_kind(slot), FRAME_DATA);
		assert_int_equal(slot_count(slot), 1);
	}
}

static void test_query_names_the_leaf_and_its_frame(void **state)
{
	struct gpa_fixture *fixture = *state;
	unsigned char *memory = fixture->pool.memory;
	struct pt_mapping leaf;

	assert_int_equal(map(fixture, MIB(2), MIB(2) + PAGE_SIZE, RX), 0);
	leaf = query(fixture, MIB(3) + 7);
	assert_true(leaf.present);
	assert_int_equal(leaf.start.value, MIB(2));
	assert_int_equal(leaf.len, MIB(2));
	assert_int_equal(leaf.level, 2);
	assert_int_equal(leaf.prop.bits, RX);
	memory[leaf.paddr.value + MIB(1)] = 0x42;
	assert_int_equal(byte_at(fixture, MIB(3)), 0x42);
	leaf = query(fixture, MIB(4));
	assert_int_equal(leaf.len, PAGE_SIZE);
	assert_false(query(fixture, MIB(4) + PAGE_SIZE).present);
}

static void test_misaligned_run_has_large_leaves_where_they_fit(void **state)
{
	/* 511 pages up to 2 MiB, a large leaf, 3 pages. */
	assert_int_equal(map(*state, PAGE_SIZE, MIB(4) + 2 * PAGE_SIZE, RWX), 0);
	assert_leaves(*state, 0, 1, 511 + 3);
	assert_window_follows_table(*state);
	assert_unmapped(*state, 0, FIXTURE_RAM, 512 + 511 + 3);
}

static void test_unmapped_run_is_gone_and_its_frames_are_free(void **state)
{
	uint64_t free;

	assert_int_equal(map(*state, 0, PAGE_SIZE, RWX), 0);
	free = gpa_fixture_free(*state);
	assert_int_equal(map(*state, MIB(2), MIB(8), RWX), 0);
	assert_protected(*state, MIB(4) - PAGE_SIZE, 2 * PAGE_SIZE, RX, 2);
	assert_unmapped(*state, MIB(2), MIB(8), 2048);
	assert_int_equal(gpa_fixture_free(*state), free);
	assert_leaves(*state, 0, 0, 1);
	assert_window_follows_table(*state);
}

static void test_unmapping_passes_over_what_is_not_mapped(void **state)
{
	assert_int_equal(map(*state, MIB(1), PAGE_SIZE, RWX), 0);
	assert_int_equal(map(*state, MIB(9), MIB(1), RWX), 0);
	assert_unmapped(*state, 0, FIXTURE_RAM, 257);
	assert_unmapped(*state, 0, FIXTURE_RAM, 0);
}

static void test_unmapping_a_part_splits_the_leaf_and_keeps_the_rest(void **state)
{
	assert_int_equal(map(*state, MIB(2), MIB(4), RWX), 0);
	fill(*state, MIB(2), MIB(4), 0x5c);
	assert_unmapped(*state, MIB(4) - PAGE_SIZE, 2 * PAGE_SIZE, 2);
	assert_leaves(*state, 0, 0, 1022);
	assert_int_equal(byte_at(*state, MIB(2)), 0x5c);
	assert_int_equal(byte_at(*state, MIB(4) - PAGE_SIZE - 1), 0x5c);
	assert_int_equal(byte_at(*state, MIB(4) + PAGE_SIZE), 0x5c);
	assert_window_follows_table(*state);
}

static void test_memory_that_was_used_before_is_zero_again(void **state)
{
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(map(*state, 0, FIXTURE_RAM, RWX), 0);
		for (uint64_t at = 0; at < FIXTURE_RAM; at += PAGE_SIZE)
			assert_int_equal(byte_at(*state, at + 17 * round), 0);
		fill(*state, 0, FIXTURE_RAM, 0xee);
		assert_unmapped(*state, 0, FIXTURE_RAM, FIXTURE_RAM / PAGE_SIZE);
	}
}

static void test_memory_that_was_a_node_is_zero(void **state)
{
	/* Splitting makes nodes, which are taken out with what they map. */
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(map(*state, 0, FIXTURE_RAM, RWX), 0);
		for (uint64_t at = 0; at < FIXTURE_RAM; at += PAGE_SIZE)
			assert_int_equal(byte_at(*state, at), 0);
		for (uint64_t at = 0; at < FIXTURE_RAM; at += MIB(2))
			assert_unmapped(*state, at, PAGE_SIZE, 1);
		assert_unmapped(*state, 0, FIXTURE_RAM, FIXTURE_RAM / PAGE_SIZE - 8);
	}
}

static void test_protecting_changes_the_rights_and_keeps_the_bytes(void **state)
{
	assert_int_equal(map(*state, 0, MIB(2), RWX), 0);
	fill(*state, 0, MIB(2), 0x77);
	assert_protected(*state, PAGE_SIZE, PAGE_SIZE, PROP_READ, 1);
	assert_rights(*state, 0, PAGE_SIZE, RW);
	assert_rights(*state, PAGE_SIZE, PAGE_SIZE, PROP_READ);
	assert_int_equal(query(*state, PAGE_SIZE).prop.bits, PROP_READ);
	assert_int_equal(query(*state, 2 * PAGE_SIZE).prop.bits, RWX);
	assert_int_equal(byte_at(*state, PAGE_SIZE), 0x77);
	assert_protected(*state, 0, MIB(2), RWX, 512);
	assert_window_follows_table(*state);
}

static void test_protecting_never_shows_a_hole(void **state)
{
	assert_int_equal(map(*state, 0, PAGE_SIZE, PROP_READ), 0);
	assert_int_equal(map(*state, 2 * PAGE_SIZE, PAGE_SIZE, PROP_READ), 0);
	assert_protected(*state, 0, FIXTURE_RAM, RW, 2);
	assert_rights(*state, PAGE_SIZE, PAGE_SIZE, 0);
	assert_window_follows_table(*state);
}

static void test_page_without_rights_keeps_its_frame(void **state)
{
	uint64_t frame;

	assert_int_equal(map(*state, 0, PAGE_SIZE, RW), 0);
	fill(*state, 0, PAGE_SIZE, 0x99);
	frame = query(*state, 0).paddr.value;
	assert_protected(*state, 0, PAGE_SIZE, 0, 1);
	assert_rights(*state, 0, PAGE_SIZE, 0);
	assert_true(query(*state, 0).present);
	assert_int_equal(query(*state, 0).paddr.value, frame);
	assert_int_equal(map(*state, 0, PAGE_SIZE, RW), -EEXIST);
	assert_protected(*state, 0, PAGE_SIZE, PROP_READ, 1);
	assert_int_equal(byte_at(*state, 0), 0x99);
	assert_protected(*state, 0, PAGE_SIZE, 0, 1);
	assert_unmapped(*state, 0, PAGE_SIZE, 1);
}

static void test_page_can_be_mapped_without_rights(void **state)
{
	assert_int_equal(map(*state, 0, PAGE_SIZE, 0), 0);
	assert_rights(*state, 0, PAGE_SIZE, 0);
	assert_true(query(*state, 0).present);
	assert_protected(*state, 0, PAGE_SIZE, RW, 1);
	assert_int_equal(byte_at(*state, 0), 0);
}

static void test_large_leaf_is_mapped_again_where_pages_were(void **state)
{
	assert_int_equal(map(*state, 0, MIB(2), RWX), 0);
	for (uint64_t at = 0; at < MIB(2); at += PAGE_SIZE)
		assert_unmapped(*state, at, PAGE_SIZE, 1);
	assert_int_equal(map(*state, 0, MIB(2), RWX), 0);
	assert_leaves(*state, 0, 1, 0);
}

static void test_spaces_on_one_pool_share_no_frame(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct ram_layout ram = { .low_len = MIB(2) };
	struct gpa_space other;

	assert_int_equal(gpa_space_create(&other, &fixture->pool, &ram), 0);
	assert_int_equal(map(fixture, 0, MIB(2), RW), 0);
	assert_int_equal(gpa_space_populate(&other), 0);
	fill(fixture, 0, MIB(2), 0xab);
	for (uint64_t at = 0; at < MIB(2); at += PAGE_SIZE)
		assert_int_equal(other.window.memory[at], 0);
	gpa_fixture_audit(fixture);
	gpa_space_destroy(&other);
	assert_int_equal(byte_at(fixture, 0), 0xab);
}

static void test_space_that_is_destroyed_gives_everything_back(void **state)
{
	struct gpa_fixture *fixture = *state;
	uint64_t free = gpa_fixture_free(fixture);
	uint64_t used = memory_used();
	struct gpa_space space;

	assert_int_equal(gpa_space_create(&space, &fixture->pool, &fixture->space.ram), 0);
	assert_int_equal(gpa_space_populate(&space), 0);
	assert_int_equal(gpa_space_unmap(&space, GPA(PAGE_SIZE), PAGE_SIZE, NULL), 0);
	assert_int_equal(gpa_space_protect(&space, GPA(0), PAGE_SIZE, RX, NULL), 0);
	gpa_space_destroy(&space);
	assert_int_equal(gpa_fixture_free(fixture), free);
	assert_int_equal(memory_used(), used);
}

static void test_guest_domain_is_the_ram_as_the_window_shows_it(void **state)
{
	struct gpa_fixture *fixture = *state;
	const struct phys_domain *guest = &fixture->space.guest;

	assert_int_equal(guest->nr_frames, FIXTURE_RAM / PAGE_SIZE);
	assert_int_equal(allocator_free_frames(guest), 0);
	assert_ptr_equal(domain_pointer(guest, gpa_to_paddr(GPA(MIB(1)))),
			 fixture->space.window.memory + MIB(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GPA_TEST(test_new_space_maps_and_shows_nothing),
		GPA_TEST(test_mapped_run_is_shown_and_nothing_beside_it),
		GPA_TEST(test_mapped_memory_is_zero_and_not_populated),
		GPA_TEST(test_leaf_owns_one_reference_on_each_of_its_frames),
		GPA_TEST(test_query_names_the_leaf_and_its_frame),
		GPA_TEST(test_misaligned_run_has_large_leaves_where_they_fit),
		GPA_TEST(test_unmapped_run_is_gone_and_its_frames_are_free),
		GPA_TEST(test_unmapping_passes_over_what_is_not_mapped),
		GPA_TEST(test_unmapping_a_part_splits_the_leaf_and_keeps_the_rest),
		GPA_TEST(test_memory_that_was_used_before_is_zero_again),
		GPA_TEST(test_memory_that_was_a_node_is_zero),
		GPA_TEST(test_protecting_changes_the_rights_and_keeps_the_bytes),
		GPA_TEST(test_protecting_never_shows_a_hole),
		GPA_TEST(test_page_without_rights_keeps_its_frame),
		GPA_TEST(test_page_can_be_mapped_without_rights),
		GPA_TEST(test_large_leaf_is_mapped_again_where_pages_were),
		GPA_TEST(test_spaces_on_one_pool_share_no_frame),
		GPA_TEST(test_space_that_is_destroyed_gives_everything_back),
		GPA_TEST(test_guest_domain_is_the_ram_as_the_window_shows_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
