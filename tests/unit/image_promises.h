/* SPDX-License-Identifier: MIT */
/*
 * The promises of vmm/image.h as a check, for unit tests and fuzzing. Written from the header, in
 * 128-bit arithmetic, and not from the parsers.
 */
#ifndef TESTS_UNIT_IMAGE_PROMISES_H
#define TESTS_UNIT_IMAGE_PROMISES_H

#include <stddef.h>

#include "vmm/image.h"

/* The first promise that an image accepted from a file of `len` bytes breaks; NULL if none. */
const char *image_broken_promise(const struct image *image, size_t len);

/* What is wrong with the sentence of a refusal; NULL if nothing is. */
const char *image_error_broken_promise(const struct image_error *error);

#endif
