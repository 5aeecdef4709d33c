/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers of memory that is there, and segments by offset (4.3, IO-1, IO-2, 8.4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/io.h"
#include "tests/unit/domain_fixture.h"

#define LEN 64

struct buffer {
	_Alignas(8) unsigned char bytes[LEN];
};

/* Bytes 1, 2, 3, ... */
static struct buffer counting(void)
{
	struct buffer buffer;

	for (unsigned i = 0; i < LEN; i++)
		buffer.bytes[i] = (unsigned char)(i + 1);
	return buffer;
}

static void test_copy_moves_as_much_as_one_has_and_the_other_takes(void **state)
{
	(void)state;
	for (uint64_t has = 0; has <= LEN; has += 7) {
		for (uint64_t takes = 0; takes <= LEN; takes += 5) {
			struct buffer source = counting(), target = { { 0 } };
			struct io_reader reader = io_reader_at(source.bytes, has);
			struct io_writer writer = io_writer_at(target.bytes, takes);
			uint64_t len = has < takes ? has : takes;

			assert_int_equal(io_copy(&writer, &reader), len);
			assert_int_equal(reader.remain, has - len);
			assert_int_equal(writer.avail, takes - len);
			assert_ptr_equal(reader.cursor, source.bytes + len);
			assert_ptr_equal(writer.cursor, target.bytes + len);
			assert_memory_equal(target.bytes, source.bytes, len);
			for (uint64_t i = len; i < LEN; i++)
				assert_int_equal(target.bytes[i], 0);
		}
	}
}

static void test_copies_follow_each_other(void **state)
{
	struct buffer source = counting(), target = { { 0 } };
	struct io_reader reader = io_reader_at(source.bytes, LEN);
	struct io_writer writer = io_writer_at(target.bytes, LEN);

	(void)state;
	for (unsigned part = 0; part < 4; part++) {
		struct io_reader some = reader;

		io_reader_limit(&some, LEN / 4);
		assert_int_equal(io_copy(&writer, &some), LEN / 4);
		assert_int_equal(io_reader_skip(&reader, LEN / 4), 0);
	}
	assert_int_equal(reader.remain, 0);
	assert_int_equal(writer.avail, 0);
	assert_memory_equal(target.bytes, source.bytes, LEN);
}

static void test_values_go_through_and_move_by_their_size(void **state)
{
	struct {
		uint64_t a;
		uint32_t b;
		uint8_t c[3];
	} value, back;
	uint32_t number = 0xdeadbeef, number_back = 0;
	struct buffer buffer;
	struct io_writer writer = io_writer_at(buffer.bytes, LEN);
	struct io_reader reader = io_reader_at(buffer.bytes, LEN);

	(void)state;
	memset(&value, 0x5a, sizeof(value));
	value.a = UINT64_C(0x0123456789abcdef);
	/* Not aligned for anything: values need not be. */
	assert_int_equal(io_write_val(&writer, "x", 1), 0);
	assert_int_equal(io_write_val(&writer, &value, sizeof(value)), 0);
	assert_int_equal(io_write_val(&writer, &number, sizeof(number)), 0);
	assert_int_equal(writer.avail, LEN - 1 - sizeof(value) - sizeof(number));
	assert_int_equal(io_reader_skip(&reader, 1), 0);
	assert_int_equal(io_read_val(&reader, &back, sizeof(back)), 0);
	assert_int_equal(io_read_val(&reader, &number_back, sizeof(number_back)), 0);
	assert_memory_equal(&back, &value, sizeof(value));
	assert_int_equal(number_back, number);
	assert_int_equal(reader.remain, writer.avail);
}

static void test_value_beyond_the_end_is_refused_and_nothing_moves(void **state)
{
	struct buffer buffer = counting(), before = buffer;
	struct io_reader reader = io_reader_at(buffer.bytes, 3);
	struct io_writer writer = io_writer_at(buffer.bytes, 3);
	uint32_t value = 7;

	(void)state;
	assert_int_equal(io_read_val(&reader, &value, 4), -EINVAL);
	assert_int_equal(io_write_val(&writer, &value, 4), -EINVAL);
	assert_int_equal(io_read_val(&reader, &value, UINT64_MAX), -EINVAL);
	assert_int_equal(io_write_val(&writer, &value, UINT64_MAX), -EINVAL);
	assert_int_equal(value, 7);
	assert_int_equal(reader.remain, 3);
	assert_int_equal(writer.avail, 3);
	assert_ptr_equal(reader.cursor, buffer.bytes);
	assert_ptr_equal(writer.cursor, buffer.bytes);
	assert_memory_equal(buffer.bytes, before.bytes, LEN);
}

static void test_fill_zeros_stops_at_the_end(void **state)
{
	struct buffer buffer = counting();
	struct io_writer writer = io_writer_at(buffer.bytes, 10);

	(void)state;
	assert_int_equal(io_fill_zeros(&writer, 4), 4);
	assert_int_equal(buffer.bytes[3], 0);
	assert_int_equal(buffer.bytes[4], 5);
	assert_int_equal(io_fill_zeros(&writer, UINT64_MAX), 6);
	assert_int_equal(io_fill_zeros(&writer, 1), 0);
	assert_int_equal(buffer.bytes[9], 0);
	assert_int_equal(buffer.bytes[10], 11);
}

static void test_skip_beyond_the_end_is_refused(void **state)
{
	struct buffer buffer = counting();
	struct io_reader reader = io_reader_at(buffer.bytes, 10);
	struct io_writer writer = io_writer_at(buffer.bytes, 10);

	(void)state;
	assert_int_equal(io_reader_skip(&reader, 0), 0);
	assert_int_equal(io_reader_skip(&reader, 4), 0);
	assert_int_equal(io_writer_skip(&writer, 10), 0);
	assert_int_equal(*reader.cursor, 5);
	assert_int_equal(writer.avail, 0);
	assert_int_equal(io_reader_skip(&reader, 7), -EINVAL);
	assert_int_equal(io_reader_skip(&reader, UINT64_MAX), -EINVAL);
	assert_int_equal(io_writer_skip(&writer, 1), -EINVAL);
	assert_int_equal(reader.remain, 6);
	assert_int_equal(*reader.cursor, 5);
}

static void test_limit_only_shortens_and_is_idempotent(void **state)
{
	struct buffer buffer = counting();
	struct io_reader reader = io_reader_at(buffer.bytes, 10);
	struct io_writer writer = io_writer_at(buffer.bytes, 10);

	(void)state;
	io_reader_limit(&reader, 20);
	assert_int_equal(reader.remain, 10);
	for (unsigned i = 0; i < 2; i++) {
		io_reader_limit(&reader, 3);
		io_writer_limit(&writer, 3);
		assert_int_equal(reader.remain, 3);
		assert_int_equal(writer.avail, 3);
	}
	io_writer_limit(&writer, UINT64_MAX);
	assert_int_equal(writer.avail, 3);
}

static void test_words_of_each_size_are_accessed_at_once(void **state)
{
	(void)state;
	for (unsigned size = 1; size <= 8; size *= 2) {
		struct buffer buffer = { { 0 } };
		struct io_writer writer = io_writer_at(buffer.bytes, LEN);
		struct io_reader reader = io_reader_at(buffer.bytes, LEN);
		uint64_t pattern = UINT64_C(0x8877665544332211), value = 0;

		assert_int_equal(io_writer_skip(&writer, size), 0);
		assert_int_equal(io_reader_skip(&reader, size), 0);
		assert_int_equal(io_write_once(&writer, size, pattern), 0);
		assert_int_equal(io_read_once(&reader, size, &value), 0);
		assert_int_equal(value, size == 8 ? pattern : pattern % (UINT64_C(1) << 8 * size));
		assert_memory_equal(buffer.bytes + size, &value, size);
		assert_int_equal(buffer.bytes[2 * size], 0);
		assert_int_equal(reader.remain, LEN - 2 * size);
		assert_int_equal(writer.avail, LEN - 2 * size);
	}
}

static void test_words_misaligned_short_or_of_no_size_are_refused(void **state)
{
	static const unsigned bad_sizes[] = { 0, 3, 5, 6, 7, 9, 16, UINT32_MAX };
	struct buffer buffer = counting(), before = buffer;
	struct io_reader reader;
	struct io_writer writer;
	uint64_t value = 99;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad_sizes) / sizeof(bad_sizes[0]); i++) {
		reader = io_reader_at(buffer.bytes, LEN);
		writer = io_writer_at(buffer.bytes, LEN);
		assert_int_equal(io_read_once(&reader, bad_sizes[i], &value), -EINVAL);
		assert_int_equal(io_write_once(&writer, bad_sizes[i], 0), -EINVAL);
	}
	for (unsigned size = 2; size <= 8; size *= 2) {
		reader = io_reader_at(buffer.bytes + size / 2, LEN / 2);
		writer = io_writer_at(buffer.bytes + size / 2, LEN / 2);
		assert_int_equal(io_read_once(&reader, size, &value), -EINVAL);
		assert_int_equal(io_write_once(&writer, size, 0), -EINVAL);
		reader = io_reader_at(buffer.bytes, size - 1);
		writer = io_writer_at(buffer.bytes, size - 1);
		assert_int_equal(io_read_once(&reader, size, &value), -EINVAL);
		assert_int_equal(io_write_once(&writer, size, 0), -EINVAL);
		assert_int_equal(reader.remain, size - 1);
		assert_int_equal(writer.avail, size - 1);
	}
	assert_int_equal(value, 99);
	assert_memory_equal(buffer.bytes, before.bytes, LEN);
}

