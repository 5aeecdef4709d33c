/* SPDX-License-Identifier: MIT */
/*
 * Shows: the checks that addresses and lengths of a guest's request pass in either space, and those
 *   of places in a file, are what exact arithmetic says
 * Rules: BUG-2 BUG-3 BUG-4
 * Layer: laws
 * Sources: mm/format.c ept/ram_layout.c
 * Geometry: any length of RAM, any address, any length
 * Cases: PART virtual target host file
 * Unwind: 7
 * Covers: gva_check target_check run_check ranges_meet guest_space_owns range_within
 * Except: format_contains wraps the end of an empty range, and of one that reaches beyond 2^64, are
 *   refused after they are formed; minus a half is where the upper half begins
 * Limit: 60
 * Quick: yes
 */
#include "tests/proof/proof.h"

#include "vmm/guest_space.c"

/* Both files have a check of this name, of different rights. */
#define rights_check gpa_rights_check
#include "ept/gpa_change.c"
#include "vmm/image_parser.h"

typedef unsigned __int128 exact_t;

static struct gpa_space memory;
static struct guest_space guest;

static int error_of(bool whole_pages, bool inside)
{
	return !whole_pages ? -EINVAL : inside ? 0 : -ERANGE;
}

static bool is_whole_pages(uint64_t at, uint64_t len)
{
	return len > 0 && at % PAGE_SIZE == 0 && len % PAGE_SIZE == 0;
}

/* In the GPA space: [at, at+len) has all its bytes in one piece of RAM. */
static bool is_ram(uint64_t at, uint64_t len)
{
	exact_t end = (exact_t)at + len;

	return end <= memory.ram.low_len || (memory.ram.high_len > 0 && at >= RAM_HOLE_END &&
					     end <= (exact_t)RAM_HOLE_END + memory.ram.high_len);
}

static void virtual(uint64_t at, uint64_t len)
{
	exact_t end = (exact_t)at + len, half = (exact_t)1 << 47, all = (exact_t)1 << 64;

	guest.space.table.format = pt_format_of(PT_FORMAT_X86_64_4);
	prove(gva_check(&guest, GVA(at), len) ==
	      error_of(is_whole_pages(at, len), end <= half || (at >= all - half && end <= all)));
}

static void target(uint64_t at, uint64_t len)
{
	exact_t tables = guest.tables.value;

	prove(target_check(&guest, GPA(at), len) == error_of(at % PAGE_SIZE == 0, is_ram(at, len)));
	assume((exact_t)at + len <= UINT64_MAX && tables + guest.tables_len <= UINT64_MAX);
	prove(guest_space_owns(&guest, GPA(at), len) ==
	      (at < tables + guest.tables_len && tables < (exact_t)at + len));
}

static void host(uint64_t at, uint64_t len)
{
	prove(run_check(&memory, GPA(at), len) ==
	      error_of(is_whole_pages(at, len), is_ram(at, len)));
}

static void file(uint64_t at, uint64_t len)
{
	uint64_t begin, end;

	prove(range_within(at, len, begin, end) == (at >= begin && (exact_t)at + len <= end));
}

int main(void)
{
	uint64_t ram, at, len;

	assume(ram_layout_init(&memory.ram, ram) == 0);
	guest.host = &memory;
	guest.tables = GPA(nondet_u64());
	guest.tables_len = nondet_u64();
	PART(at, len);
	return 0;
}
