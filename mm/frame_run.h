/* SPDX-License-Identifier: MIT */
/*
 * Contiguous frames that give up one reference each: what neighbouring leaves owned is put
 * together.
 */
#ifndef MM_FRAME_RUN_H
#define MM_FRAME_RUN_H

#include "mm/frame.h"

struct frame_run {
	paddr_t paddr;
	uint64_t nr_frames; /* 0: empty */
};

/* Adds frames if they follow the run or it is empty; false if they do neither. */
static inline bool frame_run_add(struct frame_run *run, paddr_t paddr, uint64_t nr_frames)
{
	if (run->nr_frames == 0)
		run->paddr = paddr;
	else if (run->paddr.value + (run->nr_frames << PAGE_SHIFT) != paddr.value)
		return false;
	run->nr_frames += nr_frames;
	return true;
}

/* Puts the references, see run_put(), and empties the run. */
static inline void frame_run_put(struct phys_domain *domain, struct frame_run *run)
{
	if (run->nr_frames > 0)
		(void)run_put(domain, run->paddr, run->nr_frames);
	run->nr_frames = 0;
}

#endif
