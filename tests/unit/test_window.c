/* SPDX-License-Identifier: MIT */
/*
 * The window: it shows what it is told to, with the rights that it is told, and nothing else.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/gpa_fixture.h"
#include "tests/unit/memory_probe.h"

#define WINDOW_LEN MIB(16)
#define POOL_LEN MIB(16)

struct fixture {
	struct host_pool pool;
	struct window window;
};

static int setup(void **state)
{
	struct fixture *fixture = malloc(sizeof(*fixture));

	assert_non_null(fixture);
	assert_int_equal(host_pool_create(&fixture->pool, POOL_LEN), 0);
	assert_int_equal(window_create(&fixture->window, WINDOW_LEN), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	window_destroy(&fixture->window);
	host_pool_destroy(&fixture->pool);
	free(fixture);
	return 0;
}

static int show(struct fixture *fixture, uint64_t gpa, uint64_t len, uint64_t offset,
		uint32_t rights)
{
	return window_show(&fixture->window, GPA(gpa), len, fixture->pool.fd, offset, rights);
}

/* Fills a page of the pool. */
static void fill(struct fixture *fixture, uint64_t offset, int byte)
{
	memset((unsigned char *)fixture->pool.memory + offset, byte, PAGE_SIZE);
}

static void assert_rights(struct fixture *fixture, uint64_t gpa, uint64_t len, uint32_t rights)
{
	for (uint64_t at = gpa; at < gpa + len; at += PAGE_SIZE)
		assert_int_equal(memory_rights(fixture->window.memory + at), rights);
}

static void assert_shows(struct fixture *fixture, uint64_t gpa, uint8_t expected)
{
	uint8_t byte;

	assert_true(memory_is_readable(fixture->window.memory + gpa, &byte));
	assert_int_equal(byte, expected);
}

static void test_new_window_shows_nothing(void **state)
{
	assert_rights(*state, 0, WINDOW_LEN, 0);
}

static void test_window_shows_the_part_of_the_pool_that_it_is_told(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture, MIB(3), 0x33);
	fill(fixture, MIB(3) + PAGE_SIZE, 0x34);
	assert_int_equal(show(fixture, MIB(1), 2 * PAGE_SIZE, MIB(3), RW), 0);
	assert_shows(fixture, MIB(1), 0x33);
	assert_shows(fixture, MIB(1) + PAGE_SIZE - 1, 0x33);
	assert_shows(fixture, MIB(1) + PAGE_SIZE, 0x34);
	assert_rights(fixture, MIB(1), 2 * PAGE_SIZE, RW);
	assert_rights(fixture, MIB(1) - PAGE_SIZE, PAGE_SIZE, 0);
	assert_rights(fixture, MIB(1) + 2 * PAGE_SIZE, PAGE_SIZE, 0);
}

static void test_what_is_written_through_the_window_is_in_the_pool(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(show(fixture, 0, PAGE_SIZE, MIB(2), RW), 0);
	fixture->window.memory[5] = 0x55;
	assert_int_equal(((unsigned char *)fixture->pool.memory)[MIB(2) + 5], 0x55);
}

static void test_showing_again_replaces_what_was_shown(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture, 0, 1);
	fill(fixture, PAGE_SIZE, 2);
	assert_int_equal(show(fixture, 0, PAGE_SIZE, 0, RW), 0);
	assert_shows(fixture, 0, 1);
	assert_int_equal(show(fixture, 0, PAGE_SIZE, PAGE_SIZE, PROP_READ), 0);
	assert_shows(fixture, 0, 2);
	assert_rights(fixture, 0, PAGE_SIZE, PROP_READ);
}

static void test_each_combination_of_rights_is_enforced(void **state)
{
	struct fixture *fixture = *state;

	for (uint32_t rights = 0; rights <= RWX; rights++) {
		uint32_t expected = rights & PROP_READ ? rights & RW : 0;

		if (rights & PROP_WRITE && !(rights & PROP_READ))
			continue; /* no page of this CPU is like that */
		assert_int_equal(show(fixture, 0, PAGE_SIZE, 0, rights), 0);
		assert_rights(fixture, 0, PAGE_SIZE, expected);
		assert_int_equal(show(fixture, PAGE_SIZE, PAGE_SIZE, 0, RW), 0);
		assert_int_equal(
			window_protect(&fixture->window, GPA(PAGE_SIZE), PAGE_SIZE, rights), 0);
		assert_rights(fixture, PAGE_SIZE, PAGE_SIZE, expected);
	}
}

