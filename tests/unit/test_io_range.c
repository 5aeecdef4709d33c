/* SPDX-License-Identifier: MIT */
/*
 * Ranges that may lead nowhere: how far a copy comes, and what it leaves (4.3, IO-2, 8.4).
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/io.h"

#define BASE UINT64_C(0xffffffffffff0000)
#define LEN 256

/* Memory at BASE, of which only a part can be reached, in pieces. */
struct memory {
	_Alignas(8) unsigned char bytes[LEN];
	uint64_t readable; /* bytes from BASE on */
	uint64_t writable;
	uint64_t piece;	    /* no more at a time */
	unsigned in_hand;   /* begun and not ended */
	unsigned nr_pieces; /* ended */
	int error;
};

static int begin(void *context, uint64_t address, uint64_t len, enum io_direction direction,
		 void **memory, uint64_t *reached)
{
	struct memory *m = context;
	uint64_t end = direction == IO_WRITE ? m->writable : m->readable;

	assert_int_equal(m->in_hand, 0);
	assert_int_not_equal(len, 0);
	if (address - BASE >= end)
		return m->error;
	*memory = m->bytes + (address - BASE);
	*reached = end - (address - BASE);
	if (*reached > m->piece)
		*reached = m->piece;
	m->in_hand++;
	return 0;
}

static void end(void *context)
{
	struct memory *m = context;

	m->in_hand--;
	m->nr_pieces++;
}

static const struct io_access access = { .begin = begin, .end = end };

static struct memory memory_make(uint64_t readable, uint64_t writable)
{
	struct memory m = {
		.readable = readable, .writable = writable, .piece = 7, .error = -EFAULT
	};

	for (unsigned i = 0; i < LEN; i++)
		m.bytes[i] = (unsigned char)(i + 1);
	return m;
}

static struct io_range range_of(struct memory *m, uint64_t offset, uint64_t len)
{
	struct io_range range;

	assert_int_equal(io_range_init(&range, &access, m, BASE + offset, len), 0);
	return range;
}

static void assert_range(const struct io_range *range, uint64_t offset, uint64_t remain)
{
	assert_int_equal(range->cursor - BASE, offset);
	assert_int_equal(range->remain, remain);
}

static void test_range_that_wraps_is_refused(void **state)
{
	struct io_range range;

	(void)state;
	assert_int_equal(io_range_init(&range, &access, NULL, UINT64_MAX, 2), -EOVERFLOW);
	assert_int_equal(io_range_init(&range, &access, NULL, 1, UINT64_MAX), 0);
	assert_int_equal(io_range_init(&range, &access, NULL, 2, UINT64_MAX), -EOVERFLOW);
	assert_int_equal(io_range_init(&range, &access, NULL, BASE, 0x10001), -EOVERFLOW);
	/* The last byte of all is an address like others. */
	assert_int_equal(io_range_init(&range, &access, NULL, BASE, 0x10000), 0);
	assert_int_equal(io_range_init(&range, &access, NULL, UINT64_MAX, 1), 0);
	assert_int_equal(io_range_skip(&range, 1), 0);
	assert_int_equal(range.remain, 0);
}

static void test_copies_go_piece_by_piece(void **state)
{
	struct memory m = memory_make(LEN, LEN);
	unsigned char bytes[LEN] = { 0 };
	struct io_range range = range_of(&m, 3, 100);
	struct io_writer writer = io_writer_at(bytes, 50);
	struct io_reader reader = io_reader_at(bytes, LEN);
	uint64_t done;

	(void)state;
	assert_int_equal(io_range_read(&range, &writer, &done), 0);
	assert_int_equal(done, 50);
	assert_int_equal(m.nr_pieces, 8);
	assert_range(&range, 53, 50);
	assert_int_equal(writer.avail, 0);
	assert_memory_equal(bytes, m.bytes + 3, 50);
	/* The range is the shorter now. */
	assert_int_equal(io_range_write(&range, &reader, &done), 0);
	assert_int_equal(done, 50);
	assert_range(&range, 103, 0);
	assert_int_equal(reader.remain, LEN - 50);
	assert_memory_equal(m.bytes + 53, bytes, 50);
	assert_int_equal(m.bytes[103], 104);
	assert_int_equal(io_range_read(&range, &writer, NULL), 0);
	assert_int_equal(m.in_hand, 0);
}

