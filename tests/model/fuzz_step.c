/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer's operations (make fuzz-model): ten bytes each, on the same step as random traces.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/model/config.h"

#define OPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config = config_thorough(&config_random);
	static struct op ops[OPS_MAX];
	struct outcome outcome;
	size_t nr_ops = size / OP_BYTES < OPS_MAX ? size / OP_BYTES : OPS_MAX;

	for (size_t i = 0; i < nr_ops; i++)
		ops[i] = op_from_bytes(&config_random, data + i * OP_BYTES);
	outcome = trace_run(&config, ops, nr_ops);
	if (!outcome.failed)
		return 0;
	trace_print(&config_random, ops, outcome.nr_ops, &outcome.failure);
	fflush(stdout);
	abort();
}
