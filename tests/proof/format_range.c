/* SPDX-License-Identifier: MIT */
/*
 * Shows: format_contains() is what exact arithmetic says, for every address and length, up to the
 *   last byte of 2^64
 * Rules: V-2 BUG-4
 * Layer: laws
 * Sources: mm/format.c
 * Geometry: every format, address, length
 * Unwind: 1
 * Covers: format_contains format_address_bits
 * Except: format_contains wraps the end of an empty range, and of one that reaches beyond 2^64, are
 *   refused after they are formed; minus a half is where the upper half begins
 * Limit: 60
 * Quick: yes
 */
#include "tests/proof/any_format.h"

typedef unsigned __int128 exact_t;

int main(void)
{
	const struct pt_format *format = any_format();
	vaddr_t start;
	uint64_t len;
	unsigned bits = format_address_bits(format);
	exact_t end = (exact_t)start.value + len;
	exact_t half = (exact_t)1 << (bits - 1);
	exact_t all = (exact_t)1 << 64;

	prove(bits == PAGE_SHIFT + MM_INDEX_BITS * format->levels);
	bool right = len > 0 && end <= all &&
		     (format->sign_extended ? end <= half || start.value >= all - half :
					      end <= 2 * half);
	prove(format_contains(format, start, len) == right);
	return 0;
}
