/* SPDX-License-Identifier: MIT */
/*
 * mm/domain.h for proofs of nodes: the bytes of a frame, of which only entries matter, are where
 * the proof has them.
 */
#ifndef PROOF_DOMAIN_H
#define PROOF_DOMAIN_H

#include_next <mm/domain.h>

void *proof_frame(paddr_t paddr);

#define domain_pointer(domain, paddr) proof_frame(paddr)

#endif
