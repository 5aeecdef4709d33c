/* SPDX-License-Identifier: MIT */
/*
 * What the parsers say of a guest image, checked against the promises of vmm/image.h. For cmocka.
 */
#ifndef TESTS_UNIT_IMAGE_CHECK_H
#define TESTS_UNIT_IMAGE_CHECK_H

#include <stddef.h>

#include "vmm/image.h"

/*
 * Parse the file's first `len` bytes from a heap block of just that length, so that the sanitizer
 * sees an access beyond. The result is the parser's; what it says has been checked against the
 * promises. `options` are for raw images.
 */
int image_parse_copy(enum image_kind kind, const void *file, size_t len,
		     const struct image_raw_options *options, struct image *image,
		     struct image_error *error);
int image_identify_copy(const void *file, size_t len, enum image_kind *kind,
			struct image_error *error);

/* The ELF64 or Multiboot file is refused with a sentence that contains `words`; or is accepted. */
void assert_refused(enum image_kind kind, const void *file, size_t len, const char *words);
struct image assert_accepted(enum image_kind kind, const void *file, size_t len);

#endif
