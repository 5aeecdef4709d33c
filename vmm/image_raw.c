/* SPDX-License-Identifier: MIT */
/*
 * Raw images: bytes without any header; all that is known of them comes from the command line.
 */
#include <inttypes.h>

#include "vmm/image_parser.h"

/* What a mode can address, as far as an image that is mapped at its GPA is concerned. */
struct mode_limits {
	const char *name;
	uint64_t start;
	uint64_t end;
	uint64_t alignment;
};

static const struct mode_limits mode_limits[] = {
	[IMAGE_MODE_LONG] = { "long", PAGE_SIZE, UINT64_C(1) << 47, PAGE_SIZE },
	[IMAGE_MODE_PROTECTED] = { "protected", 0, UINT64_C(1) << 32, 1 },
	[IMAGE_MODE_REAL] = { "real", 0, UINT64_C(1) << 20, 1 },
};

static int place_check(size_t len, const struct image_raw_options *options,
		       struct image_error *error)
{
	const struct mode_limits *limits = &mode_limits[options->mode];
	uint64_t load = options->load.value;

	if (len == 0)
		return image_refuse(error, "the file is empty");
	if (!range_within(load, len, limits->start, limits->end))
		return image_refuse(error,
				    "%zu bytes at 0x%" PRIx64 " are not within 0x%" PRIx64
				    " to 0x%" PRIx64 ", where %s mode can have them: change --load",
				    len, load, limits->start, limits->end, limits->name);
	if (!is_aligned(load, limits->alignment))
		return image_refuse(error,
				    "--load 0x%" PRIx64 " is not a multiple of %" PRIu64
				    ", as %s mode needs it",
				    load, limits->alignment, limits->name);
	if (!range_within(options->entry, 1, load, load + len))
		return image_refuse(error,
				    "--entry 0x%" PRIx64
				    " is outside the image, which is at 0x%" PRIx64
				    " to 0x%" PRIx64,
				    options->entry, load, load + len);
	return 0;
}

int image_parse_raw(const void *file, size_t len, const struct image_raw_options *options,
		    struct image *image, struct image_error *error)
{
	int result = place_check(len, options, error);

	(void)file;
	if (result)
		return result;

	image->kind = IMAGE_RAW;
	image->mode = options->mode;
	image->entry = options->entry;
	image->nr_segments = 1;
	image->segments[0] = (struct image_segment){
		.gpa = options->load,
		.gva = GVA(options->load.value),
		.file_len = len,
		.memory_len = len,
		.rights = SEGMENT_READ | SEGMENT_WRITE | SEGMENT_EXECUTE,
	};
	return 0;
}
