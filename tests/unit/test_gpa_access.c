/* SPDX-License-Identifier: MIT */
/*
 * The VMM's own accesses to guest memory go exactly as far as the host table allows.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gpa_fixture.h"

/*
 * [1 MiB, 5 MiB) is mapped, of which [3 MiB, 3 MiB + 8 KiB) may only be read; behind it is a page
 * without rights.
 */
#define START MIB(1)
#define END MIB(5)
#define READ_ONLY MIB(3)
#define READ_ONLY_END (READ_ONLY + KIB(8))
#define FORBIDDEN END

static int setup(void **state)
{
	struct gpa_space *space;

	gpa_fixture_setup(state);
	space = &((struct gpa_fixture *)*state)->space;
	assert_int_equal(gpa_space_map(space, GPA(START), END - START, RWX), 0);
	assert_int_equal(gpa_space_protect(space, GPA(READ_ONLY), READ_ONLY_END - READ_ONLY,
					   PROP_READ, NULL),
			 0);
	assert_int_equal(gpa_space_map(space, GPA(FORBIDDEN), PAGE_SIZE, 0), 0);
	return 0;
}

static void assert_pointer(struct gpa_fixture *fixture, uint64_t gpa, uint64_t len, uint32_t rights,
			   bool expected)
{
	void *pointer = gpa_space_pointer(&fixture->space, GPA(gpa), len, rights);

	assert_ptr_equal(pointer, expected ? fixture->space.window.memory + gpa : NULL);
}

static void test_pointer_is_given_where_every_page_is_mapped(void **state)
{
	assert_pointer(*state, START, END - START, PROP_READ, true);
	assert_pointer(*state, START, 1, RWX, true);
	assert_pointer(*state, END - 1, 1, RWX, true);
	assert_pointer(*state, MIB(2) - 1, 2, RWX, true);
	assert_pointer(*state, START + 3, PAGE_SIZE, RWX, true);
}

static void test_pointer_is_refused_where_a_byte_is_not_mapped(void **state)
{
	assert_pointer(*state, START - 1, 1, PROP_READ, false);
	assert_pointer(*state, START - 1, 2, PROP_READ, false);
	assert_pointer(*state, END - 1, 2, PROP_READ, false);
	assert_pointer(*state, START, END - START + 1, PROP_READ, false);
	assert_pointer(*state, 0, FIXTURE_RAM, PROP_READ, false);
}

static void test_pointer_is_refused_where_a_page_lacks_a_right(void **state)
{
	assert_pointer(*state, READ_ONLY, 1, PROP_WRITE, false);
	assert_pointer(*state, READ_ONLY_END - 1, 1, PROP_WRITE, false);
	assert_pointer(*state, READ_ONLY - 1, 2, PROP_WRITE, false);
	assert_pointer(*state, READ_ONLY_END - 1, 2, PROP_WRITE, false);
	assert_pointer(*state, READ_ONLY, 1, PROP_EXECUTE, false);
	assert_pointer(*state, START, END - START, RW, false);
	assert_pointer(*state, READ_ONLY, PAGE_SIZE, PROP_READ, true);
	assert_pointer(*state, READ_ONLY - 1, 1, PROP_WRITE, true);
	assert_pointer(*state, READ_ONLY_END, 1, PROP_WRITE, true);
	assert_pointer(*state, FORBIDDEN, 1, PROP_READ, false);
	assert_pointer(*state, FORBIDDEN - 1, 2, PROP_READ, false);
}

static void test_pointer_to_nothing_or_beyond_ram_is_refused(void **state)
{
	assert_pointer(*state, START, 0, PROP_READ, false);
	assert_pointer(*state, FIXTURE_RAM - 1, 2, PROP_READ, false);
	assert_pointer(*state, FIXTURE_RAM, 1, PROP_READ, false);
	assert_pointer(*state, START, UINT64_MAX, PROP_READ, false);
	assert_pointer(*state, START, UINT64_MAX - START + 1, PROP_READ, false);
	assert_pointer(*state, START, UINT64_MAX - START + 2, PROP_READ, false);
	assert_pointer(*state, UINT64_MAX, 1, PROP_READ, false);
	assert_pointer(*state, UINT64_MAX, START + 2, PROP_READ, false);
	assert_pointer(*state, UINT64_C(1) << 48, 1, PROP_READ, false);
}

