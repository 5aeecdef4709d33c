/* SPDX-License-Identifier: MIT */
/* mm/allocator.h for proofs of steps: nobody looks at shelves, and a domain is small without. */
#ifndef PROOF_ALLOCATOR_H
#define PROOF_ALLOCATOR_H

#include <mm/frame_shelf.h>

#undef FRAME_CACHES
#define FRAME_CACHES 1u

#include_next <mm/allocator.h>

#endif
