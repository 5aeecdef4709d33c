/* SPDX-License-Identifier: MIT */
/*
 * Signals that are looked for. What needs a vCPU is in the boot tests.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/signals.h"

#define NO_VCPU (-1)

static const int signals[] = { SIGINT, SIGTERM, SIGNAL_DEADLINE, SIGNAL_TICK, SIGNAL_ATTENTION };

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* Blocks the signals, as they are while a guest runs. */
static int block(void **state)
{
	sigset_t set;

	(void)state;
	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&set, signals[i]);
	return pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int unblock(void **state)
{
	sigset_t set;

	(void)state;
	while (signals_take())
		;
	sigemptyset(&set);
	return pthread_sigmask(SIG_SETMASK, &set, NULL);
}

static void test_each_signal_is_taken_once(void **state)
{
	(void)state;
	assert_int_equal(signals_take(), 0);
	for (size_t i = 0; i < SIGNALS; i++) {
		raise(signals[i]);
		assert_int_equal(signals_take(), signals[i]);
		assert_int_equal(signals_take(), 0);
	}
}

static void test_signals_that_came_together_are_all_taken(void **state)
{
	unsigned taken = 0;
	int signal;

	(void)state;
	for (size_t i = 0; i < SIGNALS; i++)
		raise(signals[i]);
	while ((signal = signals_take())) {
		assert_false(taken & 1u << signal);
		taken |= 1u << signal;
	}
	for (size_t i = 0; i < SIGNALS; i++)
		assert_true(taken & 1u << signals[i]);
}

static void test_all_but_tick_and_attention_ask_for_the_end(void **state)
{
	(void)state;
	assert_false(signals_interrupted());
	for (size_t i = 0; i < SIGNALS; i++) {
		raise(signals[i]);
		assert_int_equal(signals_interrupted(),
				 signals[i] != SIGNAL_TICK && signals[i] != SIGNAL_ATTENTION);
		assert_int_equal(signals_take(), signals[i]);
		assert_false(signals_interrupted());
	}
}

static void test_asking_leaves_the_signal_pending(void **state)
{
	(void)state;
	raise(SIGTERM);
	assert_true(signals_interrupted());
	assert_true(signals_interrupted());
	assert_int_equal(signals_take(), SIGTERM);
}

static void test_failed_open_changes_nothing(void **state)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction after;
	struct signals open;
	sigset_t mask;

	(void)state;
	sigaction(SIGINT, &ignore, NULL);
	assert_int_equal(signals_open(&open, NO_VCPU, 1, 1), -EBADF);
	sigaction(SIGINT, NULL, &after);
	assert_ptr_equal(after.sa_handler, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	for (size_t i = 0; i < SIGNALS; i++)
		assert_int_equal(sigismember(&mask, signals[i]), 0);
}

static void test_bytes_that_arrive_ask_for_attention(void **state)
{
	int ends[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(signals_attend(ends[0]), 0);
	assert_int_equal(signals_take(), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(signals_wait(), SIGNAL_ATTENTION);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(read(ends[0], &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	close(ends[1]);
	assert_int_equal(signals_wait(), SIGNAL_ATTENTION);
	close(ends[0]);
	assert_int_equal(signals_attend(ends[0]), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_signal_is_taken_once, block, unblock),
		cmocka_unit_test_setup_teardown(test_signals_that_came_together_are_all_taken,
						block, unblock),
		cmocka_unit_test_setup_teardown(test_all_but_tick_and_attention_ask_for_the_end,
						block, unblock),
		cmocka_unit_test_setup_teardown(test_asking_leaves_the_signal_pending, block,
						unblock),
		cmocka_unit_test_setup_teardown(test_bytes_that_arrive_ask_for_attention, block,
						unblock),
		cmocka_unit_test(test_failed_open_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
