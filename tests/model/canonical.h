/* SPDX-License-Identifier: MIT */
/*
 * States up to what nobody can tell apart: nodes by the order in which a walk meets them, epochs by
 * their order, lists by what is in them.
 */
#ifndef TESTS_MODEL_CANONICAL_H
#define TESTS_MODEL_CANONICAL_H

#include "tests/model/model.h"

/* 128 bits that tell two states apart. */
struct fingerprint {
	uint64_t low, high;
};

/*
 * What is left out: which of the free frames is next; what a cursor remembers of the last property
 * that it encoded or decoded; the bound on what may wait for a grace period.
 */
struct fingerprint world_fingerprint(const struct world *world);

#endif
