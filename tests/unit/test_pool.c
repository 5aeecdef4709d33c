/* SPDX-License-Identifier: MIT */
/*
 * The pool: its file, its frames, and what it costs.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "mm/frame.h"
#include "tests/unit/gpa_fixture.h"
#include "tests/unit/memory_probe.h"

#define POOL_LEN MIB(64)

static int setup(void **state)
{
	*state = malloc(sizeof(struct host_pool));
	assert_non_null(*state);
	return host_pool_create(*state, POOL_LEN);
}

static int teardown(void **state)
{
	host_pool_destroy(*state);
	free(*state);
	return 0;
}

static uint64_t populated(const struct host_pool *pool)
{
	struct stat status;

	assert_int_equal(fstat(pool->fd, &status), 0);
	return (uint64_t)status.st_blocks * 512;
}

static void test_every_frame_of_a_new_pool_is_free(void **state)
{
	const struct host_pool *pool = *state;

	assert_int_equal(pool->len, POOL_LEN);
	assert_int_equal(pool->domain.nr_frames, POOL_LEN / PAGE_SIZE);
	assert_int_equal(allocator_free_frames(&pool->domain), POOL_LEN / PAGE_SIZE);
	assert_ptr_equal(domain_pointer(&pool->domain, PADDR(0)), pool->memory);
}

static void test_new_pool_has_no_page_populated(void **state)
{
	assert_int_equal(populated(*state), 0);
}

static void test_pool_costs_what_is_touched_until_it_is_cleared(void **state)
{
	struct host_pool *pool = *state;
	unsigned char *memory = pool->memory;
	uint64_t before;

	memory[MIB(1)] = 1;
	memory[MIB(2)] = 2;
	memory[MIB(3)] = 3;
	before = populated(pool);
	assert_true(before >= 3 * PAGE_SIZE);
	assert_int_equal(host_pool_clear(pool, PADDR(MIB(2)), MIB(1)), 0);
	assert_true(populated(pool) < before);
	assert_int_equal(memory[MIB(1)], 1);
	assert_int_equal(memory[MIB(2)], 0);
	assert_int_equal(memory[MIB(3)], 3);
}

static void test_clearing_a_whole_untouched_pool_populates_nothing(void **state)
{
	assert_int_equal(host_pool_clear(*state, PADDR(0), POOL_LEN), 0);
	assert_int_equal(populated(*state), 0);
}

static void test_clearing_what_is_not_in_the_pool_is_refused(void **state)
{
	struct host_pool *pool = *state;

	memset(pool->memory, 0x5a, PAGE_SIZE);
	assert_true(host_pool_clear(pool, PADDR(0), 0) < 0);
	assert_true(host_pool_clear(pool, PADDR(UINT64_MAX - PAGE_SIZE + 1), PAGE_SIZE) < 0);
	assert_int_equal(*(unsigned char *)pool->memory, 0x5a);
}

static void test_file_of_a_pool_never_changes_its_size(void **state)
{
	const struct host_pool *pool = *state;
	struct stat status;

	assert_int_equal(ftruncate(pool->fd, POOL_LEN - PAGE_SIZE), -1);
	assert_int_equal(ftruncate(pool->fd, POOL_LEN + PAGE_SIZE), -1);
	assert_int_equal(fstat(pool->fd, &status), 0);
	assert_int_equal(status.st_size, POOL_LEN);
}

static void test_file_of_a_pool_is_closed_on_exec(void **state)
{
	const struct host_pool *pool = *state;

	assert_int_equal(fcntl(pool->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void test_frames_are_shared_with_whoever_maps_the_file(void **state)
{
	const struct host_pool *pool = *state;
	unsigned char *memory = pool->memory;
	unsigned char *other =
		mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, pool->fd, MIB(5));

	assert_ptr_not_equal(other, MAP_FAILED);
	other[7] = 0x77;
	assert_int_equal(memory[MIB(5) + 7], 0x77);
	munmap(other, PAGE_SIZE);
}

static void assert_created_len(uint64_t len, uint64_t expected)
{
	struct host_pool pool;

	assert_int_equal(host_pool_create(&pool, len), 0);
	assert_int_equal(pool.len, expected);
	assert_int_equal(pool.domain.nr_frames, expected / PAGE_SIZE);
	host_pool_destroy(&pool);
}

static void test_length_of_a_pool_is_rounded_up_to_a_page(void **state)
{
	(void)state;
	assert_created_len(1, PAGE_SIZE);
	assert_created_len(PAGE_SIZE, PAGE_SIZE);
	assert_created_len(PAGE_SIZE + 1, 2 * PAGE_SIZE);
}

static void test_pool_without_bytes_or_with_too_many_frames_is_refused(void **state)
{
	const uint64_t most = UINT64_C(0xffffffff) * PAGE_SIZE;
	struct host_pool pool;

	(void)state;
	assert_int_equal(host_pool_create(&pool, 0), -EINVAL);
	assert_int_equal(host_pool_create(&pool, most + 1), -EINVAL);
	assert_int_equal(host_pool_create(&pool, UINT64_C(1) << 46), -EINVAL);
	assert_int_equal(host_pool_create(&pool, UINT64_MAX), -EINVAL);
}

static int files_open(void)
{
	int count = 0;

	for (int fd = 0; fd < 64; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_pool_without_a_file_descriptor_is_refused(void **state)
{
	struct rlimit files, none;
	struct host_pool pool;
	int error;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	none = (struct rlimit){ 0, files.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	error = host_pool_create(&pool, POOL_LEN);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(error, -EMFILE);
}

static void assert_refused_with(uint64_t more, uint64_t len)
{
	int files = files_open();
	uint64_t used = memory_used();
	struct host_pool pool;
	int error;

	memory_limit(more);
	error = host_pool_create(&pool, len);
	memory_unlimit();
	assert_int_equal(error, -ENOMEM);
	assert_int_equal(files_open(), files);
	assert_int_equal(memory_used(), used);
}

/* With room for the frames only, which are reserved with 2 MiB too much, the slots find none. */
static void test_pool_without_address_space_leaves_nothing_behind(void **state)
{
	(void)state;
	assert_refused_with(0, MIB(512));
	assert_refused_with(MIB(514), MIB(512));
}

