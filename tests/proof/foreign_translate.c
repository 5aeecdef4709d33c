/* SPDX-License-Identifier: MIT */
/*
 * Shows: the walk of any address through tables of any content ends after one entry a level, reads
 *   nothing but tables, and says what hardware would
 * Rules: E-5
 * Layer: input
 * Sources: mm/foreign.c
 * Geometry: every way of paging, any registers, memory of any size and content, changed by others
 *   between any two looks
 * Cases: MODE FOREIGN_OFF FOREIGN_32 FOREIGN_PAE FOREIGN_LONG4 FOREIGN_LONG5 FOREIGN_EPT4
 *   FOREIGN_EPT5 FOREIGN_NPT4 FOREIGN_NPT5
 * Unwind: 7
 * Covers: foreign_translate step_read path_arrive foreign_load
 * Except: foreign_canonical wraps the sign is spread by a subtraction
 * Except: foreign_index narrows the mask takes low bits only
 * Limit: 120
 * Quick: yes
 */
#include "tests/proof/foreign_memory.h"

static void step_holds(const struct foreign_paging *paging, const struct foreign_path *path,
		       unsigned i)
{
	const struct foreign_step *step = &path->steps[i];
	const struct foreign_level *level = &paging->level[step->level];

	prove(step->level == paging->levels - i);
	prove(step->index < 1u << level->index_bits);
	/* An entry lies in one page, the table's. */
	prove(step->entry < UINT64_C(1) << 52);
	prove((step->entry & (PAGE_SIZE - 1)) <= PAGE_SIZE - paging->entry_len);
	prove((step->rights & ~FOREIGN_RIGHTS) == 0 && (step->lost & step->rights) == 0);
	prove(implies(i + 1 < path->nr_steps, step->kind == FOREIGN_NODE));
	prove((path->rights & ~step->rights) == 0);
}

int main(void)
{
	struct foreign_paging paging;
	struct foreign_path path;
	uint64_t root, va;
	unsigned maxphyaddr, i;

	foreign_paging_make(MODE, root, maxphyaddr, &paging);
	if (any_bool())
		foreign_paging_ignore_reserved(&paging);
	foreign_translate(&paging, &any_memory, va, &path);

	prove(path.nr_steps <= paging.levels && nr_pages_read == path.nr_steps);
	prove(path.end <= FOREIGN_NOT_CANONICAL);
	prove((path.end == FOREIGN_NOT_CANONICAL) == !foreign_is_canonical(&paging, va));
	if (i < path.nr_steps)
		step_holds(&paging, &path, i);
	if (path.end == FOREIGN_MAPPED && paging.levels > 0) {
		const struct foreign_step *last = &path.steps[path.nr_steps - 1];
		uint64_t size = UINT64_C(1) << paging.level[last->level].shift;

		prove(last->kind == FOREIGN_LEAF && path.level == last->level);
		prove(path.address < UINT64_C(1) << 52);
		prove((path.address & (size - 1)) == (va & (size - 1)));
		/* Hardware has no leaf above level 3. */
		prove(path.level <= 3);
	}
	return 0;
}
