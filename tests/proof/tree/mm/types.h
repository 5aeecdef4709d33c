/* SPDX-License-Identifier: MIT */
/* mm/types.h for proofs of steps: an entry that was read knows what the shape says of it. */
#ifndef PROOF_TYPES_H
#define PROOF_TYPES_H

#define pte_t pte_t_of_the_engine
#include_next <mm/types.h>
#undef pte_t
#undef PTE

#include "tests/proof/step_shape.h"

typedef struct {
	uint64_t raw;
	enum shape known; /* of the entry that it was read from; UNKNOWN of what was made up */
	enum known tracked;
} pte_t;

#define PTE(x)                                                   \
	({                                                       \
		shape_read = SHAPE_UNKNOWN;                      \
		tracked_read = UNKNOWN;                          \
		uint64_t raw_ = (x);                             \
		pte_t pte_ = { raw_, shape_read, tracked_read }; \
		shape_read = SHAPE_UNKNOWN;                      \
		tracked_read = UNKNOWN;                          \
		pte_;                                            \
	})

#endif
