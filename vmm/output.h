/* SPDX-License-Identifier: MIT */
/*
 * Where a guest's bytes go: a file descriptor behind a buffer. No byte is added, lost or reordered,
 * whatever the descriptor does (short writes, signals, O_NONBLOCK), until it fails for good.
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
	/* 0, or the negative errno for which it failed for good: all later bytes vanish */
	int error;
	bool (*interrupted)(void); /* shall who waits for a slow reader give up? NULL: never */
	size_t used;
	uint8_t buffer[OUTPUT_BUFFER_LEN];
};

void output_init(struct output *output, int fd, bool (*interrupted)(void));

/*
 * Takes one byte. It is written out with its line, or when the buffer is full. Waits for a slow
 * reader; if interrupted meanwhile it keeps what is left, and only what then exceeds the buffer is
 * lost. 0, or output->error; being interrupted is no error.
 */
int output_byte(struct output *output, uint8_t byte);

enum output_patience {
	OUTPUT_WAIT, /* for as long as the reader takes, or until interrupted */
	/*
	 * for a second at most, interrupted or not: the last words of a run that ends from outside
	 */
	OUTPUT_TRY,
};

/*
 * Writes out what is buffered. 0, -EINTR interrupted (the rest stays buffered), or output->error.
 */
int output_flush(struct output *output, enum output_patience patience);

#endif
