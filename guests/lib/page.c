/* SPDX-License-Identifier: MIT */
/* Requests to the page-control device. */
#include "guests/lib/page.h"

#include <stddef.h>

#include "guests/lib/guest.h"
#include "guests/lib/port_io.h"

#define INVLPG_MAX 16 /* pages flushed one by one; for more, all of the TLB is */

/* What the device reads and answers. An image's GPAs equal its GVAs: see guest.ld. */
static struct abi_page_request shared __attribute__((aligned(sizeof(struct abi_page_request))));

/* Nothing of the guests' tables is global: loading CR3 flushes all of it. SDM 3 4.10.4.1 */
void page_flush(uint64_t gva, uint64_t len)
{
	uint64_t cr3;

	if (len > INVLPG_MAX * PAGE_SIZE) {
		__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
		return;
	}
	for (uint64_t done = 0; done < len; done += PAGE_SIZE)
		__asm__ volatile("invlpg (%0)" : : "r"(gva + done) : "memory");
}

int64_t page_control(struct abi_page_request *request)
{
	shared = *request;
	port_write32(ABI_PORT_PAGE_CONTROL, (uint32_t)(uintptr_t)&shared);
	*request = shared;
	if (!request->result && request->table == ABI_TABLE_GUEST &&
	    request->operation != ABI_PAGE_QUERY)
		page_flush(request->address, request->len);
	return request->result;
}

uint64_t page_size(uint32_t level)
{
	return PAGE_SIZE << 9 * (level - 1);
}

const char *page_size_name(uint32_t level)
{
	static const char *const names[] = { "4 KiB", "2 MiB", "1 GiB" };

	return names[level - 1];
}

/* CPUID.80000001H:EDX.Page1GB[bit 26] */
bool page_has_1g(void)
{
	uint32_t leaf = 0x80000001;
	uint32_t edx;

	__asm__ volatile("cpuid" : "+a"(leaf), "=d"(edx) : : "ebx", "ecx");
	return edx & 1u << 26;
}

uint64_t page_take(uint32_t level, uint64_t len)
{
	bool has_leaf = level < 3 || page_has_1g();
	uint64_t gpa = has_leaf ? memory_take(len, page_size(level)) : 0;

	if (!gpa)
		print("skipped %s: %s\n", page_size_name(level),
		      has_leaf ? "no free RAM of that size" : "the CPU has no such leaves");
	return gpa;
}

int64_t page_map(uint64_t gva, uint64_t gpa, uint64_t len, uint32_t rights, uint32_t level)
{
	struct abi_page_request request = {
		.operation = ABI_PAGE_MAP,
		.table = ABI_TABLE_GUEST,
		.address = gva,
		.target = gpa,
		.len = len,
		.rights = rights,
		.level = level,
	};

	return page_control(&request);
}

int64_t page_map_host(uint64_t gpa, uint64_t len, uint32_t rights)
{
	struct abi_page_request request = {
		.operation = ABI_PAGE_MAP,
		.table = ABI_TABLE_HOST,
		.address = gpa,
		.len = len,
		.rights = rights,
	};

	return page_control(&request);
}

int64_t page_unmap(uint32_t table, uint64_t address, uint64_t len, uint64_t *count)
{
	struct abi_page_request request = {
		.operation = ABI_PAGE_UNMAP,
		.table = table,
		.address = address,
		.len = len,
	};
	int64_t result = page_control(&request);

	if (count)
		*count = request.count;
	return result;
}

int64_t page_protect(uint32_t table, uint64_t address, uint64_t len, uint32_t rights,
		     uint64_t *count)
{
	struct abi_page_request request = {
		.operation = ABI_PAGE_PROTECT,
		.table = table,
		.address = address,
		.len = len,
		.rights = rights,
	};
	int64_t result = page_control(&request);

	if (count)
		*count = request.count;
	return result;
}

int64_t page_query(uint32_t table, uint64_t address, struct page_leaf *leaf)
{
	struct abi_page_request request = {
		.operation = ABI_PAGE_QUERY,
		.table = table,
		.address = address,
	};
	int64_t result = page_control(&request);

	*leaf = (struct page_leaf){
		.target = request.target,
		.len = request.len,
		.level = request.level,
		.rights = request.rights & ~(uint32_t)(ABI_RIGHT_ACCESSED | ABI_RIGHT_DIRTY),
	};
	return result;
}
