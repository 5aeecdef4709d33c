/* SPDX-License-Identifier: MIT */
/*
 * Walks of whole foreign tables: what they visit is what walks of single addresses find, merged as
 * it should be, and hostile tables cost what foreign_walk.h promises.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/foreign_walk.h"
#include "tests/unit/foreign_model.h"
#include "tests/unit/table_fixture.h"

#define BIT(n) (UINT64_C(1) << (n))
#define RUNS_MAX 4096
#define LARGE 0x80 /* PS */
#define TABLE(page) ((page)*PAGE_SIZE | 7)

struct recorder {
	struct foreign_run runs[RUNS_MAX];
	unsigned nr;
	unsigned stop_after; /* 0: never */
	uint64_t total;
	bool seen[MODEL_PAGES][LEVELS_MAX + 1];
};

static int record(void *context, const struct foreign_run *run)
{
	struct recorder *recorder = context;

	if (recorder->nr < RUNS_MAX)
		recorder->runs[recorder->nr] = *run;
	recorder->nr++;
	recorder->total += run->nr;
	return recorder->stop_after && recorder->nr == recorder->stop_after ? 77 : 0;
}

static bool was_seen(void *context, uint64_t table, unsigned level, uint64_t start)
{
	struct recorder *recorder = context;
	bool *seen = &recorder->seen[table / PAGE_SIZE][level];
	bool before = *seen;

	(void)start;
	assert_in_range(table, 0, MODEL_PAGES * PAGE_SIZE - 1);
	*seen = true;
	return before;
}

static struct model_machine machine;
static struct recorder recorder;

static void start(enum foreign_mode mode)
{
	memset(&machine, 0, sizeof(machine));
	memset(&recorder, 0, sizeof(recorder));
	machine.mode = mode;
	machine.maxphyaddr = 52;
}

static struct foreign_visitor visitor_of_all(void)
{
	return (struct foreign_visitor){ .run = record,
					 .seen = was_seen,
					 .context = &recorder,
					 .last = UINT64_MAX,
					 .revisits = FOREIGN_REVISITS };
}

static int walk(const struct foreign_visitor *visitor, uint64_t *revisits)
{
	const struct foreign_memory memory = model_memory(&machine);
	struct foreign_paging paging;

	model_paging(&machine, 0, &paging);
	return foreign_walk(&paging, &memory, visitor, revisits);
}

static int walk_all(void)
{
	const struct foreign_visitor visitor = visitor_of_all();

	return walk(&visitor, NULL);
}

/* Tables 0 to 3 at levels 4 to 1, for the first 2 MiB. */
static void chain(void)
{
	start(FOREIGN_LONG4);
	for (unsigned page = 0; page < 3; page++)
		machine.memory[page][0] = TABLE(page + 1);
}

static void check_run(unsigned index, enum foreign_end end, uint64_t at, uint64_t len,
		      uint64_t address, uint32_t rights)
{
	const struct foreign_run *run = &recorder.runs[index];

	assert_true(index < recorder.nr);
	assert_int_equal(run->end, end);
	assert_int_equal(run->start, at);
	assert_int_equal(run->len, len);
	assert_int_equal(run->address, address);
	assert_int_equal(run->rights, rights);
}

static void test_leaves_that_go_on_are_one_run(void **state)
{
	(void)state;
	chain();
	for (unsigned i = 0; i < 512; i++)
		machine.memory[3][i] = (100 + i) * PAGE_SIZE | 7 | (i == 9 ? 0x60 : 0);
	assert_int_equal(walk_all(), 0);
	assert_int_equal(recorder.nr, 1);
	check_run(0, FOREIGN_MAPPED, 0, MIB(2), 100 * PAGE_SIZE, FOREIGN_RIGHTS);
	assert_int_equal(recorder.runs[0].step, PAGE_SIZE);
	assert_int_equal(recorder.runs[0].nr, 512);
	assert_int_equal(recorder.runs[0].raw_any & 0x60, 0x60);
	assert_int_equal(recorder.runs[0].raw_all & 0x60, 0);
}

static void test_leaves_of_one_page_are_one_run(void **state)
{
	(void)state;
	chain();
	for (unsigned i = 2; i < 500; i++)
		machine.memory[3][i] = 100 * PAGE_SIZE | 5;
	assert_int_equal(walk_all(), 0);
	assert_int_equal(recorder.nr, 1);
	check_run(0, FOREIGN_MAPPED, 2 * PAGE_SIZE, 498 * PAGE_SIZE, 100 * PAGE_SIZE,
		  FOREIGN_RIGHTS & ~PROP_WRITE);
	assert_int_equal(recorder.runs[0].step, 0);
}

