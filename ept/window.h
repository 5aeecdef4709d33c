/* SPDX-License-Identifier: MIT */
/*
 * The window: a reserved range of host addresses, as long as a VM's GPA space, that shows pool
 * memory where the host table maps it and nothing elsewhere. One host mapping per contiguous run.
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
	void *reservation; /* what munmap() gets back */
	uint64_t reservation_len;
};

/* Reserves `len` bytes, a multiple of 4 KiB, of address space; nothing is accessible. -ENOMEM. */
int window_create(struct window *window, uint64_t len);
void window_destroy(struct window *window);

/*
 * Shows [offset, offset+len) of the pool's file at gpa with these PROP_READ / PROP_WRITE rights
 * (others are ignored).
 * -ENOMEM when the process has no mapping left (vm.max_map_count); the range is then as it was.
 */
int window_show(struct window *window, gpa_t gpa, uint64_t len, int fd, uint64_t offset,
		uint32_t rights);

/*
 * Makes the range a host mapping of its own, so that what changes or hides just this range after it
 * cannot fail for want of mappings. -ENOMEM; nothing has changed then.
 */
int window_carve(struct window *window, gpa_t gpa, uint64_t len);

/* Changes the rights of a range that is shown. When it returns, every vCPU is bound by them. */
int window_protect(struct window *window, gpa_t gpa, uint64_t len, uint32_t rights);

/* Shows nothing there any more. When it returns, no vCPU has a translation of it. */
int window_hide(struct window *window, gpa_t gpa, uint64_t len);

#endif
