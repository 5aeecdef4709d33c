/* SPDX-License-Identifier: MIT */
/*
 * Bytes by the addresses of a space: over pages and borders, up to the first that cannot be reached
 * (4.3, V-4, IO-2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/space_io.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)
#define VA MIB(6)
#define LEN 300

static struct vm_space *make(struct table_fixture *fixture)
{
	static struct vm_space space;

	assert_int_equal(space_create(&space, fixture->domain, fixture->table.format,
				      fixture->table.walker, NULL),
			 0);
	return &space;
}

static void map(struct table_fixture *fixture, struct vm_space *space, uint64_t va, paddr_t paddr,
		uint64_t len, prop_t prop)
{
	table_hold(fixture, paddr, len >> PAGE_SHIFT);
	assert_int_equal(space_map(space, VADDR(va), paddr, len, 0, prop, true), 0);
	table_passed(fixture, paddr, len >> PAGE_SHIFT);
}

static unsigned char *bytes_at(struct table_fixture *fixture, paddr_t paddr)
{
	return domain_pointer(fixture->domain, paddr);
}

/* The space's pages and nodes all go back. */
static void unmake(struct table_fixture *fixture, struct vm_space *space)
{
	check_audit(fixture);
	space_destroy(space);
}

static void test_bytes_go_over_pages_that_lie_apart(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space *space = make(fixture);
	unsigned char source[LEN], back[LEN] = { 0 };
	uint64_t done;

	for (unsigned i = 0; i < LEN; i++)
		source[i] = (unsigned char)(i + 1);
	map(fixture, space, VA, guest_paddr(PAGES(9)), PAGE_SIZE, PROP_RW);
	map(fixture, space, VA + PAGE_SIZE, guest_paddr(PAGES(2)), PAGE_SIZE, PROP_RW);
	assert_int_equal(space_write(space, VADDR(VA + PAGE_SIZE - 100), source, LEN, &done), 0);
	assert_int_equal(done, LEN);
	assert_memory_equal(bytes_at(fixture, guest_paddr(PAGES(10) - 100)), source, 100);
	assert_memory_equal(bytes_at(fixture, guest_paddr(PAGES(2))), source + 100, LEN - 100);
	assert_int_equal(space_read(space, VADDR(VA + PAGE_SIZE - 100), back, LEN, &done), 0);
	assert_int_equal(done, LEN);
	assert_memory_equal(back, source, LEN);
	assert_int_equal(space_fill_zeros(space, VADDR(VA + PAGE_SIZE - 1), 2, &done), 0);
	assert_int_equal(done, 2);
	assert_int_equal(*bytes_at(fixture, guest_paddr(PAGES(10) - 1)), 0);
	assert_int_equal(*bytes_at(fixture, guest_paddr(PAGES(2))), 0);
	assert_int_equal(*bytes_at(fixture, guest_paddr(PAGES(2) + 1)), source[101]);
	unmake(fixture, space);
}

static void test_copy_stops_at_the_first_page_that_is_absent(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space *space = make(fixture);
	unsigned char bytes[LEN];
	uint64_t done;

	memset(bytes, 0x77, sizeof(bytes));
	map(fixture, space, VA, guest_paddr(0), PAGE_SIZE, PROP_RW);
	assert_int_equal(space_read(space, VADDR(VA + PAGE_SIZE - 40), bytes, LEN, &done), -EFAULT);
	assert_int_equal(done, 40);
	assert_int_equal(bytes[39], 0);
	assert_int_equal(bytes[40], 0x77);
	memset(bytes, 0x77, sizeof(bytes));
	assert_int_equal(space_write(space, VADDR(VA + PAGE_SIZE - 40), bytes, LEN, &done),
			 -EFAULT);
	assert_int_equal(done, 40);
	assert_int_equal(*bytes_at(fixture, guest_paddr(PAGE_SIZE - 1)), 0x77);
	assert_int_equal(space_fill_zeros(space, VADDR(VA - 1), 8, &done), -EFAULT);
	assert_int_equal(done, 0);
	unmake(fixture, space);
}