static void read_it(unsigned char *address)
{
	*(volatile unsigned char *)address;
}

static void write_it(unsigned char *address)
{
	*(volatile unsigned char *)address = 1;
}

static void run_it(unsigned char *address)
{
	void (*code)(void);

	memcpy(&code, &address, sizeof(code));
	code();
}

/* The signal that ends a process which does this, or 0. */
static int signal_of(void (*access)(unsigned char *), unsigned char *address)
{
	pid_t child = fork();
	int status;

	assert_int_not_equal(child, -1);
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL); /* a sanitizer would make it an exit */
		access(address);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_access_that_is_not_allowed_faults(void **state)
{
	struct fixture *fixture = *state;
	unsigned char *page = fixture->window.memory;

	assert_int_equal(signal_of(read_it, page), SIGSEGV);
	assert_int_equal(show(fixture, 0, PAGE_SIZE, 0, PROP_READ), 0);
	assert_int_equal(signal_of(read_it, page), 0);
	assert_int_equal(signal_of(write_it, page), SIGSEGV);
	assert_int_equal(window_protect(&fixture->window, GPA(0), PAGE_SIZE, RW), 0);
	assert_int_equal(signal_of(write_it, page), 0);
	assert_int_equal(window_hide(&fixture->window, GPA(0), PAGE_SIZE), 0);
	assert_int_equal(signal_of(write_it, page), SIGSEGV);
}

static void test_nothing_in_the_window_is_executable_for_the_process(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture, 0, 0xc3); /* RET */
	assert_int_equal(show(fixture, 0, PAGE_SIZE, 0, RWX), 0);
	assert_int_equal(signal_of(run_it, fixture->window.memory), SIGSEGV);
	assert_int_equal(window_protect(&fixture->window, GPA(0), PAGE_SIZE, RX), 0);
	assert_int_equal(signal_of(run_it, fixture->window.memory), SIGSEGV);
}

static void test_protecting_keeps_the_bytes_and_the_neighbours(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture, PAGE_SIZE, 0x11);
	assert_int_equal(show(fixture, 0, 3 * PAGE_SIZE, 0, RW), 0);
	assert_int_equal(window_protect(&fixture->window, GPA(PAGE_SIZE), PAGE_SIZE, 0), 0);
	assert_rights(fixture, 0, PAGE_SIZE, RW);
	assert_rights(fixture, PAGE_SIZE, PAGE_SIZE, 0);
	assert_rights(fixture, 2 * PAGE_SIZE, PAGE_SIZE, RW);
	assert_int_equal(window_protect(&fixture->window, GPA(PAGE_SIZE), PAGE_SIZE, PROP_READ), 0);
	assert_shows(fixture, PAGE_SIZE, 0x11);
}

static void test_hiding_takes_the_range_and_nothing_beside_it(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture, 0, 1);
	fill(fixture, 2 * PAGE_SIZE, 3);
	assert_int_equal(show(fixture, 0, 3 * PAGE_SIZE, 0, RW), 0);
	assert_int_equal(window_hide(&fixture->window, GPA(PAGE_SIZE), PAGE_SIZE), 0);
	assert_shows(fixture, 0, 1);
	assert_rights(fixture, PAGE_SIZE, PAGE_SIZE, 0);
	assert_shows(fixture, 2 * PAGE_SIZE, 3);
}

static void test_hiding_what_is_hidden_changes_nothing(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(window_hide(&fixture->window, GPA(0), WINDOW_LEN), 0);
	assert_rights(fixture, 0, WINDOW_LEN, 0);
	assert_int_equal(memory_mappings(fixture->window.memory, WINDOW_LEN), 1);
}

static void test_neighbours_in_window_and_pool_are_one_host_mapping(void **state)
{
	struct fixture *fixture = *state;
	const unsigned char *memory = fixture->window.memory;

	assert_int_equal(show(fixture, 0, MIB(1), 0, RW), 0);
	assert_int_equal(show(fixture, MIB(1), MIB(1), MIB(1), RW), 0);
	assert_int_equal(memory_mappings(memory, MIB(2)), 1);
	assert_int_equal(window_hide(&fixture->window, GPA(PAGE_SIZE), PAGE_SIZE), 0);
	assert_int_equal(memory_mappings(memory, MIB(2)), 3);
	assert_int_equal(show(fixture, PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, RW), 0);
	assert_int_equal(memory_mappings(memory, MIB(2)), 1);
}

