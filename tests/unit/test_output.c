/* SPDX-License-Identifier: MIT */
/*
 * Output of a guest: exact to the byte, whatever the descriptor does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/output.h"

#define MANY 300000 /* bytes: more than a pipe holds */

struct stream {
	int read_fd;
	struct output output;
};

static int setup(void **state)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	int fds[2];

	if (!stream || pipe(fds))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	stream->read_fd = fds[0];
	output_init(&stream->output, fds[1], NULL);
	*state = stream;
	return 0;
}

static int teardown(void **state)
{
	struct stream *stream = *state;

	close(stream->read_fd);
	close(stream->output.fd);
	free(stream);
	return 0;
}

static void put(struct stream *stream, const char *text)
{
	for (; *text; text++)
		assert_int_equal(output_byte(&stream->output, (uint8_t)*text), 0);
}

/* Bytes that have come out so far. */
static size_t come_out(struct stream *stream, char *text, size_t len)
{
	ssize_t got;

	fcntl(stream->read_fd, F_SETFL, O_NONBLOCK);
	got = read(stream->read_fd, text, len);
	return got > 0 ? (size_t)got : 0;
}

static void test_line_comes_out_when_it_ends(void **state)
{
	struct stream *stream = *state;
	char text[16] = "";

	put(stream, "a line");
	assert_int_equal(come_out(stream, text, sizeof(text)), 0);
	put(stream, "\n");
	assert_int_equal(come_out(stream, text, sizeof(text)), 7);
	assert_string_equal(text, "a line\n");
}

static void test_rest_comes_out_by_flush(void **state)
{
	struct stream *stream = *state;
	char text[16] = "";

	put(stream, "> ");
	assert_int_equal(output_flush(&stream->output, OUTPUT_WAIT), 0);
	assert_int_equal(come_out(stream, text, sizeof(text)), 2);
	assert_string_equal(text, "> ");
	assert_int_equal(output_flush(&stream->output, OUTPUT_TRY), 0);
	assert_int_equal(come_out(stream, text, sizeof(text)), 0);
}

static void test_every_byte_value_comes_out_as_it_is(void **state)
{
	struct stream *stream = *state;
	unsigned char bytes[256];

	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(output_byte(&stream->output, (uint8_t)i), 0);
	output_flush(&stream->output, OUTPUT_WAIT);
	assert_int_equal(read(stream->read_fd, bytes, sizeof(bytes)), 256);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(bytes[i], i);
}

/* A reader that takes what comes in small pieces, up to the end. */
static void *slow_reader(void *context)
{
	struct stream *stream = context;
	unsigned char piece[509];
	uint64_t total = 0;
	ssize_t len;

	while ((len = read(stream->read_fd, piece, sizeof(piece))) > 0)
		for (ssize_t i = 0; i < len; i++, total++)
			if (piece[i] != (unsigned char)(total * 31))
				return NULL;
	return total == MANY ? context : NULL;
}

/* Pipe full, short writes, EAGAIN: all of them happen on the way. */
static void test_many_bytes_come_out_whole_of_a_descriptor_that_does_not_block(void **state)
{
	struct stream *stream = *state;
	pthread_t reader;
	void *result;

	fcntl(stream->output.fd, F_SETFL, O_NONBLOCK);
	assert_int_equal(pthread_create(&reader, NULL, slow_reader, stream), 0);
	for (uint64_t i = 0; i < MANY; i++)
		output_byte(&stream->output, (uint8_t)(i * 31));
	assert_int_equal(output_flush(&stream->output, OUTPUT_WAIT), 0);
	close(stream->output.fd);
	pthread_join(reader, &result);
	assert_ptr_equal(result, stream);
}

static void test_reader_that_has_gone_is_an_error_that_stays(void **state)
{
	struct stream *stream = *state;

	close(stream->read_fd);
	assert_int_equal(output_byte(&stream->output, 'a'), 0);
	assert_int_equal(output_byte(&stream->output, '\n'), -EPIPE);
	assert_int_equal(output_byte(&stream->output, 'b'), -EPIPE);
	assert_int_equal(output_flush(&stream->output, OUTPUT_TRY), -EPIPE);
}

