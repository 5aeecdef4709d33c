/* SPDX-License-Identifier: MIT */
/*
 * Bytes by the addresses that a space translates: each piece is looked up, and stays mapped while
 * it is copied, because a cursor is on it (4.3, V-4).
 *
 * What can be reached: tracked leaves with the right for the direction, over frames in use that
 * hold plain bytes. Everything else is -EFAULT: absent, untracked (device memory is not the
 * domain's), no right, and what a hostile table makes up. Accessed and dirty bits are not set. The
 * domain's memory must be there for each frame that a table may map: this is for tables whose
 * frames are backed.
 */
#ifndef MM_SPACE_IO_H
#define MM_SPACE_IO_H

#include "mm/io.h"
#include "mm/space.h"

struct space_io {
	struct vm_space *space;
	struct cursor cursor; /* while a piece is in hand */
};

/*
 * Makes *range the addresses [va, va+len) of the space. `io` is the range's until that is done
 * with, and serves one range at a time. -EOVERFLOW the sum wraps, -ERANGE outside the address
 * space. What uses the range may return -EDEADLK, too: this thread has a cursor open there
 * (BUG-10).
 */
int space_io_range(struct space_io *io, struct vm_space *space, vaddr_t va, uint64_t len,
		   struct io_range *range);

/*
 * Copies out of and into a space, all of `len` bytes (IO-2). *done (may be NULL) counts the bytes,
 * also on error. -EFAULT, and as above.
 */
int space_read(struct vm_space *space, vaddr_t va, void *to, uint64_t len, uint64_t *done);
int space_write(struct vm_space *space, vaddr_t va, const void *from, uint64_t len, uint64_t *done);
int space_fill_zeros(struct vm_space *space, vaddr_t va, uint64_t len, uint64_t *done);

#endif
