/* SPDX-License-Identifier: MIT */
/*
 * Where a guest's bytes go: a file descriptor behind a buffer. No byte is added, lost or reordered,
 * whatever the descriptor does (short writes, O_NONBLOCK, a slow reader), until it fails for good.
 *
 * The process must ignore SIGPIPE: a reader that has gone is then an error like any other.
 */
#ifndef VMM_OUTPUT_H
#define VMM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTPUT_BUFFER_LEN 4096

struct output {
	int fd;	   /* the caller's: nobody closes it here */
	int error; /* 0, or the negative errno for which it failed for good: later bytes vanish */
	bool (*interrupted)(void); /* shall a wait for the reader end? NULL: never */
	size_t used;
	uint8_t buffer[OUTPUT_BUFFER_LEN];
};

void output_init(struct output *output, int fd, bool (*interrupted)(void));

/*
 * Takes one byte, and writes out what there is when a line ends or the buffer is full. Waits for a
 * slow reader; if interrupted meanwhile, what is left stays buffered, and only what exceeds the
 * buffer is lost. Returns 0, also then, or output->error.
 */
int output_byte(struct output *output, uint8_t byte);

enum output_patience {
	OUTPUT_WAIT, /* for as long as the reader takes, or until interrupted */
	OUTPUT_TRY,  /* for a second: the last words of a run that was ended from outside */
};

/*
 * Writes out what is buffered. Returns 0, or -EINTR interrupted or -ETIMEDOUT the second is
 * over (the rest stays buffered then), or output->error.
 */
int output_flush(struct output *output, enum output_patience patience);

#endif
