/* SPDX-License-Identifier: MIT */
/*
 * Whole files in memory.
 */
#ifndef VMM_FILE_H
#define VMM_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/image.h"

struct file {
	void *bytes;
	size_t len;
};

/*
 * Reads a regular file of at most `limit` bytes. The bytes are a copy: whatever happens to the file
 * afterwards, they stay. An empty file has NULL or not, and len 0. -E* with a sentence that names
 * the file, and nothing to free.
 */
int file_read(const char *path, uint64_t limit, struct file *file, struct image_error *error);
void file_free(struct file *file);

#endif