static void test_bytes_of_a_frame_go_round(void **state)
{
	struct domain_fixture *fixture = *state;
	unsigned char bytes[PAGE_SIZE] = { 0 }, back[PAGE_SIZE];
	struct io_reader from = io_reader_at(bytes, sizeof(bytes));
	struct io_writer to = io_writer_at(back, sizeof(back));
	struct untyped_frame untyped;
	struct io_reader reader;
	struct io_writer writer;
	struct frame frame;

	for (unsigned i = 0; i < PAGE_SIZE; i++)
		bytes[i] = (unsigned char)(i * 7);
	frame_alloc(&fixture->domain, FRAME_DATA, false, &frame);
	assert_int_equal(untyped_frame_from_frame(&frame, &untyped), 0);
	writer = io_writer_of_frame(&untyped);
	reader = io_reader_of_frame(&untyped);
	assert_int_equal(writer.avail, PAGE_SIZE);
	assert_int_equal(reader.remain, PAGE_SIZE);
	assert_ptr_equal(writer.cursor, domain_pointer(&fixture->domain, untyped.frame.paddr));
	assert_int_equal(io_copy(&writer, &from), PAGE_SIZE);
	assert_int_equal(io_copy(&to, &reader), PAGE_SIZE);
	assert_memory_equal(back, bytes, PAGE_SIZE);
	frame = frame_from_untyped(&untyped);
	frame_put(&frame);
	reader = io_reader_of_frame(&untyped);
	assert_int_equal(reader.remain, 0);
}

