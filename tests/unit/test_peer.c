/* SPDX-License-Identifier: MIT */
/*
 * Peers who read slowly, not at all, or are gone: nobody waits for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/peer.h"

#define LONG_LEN (4u << 20) /* more than a socket buffers */

static struct peer peer;
static int other;

static int begin(void **state)
{
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -1;
	peer_init(&peer, ends[0]);
	other = ends[1];
	return 0;
}

static int end(void **state)
{
	(void)state;
	peer_close(&peer);
	peer_close(&peer); /* nobody any more */
	close(other);
	return 0;
}

static void test_what_fits_is_sent_at_once(void **state)
{
	char bytes[8];

	(void)state;
	assert_int_equal(peer_receive(&peer, bytes, sizeof(bytes)), -EAGAIN);
	assert_int_equal(peer_send(&peer, strdup("hello"), 5, -1), 0);
	assert_false(peer_is_busy(&peer));
	assert_int_equal(read(other, bytes, sizeof(bytes)), 5);
	assert_memory_equal(bytes, "hello", 5);
	assert_int_equal(write(other, "x", 1), 1);
	assert_int_equal(peer_receive(&peer, bytes, sizeof(bytes)), 1);
}

static void test_the_rest_waits_and_nothing_overtakes_it(void **state)
{
	char *bytes = malloc(LONG_LEN), *got = malloc(LONG_LEN);
	size_t done = 0;

	(void)state;
	for (size_t i = 0; i < LONG_LEN; i++)
		bytes[i] = (char)(i * 2654435761u >> 24);
	assert_int_equal(peer_send(&peer, memcpy(malloc(LONG_LEN), bytes, LONG_LEN), LONG_LEN, -1),
			 -EAGAIN);
	assert_true(peer_is_busy(&peer));
	assert_int_equal(peer_send(&peer, strdup("later"), 5, dup(other)), -EBUSY);
	while (done < LONG_LEN) {
		ssize_t count = read(other, got + done, LONG_LEN - done);

		assert_true(count > 0);
		done += (size_t)count;
		peer_flush(&peer);
	}
	assert_memory_equal(bytes, got, LONG_LEN);
	assert_false(peer_is_busy(&peer));
	free(bytes);
	free(got);
}

static void test_without_memory_nothing_is_sent(void **state)
{
	(void)state;
	assert_int_equal(peer_send(&peer, NULL, 0, dup(other)), -ENOMEM);
	assert_false(peer_is_busy(&peer));
}

static void test_who_is_gone_is_noticed(void **state)
{
	char byte;

	(void)state;
	close(other);
	other = -1;
	assert_int_equal(peer_receive(&peer, &byte, 1), -ENODATA);
	assert_int_equal(peer_send(&peer, strdup("x"), 1, -1), -EPIPE);
}

static void test_a_descriptor_goes_with_the_first_byte(void **state)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte, same[2];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	int pipes[2], passed;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(peer_send(&peer, strdup("x"), 1, pipes[1]), 0);
	assert_int_equal(fcntl(pipes[1], F_GETFD), -1); /* the peer's, who has it */
	assert_int_equal(recvmsg(other, &message, 0), 1);
	memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(passed));
	assert_int_equal(write(passed, "ok", 2), 2);
	assert_int_equal(read(pipes[0], same, 2), 2);
	close(passed);
	close(pipes[0]);
}

#define PEER_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PEER_TEST(test_what_fits_is_sent_at_once),
		PEER_TEST(test_the_rest_waits_and_nothing_overtakes_it),
		PEER_TEST(test_without_memory_nothing_is_sent),
		PEER_TEST(test_who_is_gone_is_noticed),
		PEER_TEST(test_a_descriptor_goes_with_the_first_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