static void test_copy_that_faults_says_how_far_it_came(void **state)
{
	struct memory m = memory_make(13, 10);
	unsigned char bytes[LEN] = { 0 };
	struct io_range range = range_of(&m, 0, LEN);
	struct io_writer writer = io_writer_at(bytes, LEN);
	struct io_reader reader = io_reader_at(bytes, LEN);
	uint64_t done;

	(void)state;
	assert_int_equal(io_range_read(&range, &writer, &done), -EFAULT);
	assert_int_equal(done, 13);
	assert_range(&range, 13, LEN - 13);
	assert_int_equal(writer.avail, LEN - 13);
	assert_memory_equal(bytes, m.bytes, 13);
	assert_int_equal(bytes[13], 0);

	range = range_of(&m, 5, LEN - 5);
	memset(bytes, 0xaa, sizeof(bytes));
	assert_int_equal(io_range_write(&range, &reader, &done), -EFAULT);
	assert_int_equal(done, 5);
	assert_range(&range, 10, LEN - 10);
	assert_int_equal(reader.remain, LEN - 5);
	assert_int_equal(m.bytes[4], 5);
	assert_int_equal(m.bytes[9], 0xaa);
	assert_int_equal(m.bytes[10], 11);

	m.error = -EDEADLK;
	assert_int_equal(io_range_write(&range, &reader, &done), -EDEADLK);
	assert_int_equal(done, 0);
	assert_int_equal(m.in_hand, 0);
}

static void test_copy_within_the_limit_does_not_fault(void **state)
{
	struct memory m = memory_make(5, 5);
	unsigned char bytes[LEN] = { 0 };
	struct io_range range = range_of(&m, 0, LEN);
	struct io_writer writer = io_writer_at(bytes, LEN);
	uint64_t done;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		io_range_limit(&range, 3);
	io_range_limit(&range, 5);
	assert_int_equal(io_range_read(&range, &writer, &done), 0);
	assert_int_equal(done, 3);
	assert_range(&range, 3, 0);
	assert_int_equal(bytes[3], 0);
}

static void test_fill_zeros_counts_up_to_the_fault(void **state)
{
	struct memory m = memory_make(LEN, 20);
	struct io_range range = range_of(&m, 2, LEN - 2);
	uint64_t done;

	(void)state;
	assert_int_equal(io_range_fill_zeros(&range, 10, &done), 0);
	assert_int_equal(done, 10);
	assert_range(&range, 12, LEN - 12);
	assert_int_equal(io_range_fill_zeros(&range, UINT64_MAX, &done), -EFAULT);
	assert_int_equal(done, 8);
	for (unsigned i = 0; i < LEN; i++)
		assert_int_equal(m.bytes[i], i < 2 || i >= 20 ? (unsigned char)(i + 1) : 0);
	range = range_of(&m, 0, 4);
	assert_int_equal(io_range_fill_zeros(&range, 100, &done), 0);
	assert_int_equal(done, 4);
}

static void test_values_move_the_range_only_when_whole(void **state)
{
	struct memory m = memory_make(20, 20);
	struct io_range range = range_of(&m, 2, LEN - 2);
	uint64_t value = 0;

	(void)state;
	assert_int_equal(io_range_read_val(&range, &value, sizeof(value)), 0);
	assert_memory_equal(&value, m.bytes + 2, sizeof(value));
	assert_range(&range, 10, LEN - 10);
	value = UINT64_C(0x1122334455667788);
	assert_int_equal(io_range_write_val(&range, &value, sizeof(value)), 0);
	assert_memory_equal(&value, m.bytes + 10, sizeof(value));
	assert_range(&range, 18, LEN - 18);
	assert_int_equal(io_range_read_val(&range, &value, sizeof(value)), -EFAULT);
	assert_int_equal(io_range_write_val(&range, &value, sizeof(value)), -EFAULT);
	assert_range(&range, 18, LEN - 18);
	io_range_limit(&range, 7);
	assert_int_equal(io_range_read_val(&range, &value, sizeof(value)), -EINVAL);
	assert_int_equal(io_range_write_val(&range, &value, UINT64_MAX), -EINVAL);
	assert_int_equal(io_range_skip(&range, 8), -EINVAL);
	assert_range(&range, 18, 7);
	assert_int_equal(m.in_hand, 0);
}

static void test_load_does_not_move(void **state)
{
	struct memory m = memory_make(LEN, 0);
	struct io_range range = range_of(&m, 8, 8);
	uint32_t value, expected;

	(void)state;
	memcpy(&expected, m.bytes + 8, sizeof(expected));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(io_range_load(&range, &value), 0);
		assert_int_equal(value, expected);
		assert_range(&range, 8, 8);
	}
	assert_int_equal(m.nr_pieces, 2);
}

static void test_compare_exchange_in_five_steps(void **state)
{
	struct memory m = memory_make(LEN, LEN);
	struct io_range range = range_of(&m, 8, 8);
	uint32_t observed = 0, start = 5;

	(void)state;
	memcpy(m.bytes + 8, &start, sizeof(start));
	assert_int_equal(io_range_compare_exchange(&range, 5, 6, &observed), 1);
	assert_int_equal(observed, 5);
	assert_int_equal(io_range_compare_exchange(&range, 5, 7, &observed), 0);
	assert_int_equal(observed, 6);
	assert_int_equal(io_range_compare_exchange(&range, 6, 5, &observed), 1);
	assert_int_equal(observed, 6);
	assert_int_equal(io_range_load(&range, &observed), 0);
	assert_int_equal(observed, 5);
	assert_range(&range, 8, 8);
}

