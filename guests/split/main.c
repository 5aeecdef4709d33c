/* SPDX-License-Identifier: MIT */
/*
 * Has one 4 KiB page within a 2 MiB and a 1 GiB leaf protected, then unmapped: the leaf is split,
 * and its neighbours stay what they were.
 */
#include "guests/lib/exception.h"
#include "guests/lib/guest.h"
#include "guests/lib/page.h"

#define GVA UINT64_C(0x10000000000) /* nothing is there */

struct run {
	uint32_t level;
	uint64_t len;
	uint64_t gpa;
};

/* Whether the byte at `at` within the run can be written and is the right byte of RAM. */
static bool is_writable(const struct run *run, uint64_t at)
{
	uint8_t value = (uint8_t)(*memory_at(run->gpa + at) + 1);

	return !probe_write(GVA + at, value).faulted && *memory_at(run->gpa + at) == value &&
	       probe_read(GVA + at).value == value;
}

/* Whether the pages beside the one at `page`, and the ends of the run, are as they were. */
static bool neighbours_are_writable(const struct run *run, uint64_t page)
{
	return is_writable(run, 0) && is_writable(run, page - 1) &&
	       is_writable(run, page + PAGE_SIZE) && is_writable(run, run->len - 1);
}

static bool leaf_is(const struct run *run, uint64_t at, uint32_t level, uint32_t rights)
{
	struct page_leaf leaf;

	return !page_query(ABI_TABLE_GUEST, GVA + at, &leaf) && leaf.target == run->gpa + at &&
	       leaf.level == level && leaf.len == page_size(level) && leaf.rights == rights;
}

static void check_split(const struct run *run)
{
	const uint64_t page = run->len / 2 + 3 * PAGE_SIZE;
	struct page_leaf leaf;
	const char *name = page_size_name(run->level);
	uint64_t count;

	check(!page_map(GVA, run->gpa, run->len, PAGE_READ_WRITE, run->level) &&
		      leaf_is(run, 0, run->level, PAGE_READ_WRITE),
	      "%s: mapped as one leaf", name);
	check(!page_protect(ABI_TABLE_GUEST, GVA + page, PAGE_SIZE, PAGE_READ, &count) &&
		      count == 1,
	      "%s: one page in it protected", name);
	check(leaf_is(run, page, 1, PAGE_READ) &&
		      leaf_is(run, page - PAGE_SIZE, 1, PAGE_READ_WRITE),
	      "%s: it and its neighbour are 4 KiB leaves", name);
	check(leaf_is(run, 0, run->level == 3 ? 2 : 1, PAGE_READ_WRITE),
	      "%s: the first leaf is no smaller than need be", name);
	check(probe_is_page_fault(probe_write(GVA + page, 0), GVA + page,
				  FAULT_PRESENT | FAULT_WRITE),
	      "%s: its write faults", name);
	check(neighbours_are_writable(run, page), "%s: its neighbours are written", name);
	check(!page_unmap(ABI_TABLE_GUEST, GVA + page, PAGE_SIZE, &count) && count == 1 &&
		      page_query(ABI_TABLE_GUEST, GVA + page, &leaf) == -PAGE_ENOENT,
	      "%s: it is unmapped", name);
	check(probe_is_page_fault(probe_read(GVA + page), GVA + page, 0), "%s: its read faults",
	      name);
	check(neighbours_are_writable(run, page), "%s: its neighbours are still written", name);
	check(!page_unmap(ABI_TABLE_GUEST, GVA, run->len, &count) &&
		      count == run->len / PAGE_SIZE - 1,
	      "%s: the rest is unmapped", name);
}

int guest_main(void)
{
	struct run runs[] = { { 2, PAGE_SIZE_2M, 0 }, { 3, PAGE_SIZE_1G, 0 } };

	for (unsigned i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		runs[i].gpa = page_take(runs[i].level, runs[i].len);
		if (runs[i].gpa)
			check_split(&runs[i]);
	}
	return check_result();
}
