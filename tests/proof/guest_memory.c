/* SPDX-License-Identifier: MIT */
/*
 * Shows: the check that every guest-physical address and length passes is what exact arithmetic
 *   says, for all of them
 * Rules: BUG-2 BUG-3
 * Layer: laws
 * Sources: ept/ram_layout.c
 * Geometry: any length of RAM, any address, any length
 * Unwind: 1
 * Covers: ram_layout_init ram_layout_contains ram_layout_end range_contains
 * Limit: 60
 * Quick: yes
 */
#include "ept/gpa_space.h"
#include "tests/proof/proof.h"

typedef unsigned __int128 exact_t;

int main(void)
{
	struct ram_layout layout;
	uint64_t ram, len;
	gpa_t gpa;
	int err = ram_layout_init(&layout, ram);

	prove(err == (ram == 0 || ram > RAM_LEN_MAX || ram % PAGE_SIZE ? -EINVAL : 0));
	if (err)
		return 0;
	prove(layout.low_len + layout.high_len == ram);
	prove(ram_layout_end(&layout) ==
	      (ram <= RAM_HOLE_START ? ram : ram - RAM_HOLE_START + RAM_HOLE_END));

	exact_t end = (exact_t)gpa.value + len;
	bool low = end <= layout.low_len;
	bool high = gpa.value >= RAM_HOLE_END && end <= ram_layout_end(&layout);
	prove(ram_layout_contains(&layout, gpa, len) == (low || high));
	return 0;
}