static void test_rights_decide_the_direction(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space *space = make(fixture);
	unsigned char byte = 1;
	uint64_t done;

	map(fixture, space, VA, guest_paddr(0), PAGE_SIZE, PROP_RO);
	assert_int_equal(space_read(space, VADDR(VA), &byte, 1, &done), 0);
	assert_int_equal(space_write(space, VADDR(VA), &byte, 1, &done), -EFAULT);
	assert_int_equal(space_fill_zeros(space, VADDR(VA), 1, &done), -EFAULT);
	assert_int_equal(done, 0);
	assert_int_equal(*bytes_at(fixture, guest_paddr(0)), 0);
	unmake(fixture, space);
}

static void test_untracked_memory_is_not_touched(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space *space = make(fixture);
	unsigned char byte = 1;
	uint64_t done;

	/* Beyond the domain, and in it. */
	assert_int_equal(space_map(space, VADDR(VA), PADDR(GIB(64)), PAGE_SIZE, 1, PROP_RW, false),
			 0);
	assert_int_equal(space_map(space, VADDR(VA + PAGE_SIZE), guest_paddr(0), PAGE_SIZE, 1,
				   PROP_RW, false),
			 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(space_write(space, VADDR(VA + PAGES(i)), &byte, 1, &done),
				 -EFAULT);
		assert_int_equal(space_read(space, VADDR(VA + PAGES(i)), &byte, 1, &done), -EFAULT);
	}
	assert_int_equal(*bytes_at(fixture, guest_paddr(0)), 0);
	unmake(fixture, space);
}

static void test_large_leaf_is_one_range(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space *space = make(fixture);
	static unsigned char back[PAGES(40)];
	struct pt_mapping leaf;
	uint64_t done;

	map(fixture, space, VA, guest_paddr(0), MIB(2), PROP_RW);
	assert_int_equal(space_query(space, VADDR(VA), &leaf), 0);
	assert_int_equal(leaf.level, 2);
	for (uint64_t at = 0; at < MIB(2); at += 4)
		*(uint32_t *)(void *)bytes_at(fixture, guest_paddr(at)) = (uint32_t)at * 3 + 1;
	/* Longer than one piece, and neither end at a page. */
	assert_int_equal(space_read(space, VADDR(VA + 12345), back, sizeof(back), &done), 0);
	assert_int_equal(done, sizeof(back));
	assert_memory_equal(back, bytes_at(fixture, guest_paddr(12345)), sizeof(back));
	assert_int_equal(space_read(space, VADDR(VA + MIB(2) - 5), back, 6, &done), -EFAULT);
	assert_int_equal(done, 5);
	unmake(fixture, space);
}

static void test_range_outside_the_address_space_is_refused(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space *space = make(fixture);
	uint64_t top = UINT64_C(1) << 48, done = 1;
	struct io_range range = { 0 };
	unsigned char byte = 0;
	struct space_io io;

	assert_int_equal(space_read(space, VADDR(UINT64_MAX), &byte, 2, &done), -EOVERFLOW);
	assert_int_equal(done, 0);
	assert_int_equal(space_write(space, VADDR(2), &byte, UINT64_MAX, &done), -EOVERFLOW);
	assert_int_equal(space_fill_zeros(space, VADDR(top - 1), 2, NULL), -ERANGE);
	assert_int_equal(space_io_range(&io, space, VADDR(top), 1, &range), -ERANGE);
	assert_null(range.access);
	assert_int_equal(space_io_range(&io, space, VADDR(top), 0, &range), 0);
	unmake(fixture, space);
}

static void test_last_byte_of_the_address_space_is_reached(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space *space = make(fixture);
	uint64_t last = fixture->table.format->sign_extended ? -PAGE_SIZE :
							       (UINT64_C(1) << 48) - PAGE_SIZE;
	unsigned char byte = 9;
	uint64_t done;

	map(fixture, space, last, guest_paddr(0), PAGE_SIZE, PROP_RW);
	assert_int_equal(space_write(space, VADDR(last + PAGE_SIZE - 1), &byte, 1, &done), 0);
	assert_int_equal(done, 1);
	assert_int_equal(*bytes_at(fixture, guest_paddr(PAGE_SIZE - 1)), 9);
	unmake(fixture, space);
}

