/* SPDX-License-Identifier: MIT */
/*
 * The window: a reserved range of host addresses, as long as a VM's GPA space, that shows pool
 * memory where the host table maps it and nothing elsewhere.
 *
 * The kernel makes one host mapping of neighbouring ranges that show neighbouring parts of the pool
 * with the same rights, and a process has vm.max_map_count of them. So every change can fail with
 * -ENOMEM, also one that takes something away: it may have to cut a mapping in two. Hence the rule
 * for users: change the window before what depends on it, and give up if it cannot be changed.
 *
 * All ranges are multiples of 4 KiB (-EINVAL) within the window (-ERANGE).
 */
#ifndef EPT_WINDOW_H
#define EPT_WINDOW_H

#include <stdint.h>

#include "ept/address.h"
#include "mm/format.h"

struct window {
	/*
	 * of GPA 0; aligned to 1 GiB if long enough, so that large host pages can match large
	 * leaves
	 */
	unsigned char *memory;
	uint64_t len;
};

/* Reserves `len` bytes, a multiple of 4 KiB, of address space; nothing is accessible. -ENOMEM. */
int window_create(struct window *window, uint64_t len);
void window_destroy(struct window *window);

/*
 * Shows [offset, offset+len) of the pool's file at gpa with these PROP_READ / PROP_WRITE rights
 * (others are ignored), in place of what was shown there. Code is never executable for the process
 * itself. -ENOMEM; the range then shows what it did, or nothing.
 */
int window_show(struct window *window, gpa_t gpa, uint64_t len, int fd, uint64_t offset,
		uint32_t rights);

/*
 * Changes the rights of a range that is shown. When it returns, every vCPU is bound by them.
 * -ENOMEM; some of it may have the new rights then.
 */
int window_protect(struct window *window, gpa_t gpa, uint64_t len, uint32_t rights);

/*
 * Shows nothing there any more. When it returns, no vCPU has a translation of it. -ENOMEM; some of
 * it may be inaccessible then, and window_protect() brings that back.
 */
int window_hide(struct window *window, gpa_t gpa, uint64_t len);

#endif