static void test_words_that_cannot_be_had_at_once_are_refused(void **state)
{
	struct memory m = memory_make(LEN, 8);
	struct io_range range;
	uint32_t value = 99;

	(void)state;
	range = range_of(&m, 0, 3);
	assert_int_equal(io_range_load(&range, &value), -EINVAL);
	assert_int_equal(io_range_compare_exchange(&range, 0, 0, &value), -EINVAL);
	range = range_of(&m, 2, 8);
	assert_int_equal(io_range_load(&range, &value), -EINVAL);
	range = range_of(&m, 8, 8);
	assert_int_equal(io_range_compare_exchange(&range, 0, 0, &value), -EFAULT);
	/* The access reaches a part of the word only. */
	m.piece = 3;
	range = range_of(&m, 4, 8);
	assert_int_equal(io_range_load(&range, &value), -EFAULT);
	m.piece = 0;
	assert_int_equal(io_range_load(&range, &value), -EFAULT);
	assert_int_equal(value, 99);
	assert_int_equal(m.in_hand, 0);
}

static void test_access_that_reaches_nothing_ends(void **state)
{
	struct memory m = memory_make(LEN, LEN);
	struct io_range range = range_of(&m, 0, LEN);
	uint64_t done;

	(void)state;
	m.piece = 0;
	assert_int_equal(io_range_fill_zeros(&range, LEN, &done), -EFAULT);
	assert_int_equal(done, 0);
	assert_int_equal(m.nr_pieces, 1);
	assert_int_equal(m.in_hand, 0);
}

/* An access may say that it reaches more than it was asked for: no more is copied. */
static void test_range_never_exceeds_what_was_asked_for(void **state)
{
	struct memory m = memory_make(LEN, LEN);
	struct io_range range = range_of(&m, 0, 9);
	unsigned char bytes[LEN];
	struct io_reader reader = io_reader_at(bytes, LEN);
	uint64_t done;

	(void)state;
	memset(bytes, 0xbb, sizeof(bytes));
	m.piece = LEN;
	assert_int_equal(io_range_write(&range, &reader, &done), 0);
	assert_int_equal(done, 9);
	assert_int_equal(m.bytes[8], 0xbb);
	assert_int_equal(m.bytes[9], 10);
}

static void test_direct_range_is_the_callers_memory(void **state)
{
	_Alignas(4) unsigned char bytes[16] = { 0 };
	struct io_range range;
	uint32_t value = 77;

	(void)state;
	assert_int_equal(
		io_range_init(&range, &io_access_direct, NULL, (uintptr_t)bytes, sizeof(bytes)), 0);
	assert_int_equal(io_range_skip(&range, 4), 0);
	assert_int_equal(io_range_write_val(&range, &value, sizeof(value)), 0);
	assert_memory_equal(bytes + 4, &value, sizeof(value));
	assert_int_equal(range.remain, 8);
}

#define NR_THREADS 4
#define NR_ROUNDS 2000

static void *add_up(void *argument)
{
	const struct io_range *range = argument;
	uint32_t value, observed;

	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		if (io_range_load(range, &value))
			return argument;
		while (io_range_compare_exchange(range, value, value + 1, &observed) == 0)
			value = observed;
	}
	return NULL;
}

static void test_compare_exchange_of_several_threads_loses_nothing(void **state)
{
	_Atomic uint32_t word = 0;
	pthread_t threads[NR_THREADS];
	struct io_range range;
	void *fault;

	(void)state;
	assert_int_equal(io_range_init(&range, &io_access_direct, NULL, (uintptr_t)&word, 4), 0);
	for (unsigned i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_up, &range), 0);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &fault), 0);
		assert_null(fault);
	}
	assert_int_equal(word, NR_THREADS * NR_ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range_that_wraps_is_refused),
		cmocka_unit_test(test_copies_go_piece_by_piece),
		cmocka_unit_test(test_copy_that_faults_says_how_far_it_came),
		cmocka_unit_test(test_copy_within_the_limit_does_not_fault),
		cmocka_unit_test(test_fill_zeros_counts_up_to_the_fault),
		cmocka_unit_test(test_values_move_the_range_only_when_whole),
		cmocka_unit_test(test_load_does_not_move),
		cmocka_unit_test(test_compare_exchange_in_five_steps),
		cmocka_unit_test(test_words_that_cannot_be_had_at_once_are_refused),
		cmocka_unit_test(test_access_that_reaches_nothing_ends),
		cmocka_unit_test(test_range_never_exceeds_what_was_asked_for),
		cmocka_unit_test(test_direct_range_is_the_callers_memory),
		cmocka_unit_test(test_compare_exchange_of_several_threads_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