#define SEGMENT_FRAMES 3
#define SEGMENT_SIZE (SEGMENT_FRAMES * PAGE_SIZE)

static struct untyped_segment segment_for_io(struct domain_fixture *fixture)
{
	struct untyped_segment untyped;
	struct segment segment;

	assert_int_equal(segment_alloc(&fixture->domain, SEGMENT_FRAMES, PAGE_SIZE, FRAME_DATA,
				       &segment),
			 0);
	memset(domain_pointer(&fixture->domain, segment.paddr), 0xee, SEGMENT_SIZE);
	assert_int_equal(untyped_segment_from_segment(&segment, &untyped), 0);
	return untyped;
}

static void test_segment_is_read_and_written_over_frame_borders(void **state)
{
	struct domain_fixture *fixture = *state;
	struct untyped_segment segment = segment_for_io(fixture);
	struct buffer source = counting(), back;
	uint64_t offset = PAGE_SIZE - LEN / 2;
	unsigned char *bytes = domain_pointer(&fixture->domain, segment.segment.paddr);

	assert_int_equal(io_reader_of_segment(&segment).remain, SEGMENT_SIZE);
	assert_int_equal(io_writer_of_segment(&segment).avail, SEGMENT_SIZE);
	assert_int_equal(untyped_write(&segment, offset, source.bytes, LEN), 0);
	assert_int_equal(untyped_read(&segment, offset, back.bytes, LEN), 0);
	assert_memory_equal(back.bytes, source.bytes, LEN);
	assert_int_equal(bytes[offset - 1], 0xee);
	assert_int_equal(bytes[offset + LEN], 0xee);
	/* Up to the very end. */
	assert_int_equal(untyped_write(&segment, SEGMENT_SIZE - LEN, source.bytes, LEN), 0);
	assert_int_equal(bytes[SEGMENT_SIZE - 1], LEN);
	assert_int_equal(untyped_fill_zeros(&segment, SEGMENT_SIZE - 2, 2), 0);
	assert_int_equal(bytes[SEGMENT_SIZE - 1], 0);
	assert_int_equal(bytes[SEGMENT_SIZE - 3], LEN - 2);
	assert_int_equal(untyped_fill_zeros(&segment, SEGMENT_SIZE, 0), 0);
}

