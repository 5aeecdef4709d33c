/* SPDX-License-Identifier: MIT */
/* Marsaglia's xorshift64. */
#include "guests/lib/random.h"

static uint64_t state;

void random_seed(const char *digits)
{
	uint64_t seed = 0;

	for (; *digits >= '0' && *digits <= '9'; digits++)
		seed = seed * 10 + (uint64_t)(*digits - '0');
	/* Spreads small seeds; the state must not be 0. */
	state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	if (!state)
		state = 1;
}

uint64_t random_next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

uint64_t random_below(uint64_t end)
{
	return random_next() % end;
}
