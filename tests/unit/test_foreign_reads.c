/* SPDX-License-Identifier: MIT */
/*
 * Walks of foreign tables read each entry once, whatever the compiler made of them: the tables are
 * kept from being read, each attempt is noted, and the instruction is let pass alone.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmocka.h>

#include "mm/foreign_walk.h"
#include "tests/unit/sanitizer.h"

#define PAGES 6
#define ENTRIES 512
#define TRAP_FLAG 0x100
#define TABLE(page) ((page)*PAGE_SIZE | 7)
#define LEAF(page) ((page)*PAGE_SIZE | 7)

static uint64_t (*memory)[ENTRIES];
static volatile unsigned reads[PAGES * ENTRIES];

static void on_read(int number, siginfo_t *info, void *context)
{
	ucontext_t *state = context;
	uintptr_t at = (uintptr_t)info->si_addr - (uintptr_t)memory;

	(void)number;
	if (at >= PAGES * PAGE_SIZE) {
		signal(SIGSEGV, SIG_DFL); /* no read of a table: it comes again, and is the end */
		return;
	}
	reads[at / sizeof(memory[0][0])]++;
	mprotect(memory, PAGES * PAGE_SIZE, PROT_READ);
	state->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int number, siginfo_t *info, void *context)
{
	ucontext_t *state = context;

	(void)number;
	(void)info;
	mprotect(memory, PAGES * PAGE_SIZE, PROT_NONE);
	state->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static const void *page(void *context, uint64_t address)
{
	(void)context;
	return address / PAGE_SIZE < PAGES ? memory[address / PAGE_SIZE] : NULL;
}

static int count_run(void *context, const struct foreign_run *run)
{
	*(uint64_t *)context += run->nr;
	return 0;
}

/* Tables 0 to 2 at levels 4 to 2, and below them three tables of leaves of all kinds. */
static void fill(void)
{
	memset(memory, 0, PAGES * PAGE_SIZE);
	memory[0][0] = TABLE(1);
	memory[1][0] = TABLE(2);
	for (unsigned table = 3; table < PAGES; table++) {
		memory[2][table] = TABLE(table);
		for (unsigned i = 0; i < ENTRIES; i++)
			memory[table][i] = i % 7 == 3  ? 0 :
					   i % 11 == 5 ? LEAF(i) & ~UINT64_C(2) :
					   i % 13 < 4  ? LEAF(5) :
					   i % 17 == 1 ? LEAF(i * 3) :
							 LEAF(i);
	}
	for (unsigned i = 0; i < PAGES * ENTRIES; i++)
		reads[i] = 0;
	assert_int_equal(mprotect(memory, PAGES * PAGE_SIZE, PROT_NONE), 0);
}

static void watch(void (*operation)(void))
{
	struct sigaction action = { .sa_sigaction = on_read, .sa_flags = SA_SIGINFO };
	struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	struct sigaction before, before_step;

	fill();
	assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
	assert_int_equal(sigaction(SIGTRAP, &step, &before_step), 0);
	operation();
	assert_int_equal(sigaction(SIGTRAP, &before_step, NULL), 0);
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
	assert_int_equal(mprotect(memory, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
}

static void check_reads(unsigned first, unsigned nr, unsigned times)
{
	for (unsigned i = first; i < first + nr; i++)
		assert_int_equal(reads[i], times);
}

static void walk(bool holes, bool single)
{
	const struct foreign_memory foreign = { .page = page };
	uint64_t nr = 0;
	const struct foreign_visitor visitor = { .run = count_run,
						 .context = &nr,
						 .last = UINT64_MAX,
						 .revisits = FOREIGN_REVISITS,
						 .holes = holes,
						 .single = single };
	struct foreign_paging paging;

	foreign_paging_make(FOREIGN_LONG4, 0, 52, &paging);
	assert_int_equal(foreign_walk(&paging, &foreign, &visitor, NULL), 0);
	assert_true(nr > ENTRIES);
}

static void walk_leaves(void)
{
	walk(false, false);
}

static void walk_each_leaf(void)
{
	walk(false, true);
}

static void walk_holes(void)
{
	walk(true, false);
}

static void test_a_walk_reads_each_entry_once(void **state)
{
	static void (*const walks[])(void) = { walk_leaves, walk_each_leaf, walk_holes };

	(void)state;
	SKIP_UNDER_THREAD_SANITIZER("it reads what it watches");
	for (unsigned i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
		watch(walks[i]);
		check_reads(0, PAGES * ENTRIES, 1);
	}
}

static void translate_one(void)
{
	const struct foreign_memory foreign = { .page = page };
	struct foreign_paging paging;
	struct foreign_path path;

	foreign_paging_make(FOREIGN_LONG4, 0, 52, &paging);
	foreign_translate(&paging, &foreign, 3 * ENTRIES * PAGE_SIZE + 9 * PAGE_SIZE, &path);
	assert_int_equal(path.end, FOREIGN_MAPPED);
}

static void test_a_translation_reads_one_entry_a_level(void **state)
{
	(void)state;
	SKIP_UNDER_THREAD_SANITIZER("it reads what it watches");
	watch(translate_one);
	check_reads(0, 1, 1);
	check_reads(ENTRIES, 1, 1);
	check_reads(2 * ENTRIES + 3, 1, 1);
	check_reads(3 * ENTRIES + 9, 1, 1);
	for (unsigned i = 0, sum = 0; i < PAGES * ENTRIES; i++) {
		sum += reads[i];
		assert_true(sum <= 4);
	}
}

static int setup(void **state)
{
	(void)state;
	memory = mmap(NULL, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	return memory == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	return munmap(memory, PAGES * PAGE_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_walk_reads_each_entry_once),
		cmocka_unit_test(test_a_translation_reads_one_entry_a_level),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