static void test_pool_is_aligned_like_the_largest_page_that_fits_in_it(void **state)
{
	struct host_pool pool;

	assert_true(is_aligned((uintptr_t)((struct host_pool *)*state)->memory, MIB(2)));
	assert_int_equal(host_pool_create(&pool, GIB(1)), 0);
	assert_true(is_aligned((uintptr_t)pool.memory, GIB(1)));
	host_pool_destroy(&pool);
}

static void test_pool_for_a_vm_gives_runs_as_aligned_as_its_leaves(void **state)
{
	uint64_t ram = GIB(2) + MIB(2);
	struct segment segments[3];
	struct host_pool pool;

	(void)state;
	assert_int_equal(host_pool_create(&pool, host_pool_len_for(ram)), 0);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t len = i < 2 ? GIB(1) : MIB(2);

		assert_int_equal(segment_alloc(&pool.domain, len / PAGE_SIZE, len, FRAME_DATA,
					       &segments[i]),
				 0);
		assert_true(is_aligned(segments[i].paddr.value, len));
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(segment_put(&segments[i]), 0);
	assert_int_equal(allocator_free_frames(&pool.domain), pool.domain.nr_frames);
	host_pool_destroy(&pool);
}

/* Nodes of a table that has 4 KiB leaves from 0 on, the root included. */
static uint64_t nodes_for(uint64_t ram_len)
{
	uint64_t nodes = 0;

	for (unsigned level = 2; level <= 5; level++)
		nodes += (ram_len + level_size(level) - 1) / level_size(level);
	return nodes;
}

static void test_length_for_a_vm_has_room_for_ram_and_every_node(void **state)
{
	static const uint64_t lens[] = { PAGE_SIZE, MIB(1),  MIB(128),		GIB(3),
					 GIB(4),    GIB(64), UINT64_C(1) << 43, RAM_LEN_MAX };

	(void)state;
	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint64_t len = host_pool_len_for(lens[i]);
		uint64_t needed = lens[i] + nodes_for(lens[i]) * PAGE_SIZE;

		assert_true(len >= needed);
		assert_true(len - needed < needed / 100 + MIB(8));
		assert_true(is_aligned(len, MIB(4)));
	}
}

#define NEW_POOL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEW_POOL_TEST(test_every_frame_of_a_new_pool_is_free),
		NEW_POOL_TEST(test_new_pool_has_no_page_populated),
		NEW_POOL_TEST(test_pool_costs_what_is_touched_until_it_is_cleared),
		NEW_POOL_TEST(test_clearing_a_whole_untouched_pool_populates_nothing),
		NEW_POOL_TEST(test_clearing_what_is_not_in_the_pool_is_refused),
		NEW_POOL_TEST(test_file_of_a_pool_never_changes_its_size),
		NEW_POOL_TEST(test_file_of_a_pool_is_closed_on_exec),
		NEW_POOL_TEST(test_frames_are_shared_with_whoever_maps_the_file),
		cmocka_unit_test(test_length_of_a_pool_is_rounded_up_to_a_page),
		cmocka_unit_test(test_pool_without_bytes_or_with_too_many_frames_is_refused),
		cmocka_unit_test(test_pool_without_a_file_descriptor_is_refused),
		cmocka_unit_test(test_pool_without_address_space_leaves_nothing_behind),
		NEW_POOL_TEST(test_pool_is_aligned_like_the_largest_page_that_fits_in_it),
		cmocka_unit_test(test_pool_for_a_vm_gives_runs_as_aligned_as_its_leaves),
		cmocka_unit_test(test_length_for_a_vm_has_room_for_ram_and_every_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
