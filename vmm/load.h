/* SPDX-License-Identifier: MIT */
/*
 * The parts of vm_load(): only vmm/load*.c includes it.
 *
 * Guest memory is fresh when an image is loaded: what the file does not give is zero already. When
 * a load fails, memory holds whatever it got to, and the VM is good for vm_destroy() only.
 */
#ifndef VMM_LOAD_H
#define VMM_LOAD_H

#include "vmm/vm.h"

#define LOAD_MIB (UINT64_C(1) << 20)

/* What vm_load() was called with. */
struct load {
	struct vm *vm;
	const struct image *image;
	const void *file;
	const char *command_line;
	const void *initrd; /* NULL: there is none */
	uint64_t initrd_len;
	struct vm_start *start;
	struct image_error *error;
};

/* Bytes into RAM that the loader laid out itself. -EFAULT with a sentence if it is not there. */
int load_write(const struct load *load, gpa_t gpa, const void *from, uint64_t len);

/*
 * What a long-mode guest gets beside its segments, which are in memory already: page tables, stack,
 * boot information (docs/guest-abi.md). Fills *load->start; the tables are vm->tables. -E* with a
 * sentence.
 */
int load_long(const struct load *load);

/* The same for a Multiboot image: its information structure and its module. */
int load_multiboot(const struct load *load);

#endif