static void test_segment_words_are_accessed_at_once(void **state)
{
	struct untyped_segment segment = segment_for_io(*state);
	uint64_t value;

	assert_int_equal(untyped_write_once(&segment, 2 * PAGE_SIZE - 8, 8, 42), 0);
	assert_int_equal(untyped_read_once(&segment, 2 * PAGE_SIZE - 8, 8, &value), 0);
	assert_int_equal(value, 42);
	assert_int_equal(untyped_read_once(&segment, 2 * PAGE_SIZE - 7, 1, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(untyped_read_once(&segment, 2, 4, &value), -EINVAL);
	assert_int_equal(untyped_write_once(&segment, 0, 3, 0), -EINVAL);
	assert_int_equal(untyped_read_once(&segment, SEGMENT_SIZE, 1, &value), -EINVAL);
	assert_int_equal(untyped_write_once(&segment, UINT64_MAX - 3, 8, 0), -EOVERFLOW);
}

/* IO-2: nothing is transferred if not all can be. */
static void test_segment_access_outside_touches_nothing(void **state)
{
	static const struct {
		uint64_t offset;
		uint64_t len;
		int error;
	} bad[] = {
		{ SEGMENT_SIZE, 1, -EINVAL },	  { SEGMENT_SIZE - LEN + 1, LEN, -EINVAL },
		{ 0, SEGMENT_SIZE + 1, -EINVAL }, { SEGMENT_SIZE + 1, 0, -EINVAL },
		{ 0, UINT64_MAX, -EINVAL },	  { UINT64_MAX, 1, -EOVERFLOW },
		{ 1, UINT64_MAX, -EOVERFLOW },	  { UINT64_MAX - 4, LEN, -EOVERFLOW },
	};
	struct domain_fixture *fixture = *state;
	struct untyped_segment segment = segment_for_io(fixture), nothing = { { 0 } };
	unsigned char *bytes = domain_pointer(&fixture->domain, segment.segment.paddr);
	struct buffer buffer = counting(), before = buffer;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(untyped_read(&segment, bad[i].offset, buffer.bytes, bad[i].len),
				 bad[i].error);
		assert_int_equal(untyped_write(&segment, bad[i].offset, buffer.bytes, bad[i].len),
				 bad[i].error);
		assert_int_equal(untyped_fill_zeros(&segment, bad[i].offset, bad[i].len),
				 bad[i].error);
	}
	assert_int_equal(untyped_read(&nothing, 0, buffer.bytes, 1), -EINVAL);
	assert_memory_equal(buffer.bytes, before.bytes, LEN);
	for (unsigned i = 0; i < SEGMENT_SIZE; i++)
		assert_int_equal(bytes[i], 0xee);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_moves_as_much_as_one_has_and_the_other_takes),
		cmocka_unit_test(test_copies_follow_each_other),
		cmocka_unit_test(test_values_go_through_and_move_by_their_size),
		cmocka_unit_test(test_value_beyond_the_end_is_refused_and_nothing_moves),
		cmocka_unit_test(test_fill_zeros_stops_at_the_end),
		cmocka_unit_test(test_skip_beyond_the_end_is_refused),
		cmocka_unit_test(test_limit_only_shortens_and_is_idempotent),
		cmocka_unit_test(test_words_of_each_size_are_accessed_at_once),
		cmocka_unit_test(test_words_misaligned_short_or_of_no_size_are_refused),
		POOL_TEST(test_bytes_of_a_frame_go_round),
		POOL_TEST(test_segment_is_read_and_written_over_frame_borders),
		POOL_TEST(test_segment_words_are_accessed_at_once),
		POOL_TEST(test_segment_access_outside_touches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
