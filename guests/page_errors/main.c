/* SPDX-License-Identifier: MIT */
/* Makes requests that must be refused: each gives the right error and changes nothing. */
#include <stddef.h>

#include "guests/lib/guest.h"
#include "guests/lib/page.h"

#define ONE PAGE_SIZE
#define GVA UINT64_C(0x10000000000) /* one page is mapped here, none beside it */
#define GVA_BEFORE (GVA - ONE)
#define GVA_FREE (GVA + ONE)
#define END_OF_HALF UINT64_C(0x0000800000000000)
#define GPA UINT64_C(0x1000000) /* RAM */
#define GPA_BEYOND_RAM UINT64_C(0x10000000000)
#define LAST_PAGE (-ONE)

enum {
	MAP = ABI_PAGE_MAP,
	UNMAP = ABI_PAGE_UNMAP,
	PROTECT = ABI_PAGE_PROTECT,
	QUERY = ABI_PAGE_QUERY,
	GUEST = ABI_TABLE_GUEST,
	HOST = ABI_TABLE_HOST,
	READ = ABI_RIGHT_READ,
	WRITE = ABI_RIGHT_WRITE,
	UNKNOWN = 0x101, /* also as a right, with READ */
};

struct refusal {
	const char *text;
	int32_t result;
	uint32_t operation;
	uint32_t table;
	uint64_t address;
	uint64_t target;
	uint64_t len;
	uint32_t rights;
	uint32_t level;
};

static const struct refusal refusals[] = {
	{ "unaligned address", -PAGE_EINVAL, MAP, GUEST, GVA_FREE + 8, GPA, ONE, READ, 0 },
	{ "unaligned target", -PAGE_EINVAL, MAP, GUEST, GVA_FREE, GPA + 8, ONE, READ, 0 },
	{ "odd length", -PAGE_EINVAL, MAP, GUEST, GVA_FREE, GPA, 100, READ, 0 },
	{ "no length", -PAGE_EINVAL, MAP, GUEST, GVA_FREE, GPA, 0, READ, 0 },
	{ "no rights", -PAGE_EINVAL, MAP, GUEST, GVA_FREE, GPA, ONE, 0, 0 },
	{ "write only", -PAGE_EINVAL, MAP, GUEST, GVA_FREE, GPA, ONE, WRITE, 0 },
	{ "unknown rights", -PAGE_EINVAL, MAP, GUEST, GVA_FREE, GPA, ONE, UNKNOWN, 0 },
	{ "unknown level", -PAGE_EINVAL, MAP, GUEST, GVA_FREE, GPA, ONE, READ, 4 },
	{ "mapped already", -PAGE_EEXIST, MAP, GUEST, GVA, GPA, ONE, READ, 0 },
	{ "end mapped already", -PAGE_EEXIST, MAP, GUEST, GVA_BEFORE, GPA, 2 * ONE, READ, 0 },
	{ "beyond RAM", -PAGE_ERANGE, MAP, GUEST, GVA_FREE, GPA_BEYOND_RAM, ONE, READ, 0 },
	{ "target overflows", -PAGE_ERANGE, MAP, GUEST, GVA_FREE, LAST_PAGE, 2 * ONE, READ, 0 },
	{ "not canonical", -PAGE_ERANGE, MAP, GUEST, END_OF_HALF, GPA, ONE, READ, 0 },
	{ "across the end", -PAGE_ERANGE, MAP, GUEST, END_OF_HALF - ONE, GPA, 2 * ONE, READ, 0 },
	{ "length overflows", -PAGE_ERANGE, MAP, GUEST, GVA_FREE, GPA, LAST_PAGE, READ, 0 },
	{ "unaligned address", -PAGE_EINVAL, UNMAP, GUEST, GVA + 8, 0, ONE, 0, 0 },
	{ "odd length", -PAGE_EINVAL, UNMAP, GUEST, GVA, 0, 8, 0, 0 },
	{ "not canonical", -PAGE_ERANGE, UNMAP, GUEST, END_OF_HALF, 0, ONE, 0, 0 },
	{ "unaligned address", -PAGE_EINVAL, PROTECT, GUEST, GVA + 8, 0, ONE, READ, 0 },
	{ "no rights", -PAGE_EINVAL, PROTECT, GUEST, GVA, 0, ONE, 0, 0 },
	{ "not canonical", -PAGE_ERANGE, PROTECT, GUEST, END_OF_HALF, 0, ONE, READ, 0 },
	{ "not mapped", -PAGE_ENOENT, QUERY, GUEST, GVA_FREE, 0, 0, 0, 0 },
	{ "not canonical", -PAGE_ERANGE, QUERY, GUEST, END_OF_HALF, 0, 0, 0, 0 },
	{ "unaligned address", -PAGE_EINVAL, UNMAP, HOST, GPA + 8, 0, ONE, 0, 0 },
	{ "odd length", -PAGE_EINVAL, PROTECT, HOST, GPA, 0, 8, READ, 0 },
	{ "mapped already", -PAGE_EEXIST, MAP, HOST, GPA, 0, ONE, READ, 0 },
	{ "not RAM", -PAGE_ERANGE, MAP, HOST, GPA_BEYOND_RAM, 0, ONE, READ, 0 },
	{ "unknown table", -PAGE_EINVAL, UNMAP, UNKNOWN, GVA, 0, ONE, 0, 0 },
	{ "unknown operation", -PAGE_EINVAL, UNKNOWN, GUEST, GVA, GPA, ONE, READ, 0 },
};

