/* SPDX-License-Identifier: MIT */
/*
 * What mm/foreign_walk.h promises of any memory at all, for unit tests and fuzzing.
 */
#ifndef TESTS_WALK_PROMISES_H
#define TESTS_WALK_PROMISES_H

#include <stddef.h>
#include <stdint.h>

/* Of an input: how it is paged (byte 0), the root's page (1), how many pages (2), what the visitor
 * wants (3), and from byte 8 on words that fill the pages, over and over. */
#define WALK_INPUT_MIN 16

/*
 * Makes memory of the bytes, walks it, and compares with walks of single addresses. Returns NULL,
 * or the promise that was broken.
 */
const char *walk_broken_promise(const uint8_t *data, size_t size);

#endif