static void test_what_differs_separates_runs(void **state)
{
	static const uint64_t words[] = {
		100 * PAGE_SIZE | 7, /* writable */
		101 * PAGE_SIZE | 5, /* not */
		102 * PAGE_SIZE | 1, /* nor a user's */
		103 * PAGE_SIZE | 1 | BIT(63),
		105 * PAGE_SIZE | 1 | BIT(63), /* elsewhere */
		0,			       /* nowhere */
		107 * PAGE_SIZE | 1 | BIT(63),
		108 * PAGE_SIZE | 1 | BIT(63) | 0x40, /* dirty */
	};
	struct foreign_visitor visitor = visitor_of_all();

	(void)state;
	chain();
	memcpy(machine.memory[3], words, sizeof(words));
	assert_int_equal(walk(&visitor, NULL), 0);
	assert_int_equal(recorder.nr, 6);
	assert_int_equal(recorder.runs[5].nr, 2);
	visitor.distinct = 0x40;
	recorder.nr = 0;
	assert_int_equal(walk(&visitor, NULL), 0);
	assert_int_equal(recorder.nr, 7);
	visitor.holes = true;
	recorder.nr = 0;
	assert_int_equal(walk(&visitor, NULL), 0);
	/* One in the midst, and after the end one at each level. */
	assert_int_equal(recorder.nr, 7 + 1 + 1 + 1 + 1 + 2);
	check_run(5, FOREIGN_NOT_PRESENT, 5 * PAGE_SIZE, PAGE_SIZE, 0, FOREIGN_RIGHTS);
	check_run(12, FOREIGN_NOT_PRESENT, -BIT(47), BIT(47), 0, FOREIGN_RIGHTS);
}

static void test_sizes_are_not_merged(void **state)
{
	(void)state;
	chain();
	machine.memory[2][1] = MIB(2) | 7 | LARGE;
	machine.memory[2][2] = MIB(4) | 7 | LARGE;
	for (unsigned i = 0; i < 512; i++)
		machine.memory[3][i] = i * PAGE_SIZE | 7;
	machine.memory[1][1] = BIT(30) | 7 | LARGE;
	assert_int_equal(walk_all(), 0);
	assert_int_equal(recorder.nr, 3);
	check_run(0, FOREIGN_MAPPED, 0, MIB(2), 0, FOREIGN_RIGHTS);
	check_run(1, FOREIGN_MAPPED, MIB(2), MIB(4), MIB(2), FOREIGN_RIGHTS);
	check_run(2, FOREIGN_MAPPED, BIT(30), BIT(30), BIT(30), FOREIGN_RIGHTS);
}

/* Runs go on over the ends of tables, but not from the lower half of addresses to the upper. */
static void test_runs_cross_tables_but_no_half(void **state)
{
	(void)state;
	chain();
	machine.memory[2][1] = TABLE(4);
	for (unsigned i = 0; i < 512; i++) {
		machine.memory[3][i] = i * PAGE_SIZE | 7;
		machine.memory[4][i] = (512 + i) * PAGE_SIZE | 7;
	}
	machine.memory[0][255] = TABLE(5);
	machine.memory[0][256] = TABLE(6);
	machine.memory[5][511] = 4 * BIT(30) | 7 | LARGE;
	machine.memory[6][0] = 5 * BIT(30) | 7 | LARGE;
	assert_int_equal(walk_all(), 0);
	assert_int_equal(recorder.nr, 3);
	check_run(0, FOREIGN_MAPPED, 0, MIB(4), 0, FOREIGN_RIGHTS);
	check_run(1, FOREIGN_MAPPED, BIT(47) - BIT(30), BIT(30), 4 * BIT(30), FOREIGN_RIGHTS);
	check_run(2, FOREIGN_MAPPED, -BIT(47), BIT(30), 5 * BIT(30), FOREIGN_RIGHTS);
}

/* What the levels above take away, no leaf gives back; rights are what subtrees are left out by. */
static void test_rights_come_from_all_levels(void **state)
{
	struct foreign_visitor visitor = visitor_of_all();

	(void)state;
	chain();
	machine.memory[1][0] &= ~UINT64_C(2);
	machine.memory[3][0] = 7;
	assert_int_equal(walk(&visitor, NULL), 0);
	check_run(0, FOREIGN_MAPPED, 0, PAGE_SIZE, 0, FOREIGN_RIGHTS & ~PROP_WRITE);
	assert_int_equal(recorder.runs[0].leaf_rights, FOREIGN_RIGHTS);
	memset(&recorder, 0, sizeof(recorder));
	visitor.rights = PROP_WRITE;
	assert_int_equal(walk(&visitor, NULL), 0);
	assert_int_equal(recorder.nr, 0);
	assert_false(recorder.seen[2][2]);
}

