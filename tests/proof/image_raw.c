/* SPDX-License-Identifier: MIT */
/*
 * Shows: a raw image of any length, asked for at any address, is refused, or all holds that image.h
 *   promises
 * Rules: BUG-3
 * Layer: input
 * Assumes: writing the sentence of a refusal (vsnprintf) is not part of it
 * Sources: vmm/image_raw.c
 * Geometry: any length, address, entry and mode
 * Unwind: 2
 * Covers: image_parse_raw place_check
 * Limit: 60
 * Quick: yes
 */
#include "tests/proof/image_input.h"

int main(void)
{
	struct image_raw_options options;
	unsigned mode = nondet_unsigned();
	size_t len;
	struct image image;
	struct image_error error;

	assume(mode <= IMAGE_MODE_REAL);
	options.mode = (enum image_mode)mode;
	int err = image_parse_raw(NULL, len, &options, &image, &error);

	prove(err == 0 || err == -ENOEXEC);
	if (err == 0) {
		prove(image.kind == IMAGE_RAW && image.mode == options.mode);
		image_holds(&image, len);
	}
	return 0;
}
