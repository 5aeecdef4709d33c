/* SPDX-License-Identifier: MIT */
/*
 * Where RAM is, with the hole under 4 GiB that PC devices live in.
 */
#include "ept/gpa_space.h"

#define RAM_MAX (UINT64_C(1) << 46)

int ram_layout_init(struct ram_layout *layout, uint64_t len)
{
	if (len == 0 || len > RAM_MAX || !is_aligned(len, PAGE_SIZE))
		return -EINVAL;
	layout->low_len = len < RAM_HOLE_START ? len : RAM_HOLE_START;
	layout->high_len = len - layout->low_len;
	return 0;
}

static bool range_contains(uint64_t start, uint64_t range_len, uint64_t address, uint64_t len)
{
	return address >= start && address - start <= range_len &&
	       len <= range_len - (address - start);
}

bool ram_layout_contains(const struct ram_layout *layout, gpa_t gpa, uint64_t len)
{
	return range_contains(0, layout->low_len, gpa.value, len) ||
	       range_contains(RAM_HOLE_END, layout->high_len, gpa.value, len);
}

uint64_t ram_layout_end(const struct ram_layout *layout)
{
	return layout->high_len ? RAM_HOLE_END + layout->high_len : layout->low_len;
}
