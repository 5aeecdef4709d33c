/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a guest on their way out: see output.h.
 */
#include "vmm/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define TRY_MS 1000
#define LOOK_MS 50 /* between two looks whether the wait is interrupted */

void output_init(struct output *output, int fd, bool (*interrupted)(void))
{
	*output = (struct output){ .fd = fd, .interrupted = interrupted };
}

/*
 * Until the descriptor takes bytes, or is in error, which the write will find out. Who is
 * interrupted already does not wait at all: there may be many bytes to come.
 */
static int writable_wait(const struct output *output, enum output_patience patience)
{
	struct pollfd fd = { .fd = output->fd, .events = POLLOUT };
	int wait_ms = patience == OUTPUT_TRY ? TRY_MS : 0;
	int ready;

	while ((ready = poll(&fd, 1, wait_ms)) <= 0) {
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready == 0 && patience == OUTPUT_TRY)
			return -ETIMEDOUT;
		if (patience == OUTPUT_WAIT && output->interrupted && output->interrupted())
			return -EINTR;
		wait_ms = patience == OUTPUT_TRY ? TRY_MS : LOOK_MS;
	}
	return 0;
}

/* Some of the bytes from `done` on: a pipe that is writable takes PIPE_BUF at once. */
static ssize_t some_write(const struct output *output, size_t done)
{
	size_t len = output->used - done;
	ssize_t written = write(output->fd, output->buffer + done, len < PIPE_BUF ? len : PIPE_BUF);

	if (written >= 0)
		return written;
	return errno == EINTR || errno == EAGAIN ? 0 : -errno;
}

int output_flush(struct output *output, enum output_patience patience)
{
	size_t done = 0;
	int result = output->error;

	while (!result && done < output->used) {
		ssize_t written;

		result = writable_wait(output, patience);
		if (result)
			break;
		written = some_write(output, done);
		if (written < 0)
			result = output->error = (int)written;
		else
			done += (size_t)written;
	}
	output->used -= done;
	memmove(output->buffer, output->buffer + done, output->used);
	return result;
}

int output_byte(struct output *output, uint8_t byte)
{
	if (output->used == sizeof(output->buffer))
		output_flush(output, OUTPUT_WAIT);
	if (output->used < sizeof(output->buffer))
		output->buffer[output->used++] = byte;
	if (byte == '\n' || output->used == sizeof(output->buffer))
		output_flush(output, OUTPUT_WAIT);
	return output->error;
}
