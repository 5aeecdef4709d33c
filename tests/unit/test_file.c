/* SPDX-License-Identifier: MIT */
/*
 * Reading whole files: what is read, and what is refused without waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/file.h"

/* A folder of its own for each test, and a path in it. */
struct place {
	char folder[32];
	char path[48];
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->folder, "/tmp/test_file.XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/it", place->folder);
	*state = place;
	return 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	remove(place->path);
	rmdir(place->folder);
	free(place);
	return 0;
}

static void write_it(const struct place *place, const void *bytes, size_t len)
{
	int fd = open(place->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void assert_refused(const char *path, uint64_t limit, int number, const char *words)
{
	struct file file;
	struct image_error error;

	assert_int_equal(file_read(path, limit, &file, &error), -number);
	if (!strstr(error.text, words) || !strstr(error.text, path))
		fail_msg("the sentence '%s' does not name '%s' and say '%s'", error.text, path,
			 words);
}

static void test_file_is_read_to_the_last_byte(void **state)
{
	const struct place *place = *state;
	char bytes[10000];
	struct file file;
	struct image_error error;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7);
	write_it(place, bytes, sizeof(bytes));
	assert_int_equal(file_read(place->path, sizeof(bytes), &file, &error), 0);
	assert_int_equal(file.len, sizeof(bytes));
	assert_memory_equal(file.bytes, bytes, sizeof(bytes));
	file_free(&file);
	assert_null(file.bytes);
}

static void test_file_that_changes_afterwards_stays_as_it_was_read(void **state)
{
	const struct place *place = *state;
	struct file file;
	struct image_error error;

	write_it(place, "before", 6);
	assert_int_equal(file_read(place->path, 6, &file, &error), 0);
	write_it(place, "", 0);
	assert_memory_equal(file.bytes, "before", 6);
	file_free(&file);
}

static void test_empty_file_has_no_bytes(void **state)
{
	const struct place *place = *state;
	struct file file;
	struct image_error error;

	write_it(place, "", 0);
	assert_int_equal(file_read(place->path, 0, &file, &error), 0);
	assert_int_equal(file.len, 0);
	file_free(&file);
}

static void test_file_above_the_limit_is_refused(void **state)
{
	const struct place *place = *state;

	write_it(place, "1234", 4);
	assert_refused(place->path, 3, EFBIG, "longer than 3 bytes");
}

static void test_file_larger_than_memory_is_refused(void **state)
{
	const struct place *place = *state;

	write_it(place, "", 0);
	assert_int_equal(truncate(place->path, INT64_C(1) << 33), 0);
	assert_refused(place->path, UINT64_C(1) << 32, EFBIG, "longer");
}

static void test_missing_file_is_refused(void **state)
{
	const struct place *place = *state;

	assert_refused(place->path, 1, ENOENT, "No such file");
}

static void test_folder_is_refused(void **state)
{
	const struct place *place = *state;

	assert_refused(place->folder, 1 << 20, EINVAL, "not a regular file");
}

static void test_fifo_without_writer_is_refused_at_once(void **state)
{
	const struct place *place = *state;

	assert_int_equal(mkfifo(place->path, 0600), 0);
	assert_refused(place->path, 1 << 20, EINVAL, "not a regular file");
}

#define PLACED_TEST(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED_TEST(test_file_is_read_to_the_last_byte),
		PLACED_TEST(test_file_that_changes_afterwards_stays_as_it_was_read),
		PLACED_TEST(test_empty_file_has_no_bytes),
		PLACED_TEST(test_file_above_the_limit_is_refused),
		PLACED_TEST(test_file_larger_than_memory_is_refused),
		PLACED_TEST(test_missing_file_is_refused),
		PLACED_TEST(test_folder_is_refused),
		PLACED_TEST(test_fifo_without_writer_is_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
