/* SPDX-License-Identifier: MIT */
/*
 * Who has which part of a guest's RAM at boot: finds room for what the VMM adds to an image, and
 * tells the guest what is left. Only arithmetic; no memory is touched.
 */
#ifndef VMM_BOOT_LAYOUT_H
#define VMM_BOOT_LAYOUT_H

#include "ept/gpa_space.h"
#include "vmm/guest_abi.h"
#include "vmm/image.h"

#define BOOT_BLOCKS_MAX (IMAGE_SEGMENTS_MAX + 4)

/* RAM cut at each end of a block gives at most this many runs. */
#define BOOT_RUNS_MAX (2 * BOOT_BLOCKS_MAX + 2)

/* What is taken: whole pages, ascending, without overlap. All zero: nothing. */
struct boot_layout {
	unsigned nr_blocks;
	struct abi_memory blocks[BOOT_BLOCKS_MAX];
};

/* The next multiple of 4 KiB; value is at most IMAGE_ADDRESS_END. */
static inline uint64_t page_align_up(uint64_t value)
{
	return align_down(value + PAGE_SIZE - 1, PAGE_SIZE);
}

/*
 * Takes the pages of [gpa, gpa+len), which lies in RAM and is not empty. Where it shares a page
 * with the block before it, that one grows; blocks that share pages are added in ascending order.
 */
void boot_layout_add(struct boot_layout *layout, gpa_t gpa, uint64_t len,
		     enum abi_memory_kind kind);

enum boot_place { BOOT_PLACE_LOWEST, BOOT_PLACE_HIGHEST };

/*
 * Takes the lowest or highest free pages of [start, end), multiples of 4 KiB, that have room for
 * `len` bytes: true, with *gpa where they begin. false if there is no such room. len > 0.
 */
bool boot_layout_place(struct boot_layout *layout, enum boot_place place, uint64_t start,
		       uint64_t end, uint64_t len, enum abi_memory_kind kind, gpa_t *gpa);

/*
 * Cuts the RAM into taken and free (ABI_MEMORY_FREE) runs, ascending; neighbours of one kind are
 * one run. Returns how many.
 */
unsigned boot_layout_runs(const struct boot_layout *layout, const struct ram_layout *ram,
			  struct abi_memory runs[BOOT_RUNS_MAX]);

/*
 * The same for a guest, which is told of at most ABI_MEMORY_MAX runs: if there are more, the
 * smallest free ones between two parts of the image count as parts of it. Returns how many, or
 * -E2BIG.
 */
int boot_layout_memory(const struct boot_layout *layout, const struct ram_layout *ram,
		       struct abi_memory memory[ABI_MEMORY_MAX]);

#endif
