/* SPDX-License-Identifier: MIT */
/*
 * Writes to page tables that are the VMM's, and asks the VMM to change them then. Each request ends
 * with 0 or an error; what there is of sense in the answers is nobody's business.
 *
 * The command line gives the seed of the random sequence.
 */
#include "guests/lib/guest.h"
#include "guests/lib/page.h"
#include "guests/lib/random.h"

#define GVA UINT64_C(0x10000000000) /* nothing else is in the same top-level entry */
#define NR_ROUNDS 60
#define NR_NODES 3 /* of the levels 3 to 1 on the way to GVA */
#define NR_ENTRIES 512
#define NR_LARGE 8 /* RAM, in pages of 2 MiB */
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)
#define ENTRY_NODE 0x27 /* present, writable, user, accessed */
#define CR0_WRITE_PROTECT UINT64_C(0x10000)

/* Ring 0 may then write to what is mapped read-only, as the tables are. */
static void write_protection_disable(void)
{
	uint64_t cr0;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0 & ~CR0_WRITE_PROTECT) : "memory");
}

static volatile uint64_t *node_at(uint64_t entry)
{
	return (volatile uint64_t *)memory_at(entry & ENTRY_ADDRESS);
}

static void nodes_find(volatile uint64_t *nodes[NR_NODES])
{
	volatile uint64_t *node = node_at(guest_boot->table_root);

	for (unsigned i = 0; i < NR_NODES; i++)
		node = nodes[i] = node_at(node[GVA >> (39 - 9 * i) & (NR_ENTRIES - 1)]);
}

/* One entry becomes another that may be wrong, stale, a loop, or nonsense. */
static void entry_spoil(volatile uint64_t *nodes[NR_NODES])
{
	volatile uint64_t *node = nodes[random_below(NR_NODES)];
	volatile uint64_t *entry = &node[random_below(random_below(3) ? 8 : NR_ENTRIES)];
	uint64_t other = nodes[random_below(NR_NODES)] - node_at(0);

	switch (random_below(7)) {
	case 0:
		*entry = random_next();
		break;
	case 1:
		*entry = 0;
		break;
	case 2:
		*entry ^= UINT64_C(1) << random_below(64);
		break;
	case 3:
		*entry = (*entry & ~ENTRY_ADDRESS) | random_below(1 << 15) * PAGE_SIZE;
		break;
	case 4:
		*entry = guest_boot->table_root | ENTRY_NODE;
		break;
	case 5:
		*entry = other * sizeof(*entry) | ENTRY_NODE;
		break;
	case 6:
		*entry = node[random_below(8)];
		break;
	}
}

/* A request that makes sense, as far as its fields go. */
static struct abi_page_request request_make(uint64_t gpa)
{
	bool large = random_below(3) == 0;
	uint64_t unit = large ? PAGE_SIZE_2M : PAGE_SIZE;
	uint64_t pages = large ? 1 : 1 + random_below(random_below(2) ? 8 : 2 * NR_ENTRIES);

	return (struct abi_page_request){
		.operation = ABI_PAGE_MAP + (uint32_t)random_below(4),
		.table = ABI_TABLE_GUEST,
		.address = GVA + random_below(NR_LARGE * PAGE_SIZE_2M / unit) * unit,
		.target = gpa + random_below(NR_LARGE * PAGE_SIZE_2M / unit) * unit,
		.len = pages * unit,
		.rights = random_below(2) ? PAGE_READ : PAGE_READ_WRITE,
		.level = (uint32_t)random_below(4),
	};
}

int guest_main(void)
{
	uint64_t gpa = memory_take(2 * NR_LARGE * PAGE_SIZE_2M, PAGE_SIZE_2M);
	volatile uint64_t *nodes[NR_NODES];
	struct abi_page_request request;

	random_seed(guest_arguments());
	if (page_map(GVA, gpa, 8 * PAGE_SIZE, PAGE_READ_WRITE, 1) ||
	    page_map(GVA + PAGE_SIZE_2M, gpa, PAGE_SIZE_2M, PAGE_READ_WRITE, 0))
		panic("map failed");
	write_protection_disable();
	nodes_find(nodes);
	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		entry_spoil(nodes);
		request = request_make(gpa);
		if (page_control(&request) > 0)
			panic("result %ld", request.result);
	}
	return check_result();
}
