/* SPDX-License-Identifier: MIT */
/*
 * Small scopes: worlds that are small enough to visit all their states, and the moves in them.
 */
#ifndef TESTS_MODEL_SCOPES_H
#define TESTS_MODEL_SCOPES_H

#include "tests/model/config.h"

#define DEPTH_CLOSED UINT32_MAX /* to the end: a scope that is cut off has failed */

/* Operations that are done together: the states between them are checked, but not kept. */
#define MOVE_OPS 6
struct move {
	uint8_t nr_ops;
	struct op ops[MOVE_OPS];
};

enum scope_kind {
	/* Each operation is a move. */
	SCOPE_STEPS,
	/*
	 * An operation of a cursor is a transaction: opened on every range, at the lowest level or
	 * the operation's own, and closed. A grace period ends each move.
	 */
	SCOPE_TRANSACTIONS,
};

struct scope {
	const char *name;
	const struct config *config;
	enum scope_kind kind;
	const struct op *first; /* that make the first state */
	unsigned nr_first;
	bool only_true; /* arguments that say yes or no say yes */
	uint32_t depth;
	uint32_t states_max;
};

const struct scope *scope_find(const char *name);

/* All moves of a scope; the caller frees them. */
struct move *scope_moves(const struct scope *scope, uint32_t *nr_moves);

#endif
