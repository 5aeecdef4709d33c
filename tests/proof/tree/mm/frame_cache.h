/* SPDX-License-Identifier: MIT */
/* mm/frame_cache.h for proofs of steps: a harness that opens is told of what is wanted. */
#ifndef PROOF_FRAME_CACHE_H
#define PROOF_FRAME_CACHE_H

#include_next <mm/frame_cache.h>

#ifdef OPENS

/* Before anything is locked, it says how many nodes may be made. */
void nodes_are_prepared(const struct phys_domain *of, uint32_t thread, uint64_t nr_frames);

#define frame_cache_prepare(domain, thread, nr_frames) nodes_are_prepared(domain, thread, nr_frames)

#endif
#endif
