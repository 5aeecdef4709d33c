/* SPDX-License-Identifier: MIT */
/* Asks for changes of the host table, and touches the RAM after each: none is a violation. */
#include "guests/lib/guest.h"
#include "guests/lib/page.h"

#define NR_PAGES 8
#define LEN (NR_PAGES * PAGE_SIZE)

/* Whether the page's first and last byte are both `value`. */
static bool page_holds(uint64_t gpa, uint8_t value)
{
	return memory_at(gpa)[0] == value && memory_at(gpa)[PAGE_SIZE - 1] == value;
}

static void page_fill(uint64_t gpa, uint8_t value)
{
	memory_at(gpa)[0] = value;
	memory_at(gpa)[PAGE_SIZE - 1] = value;
}

static void check_remap(uint64_t gpa)
{
	const uint64_t hole = gpa + PAGE_SIZE;
	struct page_leaf leaf;
	uint64_t count;

	check(!page_unmap(ABI_TABLE_HOST, hole, LEN - 2 * PAGE_SIZE, &count) &&
		      count == NR_PAGES - 2,
	      "unmap removes the pages between the first and the last");
	check(page_query(ABI_TABLE_HOST, hole, &leaf) == -PAGE_ENOENT, "query finds none there");
	check(!page_unmap(ABI_TABLE_HOST, gpa, LEN, &count) && count == 2,
	      "unmap of all finds the two that are left");
	check(!page_map_host(gpa, LEN, PAGE_READ_WRITE | PAGE_READ_EXECUTE), "map them again");
	check(page_holds(gpa, 0) && page_holds(hole, 0) && page_holds(gpa + LEN - PAGE_SIZE, 0),
	      "what comes back is zero");
	check(page_map_host(hole, PAGE_SIZE, PAGE_READ_WRITE) == -PAGE_EEXIST,
	      "map of what is mapped is refused");
}

static void check_protect(uint64_t gpa)
{
	struct page_leaf leaf;
	uint64_t count;

	page_fill(gpa, 0x11);
	page_fill(gpa + PAGE_SIZE, 0x22);
	check(!page_protect(ABI_TABLE_HOST, gpa, PAGE_SIZE, PAGE_READ, &count) && count == 1,
	      "protect makes one page read-only");
	check(!page_query(ABI_TABLE_HOST, gpa, &leaf) && leaf.rights == PAGE_READ &&
		      leaf.level == 1 && leaf.len == PAGE_SIZE,
	      "query says so");
	page_fill(gpa + PAGE_SIZE, 0x33);
	check(page_holds(gpa, 0x11) && page_holds(gpa + PAGE_SIZE, 0x33),
	      "it reads as before, its neighbour can be written");
	check(!page_protect(ABI_TABLE_HOST, gpa, PAGE_SIZE, PAGE_READ_WRITE, &count) && count == 1,
	      "protect makes it writable again");
	page_fill(gpa, 0x44);
	check(page_holds(gpa, 0x44), "and it can be written");
}

int guest_main(void)
{
	uint64_t gpa = memory_take(LEN, LEN);

	page_fill(gpa, 0xaa);
	page_fill(gpa + PAGE_SIZE, 0xbb);
	check_remap(gpa);
	check_protect(gpa);
	return check_result();
}
