/* SPDX-License-Identifier: MIT */
/* What the files of the check share. */
#ifndef TESTS_MODEL_CHECK_H
#define TESTS_MODEL_CHECK_H

#include "tests/model/model.h"

/* Fills world->seen; world->references are counted before. */
void check_tables(struct world *world);

/* Has the model a reference on this frame in this epoch of the space's queue? */
bool waits_in_epoch(const struct world *world, unsigned space, uint32_t frame, uint32_t epoch);

#endif
