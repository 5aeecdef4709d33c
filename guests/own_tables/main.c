/* SPDX-License-Identifier: MIT */
/*
 * Runs its own CR3 on the engine (mm): maps a run of pages in leaves of each size, touches them,
 * protects and unmaps one page in the middle, and unmaps the rest. The audit is run after each
 * step. With the argument 5, the table has five levels.
 */
#include "guests/lib/exception.h"
#include "guests/lib/guest.h"
#include "guests/lib/own_space.h"
#include "guests/lib/page.h"

/*
 * Where the pages go, where every leaf may begin; and the bytes from there on in which no table has
 * anything else, and no node is shared. GVA_5 is out of reach of four levels.
 */
#define GVA_4 UINT64_C(0x1000000000)
#define ROOM_4 PAGE_SIZE_1G
#define GVA_5 UINT64_C(0x80000000000000)
#define ROOM_5 (2 * level_size(5))

#define END UINT64_C(0x400000) /* of the domain: an audit looks at each frame of it */
#define OPCODE_RET 0xc3

#define USED (PROP_ACCESSED | PROP_DIRTY)
#define READ_WRITE (PROP_READ | PROP_WRITE)
#define READ_EXECUTE (PROP_READ | PROP_EXECUTE)

/* [gva, gva+len) to [gpa, gpa+len). */
struct run {
	const char *name;
	unsigned level;
	bool tracked; /* the leaves own the frames, which are the domain's */
	uint64_t gva;
	uint64_t gpa;
	uint64_t len;
	uint64_t page; /* GPA of the page in the middle */
};

static struct own_space own;

/* One line: is it so, and is all well with slots, tables and counts? */
static void check_step(const struct run *run, bool is_so, const char *what)
{
	check(is_so && own_space_audit(&own), "%s: %s", run->name, what);
}

static uint64_t gva(const struct run *run, uint64_t gpa)
{
	return run->gva + (gpa - run->gpa);
}

static bool leaf_is(const struct run *run, uint64_t gpa, unsigned level, uint32_t prop)
{
	struct pt_mapping leaf;

	return !space_query(&own.space, VADDR(gva(run, gpa)), &leaf) && leaf.present &&
	       leaf.level == level && leaf.paddr.value == align_down(gpa, leaf.len) &&
	       leaf.prop.bits == prop && leaf.tracked == run->tracked;
}

static bool is_absent(const struct run *run, uint64_t gpa)
{
	struct pt_mapping leaf;

	return !space_query(&own.space, VADDR(gva(run, gpa)), &leaf) && !leaf.present;
}

/* Can the byte be written, and is it that byte of RAM? */
static bool is_writable(const struct run *run, uint64_t gpa)
{
	uint8_t value = (uint8_t)(*memory_at(gpa) + 1);

	return !probe_write(gva(run, gpa), value).faulted && *memory_at(gpa) == value;
}

static bool neighbours_are_writable(const struct run *run)
{
	return is_writable(run, run->page - 1) && is_writable(run, run->page + PAGE_SIZE);
}

/* The frames' references pass to the leaves (P-2). */
static bool map(const struct run *run)
{
	struct segment segment;

	if (run->tracked && segment_from_unused(&own.domain, PADDR(run->gpa),
						run->len >> PAGE_SHIFT, FRAME_GUEST, &segment))
		return false;
	if (space_map(&own.space, VADDR(run->gva), PADDR(run->gpa), run->len, run->level,
		      PROP(READ_WRITE), run->tracked))
		return false;
	if (run->tracked)
		segment_into_raw(&segment);
	return true;
}

static bool protect(const struct run *run, uint32_t rights)
{
	uint64_t pages;

	return !space_protect(&own.space, VADDR(gva(run, run->page)), PAGE_SIZE,
			      (struct prop_change){ PROP_RIGHTS, rights }, &pages) &&
	       pages == 1;
}

static bool unmap(uint64_t address, uint64_t len, uint64_t expected)
{
	uint64_t pages;

	return !space_unmap(&own.space, VADDR(address), len, &pages) && pages == expected;
}

/* The CPU, or who plays it, says in the leaf what was done with the page (BUG-9). */
static void check_touching(const struct run *run)
{
	const uint64_t page = gva(run, run->page);
	bool is_so;

	check_step(run, map(run) && leaf_is(run, run->page, run->level, READ_WRITE), "mapped");
	*memory_at(run->page) = OPCODE_RET;
	is_so = probe_read(page).value == OPCODE_RET &&
		leaf_is(run, run->page, run->level, READ_WRITE | PROP_ACCESSED) &&
		!probe_write(page, OPCODE_RET).faulted &&
		leaf_is(run, run->page, run->level, READ_WRITE | USED);
	check_step(run, is_so, "a read sets accessed, a write sets dirty");
}

