/* SPDX-License-Identifier: MIT */
/* A domain over the guest's RAM, and a space in it that takes over from the VMM's table. */
#include "guests/lib/own_space.h"

#include "guests/lib/guest.h"
#include "guests/lib/page.h"
#include "mm/foreign.h"

#define POOL_FRAMES 64
#define CR4_LA57 (UINT64_C(1) << 12)

void own_paging_switch(uint64_t cr3, uint64_t cr4); /* own_paging.S */

static void flush(struct vm_space *space, vaddr_t start, uint64_t len, prop_t rights)
{
	(void)space;
	(void)rights;
	page_flush(start.value, len);
}

static const struct space_operations operations = { .flush = flush };

/* Free RAM by its place in the direct map. */
static void *take(uint64_t len)
{
	uint64_t gpa = memory_take(len, PAGE_SIZE);

	if (!gpa)
		panic("no %lu bytes of free RAM", len);
	return (void *)(uintptr_t)(guest_boot->direct_map + gpa);
}

void own_domain_create(struct own_space *own, uint64_t end)
{
	uint64_t nr_frames = end >> PAGE_SHIFT;
	struct slot *slots = take(nr_frames * sizeof(*slots));
	void *memory = (void *)(uintptr_t)guest_boot->direct_map;
	uint64_t pool = memory_take(POOL_FRAMES * PAGE_SIZE, PAGE_SIZE);

	for (uint64_t number = 0; number < nr_frames; number++)
		slots[number] = (struct slot){ .next = 0 };
	own->scratch = take(nr_frames * sizeof(*own->scratch));
	own->root = (struct frame){ 0 };
	if (domain_init(&own->domain, slots, nr_frames, memory) ||
	    allocator_add(&own->domain, PADDR(pool), POOL_FRAMES))
		panic("no domain of %lu frames with a pool at %lx", nr_frames, pool);
}

/* The VMM's table lies in the direct map. */
static const void *table_page(void *context, uint64_t address)
{
	(void)context;
	return (const void *)(uintptr_t)(guest_boot->direct_map + address);
}

/* Maps what the VMM's table maps in [start, start+len), one page after the other. */
static void adopt(struct own_space *own, uint64_t start, uint64_t len)
{
	const struct foreign_memory memory = { .page = table_page };
	struct foreign_paging paging;
	struct cursor cursor;
	int error = cursor_open(&cursor, &own->space.table, VADDR(start), len, CURSOR_MUTATE, 1);

	foreign_paging_make(FOREIGN_LONG4, guest_boot->table_root, 0, &paging);
	for (uint64_t at = 0; at < len && !error; at += PAGE_SIZE) {
		struct foreign_path path;

		foreign_translate(&paging, &memory, start + at, &path);
		if (path.end != FOREIGN_MAPPED)
			continue;
		error = cursor_jump(&cursor, VADDR(start + at));
		if (!error)
			error = cursor_map(&cursor, PADDR(path.address), 1, path.prop, false);
	}
	if (error)
		panic("%lx + %lx cannot be taken over: error %d", start, len, error);
	cursor_close(&cursor);
}

/* All RAM at the GVAs where it is in the VMM's table: what is there stays where it was. */
static void direct_map_create(struct own_space *own)
{
	const struct abi_memory *memory = guest_boot->memory;
	const struct abi_memory *end = memory + guest_boot->nr_memory;
	const prop_t prop = PROP(PROP_READ | PROP_WRITE | PROP_ACCESSED | PROP_DIRTY);

	while (memory < end) {
		uint64_t gpa = memory->gpa;
		uint64_t len = 0;
		int error;

		for (; memory < end && memory->gpa == gpa + len; memory++)
			len += memory->len;
		error = space_map(&own->space, VADDR(guest_boot->direct_map + gpa), PADDR(gpa), len,
				  page_has_1g() ? 3 : 2, prop, false);
		if (error)
			panic("no direct map of %lx + %lx: error %d", gpa, len, error);
	}
}

void own_space_create(struct own_space *own, enum pt_format_id id)
{
	const struct abi_boot *boot = guest_boot;

	if (space_create(&own->space, &own->domain, pt_format_of(id), TABLE_WALKED_BY_HARDWARE,
			 &operations))
		panic("no frame for a root");
	for (uint32_t i = 0; i < boot->nr_memory; i++)
		if (boot->memory[i].kind == ABI_MEMORY_IMAGE) /* GVA = GPA: guest.ld */
			adopt(own, boot->memory[i].gpa, boot->memory[i].len);
	adopt(own, boot->stack_top - boot->stack_len, boot->stack_len);
	direct_map_create(own);
}

void own_space_destroy(struct own_space *own)
{
	space_destroy(&own->space);
}

static uint64_t cr4_read(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static void cr3_load(uint64_t gpa, unsigned levels)
{
	uint64_t cr4 = cr4_read() & ~CR4_LA57;

	if (levels == 5)
		cr4 |= CR4_LA57;
	if (cr4 == cr4_read())
		__asm__ volatile("mov %0, %%cr3" : : "r"(gpa) : "memory");
	else if (gpa >> 32)
		panic("the table at %lx is out of reach with paging off", gpa);
	else
		own_paging_switch(gpa, cr4);
}

void own_space_enter(struct own_space *own)
{
	if (page_table_root_get(&own->space.table, &own->root))
		panic("the root cannot be held");
	cr3_load(own->root.paddr.value, own->space.table.format->levels);
}

void own_space_leave(struct own_space *own)
{
	cr3_load(guest_boot->table_root, 4);
	if (frame_put(&own->root))
		panic("the root was not held");
}

static uint32_t held(void *context, paddr_t paddr)
{
	const struct own_space *own = context;

	return own->root.domain && own->root.paddr.value == paddr.value;
}

bool own_space_audit(struct own_space *own)
{
	struct audit_report report;

	if (mm_audit(&own->domain, own->scratch, held, own, &report) == 0)
		return true;
	print("audit: %s: %s: at %lx, level %u, entry %u: expected %lx, found %lx\n",
	      report.violation.rule, report.violation.text, report.violation.paddr.value,
	      report.violation.level, report.violation.index, report.violation.expected,
	      report.violation.found);
	return false;
}
