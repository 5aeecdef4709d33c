/* SPDX-License-Identifier: MIT */
/*
 * Images for tests of vm_load(), and looks at what it made of them.
 *
 * What goes wrong here fails the running test.
 */
#ifndef TESTS_LOAD_FIXTURE_H
#define TESTS_LOAD_FIXTURE_H

#include "tests/unit/vm_fixture.h"
#include "vmm/guest_abi.h"

#define TEXT UINT64_C(0x400000)
#define RODATA UINT64_C(0x402000)
#define DATA UINT64_C(0x403000)
#define DATA_GVA (DATA + 2 * MIB) /* linked elsewhere than loaded */
#define COMMAND_LINE "guest.elf one two"

#define R PROP_READ
#define W PROP_WRITE
#define X PROP_EXECUTE

/* The file that the images are of: 31 bytes. */
extern const char load_file[];

/*
 * Text, R+X, of 1.5 pages with the file's first 17 bytes; rodata of a page with bytes 5 to 7; data,
 * R+W, of two pages that begin 16 bytes into one, with the file's last 9 bytes.
 */
extern const struct image load_elf64;

/* The first 17 bytes at TEXT. */
extern const struct image load_raw;

struct loaded {
	struct vm_start start;
	struct image_error error;
};

/* vm_load() of that file. */
int load_try(struct vm *vm, const struct image *image, const char *command_line, const void *initrd,
	     size_t initrd_len, struct loaded *loaded);

/* The same with COMMAND_LINE and without initrd; it succeeds. */
struct loaded load_image(struct vm *vm, const struct image *image);

/* It is refused with a sentence that has `part` in it, and no table is left behind. */
void load_refused(struct vm *vm, const struct image *image, const char *part);

void load_read(struct vm *vm, uint64_t gpa, void *to, uint64_t len);

/* The boot information that RDI points to. */
struct abi_boot load_boot(struct vm *vm, const struct loaded *loaded);

/* gva leads to gpa with exactly these rights, or nowhere. */
void load_mapped(struct vm *vm, uint64_t gva, uint64_t gpa, uint32_t rights);
void load_absent(struct vm *vm, uint64_t gva);

#endif