static void assert_refused(struct fixture *fixture, uint64_t gpa, uint64_t len, int error)
{
	struct window *window = &fixture->window;

	assert_int_equal(show(fixture, gpa, len, 0, RW), error);
	assert_int_equal(window_protect(window, GPA(gpa), len, RW), error);
	assert_int_equal(window_hide(window, GPA(gpa), len), error);
}

static void test_range_that_is_not_in_the_window_is_refused(void **state)
{
	assert_refused(*state, 0, WINDOW_LEN + PAGE_SIZE, -ERANGE);
	assert_refused(*state, WINDOW_LEN, PAGE_SIZE, -ERANGE);
	assert_refused(*state, WINDOW_LEN - PAGE_SIZE, 2 * PAGE_SIZE, -ERANGE);
	assert_refused(*state, UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE, -ERANGE);
	assert_refused(*state, PAGE_SIZE, UINT64_MAX - PAGE_SIZE + 1, -ERANGE);
	assert_rights(*state, 0, WINDOW_LEN, 0);
}

static void test_range_that_is_empty_or_misaligned_is_refused(void **state)
{
	assert_refused(*state, 0, 0, -EINVAL);
	assert_refused(*state, 1, PAGE_SIZE, -EINVAL);
	assert_refused(*state, 0, PAGE_SIZE + 1, -EINVAL);
}

static void test_window_is_aligned_like_the_largest_leaf_that_fits_in_it(void **state)
{
	static const uint64_t lens[] = { KIB(4), MIB(2), GIB(1), GIB(1) + KIB(4), GIB(5) };
	static const uint64_t aligns[] = { KIB(4), MIB(2), GIB(1), GIB(1), GIB(1) };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct window window;

		assert_int_equal(window_create(&window, lens[i]), 0);
		assert_true(is_aligned((uintptr_t)window.memory, aligns[i]));
		window_destroy(&window);
	}
}

static void test_window_reserves_its_length_and_gives_it_back(void **state)
{
	uint64_t before = memory_used();
	struct window window;

	(void)state;
	assert_int_equal(window_create(&window, GIB(3)), 0);
	assert_int_equal(memory_used() - before, GIB(3));
	window_destroy(&window);
	assert_int_equal(memory_used(), before);
}

static void test_window_that_is_longer_than_the_address_space_is_refused(void **state)
{
	struct window window;

	(void)state;
	assert_int_equal(window_create(&window, UINT64_C(1) << 48), -ENOMEM);
	assert_int_equal(window_create(&window, UINT64_MAX - PAGE_SIZE + 1), -ENOMEM);
}

#define WINDOW_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WINDOW_TEST(test_new_window_shows_nothing),
		WINDOW_TEST(test_window_shows_the_part_of_the_pool_that_it_is_told),
		WINDOW_TEST(test_what_is_written_through_the_window_is_in_the_pool),
		WINDOW_TEST(test_showing_again_replaces_what_was_shown),
		WINDOW_TEST(test_each_combination_of_rights_is_enforced),
		WINDOW_TEST(test_access_that_is_not_allowed_faults),
		WINDOW_TEST(test_nothing_in_the_window_is_executable_for_the_process),
		WINDOW_TEST(test_protecting_keeps_the_bytes_and_the_neighbours),
		WINDOW_TEST(test_hiding_takes_the_range_and_nothing_beside_it),
		WINDOW_TEST(test_hiding_what_is_hidden_changes_nothing),
		WINDOW_TEST(test_neighbours_in_window_and_pool_are_one_host_mapping),
		WINDOW_TEST(test_range_that_is_not_in_the_window_is_refused),
		WINDOW_TEST(test_range_that_is_empty_or_misaligned_is_refused),
		cmocka_unit_test(test_window_is_aligned_like_the_largest_leaf_that_fits_in_it),
		cmocka_unit_test(test_window_reserves_its_length_and_gives_it_back),
		cmocka_unit_test(test_window_that_is_longer_than_the_address_space_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
