/* SPDX-License-Identifier: MIT */
/*
 * Where control sockets are: names, folders that are not ours, sockets that nobody listens at.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/control_place.h"

static char runtime[] = "/tmp/vmm-test-XXXXXX";

static int begin(void **state)
{
	(void)state;
	strcpy(runtime + sizeof(runtime) - 7, "XXXXXX");
	return mkdtemp(runtime) && !setenv("XDG_RUNTIME_DIR", runtime, 1) ? 0 : -1;
}

static int end(void **state)
{
	char path[sizeof(runtime) + 40];
	static const char *const files[] = { "vmm/one.sock", "vmm/two.sock", "vmm" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", runtime, files[i]);
		remove(path);
	}
	return rmdir(runtime);
}

static void test_names(void **state)
{
	static const char *const good[] = { "a", "web", "web-1_2.x", "1a",
					    "abcdefghijklmnopqrstuvwxyz012345" };
	static const char *const bad[] = {
		"",   "1",   "0123", "a/b",	 "..",	 ".a",
		"-a", "a b", "a\n",  "\xc3\xa4", "a%sb", "abcdefghijklmnopqrstuvwxyz0123456"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(control_name_is_good(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(control_name_is_good(bad[i]));
}

static void test_the_folder_is_made_for_the_user_alone(void **state)
{
	char folder[CONTROL_PATH_LEN];
	struct stat status;

	(void)state;
	assert_int_equal(control_folder(folder, false), -ENOENT);
	assert_int_equal(control_folder(folder, true), 0);
	assert_int_equal(stat(folder, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(control_folder(folder, true), 0);
}

static void test_a_folder_that_others_may_enter_is_refused(void **state)
{
	char folder[CONTROL_PATH_LEN];

	(void)state;
	assert_int_equal(control_folder(folder, true), 0);
	assert_int_equal(chmod(folder, 0750), 0);
	assert_int_equal(control_folder(folder, true), -EPERM);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(symlink("/tmp", folder), 0);
	assert_int_equal(control_folder(folder, true), -EPERM);
}

static void test_a_folder_with_a_long_name_is_refused(void **state)
{
	char folder[CONTROL_PATH_LEN], long_name[200] = "/";

	(void)state;
	memset(long_name + 1, 'a', sizeof(long_name) - 2);
	setenv("XDG_RUNTIME_DIR", long_name, 1);
	assert_int_equal(control_folder(folder, false), -ENAMETOOLONG);
}

static void test_a_name_is_taken_while_somebody_listens(void **state)
{
	char path[CONTROL_PATH_LEN];
	struct stat status;
	int first, other, pid = 0;

	(void)state;
	assert_int_equal(control_path_of("one", true, path), 0);
	assert_int_equal(control_connect(path, NULL), -ENOENT);
	first = control_listen(path);
	assert_true(first >= 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(control_listen(path), -EADDRINUSE);
	other = control_connect(path, &pid);
	assert_true(other >= 0);
	assert_int_equal(pid, getpid());
	assert_false(control_remove_stale(path));
	close(other);
	close(first);
}

static void test_a_stale_socket_is_replaced_and_removed(void **state)
{
	char path[CONTROL_PATH_LEN];
	int fd;

	(void)state;
	assert_int_equal(control_path_of("one", true, path), 0);
	for (int i = 0; i < 2; i++) {
		fd = control_listen(path);
		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(control_connect(path, NULL), -ECONNREFUSED);
	}
	assert_true(control_remove_stale(path));
	assert_int_equal(access(path, F_OK), -1);
	assert_false(control_remove_stale(path));
}

static void test_what_is_no_socket_stays(void **state)
{
	char path[CONTROL_PATH_LEN];

	(void)state;
	assert_int_equal(control_path_of("one", true, path), 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(control_listen(path), -EADDRINUSE);
	assert_false(control_remove_stale(path));
	assert_int_equal(access(path, F_OK), 0);
}

static void test_vms_are_found_by_name_and_pid_and_path(void **state)
{
	char path[CONTROL_PATH_LEN], pid[16];
	struct image_error error;
	int listener, fd;

	(void)state;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(control_path_of("one", true, path), 0);
	assert_int_equal(control_find("one", &error), -ENOENT);
	assert_int_equal(control_find(pid, &error), -ENOENT);
	assert_int_equal(control_find("a b", &error), -EINVAL);
	assert_int_equal(control_find("", &error), -EINVAL);
	assert_int_equal(control_find("99999999999999999999", &error), -ENOENT);
	listener = control_listen(path);
	assert_true(listener >= 0);
	assert_true((fd = control_find("one", &error)) >= 0);
	close(fd);
	assert_true((fd = control_find(pid, &error)) >= 0);
	close(fd);
	assert_true((fd = control_find(path, &error)) >= 0);
	close(fd);
	close(listener);
	assert_int_equal(control_find("one", &error), -ECONNREFUSED);
}

#define PLACE_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		PLACE_TEST(test_the_folder_is_made_for_the_user_alone),
		PLACE_TEST(test_a_folder_that_others_may_enter_is_refused),
		PLACE_TEST(test_a_folder_with_a_long_name_is_refused),
		PLACE_TEST(test_a_name_is_taken_while_somebody_listens),
		PLACE_TEST(test_a_stale_socket_is_replaced_and_removed),
		PLACE_TEST(test_what_is_no_socket_stays),
		PLACE_TEST(test_vms_are_found_by_name_and_pid_and_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
