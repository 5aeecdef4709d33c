/* SPDX-License-Identifier: MIT */
/*
 * A VM's memory and registers as an ELF core that gdb, readelf and `vmm pt` read.
 *
 * One PT_LOAD for each run of GPAs that the host table maps, whatever its rights, with p_paddr =
 * p_vaddr = GPA; the notes of vmm/core_format.h. Memory that nobody has touched is a hole of the
 * file, too.
 */
#ifndef VMM_SNAPSHOT_H
#define VMM_SNAPSHOT_H

#include "vmm/vm.h"

struct snapshot_figures {
	uint64_t ranges;  /* PT_LOADs */
	uint64_t memory;  /* bytes of guest memory in the file */
	uint64_t written; /* of these, bytes that are no hole */
};

/*
 * Writes it, with the vCPU between two instructions: to a temporary file in the same folder, mode
 * 0600, which then takes the place of `path`. -E* with a sentence, and nothing has changed;
 * -EFBIG also if the runs are more than an ELF file has numbers for.
 */
int snapshot_write(struct vm *vm, const char *path, struct snapshot_figures *figures,
		   struct image_error *error);

#endif
