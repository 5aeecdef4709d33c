/* SPDX-License-Identifier: MIT */
/*
 * Where RAM is in the GPA space: see gpa_space.h.
 */
#include <errno.h>

#include "ept/gpa_space.h"

int ram_layout_init(struct ram_layout *layout, uint64_t len)
{
	if (len == 0 || len > RAM_LEN_MAX || !is_aligned(len, PAGE_SIZE))
		return -EINVAL;
	layout->low_len = len < RAM_HOLE_START ? len : RAM_HOLE_START;
	layout->high_len = len - layout->low_len;
	return 0;
}

/* Does [at, at+len) lie in [start, start+size)? No sum is formed that could wrap. */
static bool range_contains(uint64_t start, uint64_t size, uint64_t at, uint64_t len)
{
	return at >= start && at - start <= size && len <= size - (at - start);
}

bool ram_layout_contains(const struct ram_layout *layout, gpa_t gpa, uint64_t len)
{
	return range_contains(0, layout->low_len, gpa.value, len) ||
	       (layout->high_len > 0 &&
		range_contains(RAM_HOLE_END, layout->high_len, gpa.value, len));
}

uint64_t ram_layout_end(const struct ram_layout *layout)
{
	return layout->high_len > 0 ? RAM_HOLE_END + layout->high_len : layout->low_len;
}
