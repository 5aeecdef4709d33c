/* SPDX-License-Identifier: MIT */
#include "tests/unit/image_check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image_promises.h"

static int parse(enum image_kind kind, const void *file, size_t len,
		 const struct image_raw_options *options, struct image *image,
		 struct image_error *error)
{
	switch (kind) {
	case IMAGE_ELF64:
		return image_parse_elf64(file, len, image, error);
	case IMAGE_MULTIBOOT:
		return image_parse_multiboot(file, len, image, error);
	default:
		return image_parse_raw(file, len, options, image, error);
	}
}

static void *copy_of(const void *file, size_t len)
{
	void *copy = malloc(len);

	assert_true(copy || !len);
	if (len)
		memcpy(copy, file, len);
	return copy;
}

static void assert_promises(int result, const struct image *image, size_t len,
			    const struct image_error *error)
{
	const char *broken = result ? image_error_broken_promise(error) :
				      image_broken_promise(image, len);

	if (result && result != -ENOEXEC)
		fail_msg("the result is %d", result);
	if (broken && result)
		fail_msg("%s: '%.*s'", broken, (int)sizeof(error->text), error->text);
	if (broken)
		fail_msg("%s", broken);
}

int image_parse_copy(enum image_kind kind, const void *file, size_t len,
		     const struct image_raw_options *options, struct image *image,
		     struct image_error *error)
{
	void *copy = copy_of(file, len);
	int result;

	memset(error, 0xff, sizeof(*error));
	memset(image, 0xff, sizeof(*image));
	result = parse(kind, copy, len, options, image, error);
	free(copy);
	assert_promises(result, image, len, error);
	return result;
}

int image_identify_copy(const void *file, size_t len, enum image_kind *kind,
			struct image_error *error)
{
	void *copy = copy_of(file, len);
	int result = image_identify(copy, len, kind, error);

	free(copy);
	if (result)
		assert_promises(result, NULL, 0, error);
	return result;
}

void assert_refused(enum image_kind kind, const void *file, size_t len, const char *words)
{
	struct image image;
	struct image_error error;

	if (image_parse_copy(kind, file, len, NULL, &image, &error) == 0)
		fail_msg("accepted, but should be refused: %s", words);
	if (!strstr(error.text, words))
		fail_msg("the sentence '%s' does not say '%s'", error.text, words);
}

struct image assert_accepted(enum image_kind kind, const void *file, size_t len)
{
	struct image image;
	struct image_error error;

	if (image_parse_copy(kind, file, len, NULL, &image, &error))
		fail_msg("refused: %s", error.text);
	assert_int_equal(image.kind, kind);
	return image;
}
