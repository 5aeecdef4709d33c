/* SPDX-License-Identifier: MIT */
/* mm/frame_run.h for proofs of steps: whether frames go on, the shape says, and it is proved. */
#ifndef PROOF_FRAME_RUN_H
#define PROOF_FRAME_RUN_H

#include_next <mm/frame_run.h>

#include "tests/proof/step_shape.h"

/* These frames are those of the entry that was written last, or of it and others before it. */
static inline bool shape_run_add(struct frame_run *run, paddr_t paddr, uint64_t nr_frames)
{
	bool go_on = run->nr_frames == 0 || shape_written == SHAPE_JOINS ||
		     shape_written == SHAPE_FOLLOWS;
	bool added = frame_run_add(run, paddr, nr_frames);

	return tracked_written == UNKNOWN ? added : proved_as(go_on, added);
}

#define frame_run_add(run, paddr, nr_frames) shape_run_add(run, paddr, nr_frames)

#endif
