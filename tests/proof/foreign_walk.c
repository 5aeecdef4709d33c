/* SPDX-License-Identifier: MIT */
/*
 * Shows: the walk of a table of any content reads each entry once, goes no deeper than there are
 *   levels, enters a table again only at a charge, and gives sound runs in order, each within what
 *   was asked for
 * Rules: E-5
 * Layer: input
 * Sources: mm/foreign.c mm/foreign_walk.c
 * Geometry: any root, memory of any size and content, changed by others between any two looks; what
 *   is asked for is 3 pages of one table; any wishes of the visitor
 * Cases: MODE FOREIGN_OFF FOREIGN_32 FOREIGN_PAE FOREIGN_LONG4 FOREIGN_LONG5 FOREIGN_EPT4
 *   FOREIGN_NPT4
 * Unwind: 7 visit_table.0:4 continue_run.0:4 visit_alike.0:4
 * Covers: foreign_walk walk_top walk_off key_of visit_table visit_alike run_ends_here run_again
 *   continue_run entries_next visit_entry visit_node table_is_open visit_end visit_leaf
 *   leaf_goes_on run_meets is_half run_begin run_extend run_end
 * Unreached: table_is_open visitor->seen
 * Unreached: visit_entry }
 * Unreached: visit_end if (run_meets
 * Unreached: visit_alike error = visitor->run
 * Unreached: run_end visitor->run
 * Unreached: walk_off visitor->run
 * Limit: 600
 */
#include "mm/foreign_walk.h"
#include "tests/proof/foreign_memory.h"

#define FIRST (5 * PAGE_SIZE)
#define LAST (8 * PAGE_SIZE - 1)

static struct foreign_paging paging;
static struct foreign_visitor visitor;
static uint64_t next;	/* where the last run ended */
static unsigned nr_new; /* tables that were not seen before */
static int answer;
static struct foreign_run any_run;
static uint64_t any_before;

static uint64_t offset_of_va(uint64_t va)
{
	return va & ((UINT64_C(1) << paging.address_bits) - 1);
}

/* A whole address space of which the root lies nowhere. */
static bool is_outside(const struct foreign_run *run)
{
	return run->end == FOREIGN_OUTSIDE && run->level == paging.levels + 1u;
}

/* Of one entry of the run, as a power of two. */
static unsigned shift_of(const struct foreign_run *run)
{
	return is_outside(run) || paging.levels == 0 ? paging.address_bits :
						       paging.level[run->level].shift;
}

static void leaves_hold(const struct foreign_run *run, unsigned shift)
{
	uint64_t size = UINT64_C(1) << shift;

	prove(is_aligned(run->address, size) && (run->step == 0 || run->step == size));
	prove(run->address + ((run->step ? run->nr - 1 : 0) << shift) < UINT64_C(1) << 52);
	prove((run->rights & ~run->leaf_rights) == 0);
	prove(implies(visitor.single, run->nr == 1));
}

/* `before` is where the run before it ended. */
static void run_holds(const struct foreign_run *run, uint64_t before)
{
	unsigned shift = shift_of(run);
	uint64_t start = offset_of_va(run->start);

	prove(run->end <= FOREIGN_REPEATED && run->end != FOREIGN_NOT_CANONICAL);
	prove(is_outside(run) || (run->level >= !!paging.levels && run->level <= paging.levels));
	prove(run->nr > 0 && run->nr <= 3 && run->len == run->nr << shift);
	prove(foreign_is_canonical(&paging, run->start));
	prove(is_outside(run) || foreign_is_canonical(&paging, run->start + (run->len - 1)));
	prove(is_aligned(start, UINT64_C(1) << shift));
	prove(start >= before && start <= LAST && start + run->len > FIRST);
	prove(implies(run->end == FOREIGN_NOT_PRESENT, visitor.holes));
	prove((run->raw_all & ~run->raw) == 0 && (run->raw & ~run->raw_any) == 0);
	prove((run->rights & ~FOREIGN_RIGHTS) == 0 && run->entry < UINT64_C(1) << 52);
	if (run->end == FOREIGN_MAPPED)
		leaves_hold(run, shift);
}

/* Keeps any one of the runs. */
static int take(void *context, const struct foreign_run *run)
{
	int any_int;

	prove(context == &visitor && answer == 0);
	prove(run->len > 0);
	if (any_bool()) {
		any_run = *run;
		any_before = next;
	}
	next = offset_of_va(run->start) + run->len;
	answer = any_int;
	return answer;
}

static bool seen(void *context, uint64_t table, unsigned level, uint64_t start)
{
	bool before = any_bool();

	prove(context == &visitor && level >= 1 && level <= paging.levels);
	prove(foreign_is_canonical(&paging, start));
	assume(level >= 1); /* as was proved */
	nr_new += !before;
	return before;
}

int main(void)
{
	uint64_t left;

	foreign_paging_make(MODE, nondet_u64(), nondet_unsigned(), &paging);
	visitor = (struct foreign_visitor){
		.run = take,
		.seen = seen,
		.context = &visitor,
		.first = FIRST,
		.last = LAST,
		.distinct = nondet_u64(),
		.revisits = nondet_u64(),
		.rights = nondet_u32(),
		.holes = any_bool(),
		.single = any_bool(),
	};
	int result = foreign_walk(&paging, &any_memory, &visitor, &left);

	prove(result == answer && left <= visitor.revisits);
	prove(nr_pages_read <= paging.levels);
	/*
	 * Three of the lowest table, one of each table above. Each but the top one was new or has
	 * been paid for.
	 */
	prove(nr_entries_read <= (paging.levels ? paging.levels + 2u : 0u));
	prove(nr_entries_read <= nr_new + (visitor.revisits - left) + 3);
	if (any_run.len > 0)
		run_holds(&any_run, any_before);
	return 0;
}
