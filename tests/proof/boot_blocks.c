/* SPDX-License-Identifier: MIT */
/*
 * Shows: of what an image and the VMM take of a guest's RAM, no two blocks overlap; room is found
 *   where there is any, as low or as high as it can be, and none where there is none
 * Rules: BUG-3
 * Layer: input
 * Assumes: what is added to the list lies in RAM, as the loader has checked before
 * Sources:
 * Geometry: any list of up to 1 block, any addresses and lengths
 * Cases: PART add place
 * Cases: NR 0 1
 * Unwind: 4
 * Covers: boot_layout_place boot_layout_add block_insert gap_before
 * Limit: 300
 */
#include "tests/proof/proof.h"
#include "vmm/image.h"

/* No more blocks in the list than there can be here. */
#undef IMAGE_SEGMENTS_MAX
#define IMAGE_SEGMENTS_MAX 0
#include "vmm/boot_layout.c"

typedef unsigned __int128 exact_t;

#define ADDRESSES (UINT64_C(1) << 52)

static struct boot_layout layout;
static uint64_t any; /* a page */

/* Of blocks, by one place. */
void *memmove(void *to, const void *from, size_t len)
{
	const struct abi_memory *blocks = from;
	struct abi_memory copy[2];
	size_t nr = len / sizeof(*blocks);

	prove(nr <= 2 && to == blocks + 1);
	for (size_t i = 0; i < 2; i++)
		if (i < nr)
			copy[i] = blocks[i];
	for (size_t i = 0; i < 2; i++)
		if (i < nr)
			((struct abi_memory *)to)[i] = copy[i];
	return to;
}

static bool is_sound(void)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < layout.nr_blocks; i++) {
		const struct abi_memory *block = &layout.blocks[i];

		if (!is_aligned(block->gpa | block->len, PAGE_SIZE) || block->len == 0 ||
		    block->gpa < end || block->gpa > ADDRESSES || block->len > ADDRESSES)
			return false;
		end = block->gpa + block->len;
	}
	return end <= ADDRESSES;
}

/* Is a page taken? */
static bool has(uint64_t page)
{
	bool taken = false;

	for (unsigned i = 0; i < layout.nr_blocks; i++)
		taken |= page >= layout.blocks[i].gpa &&
			 page - layout.blocks[i].gpa < layout.blocks[i].len;
	return taken;
}

/* Does [at, at+len) touch a block? */
static bool touches(uint64_t at, uint64_t len)
{
	bool touched = false;

	for (unsigned i = 0; i < layout.nr_blocks; i++)
		touched |= at < layout.blocks[i].gpa + layout.blocks[i].len &&
			   layout.blocks[i].gpa < at + len;
	return touched;
}

static bool shares(uint64_t page, uint64_t at, uint64_t len)
{
	return page + PAGE_SIZE > at && page < at + len;
}

/* In ascending order where pages are shared: what is added begins in no block but the last. */
static void add(void)
{
	uint64_t at, len;
	bool before = has(any);

	assume(at <= ADDRESSES && len > 0 && len <= ADDRESSES - at);
	for (unsigned i = 0; i < layout.nr_blocks; i++)
		assume(layout.blocks[i].gpa <= align_down(at, PAGE_SIZE) ||
		       layout.blocks[i].gpa >= page_align_up(at + len));
	boot_layout_add(&layout, GPA(at), len, ABI_MEMORY_IMAGE);
	prove(is_sound() && layout.nr_blocks <= NR + 1);
	prove(has(any) == (before || shares(any, at, len)));
}

static void place(void)
{
	uint64_t start, end, len, other;
	bool low = any_bool(), before = has(any);
	gpa_t gpa;

	assume(is_aligned(start | end | other, PAGE_SIZE));
	assume(start <= end && end <= ADDRESSES && len > 0);
	/* Would there be room at `other`? */
	bool room = other >= start && (exact_t)other + len <= end && !touches(other, len);
	bool found = boot_layout_place(&layout, low ? BOOT_PLACE_LOWEST : BOOT_PLACE_HIGHEST, start,
				       end, len, ABI_MEMORY_TABLES, &gpa);

	prove(implies(room, found));
	if (!found)
		return;
	prove(is_aligned(gpa.value, PAGE_SIZE));
	prove(gpa.value >= start && (exact_t)gpa.value + len <= end);
	prove(implies(room, low ? gpa.value <= other : gpa.value >= other));
	prove(is_sound() && layout.nr_blocks == NR + 1);
	prove(!(before && shares(any, gpa.value, len)));
	prove(has(any) == (before || shares(any, gpa.value, len)));
}

int main(void)
{
	any_of(&layout);
	layout.nr_blocks = NR;
	assume(is_sound());
	any = nondet_u64();
	assume(is_aligned(any, PAGE_SIZE) && any < ADDRESSES);
	PART();
	return 0;
}
