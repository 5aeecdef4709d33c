/* SPDX-License-Identifier: MIT */
/* Makes requests that must be refused: each gives the right error and changes nothing. */
#include "guests/lib/guest.h"
#include "guests/lib/page.h"

#define GVA UINT64_C(0x10000000000) /* one page is mapped here, none beside it */
#define GVA_FREE (GVA + PAGE_SIZE)
#define GVA_END_OF_HALF UINT64_C(0x0000800000000000)
#define GPA UINT64_C(0x1000000) /* RAM */
#define GPA_BEYOND_RAM UINT64_C(0x10000000000)
#define LAST_PAGE (-PAGE_SIZE)

struct refusal {
	const char *text;
	struct abi_page_request request;
	int64_t result;
};

#define MAP(gva, gpa, length, right)                                               \
	{                                                                          \
		ABI_PAGE_MAP, ABI_TABLE_GUEST, gva, gpa, length, right, 0, 0, 0, 0 \
	}
#define UNMAP(table, where, length)                                    \
	{                                                              \
		ABI_PAGE_UNMAP, table, where, 0, length, 0, 0, 0, 0, 0 \
	}
#define PROTECT(table, where, length, right)                                 \
	{                                                                    \
		ABI_PAGE_PROTECT, table, where, 0, length, right, 0, 0, 0, 0 \
	}
#define QUERY(gva)                                                        \
	{                                                                 \
		ABI_PAGE_QUERY, ABI_TABLE_GUEST, gva, 0, 0, 0, 0, 0, 0, 0 \
	}

static const struct refusal refusals[] = {
	{ "map: unaligned address", MAP(GVA_FREE + 8, GPA, PAGE_SIZE, 1), -PAGE_EINVAL },
	{ "map: unaligned target", MAP(GVA_FREE, GPA + 8, PAGE_SIZE, 1), -PAGE_EINVAL },
	{ "map: odd length", MAP(GVA_FREE, GPA, 100, 1), -PAGE_EINVAL },
	{ "map: no length", MAP(GVA_FREE, GPA, 0, 1), -PAGE_EINVAL },
	{ "map: no rights", MAP(GVA_FREE, GPA, PAGE_SIZE, 0), -PAGE_EINVAL },
	{ "map: unknown rights", MAP(GVA_FREE, GPA, PAGE_SIZE, 0x101), -PAGE_EINVAL },
	{ "map: mapped already", MAP(GVA, GPA, PAGE_SIZE, 1), -PAGE_EEXIST },
	{ "map: the end is mapped", MAP(GVA - PAGE_SIZE, GPA, 2 * PAGE_SIZE, 1), -PAGE_EEXIST },
	{ "map: beyond RAM", MAP(GVA_FREE, GPA_BEYOND_RAM, PAGE_SIZE, 1), -PAGE_ERANGE },
	{ "map: target overflows", MAP(GVA_FREE, LAST_PAGE, 2 * PAGE_SIZE, 1), -PAGE_ERANGE },
	{ "map: not canonical", MAP(GVA_END_OF_HALF, GPA, PAGE_SIZE, 1), -PAGE_ERANGE },
	{ "map: end not canonical", MAP(GVA_END_OF_HALF - PAGE_SIZE, GPA, 2 * PAGE_SIZE, 1),
	  -PAGE_ERANGE },
	{ "map: address overflows", MAP(GVA_FREE, GPA, LAST_PAGE, 1), -PAGE_ERANGE },
	{ "unmap: unaligned address", UNMAP(ABI_TABLE_GUEST, GVA + 8, PAGE_SIZE), -PAGE_EINVAL },
	{ "unmap: odd length", UNMAP(ABI_TABLE_GUEST, GVA, 8), -PAGE_EINVAL },
	{ "unmap: not canonical", UNMAP(ABI_TABLE_GUEST, GVA_END_OF_HALF, PAGE_SIZE),
	  -PAGE_ERANGE },
	{ "unmap: host, unaligned", UNMAP(ABI_TABLE_HOST, GPA + 8, PAGE_SIZE), -PAGE_EINVAL },
	{ "protect: unaligned", PROTECT(ABI_TABLE_GUEST, GVA + 8, PAGE_SIZE, 1), -PAGE_EINVAL },
	{ "protect: no rights", PROTECT(ABI_TABLE_GUEST, GVA, PAGE_SIZE, 0), -PAGE_EINVAL },
	{ "protect: not canonical", PROTECT(ABI_TABLE_GUEST, GVA_END_OF_HALF, PAGE_SIZE, 1),
	  -PAGE_ERANGE },
	{ "protect: host, odd length", PROTECT(ABI_TABLE_HOST, GPA, 8, 1), -PAGE_EINVAL },
	{ "query: not mapped", QUERY(GVA_FREE), -PAGE_ENOENT },
	{ "query: not canonical", QUERY(GVA_END_OF_HALF), -PAGE_ERANGE },
	{ "unknown table", UNMAP(9, GVA, PAGE_SIZE), -PAGE_EINVAL },
	{ "unknown operation",
	  { 9, ABI_TABLE_GUEST, GVA, GPA, PAGE_SIZE, 1, 0, 0, 0, 0 },
	  -PAGE_EINVAL },
};

/* Whether the one page is mapped as it was, and nothing beside it. */
static bool is_unchanged(void)
{
	struct page_leaf leaf;

	return !page_query(ABI_TABLE_GUEST, GVA, &leaf) && leaf.target == GPA && leaf.level == 1 &&
	       leaf.rights == PAGE_READ_WRITE &&
	       page_query(ABI_TABLE_GUEST, GVA - PAGE_SIZE, &leaf) == -PAGE_ENOENT &&
	       page_query(ABI_TABLE_GUEST, GVA_FREE, &leaf) == -PAGE_ENOENT;
}

int guest_main(void)
{
	struct abi_page_request request;

	check(!page_map(GVA, GPA, PAGE_SIZE, PAGE_READ_WRITE, 0) && is_unchanged(),
	      "one page is mapped");
	for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		request = refusals[i].request;
		page_control(&request);
		check(request.result == refusals[i].result && is_unchanged(), "%s: %ld",
		      refusals[i].text, request.result);
	}
	return check_result();
}
