/* SPDX-License-Identifier: MIT */
/*
 * Random requests for its own table, each checked against an array that says what is mapped: the
 * result, the count, the leaf, and what an access does.
 *
 * The command line gives the seed of the random sequence.
 */
#include "guests/lib/exception.h"
#include "guests/lib/guest.h"
#include "guests/lib/page.h"
#include "guests/lib/random.h"

#define NR_ROUNDS 100
#define NR_PROBES 4 /* after each */
#define NR_PAGES 2048
#define NR_TARGETS 4096
#define LARGE 512						/* pages of a 2 MiB leaf */
#define GVA (UINT64_C(0x8000000000) - NR_PAGES / 2 * PAGE_SIZE) /* across a top-level entry's end */

/* What each page is mapped to, and how: no rights, not mapped. */
static struct {
	uint16_t target;
	uint8_t rights;
} model[NR_PAGES];

static uint64_t ram; /* GPA of target 0 */

struct change {
	uint32_t operation;
	unsigned page;
	unsigned target;
	unsigned nr;
	uint32_t rights;
};

static unsigned minimum(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* A few pages, many, or whole large leaves. */
static struct change change_make(void)
{
	unsigned unit = random_below(2) ? LARGE : 1;
	struct change change = {
		.operation = ABI_PAGE_MAP + (uint32_t)random_below(3),
		.page = (unsigned)random_below(NR_PAGES / unit) * unit,
		.target = (unsigned)random_below(NR_TARGETS / unit) * unit,
		.nr = unit * (1 + (unsigned)random_below(unit == 1 ? LARGE + 100 : 2)),
		.rights = PAGE_READ | (uint32_t)random_below(2) * ABI_RIGHT_WRITE,
	};

	change.nr = minimum(change.nr, NR_PAGES - change.page);
	change.nr = minimum(change.nr, NR_TARGETS - change.target);
	return change;
}

static unsigned model_count(const struct change *change)
{
	unsigned count = 0;

	for (unsigned i = 0; i < change->nr; i++)
		count += model[change->page + i].rights != 0;
	return count;
}

static void model_change(const struct change *change)
{
	for (unsigned i = 0; i < change->nr; i++) {
		uint8_t *rights = &model[change->page + i].rights;

		if (change->operation == ABI_PAGE_MAP)
			model[change->page + i].target = (uint16_t)(change->target + i);
		if (change->operation == ABI_PAGE_MAP || *rights)
			*rights = change->operation == ABI_PAGE_UNMAP ? 0 : (uint8_t)change->rights;
	}
}

static bool change_is_right(const struct change *change)
{
	struct abi_page_request request = {
		.operation = change->operation,
		.table = ABI_TABLE_GUEST,
		.address = GVA + change->page * PAGE_SIZE,
		.target = ram + change->target * PAGE_SIZE,
		.len = change->nr * PAGE_SIZE,
		.rights = change->rights,
	};
	unsigned count = model_count(change);

	page_control(&request);
	if (change->operation == ABI_PAGE_MAP && count > 0)
		return request.result == -PAGE_EEXIST;
	model_change(change);
	return !request.result && (change->operation == ABI_PAGE_MAP || request.count == count);
}

static bool query_is_right(unsigned page)
{
	uint64_t gva = GVA + page * PAGE_SIZE;
	uint64_t gpa = ram + model[page].target * PAGE_SIZE;
	struct page_leaf leaf;
	int64_t result = page_query(ABI_TABLE_GUEST, gva, &leaf);

	if (!model[page].rights)
		return result == -PAGE_ENOENT;
	return !result && leaf.rights == model[page].rights &&
	       leaf.target == gpa - (gva & (leaf.len - 1));
}

static bool access_is_right(unsigned page, uint8_t value)
{
	uint64_t gva = GVA + page * PAGE_SIZE;
	struct probe probe = probe_write(gva, value);

	if (!model[page].rights)
		return probe_is_page_fault(probe, gva, FAULT_WRITE);
	if (!(model[page].rights & ABI_RIGHT_WRITE))
		return probe_is_page_fault(probe, gva, FAULT_WRITE | FAULT_PRESENT) &&
		       !probe_read(gva).faulted;
	return !probe.faulted && *memory_at(ram + model[page].target * PAGE_SIZE) == value;
}

int guest_main(void)
{
	bool right = true;

	random_seed(guest_arguments());
	ram = memory_take(NR_TARGETS * PAGE_SIZE, PAGE_SIZE_2M);
	for (unsigned round = 0; right && round < NR_ROUNDS; round++) {
		struct change change = change_make();

		right = change_is_right(&change);
		for (unsigned i = 0; right && i < NR_PROBES; i++) {
			unsigned page = change.page + (unsigned)random_below(change.nr);

			if (i % 2)
				page = (unsigned)random_below(NR_PAGES);
			right = query_is_right(page) && access_is_right(page, (uint8_t)round);
		}
		if (!right)
			print("round %u: operation %u at page %u, %u pages\n", round,
			      change.operation, change.page, change.nr);
	}
	check(right, "the table is as the array says");
	return check_result();
}