static void test_device_without_room_is_an_error(void **state)
{
	struct stream *stream = *state;
	struct output output;
	int fd = open("/dev/full", O_WRONLY);

	(void)stream;
	assert_true(fd >= 0);
	output_init(&output, fd, NULL);
	assert_int_equal(output_byte(&output, '\n'), -ENOSPC);
	close(fd);
}

static bool always(void)
{
	return true;
}

/* Fills the pipe, of which nothing is read, with bytes that are not the output's. */
static void pipe_fill(struct stream *stream)
{
	static const char bytes[4096];

	fcntl(stream->output.fd, F_SETFL, O_NONBLOCK);
	while (write(stream->output.fd, bytes, sizeof(bytes)) > 0)
		;
	fcntl(stream->output.fd, F_SETFL, 0);
}

static void test_wait_for_a_reader_ends_when_interrupted_and_keeps_the_bytes(void **state)
{
	struct stream *stream = *state;

	pipe_fill(stream);
	stream->output.interrupted = always;
	put(stream, "kept\n");
	assert_int_equal(output_flush(&stream->output, OUTPUT_WAIT), -EINTR);
	assert_int_equal(stream->output.used, 5);
	assert_memory_equal(stream->output.buffer, "kept\n", 5);
	assert_int_equal(stream->output.error, 0);
}

static void test_try_gives_up_on_a_reader_that_does_not_read(void **state)
{
	struct stream *stream = *state;

	pipe_fill(stream);
	put(stream, "kept");
	assert_int_equal(output_flush(&stream->output, OUTPUT_TRY), -ETIMEDOUT);
	assert_int_equal(stream->output.used, 4);
}

/* A file that may not grow beyond its limit takes a part of a write. */
static void test_short_write_keeps_the_rest_in_order(void **state)
{
	struct rlimit before;
	struct output output;
	FILE *file = tmpfile();
	char text[16] = "";

	(void)state;
	assert_non_null(file);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	output_init(&output, fileno(file), NULL);
	for (const char *at = "0123456789"; *at; at++)
		output_byte(&output, (uint8_t)*at);
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 4, before.rlim_max });
	assert_int_equal(output_flush(&output, OUTPUT_WAIT), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(pread(fileno(file), text, sizeof(text), 0), 4);
	assert_string_equal(text, "0123");
	assert_int_equal(output.used, 6);
	assert_memory_equal(output.buffer, "456789", 6);
	fclose(file);
}

static void test_bytes_beyond_the_buffer_are_lost_only_while_interrupted(void **state)
{
	struct stream *stream = *state;

	pipe_fill(stream);
	stream->output.interrupted = always;
	stream->output.used = sizeof(stream->output.buffer);
	memset(stream->output.buffer, 'x', sizeof(stream->output.buffer));
	put(stream, "y");
	assert_int_equal(stream->output.used, sizeof(stream->output.buffer));
	assert_int_equal(stream->output.buffer[sizeof(stream->output.buffer) - 1], 'x');
}

#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STREAM_TEST(test_line_comes_out_when_it_ends),
		STREAM_TEST(test_rest_comes_out_by_flush),
		STREAM_TEST(test_every_byte_value_comes_out_as_it_is),
		STREAM_TEST(test_many_bytes_come_out_whole_of_a_descriptor_that_does_not_block),
		STREAM_TEST(test_reader_that_has_gone_is_an_error_that_stays),
		STREAM_TEST(test_device_without_room_is_an_error),
		STREAM_TEST(test_wait_for_a_reader_ends_when_interrupted_and_keeps_the_bytes),
		STREAM_TEST(test_try_gives_up_on_a_reader_that_does_not_read),
		cmocka_unit_test(test_short_write_keeps_the_rest_in_order),
		STREAM_TEST(test_bytes_beyond_the_buffer_are_lost_only_while_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