static void test_words_of_a_space_change_atomically(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space *space = make(fixture);
	struct io_range range;
	struct space_io io;
	uint32_t value;

	map(fixture, space, VA, guest_paddr(0), PAGE_SIZE, PROP_RW);
	map(fixture, space, VA + PAGE_SIZE, guest_paddr(PAGE_SIZE), PAGE_SIZE, PROP_RO);
	assert_int_equal(space_io_range(&io, space, VADDR(VA + 8), PAGES(2), &range), 0);
	assert_int_equal(io_range_compare_exchange(&range, 0, 5, &value), 1);
	assert_int_equal(io_range_compare_exchange(&range, 0, 6, &value), 0);
	assert_int_equal(value, 5);
	assert_int_equal(io_range_skip(&range, PAGE_SIZE), 0);
	assert_int_equal(io_range_load(&range, &value), 0);
	assert_int_equal(io_range_compare_exchange(&range, 0, 5, &value), -EFAULT);
	unmake(fixture, space);
}

/* BUG-10: told, not hung. */
static void test_thread_with_a_cursor_there_is_told(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space *space = make(fixture);
	struct cursor cursor;
	unsigned char byte;
	uint64_t done;

	map(fixture, space, VA, guest_paddr(0), PAGE_SIZE, PROP_RW);
	assert_int_equal(
		cursor_open(&cursor, &space->table, VADDR(VA), PAGE_SIZE, CURSOR_MUTATE, 1), 0);
	assert_int_equal(space_read(space, VADDR(VA), &byte, 1, &done), -EDEADLK);
	cursor_close(&cursor);
	assert_int_equal(space_read(space, VADDR(VA), &byte, 1, &done), 0);
	unmake(fixture, space);
}

/* A guest writes into its tables: what is no plain frame in use is not reached through them. */
static void test_leaf_that_a_guest_made_up_leads_to_no_node_and_no_free_frame(void **state)
{
	struct table_fixture *fixture = *state;
	struct vm_space *space = make(fixture);
	const struct pt_format *format = fixture->table.format;
	paddr_t targets[] = { page_table_root(&space->table), frame_number(TABLE_POOL_FIRST + 300),
			      guest_paddr(PAGES(5)) };
	struct pt_node node = space->table.root;
	unsigned char before[PAGE_SIZE], byte = 1;
	pte_t genuine;
	uint64_t done;

	map(fixture, space, VA, guest_paddr(0), PAGE_SIZE, PROP_RW);
	for (unsigned level = format->levels; level > 1; level--)
		node = node_at(fixture->domain,
			       pte_paddr(format, node_read(node, pte_index(VA, level))));
	genuine = node_read(node, pte_index(VA, 1));
	for (unsigned i = 0; i < 3; i++) {
		uint64_t forged = (genuine.raw & ~format->address) | targets[i].value;

		memcpy(before, bytes_at(fixture, targets[i]), PAGE_SIZE);
		node_write(node, pte_index(VA, 1), PTE(forged));
		assert_int_equal(space_write(space, VADDR(VA), &byte, 1, &done), -EFAULT);
		assert_int_equal(space_read(space, VADDR(VA), &byte, 1, &done), -EFAULT);
		assert_memory_equal(bytes_at(fixture, targets[i]), before, PAGE_SIZE);
	}
	node_write(node, pte_index(VA, 1), genuine);
	unmake(fixture, space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_bytes_go_over_pages_that_lie_apart),
		TABLE_TEST(test_copy_stops_at_the_first_page_that_is_absent),
		TABLE_TEST(test_rights_decide_the_direction),
		TABLE_TEST(test_untracked_memory_is_not_touched),
		TABLE_TEST(test_large_leaf_is_one_range),
		TABLE_TEST(test_range_outside_the_address_space_is_refused),
		TABLE_TEST(test_last_byte_of_the_address_space_is_reached),
		TABLE_TEST(test_words_of_a_space_change_atomically),
		TABLE_TEST(test_thread_with_a_cursor_there_is_told),
		TABLE_TEST(test_leaf_that_a_guest_made_up_leads_to_no_node_and_no_free_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
