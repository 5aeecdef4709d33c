/* SPDX-License-Identifier: MIT */
/*
 * Calls of the page-control device (docs/guest-abi.md): each returns 0 or a negative Linux errno,
 * and has changed nothing in the latter case. After a change of the guest table the TLB is flushed.
 *
 * `table` is ABI_TABLE_GUEST or ABI_TABLE_HOST, `address` a GVA or a GPA accordingly, `rights` are
 * ABI_RIGHT_*, lengths are bytes.
 */
#ifndef GUESTS_LIB_PAGE_H
#define GUESTS_LIB_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/guest_abi.h"

#define PAGE_READ ABI_RIGHT_READ
#define PAGE_READ_WRITE (ABI_RIGHT_READ | ABI_RIGHT_WRITE)
#define PAGE_READ_EXECUTE (ABI_RIGHT_READ | ABI_RIGHT_EXECUTE)

/* The errors that the device is asked for on purpose. */
#define PAGE_ENOENT 2
#define PAGE_EBUSY 16
#define PAGE_EEXIST 17
#define PAGE_EINVAL 22
#define PAGE_ERANGE 34

struct page_leaf {
	uint64_t target; /* GPA of the first byte of the leaf; 0 in the host table */
	uint64_t len;	 /* of the leaf */
	uint32_t level;
	uint32_t rights; /* without ABI_RIGHT_ACCESSED and ABI_RIGHT_DIRTY */
};

/* Guest table: [gva, gva+len) to [gpa, gpa+len), in leaves of at most `level` (0: any). */
int64_t page_map(uint64_t gva, uint64_t gpa, uint64_t len, uint32_t rights, uint32_t level);

/* Host table: fresh zeroed RAM at [gpa, gpa+len). */
int64_t page_map_host(uint64_t gpa, uint64_t len, uint32_t rights);

/* These two give the number of 4 KiB pages removed or changed in *count, if it is not NULL. */
int64_t page_unmap(uint32_t table, uint64_t address, uint64_t len, uint64_t *count);
int64_t page_protect(uint32_t table, uint64_t address, uint64_t len, uint32_t rights,
		     uint64_t *count);

/* *leaf is undefined if there is an error. */
int64_t page_query(uint32_t table, uint64_t address, struct page_leaf *leaf);

/* Bytes that a leaf of `level` (1 to 3) maps, and those in words. */
uint64_t page_size(uint32_t level);
const char *page_size_name(uint32_t level);

/* Does the CPU have leaves of 1 GiB? */
bool page_has_1g(void);

/* Makes the CPU forget its translations of [gva, gva+len), by INVLPG if they are few. */
void page_flush(uint64_t gva, uint64_t len);

/*
 * Takes `len` bytes of RAM, aligned for leaves of `level`, and returns their GPA. Where the RAM or
 * the CPU does not have that, prints "skipped" and why, and returns 0.
 */
uint64_t page_take(uint32_t level, uint64_t len);

/* The request as it is, for requests that no call above would make. */
int64_t page_control(struct abi_page_request *request);

#endif