/* Whether the one page is mapped as it was, and nothing beside it. */
static bool is_unchanged(void)
{
	struct page_leaf leaf;

	return !page_query(ABI_TABLE_GUEST, GVA, &leaf) && leaf.target == GPA && leaf.level == 1 &&
	       leaf.rights == PAGE_READ_WRITE &&
	       page_query(ABI_TABLE_GUEST, GVA_BEFORE, &leaf) == -PAGE_ENOENT &&
	       page_query(ABI_TABLE_GUEST, GVA_FREE, &leaf) == -PAGE_ENOENT;
}

/* The page tables that the VMM built are its own. */
static void check_tables(void)
{
	uint64_t root = guest_boot->table_root;

	check(page_map(GVA_FREE, root, ONE, PAGE_READ_WRITE, 0) == -PAGE_EBUSY && is_unchanged(),
	      "map page tables: %d", -PAGE_EBUSY);
	check(page_unmap(ABI_TABLE_HOST, root, ONE, NULL) == -PAGE_EBUSY,
	      "host unmap page tables: %d", -PAGE_EBUSY);
	check(page_protect(ABI_TABLE_HOST, root, ONE, PAGE_READ, NULL) == -PAGE_EBUSY,
	      "host protect page tables: %d", -PAGE_EBUSY);
}

/* Makes the request and says which it was, as far as that has a name. */
static void check_refusal(const struct refusal *refusal)
{
	static const char *const names[] = { "", "map ", "unmap ", "protect ", "query " };
	struct abi_page_request request = {
		.operation = refusal->operation,
		.table = refusal->table,
		.address = refusal->address,
		.target = refusal->target,
		.len = refusal->len,
		.rights = refusal->rights,
		.level = refusal->level,
	};
	int64_t result = page_control(&request);

	check(result == refusal->result && is_unchanged(), "%s%s%s: %ld",
	      refusal->table == HOST ? "host " : "",
	      refusal->operation == UNKNOWN ? "" : names[refusal->operation], refusal->text,
	      result);
}

int guest_main(void)
{
	check(!page_map(GVA, GPA, ONE, PAGE_READ_WRITE, 0) && is_unchanged(), "one page is mapped");
	for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		check_refusal(&refusals[i]);
	check_tables();
	return check_result();
}
