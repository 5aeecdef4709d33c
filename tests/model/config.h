/* SPDX-License-Identifier: MIT */
/*
 * Worlds for random traces, and running a trace in one.
 */
#ifndef TESTS_MODEL_CONFIG_H
#define TESTS_MODEL_CONFIG_H

#include "tests/model/model.h"

/* Everything there is, of this program's geometry. */
extern const struct config config_random;

/* An operation at random, its arguments mostly such as make sense. *random is not 0. */
struct op random_op(const struct config *config, uint64_t *random);

/* An operation from bytes, whatever they are: each argument modulo its limit. */
#define OP_BYTES 10
struct op op_from_bytes(const struct config *config, const unsigned char *bytes);

/* What came of a trace. */
struct outcome {
	size_t nr_ops; /* that were given; the last one failed if `failed` */
	size_t nr_done;
	size_t nr_blocked;
	bool failed;
	struct failure failure;
};

/* Runs a trace in a world of its own. */
struct outcome trace_run(const struct config *config, const struct op *ops, size_t nr_ops);

/* The same world, with an audit after each operation: for traces that are to be short. */
struct config config_thorough(const struct config *config);

/* The same, and says what came of it: the main() of a trace that was printed as C. */
int trace_replay(const struct config *config, const struct op *ops, size_t nr_ops);

void trace_print(const struct config *config, const struct op *ops, size_t nr_ops,
		 const struct failure *failure);

#endif