static void test_what_is_written_is_read_back_across_pages(void **state)
{
	struct gpa_fixture *fixture = *state;
	char written[3 * PAGE_SIZE], read[3 * PAGE_SIZE];
	gpa_t at = GPA(MIB(2) - PAGE_SIZE - 5);

	for (unsigned i = 0; i < sizeof(written); i++)
		written[i] = (char)(i * 7);
	assert_int_equal(gpa_space_write(&fixture->space, at, written, sizeof(written)), 0);
	assert_int_equal(gpa_space_read(&fixture->space, at, read, sizeof(read)), 0);
	assert_memory_equal(read, written, sizeof(read));
	assert_int_equal(byte_at(fixture, at.value - 1), 0);
	assert_int_equal(byte_at(fixture, at.value + sizeof(written)), 0);
}

static void test_copy_that_is_not_allowed_copies_nothing(void **state)
{
	struct gpa_fixture *fixture = *state;
	struct gpa_space *space = &fixture->space;
	uint8_t bytes[16];

	memset(bytes, 0x5a, sizeof(bytes));
	assert_int_equal(gpa_space_write(space, GPA(END - 8), bytes, 16), -EFAULT);
	assert_int_equal(gpa_space_write(space, GPA(READ_ONLY - 8), bytes, 16), -EFAULT);
	assert_int_equal(gpa_space_write(space, GPA(START), bytes, 0), -EFAULT);
	assert_int_equal(gpa_space_write(space, GPA(UINT64_MAX - 8), bytes, 16), -EFAULT);
	assert_int_equal(byte_at(fixture, END - 8), 0);
	assert_int_equal(byte_at(fixture, READ_ONLY - 8), 0);
	assert_int_equal(gpa_space_read(space, GPA(END - 8), bytes, 16), -EFAULT);
	assert_int_equal(gpa_space_read(space, GPA(FORBIDDEN), bytes, 1), -EFAULT);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0x5a);
}

static void test_read_only_memory_can_be_read(void **state)
{
	struct gpa_space *space = &((struct gpa_fixture *)*state)->space;
	uint8_t byte = 1;

	assert_int_equal(gpa_space_read(space, GPA(READ_ONLY), &byte, 1), 0);
	assert_int_equal(byte, 0);
}

static void test_accesses_follow_every_change_of_the_table(void **state)
{
	struct gpa_fixture *fixture = *state;
	uint8_t byte = 7;

	assert_int_equal(gpa_space_write(&fixture->space, GPA(MIB(4)), &byte, 1), 0);
	assert_int_equal(gpa_space_unmap(&fixture->space, GPA(MIB(4)), PAGE_SIZE, NULL), 0);
	assert_int_equal(gpa_space_read(&fixture->space, GPA(MIB(4)), &byte, 1), -EFAULT);
	assert_int_equal(gpa_space_map(&fixture->space, GPA(MIB(4)), PAGE_SIZE, PROP_READ), 0);
	assert_int_equal(gpa_space_write(&fixture->space, GPA(MIB(4)), &byte, 1), -EFAULT);
	assert_int_equal(gpa_space_read(&fixture->space, GPA(MIB(4)), &byte, 1), 0);
	assert_int_equal(byte, 0);
}

#define ACCESS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, gpa_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ACCESS_TEST(test_pointer_is_given_where_every_page_is_mapped),
		ACCESS_TEST(test_pointer_is_refused_where_a_byte_is_not_mapped),
		ACCESS_TEST(test_pointer_is_refused_where_a_page_lacks_a_right),
		ACCESS_TEST(test_pointer_to_nothing_or_beyond_ram_is_refused),
		ACCESS_TEST(test_what_is_written_is_read_back_across_pages),
		ACCESS_TEST(test_copy_that_is_not_allowed_copies_nothing),
		ACCESS_TEST(test_read_only_memory_can_be_read),
		ACCESS_TEST(test_accesses_follow_every_change_of_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
