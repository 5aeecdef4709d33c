/* SPDX-License-Identifier: MIT */
/*
 * What the parsers of guest images share. Only vmm/image*.c includes it; everybody else, image.h.
 */
#ifndef VMM_IMAGE_PARSER_H
#define VMM_IMAGE_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/image.h"

/*
 * Writes the sentence and returns -ENOEXEC, so that a check ends in `return image_refuse(...)`.
 * Numbers of the file may go into it, bytes of the file may not.
 */
int image_refuse(struct image_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether [start, start + len) lies in [begin, end); no sum is formed that could overflow. */
static inline bool range_within(uint64_t start, uint64_t len, uint64_t begin, uint64_t end)
{
	return start >= begin && start <= end && len <= end - start;
}

/* Puts the segments in ascending order by GPA. */
void image_segments_sort(struct image *image);

/*
 * Refuses two segments that overlap by GPA or by GVA, or touch a common block of `granule` bytes (a
 * power of two; 1: overlap only). Each range has been checked: it is not empty and does not wrap.
 */
int image_segments_separate(const struct image *image, uint64_t granule, struct image_error *error);

/* Refuses an entry point that is not in the GVA range of an executable segment. */
int image_entry_check(const struct image *image, struct image_error *error);

/* The fields of the Multiboot header that are valid whatever its flags (3.1.1). */
struct multiboot_header {
	uint32_t magic;
	uint32_t flags;
	uint32_t checksum;
};

/*
 * Finds the first Multiboot 1 header (3.1): in the first 8192 bytes, aligned to 4, with the right
 * checksum. -ENOEXEC with *error if there is none.
 */
int multiboot_header_find(const void *file, size_t len, struct multiboot_header *header,
			  struct image_error *error);

#endif
