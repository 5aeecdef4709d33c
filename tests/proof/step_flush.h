/* SPDX-License-Identifier: MIT */
/* For steps of cursors on ranges: the pages that have been flushed, each once and run by run. */
#ifndef PROOF_STEP_FLUSH_H
#define PROOF_STEP_FLUSH_H

#include "tests/proof/step_tree.h"

static unsigned flushed; /* a bit for each page */

/* Runs come in ascending order, and none of them touches another. */
static void flush(void *context, vaddr_t start, uint64_t len)
{
	unsigned page = (unsigned)(start.value >> PAGE_SHIFT);
	unsigned nr = (unsigned)(len >> PAGE_SHIFT);
	unsigned now = ((1u << nr) - 1) << page;

	(void)context;
	prove(nr > 0 && nr <= NR && now > flushed);
	prove((flushed & now) == 0 && (flushed << 1 & now) == 0);
	flushed |= now;
}

#endif
