/* SPDX-License-Identifier: MIT */
/*
 * Has pages of each size mapped, protected and unmapped in its own table, and touches them before
 * and after each step: every page of the small sizes, one in each 64 MiB of the largest.
 */
#include <stddef.h>

#include "guests/lib/exception.h"
#include "guests/lib/guest.h"
#include "guests/lib/page.h"

#define GVA UINT64_C(0x10000000000) /* nothing is there */
#define NR_SMALL_PAGES 8
#define STRIDE_1G UINT64_C(0x4000000)
#define OPCODE_RET 0xc3

struct run {
	uint32_t level;
	uint64_t len;
	uint64_t stride; /* distance of the bytes that are touched */
	uint64_t gpa;
};

static bool each_read_faults(const struct run *run)
{
	for (uint64_t at = 0; at < run->len; at += run->stride)
		if (!probe_is_page_fault(probe_read(GVA + at), GVA + at, 0))
			return false;
	return true;
}

static bool each_write_faults(const struct run *run, uint64_t error_code)
{
	for (uint64_t at = 0; at < run->len; at += run->stride)
		if (!probe_is_page_fault(probe_write(GVA + at, 0), GVA + at, error_code))
			return false;
	return true;
}

/* Whether each page is the RAM that it should be: written here, seen in the direct map. */
static bool each_reaches_its_target(const struct run *run)
{
	for (uint64_t at = 0; at < run->len; at += run->stride) {
		uint8_t value = (uint8_t)(at / run->stride + 1);

		if (probe_write(GVA + at, value).faulted || *memory_at(run->gpa + at) != value)
			return false;
	}
	return true;
}

static bool each_reads_as_written(const struct run *run)
{
	for (uint64_t at = 0; at < run->len; at += run->stride) {
		struct probe probe = probe_read(GVA + at);

		if (probe.faulted || probe.value != (uint8_t)(at / run->stride + 1))
			return false;
	}
	return true;
}

static bool leaf_is(const struct run *run, uint32_t rights)
{
	struct page_leaf leaf;

	return !page_query(ABI_TABLE_GUEST, GVA, &leaf) && leaf.target == run->gpa &&
	       leaf.level == run->level && leaf.len == page_size(run->level) &&
	       leaf.rights == rights;
}

static void check_protect(const struct run *run)
{
	const uint64_t last = run->len - PAGE_SIZE;
	const char *name = page_size_name(run->level);
	uint64_t count;

	check(!page_protect(ABI_TABLE_GUEST, GVA, run->len, PAGE_READ, &count) &&
		      count == run->len / PAGE_SIZE && leaf_is(run, PAGE_READ),
	      "%s: protected to read-only", name);
	check(each_reads_as_written(run), "%s: each page is read as before", name);
	check(each_write_faults(run, FAULT_PRESENT | FAULT_WRITE), "%s: each write faults", name);
	*memory_at(run->gpa + last) = OPCODE_RET;
	check(probe_is_page_fault(probe_execute(GVA + last), GVA + last,
				  FAULT_PRESENT | FAULT_FETCH),
	      "%s: an execution faults", name);
	check(!page_protect(ABI_TABLE_GUEST, GVA, run->len, PAGE_READ_EXECUTE, NULL) &&
		      leaf_is(run, PAGE_READ_EXECUTE) && !probe_execute(GVA + last).faulted,
	      "%s: protected to executable, and executed", name);
}

static void check_run(const struct run *run)
{
	const char *name = page_size_name(run->level);
	uint64_t count;

	check(each_read_faults(run) && each_write_faults(run, FAULT_WRITE),
	      "%s: each page faults before", name);
	check(!page_map(GVA, run->gpa, run->len, PAGE_READ_WRITE, run->level) &&
		      leaf_is(run, PAGE_READ_WRITE),
	      "%s: mapped, leaf of level %u", name, run->level);
	check(each_reaches_its_target(run), "%s: each page is the right one", name);
	check_protect(run);
	check(!page_unmap(ABI_TABLE_GUEST, GVA, run->len, &count) && count == run->len / PAGE_SIZE,
	      "%s: unmapped", name);
	check(each_read_faults(run) && each_write_faults(run, FAULT_WRITE),
	      "%s: each page faults after", name);
}

int guest_main(void)
{
	struct run runs[] = {
		{ 1, NR_SMALL_PAGES * PAGE_SIZE, PAGE_SIZE, 0 },
		{ 2, PAGE_SIZE_2M, PAGE_SIZE, 0 },
		{ 3, PAGE_SIZE_1G, STRIDE_1G, 0 },
	};

	for (unsigned i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		runs[i].gpa = page_take(runs[i].level, runs[i].len);
		if (runs[i].gpa)
			check_run(&runs[i]);
	}
	return check_result();
}