static void test_a_range_visits_what_meets_it(void **state)
{
	struct foreign_visitor visitor = visitor_of_all();

	(void)state;
	chain();
	for (unsigned i = 0; i < 512; i++)
		machine.memory[3][i] = i * PAGE_SIZE | 7;
	machine.memory[2][1] = MIB(2) | 5 | LARGE;
	visitor.first = 510 * PAGE_SIZE + 5;
	visitor.last = MIB(2);
	assert_int_equal(walk(&visitor, NULL), 0);
	assert_int_equal(recorder.nr, 2);
	check_run(0, FOREIGN_MAPPED, 510 * PAGE_SIZE, 2 * PAGE_SIZE, 510 * PAGE_SIZE,
		  FOREIGN_RIGHTS);
	check_run(1, FOREIGN_MAPPED, MIB(2), MIB(2), MIB(2), FOREIGN_RIGHTS & ~PROP_WRITE);
	recorder.nr = 0;
	visitor.first = 0;
	visitor.last = 3 * PAGE_SIZE;
	assert_int_equal(walk(&visitor, NULL), 0);
	assert_int_equal(recorder.nr, 1);
	check_run(0, FOREIGN_MAPPED, 0, 4 * PAGE_SIZE, 0, FOREIGN_RIGHTS);
	recorder.nr = 0;
	visitor.first = BIT(47); /* between the halves */
	visitor.last = BIT(50);
	assert_int_equal(walk(&visitor, NULL), 0);
	assert_int_equal(recorder.nr, 0);
	machine.mode = FOREIGN_EPT4; /* whose addresses end before it */
	visitor.last = UINT64_MAX;
	visitor.first = BIT(48);
	assert_int_equal(walk(&visitor, NULL), 0);
	assert_int_equal(recorder.nr, 0);
}

static void test_a_visitor_can_end_the_walk(void **state)
{
	(void)state;
	chain();
	for (unsigned i = 0; i < 512; i += 2)
		machine.memory[3][i] = 7;
	recorder.stop_after = 3;
	assert_int_equal(walk_all(), 77);
	assert_int_equal(recorder.nr, 3);
}

static void test_what_is_wrong_is_reported(void **state)
{
	(void)state;
	chain();
	machine.memory[2][1] = TABLE(MODEL_PAGES); /* outside */
	machine.memory[2][2] = 0x2000 | 7 | LARGE; /* misaligned */
	machine.memory[0][1] = TABLE(4) | LARGE;   /* PS, where there is no such leaf */
	assert_int_equal(walk_all(), 0);
	assert_int_equal(recorder.nr, 3);
	check_run(0, FOREIGN_OUTSIDE, MIB(2), MIB(2), MODEL_PAGES * PAGE_SIZE, FOREIGN_RIGHTS);
	check_run(1, FOREIGN_MALFORMED, MIB(4), MIB(2), 0, FOREIGN_RIGHTS);
	check_run(2, FOREIGN_MALFORMED, BIT(39), BIT(39), 0, FOREIGN_RIGHTS);
	assert_int_equal(recorder.runs[2].raw, TABLE(4) | LARGE);
	assert_int_equal(recorder.runs[2].entry, 8);
}

/* 512^4 leaves on one page: without the limit this does not end in a year. */
static void test_a_page_that_is_all_its_tables_costs_little(void **state)
{
	uint64_t covered = 0;
	uint64_t left;
	const struct foreign_visitor visitor = visitor_of_all();

	(void)state;
	start(FOREIGN_LONG5);
	for (unsigned i = 0; i < 512; i++)
		machine.memory[0][i] = TABLE(0);
	assert_int_equal(walk(&visitor, &left), 0);
	assert_int_equal(left, 0);
	assert_in_range(recorder.nr, 2, 32);
	for (unsigned i = 0; i < recorder.nr; i++)
		covered += recorder.runs[i].len;
	assert_int_equal(covered, BIT(57));
	assert_in_range(recorder.total, 1, (5 + FOREIGN_REVISITS) * 512);
}

