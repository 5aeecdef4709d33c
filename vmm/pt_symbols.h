/* SPDX-License-Identifier: MIT */
/*
 * Names of addresses, from the symbol table of an ELF file.
 */
#ifndef VMM_PT_SYMBOLS_H
#define VMM_PT_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/file.h"
#include "vmm/image.h"

struct pt_symbol {
	uint64_t address;
	uint64_t len; /* 0: unknown */
	const char *name;
};

struct pt_symbols {
	struct pt_symbol *symbols; /* ascending by address */
	size_t nr;
	struct file file; /* where the names are */
};

/* Reads the functions and objects of an ELF file of either class. -E* with a sentence. */
int pt_symbols_read(struct pt_symbols *symbols, const char *path, struct image_error *error);
void pt_symbols_free(struct pt_symbols *symbols);

/* The symbol that `address` is in or, of no known end, after; NULL: none. */
const struct pt_symbol *pt_symbols_at(const struct pt_symbols *symbols, uint64_t address);

/* The first symbol in [address, address+len), or NULL. */
const struct pt_symbol *pt_symbols_from(const struct pt_symbols *symbols, uint64_t address,
					uint64_t len);

/* The symbol with that name, or NULL. */
const struct pt_symbol *pt_symbols_named(const struct pt_symbols *symbols, const char *name);

#endif
