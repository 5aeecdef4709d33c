/* SPDX-License-Identifier: MIT */
/*
 * The error numbers that the engine returns (negated), with Linux' values, also where there is no
 * libc.
 *
 *   EINVAL      misaligned, empty or otherwise malformed argument; or a handle that owns nothing
 *   ERANGE      address or length outside the domain, the format's address space, or the cursor's
 *   range
 *   ENOENT      nothing there (frame unused, address not mapped)
 *   EEXIST      something is there already (frame in use, address mapped)
 *   EFAULT      an address that leads to no memory, or not in this direction (mm/io.h)
 *   EBUSY       the frame has an exclusive owner
 *   EAGAIN      the frame is being constructed or destroyed by another thread: try again
 *   EOVERFLOW   the count is saturated; or offset + length is more than 64 bits
 *   ENOMEM      no frame left
 *   EMFILE      this thread has THREAD_CURSORS cursors open
 *   EOPNOTSUPP  the format cannot encode this property at this level
 *   EDEADLK     this thread would wait for itself, or might: it has another cursor on the table
 *   (BUG-10)
 *   EUCLEAN     the table's memory contradicts its slots: a guest wrote to its own tables
 */
#ifndef MM_ERRNO_H
#define MM_ERRNO_H

#if __STDC_HOSTED__
#include <errno.h>
#else
#define ENOENT 2
#define EAGAIN 11
#define ENOMEM 12
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define EINVAL 22
#define EMFILE 24
#define ERANGE 34
#define EDEADLK 35
#define EOVERFLOW 75
#define EOPNOTSUPP 95
#define EUCLEAN 117
#endif

#endif