/* A recursive entry is nothing bad: it shows the tables as pages, each once. */
static void test_a_recursive_entry_is_walked(void **state)
{
	uint64_t left;
	const struct foreign_visitor visitor = visitor_of_all();

	(void)state;
	chain();
	machine.memory[3][7] = 100 * PAGE_SIZE | 7;
	machine.memory[0][511] = TABLE(0);
	assert_int_equal(walk(&visitor, &left), 0);
	assert_in_range(left, FOREIGN_REVISITS - 8, FOREIGN_REVISITS);
	assert_int_equal(recorder.nr, 5);
	check_run(0, FOREIGN_MAPPED, 7 * PAGE_SIZE, PAGE_SIZE, 100 * PAGE_SIZE, FOREIGN_RIGHTS);
	/* The page of the leaf's table, and the root itself at the very end. */
	check_run(1, FOREIGN_MAPPED, -BIT(39), PAGE_SIZE, 3 * PAGE_SIZE, FOREIGN_RIGHTS);
	check_run(4, FOREIGN_MAPPED, -PAGE_SIZE, PAGE_SIZE, 0, FOREIGN_RIGHTS);
}

/* Each run of a walk through anything, entry by entry against walks of single addresses. */
static void check_against_single_walks(const struct foreign_run *run, uint64_t *random)
{
	uint64_t size = run->len / run->nr;

	for (unsigned probe = 0; probe < 3; probe++) {
		uint64_t number = probe == 0 ? 0 :
				  probe == 1 ? run->nr - 1 :
					       random_next(random) % run->nr;
		uint64_t va = run->start + number * size;
		struct model_walk model = model_walk(&machine, 0, va);

		if (run->end == FOREIGN_REPEATED)
			continue;
		assert_int_equal(run->end, model.end);
		if (run->end != FOREIGN_MAPPED)
			continue;
		assert_int_equal(run->level, model.level);
		assert_int_equal(run->rights, model.rights);
		assert_int_equal(run->address + number * run->step, model.address);
	}
}

struct checker {
	uint64_t random;
	uint64_t next;
	unsigned ends[FOREIGN_REPEATED + 1];
};

/* No gap, as holes are runs, too; but between the halves. */
static int check(void *context, const struct foreign_run *run)
{
	struct checker *checker = context;

	if (run->start != checker->next)
		assert_true(run->start == -BIT(47) || run->start == -BIT(56));
	checker->next = run->start + run->len;
	checker->ends[run->end]++;
	check_against_single_walks(run, &checker->random);
	return 0;
}

/* What a page was seen as does not depend on what visits whom. */
static bool checker_seen(void *context, uint64_t table, unsigned level, uint64_t at)
{
	(void)context;
	return was_seen(&recorder, table, level, at);
}

static void test_walks_visit_what_single_walks_find(void **state)
{
	struct checker checker = { .random = 88172645463325252 };
	const struct foreign_visitor visitor = { .run = check,
						 .seen = checker_seen,
						 .context = &checker,
						 .last = UINT64_MAX,
						 .revisits = 8,
						 .holes = true };

	(void)state;
	for (unsigned round = 0; round < 64; round++) {
		start(FOREIGN_32 + round % (FOREIGN_MODES - FOREIGN_32));
		machine.maxphyaddr = round / 16 % 2 ? 40 : 52;
		model_fill(&machine, &checker.random);
		checker.next = 0;
		assert_int_equal(walk(&visitor, NULL), 0);
		assert_true(checker.next == 0 || checker.next == BIT(32) ||
			    checker.next == BIT(48) || checker.next == BIT(57));
	}
	for (unsigned end = 0; end <= FOREIGN_REPEATED; end++)
		assert_true(end == FOREIGN_NOT_CANONICAL || checker.ends[end] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves_that_go_on_are_one_run),
		cmocka_unit_test(test_leaves_of_one_page_are_one_run),
		cmocka_unit_test(test_what_differs_separates_runs),
		cmocka_unit_test(test_sizes_are_not_merged),
		cmocka_unit_test(test_runs_cross_tables_but_no_half),
		cmocka_unit_test(test_rights_come_from_all_levels),
		cmocka_unit_test(test_a_range_visits_what_meets_it),
		cmocka_unit_test(test_a_visitor_can_end_the_walk),
		cmocka_unit_test(test_what_is_wrong_is_reported),
		cmocka_unit_test(test_a_page_that_is_all_its_tables_costs_little),
		cmocka_unit_test(test_a_recursive_entry_is_walked),
		cmocka_unit_test(test_walks_visit_what_single_walks_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
