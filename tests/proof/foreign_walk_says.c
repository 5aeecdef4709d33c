/* SPDX-License-Identifier: MIT */
/*
 * Shows: a walk says of each address that it is asked for, once, what the walk of that one address
 *   says; what it leaves out, it was asked to leave out
 * Rules: E-5
 * Layer: input
 * Assumes: memory does not change (foreign_walk is for memory that does)
 * Sources: mm/foreign.c mm/foreign_walk.c
 * Geometry: 32-bit paging, and the lowest three levels of 4-level paging; any root, memory of any
 *   size and content; what is asked for is 3 pages of one table; any wishes of the visitor
 * Cases: MODE FOREIGN_32 FOREIGN_LONG4
 * Unwind: 7 visit_table.0:4 continue_run.0:4 visit_alike.0:4
 * Covers: visit_table visit_alike run_again continue_run visit_end visit_leaf leaf_goes_on
 * Unreached: visit_alike error = visitor->run
 * Unreached: visit_end if (run_meets
 * Unreached: visit_table return error
 * Limit: 600
 */
#include "mm/foreign_walk.h"
#include "tests/proof/proof.h"

#define FIRST (5 * PAGE_SIZE)
#define LAST (8 * PAGE_SIZE - 1)

/*
 * One table of each level is on the way, and eight entries of it at most. They are any words, the
 * same ones whenever they are looked at; that tables which are one page have the same words is not
 * even asked for.
 */
static uint64_t words[LEVELS_MAX][8];
static bool is_there[LEVELS_MAX];
static unsigned char tables[LEVELS_MAX][PAGE_SIZE];
static unsigned nr_tables;

void *__builtin_memcpy(void *to, const void *from, size_t len)
{
	uint64_t at = __CPROVER_POINTER_OFFSET(from);
	uint64_t word = words[at >> PAGE_SHIFT][at / len & 7];

	prove(__CPROVER_r_ok(from, len) && (len == sizeof(uint32_t) || len == sizeof(uint64_t)));
	if (len == sizeof(uint32_t))
		*(uint32_t *)to = (uint32_t)(word & UINT32_MAX);
	else
		*(uint64_t *)to = word;
	return to;
}

/* The way leads down, and never back. */
static const void *page_at(void *context, uint64_t address)
{
	unsigned table = nr_tables++;

	prove(context == tables && is_aligned(address, PAGE_SIZE) && table < LEVELS_MAX);
	return is_there[table] ? tables[table] : NULL;
}

static struct foreign_paging paging;
static struct foreign_visitor visitor;
static struct foreign_path path; /* what is so, of any address `va` */
static uint64_t va;
static struct foreign_run run; /* what the walk says of it */
static unsigned hits;

static int take(void *context, const struct foreign_run *said)
{
	prove(context == tables);
	if (va >= said->start && va - said->start < said->len) {
		hits++;
		run = *said;
	}
	return 0;
}

static bool seen(void *context, uint64_t table, unsigned level, uint64_t start)
{
	prove(context == tables && level >= 1);
	assume(level >= 1); /* as was proved */
	return any_bool();
}

static void leaf_says(const struct foreign_step *step)
{
	unsigned shift = paging.level[step->level].shift;
	uint64_t size = UINT64_C(1) << shift;
	uint64_t number = (va - run.start) >> shift;

	prove(run.rights == path.rights && run.leaf_rights == step->rights);
	prove(run.step == 0 || run.step == size);
	prove(path.address == run.address + (run.step ? number << shift : 0) + (va & (size - 1)));
	prove(((run.raw ^ step->raw) & visitor.distinct) == 0);
}

static void run_says(void)
{
	const struct foreign_step *step = &path.steps[path.nr_steps - 1];

	prove(run.end == path.end);
	prove(run.level == step->level + (run.end == FOREIGN_OUTSIDE));
	if (run.end == FOREIGN_OUTSIDE)
		return;
	prove((step->raw & ~run.raw_any) == 0 && (run.raw_all & ~step->raw) == 0);
	prove(implies(run.nr == 1, run.raw == step->raw && run.entry == step->entry));
	if (run.end == FOREIGN_MAPPED)
		leaf_says(step);
}

int main(void)
{
	const struct foreign_memory memory = { .page = page_at, .context = tables };

	any_of(words);
	for (unsigned i = 0; i < LEVELS_MAX; i++)
		is_there[i] = any_bool();
	va = nondet_u64();
	assume(va >= FIRST && va <= LAST);
	foreign_paging_make(MODE, nondet_u64(), nondet_unsigned(), &paging);
	paging.levels = paging.levels > 3 ? 3 : paging.levels;
	foreign_translate(&paging, &memory, va, &path);

	visitor = (struct foreign_visitor){
		.run = take,
		.seen = seen,
		.context = tables,
		.first = FIRST,
		.last = LAST,
		.distinct = nondet_u64(),
		.revisits = nondet_u64(),
		.rights = nondet_u32(),
		.holes = any_bool(),
		.single = any_bool(),
	};
	nr_tables = 0;
	prove(foreign_walk(&paging, &memory, &visitor, NULL) == 0);
	prove(hits <= 1);
	if (hits == 0)
		prove((path.end == FOREIGN_NOT_PRESENT && !visitor.holes) ||
		      (visitor.rights & ~path.rights));
	else if (run.end != FOREIGN_REPEATED)
		run_says();
	return 0;
}
