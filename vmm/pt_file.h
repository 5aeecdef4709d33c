/* SPDX-License-Identifier: MIT */
/*
 * Files as memory of a source.
 */
#ifndef VMM_PT_FILE_H
#define VMM_PT_FILE_H

#include "vmm/pt_source.h"

/*
 * Maps a whole regular file for as long as the source is open. SIGBUS then says that somebody made
 * it shorter, and ends the process with a sentence. -E* with a sentence.
 */
int pt_file_map(struct pt_source *source, const char *path, const unsigned char **bytes,
		uint64_t *len, struct image_error *error);

#endif