/*
 * Each part of a leaf that is split says what the whole has said (P-4). Between an access, which
 * caches a translation, and the one that must not use it (T-5), nothing is printed: on some
 * machines each exit is a flush.
 */
static void check_protecting(const struct run *run)
{
	const uint64_t page = gva(run, run->page);
	bool is_so;

	is_so = !probe_write(page, OPCODE_RET).faulted && protect(run, PROP_READ) &&
		probe_is_page_fault(probe_write(page, 0), page, FAULT_PRESENT | FAULT_WRITE) &&
		leaf_is(run, run->page, 1, PROP_READ | USED) &&
		leaf_is(run, run->gpa, run->level == 3 ? 2 : 1,
			run->level == 1 ? READ_WRITE : READ_WRITE | USED);
	check_step(run, is_so,
		   "one page protected, its write faults, and no more split than need be");
	is_so = probe_is_page_fault(probe_execute(page), page, FAULT_PRESENT | FAULT_FETCH) &&
		protect(run, READ_EXECUTE) && !probe_execute(page).faulted &&
		neighbours_are_writable(run);
	check_step(run, is_so, "its fetch faults until that is its right");
}

static void check_unmapping(const struct run *run)
{
	const uint64_t page = gva(run, run->page);
	const uint64_t next = page + PAGE_SIZE;
	bool is_so;

	is_so = probe_read(page).value == OPCODE_RET && unmap(page, PAGE_SIZE, 1) &&
		probe_is_page_fault(probe_read(page), page, 0) && is_absent(run, run->page) &&
		neighbours_are_writable(run);
	check_step(run, is_so, "unmapped, its read faults");
	is_so = !probe_read(next).faulted &&
		unmap(run->gva, run->len, (run->len >> PAGE_SHIFT) - 1) &&
		probe_is_page_fault(probe_read(next), next, 0) &&
		is_absent(run, run->page + PAGE_SIZE);
	check_step(run, is_so, "the rest is unmapped");
}

static void check_run(unsigned level, uint64_t address, uint64_t gpa, uint64_t len)
{
	const struct run run = {
		.name = page_size_name(level),
		.level = level,
		.tracked = domain_contains(&own.domain, PADDR(gpa), len),
		.gva = address,
		.gpa = gpa,
		.len = len,
		.page = gpa + len / 2,
	};

	check_touching(&run);
	check_protecting(&run);
	check_unmapping(&run);
}

static void check_sizes(uint64_t address)
{
	uint64_t gpa = page_take(2, PAGE_SIZE_2M);
	uint64_t gpa_1g;

	if (!gpa || !domain_contains(&own.domain, PADDR(gpa), PAGE_SIZE_2M))
		panic("no frames of the domain at %lx", gpa);
	check_run(1, address, gpa, 8 * PAGE_SIZE);
	check_run(2, address, gpa, PAGE_SIZE_2M);
	gpa_1g = page_take(3, PAGE_SIZE_1G);
	if (gpa_1g)
		check_run(3, address, gpa_1g, PAGE_SIZE_1G);
}

static void check_table(enum pt_format_id id, uint64_t address, uint64_t room)
{
	uint64_t free_frames;

	own_domain_create(&own, END);
	own_space_create(&own, id);
	free_frames = allocator_free_frames(&own.domain);
	own_space_enter(&own);
	check(own_space_audit(&own), "CR3 is a table of the engine's");
	check_sizes(address);
	/* What is left are nodes that map nothing: they go with a range that covers them (C-12). */
	check(unmap(address, room, 0), "nothing is mapped any more");
	domain_reclaim(&own.domain);
	check(allocator_free_frames(&own.domain) == free_frames, "no frame is missing");
	own_space_leave(&own);
	own_space_destroy(&own);
	check(own_space_audit(&own), "with the table gone, nothing is left behind");
}

/* CPUID.(EAX=07H,ECX=0):ECX.LA57[bit 16] */
static bool cpu_has_la57(void)
{
	uint32_t leaf = 7;
	uint32_t ecx = 0;

	__asm__ volatile("cpuid" : "+a"(leaf), "+c"(ecx) : : "ebx", "edx");
	return ecx & 1u << 16;
}

int guest_main(void)
{
	if (*guest_arguments() != '5')
		check_table(PT_FORMAT_X86_64_4, GVA_4, ROOM_4);
	else if (cpu_has_la57())
		check_table(PT_FORMAT_X86_64_5, GVA_5, ROOM_5);
	else
		print("skipped 5 levels: the CPU does not have them\n");
	return check_result();
}
