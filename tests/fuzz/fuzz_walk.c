/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: the input is memory full of page tables, of any kind and as hostile as can be.
 * A broken promise of mm/foreign_walk.h ends in abort(), and so does a walk that takes seconds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/walk_promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *broken = walk_broken_promise(data, size);

	if (broken) {
		fprintf(stderr, "broken promise: %s\n", broken);
		abort();
	}
	return 0;
}
