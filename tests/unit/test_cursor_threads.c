/* SPDX-License-Identifier: MIT */
/*
 * Cursors of several threads: exclusion where ranges overlap, and none where they do not; nodes
 * that are removed while others wait for them or walk over them (3.2, L-1 to L-5).
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)
#define NR_THREADS 4

struct race {
	struct table_fixture *fixture;
	pthread_barrier_t barrier;
	_Atomic unsigned nr_faults; /* what must not be: cmocka asserts in the main thread only */
	_Atomic bool over;
	/* By page; that cursors exclude each other is all that orders these. */
	unsigned touched[2048];
	unsigned owner[2048];
};

struct racer {
	struct race *race;
	unsigned number;
	uint64_t random;
	pthread_t thread;
};

static void expect(struct race *race, bool expected)
{
	if (!expected)
		atomic_fetch_add(&race->nr_faults, 1);
}

/* Runs the bodies, one thread each; the last one's end sets `over`. */
static void run(struct race *race, struct table_fixture *fixture, unsigned nr_threads,
		void *(*const bodies[])(void *))
{
	struct racer racers[NR_THREADS];

	memset(race, 0, sizeof(*race));
	race->fixture = fixture;
	assert_int_equal(pthread_barrier_init(&race->barrier, NULL, nr_threads), 0);
	for (unsigned i = 0; i < nr_threads; i++) {
		racers[i] = (struct racer){ race, i, 0x9e3779b97f4a7c15 * (i + 1), 0 };
		assert_int_equal(pthread_create(&racers[i].thread, NULL, bodies[i], &racers[i]), 0);
	}
	for (unsigned i = 0; i < nr_threads; i++)
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
	pthread_barrier_destroy(&race->barrier);
	assert_int_equal(atomic_load(&race->nr_faults), 0);
	domain_reclaim(fixture->domain);
	check_audit(fixture);
}

static bool open_range(const struct racer *racer, struct cursor *cursor, uint64_t va, uint64_t len,
		       enum cursor_mode mode)
{
	int error = cursor_open(cursor, &racer->race->fixture->table, VADDR(va), len, mode, 1);

	expect(racer->race, error == 0);
	return error == 0;
}

/* Page `page` is this thread's until disown(). Nobody else may think so. */
static void own(struct racer *racer, uint64_t page)
{
	expect(racer->race, racer->race->owner[page] == 0);
	racer->race->owner[page] = racer->number + 1;
	racer->race->touched[page]++;
}

static void disown(struct racer *racer, uint64_t page)
{
	expect(racer->race, racer->race->owner[page] == racer->number + 1);
	racer->race->owner[page] = 0;
}

/* Maps and unmaps in 2 MiB of its own, and must always find what it left. */
static void *work_alone(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;
	uint64_t base = GIB(1) + MIB(2) * racer->number;
	bool mapped[512] = { false };

	pthread_barrier_wait(&race->barrier);
	for (unsigned i = 0; i < 1500; i++) {
		unsigned page = (unsigned)(random_next(&racer->random) % 512);
		struct pt_fragment fragment;
		struct pt_mapping mapping;
		struct cursor cursor;

		if (!open_range(racer, &cursor, base + PAGES(page), PAGES(1), CURSOR_MUTATE))
			return NULL;
		expect(race, cursor_query(&cursor, &mapping) == 0);
		expect(race, mapping.present == mapped[page]);
		if (mapped[page]) {
			expect(race, mapping.paddr.value == base + PAGES(page));
			expect(race, cursor_take_next(&cursor, PAGES(1), &fragment) == 1);
			fragment_drop(&fragment);
		} else {
			expect(race, cursor_map(&cursor, PADDR(base + PAGES(page)), 1, PROP_RW,
						false) == 0);
		}
		mapped[page] = !mapped[page];
		cursor_close(&cursor);
	}
	return NULL;
}

static void test_disjoint_ranges_do_not_disturb_each_other(void **state)
{
	static struct race race;

	run(&race, *state, 4,
	    (void *(*const[])(void *)){ work_alone, work_alone, work_alone, work_alone });
}

#define NR_TOUCHES 400

/*
 * Counts up, without atomics, pages of random ranges; every third time only sees that nobody else
 * is doing that.
 */
static void *touch_ranges(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;

	pthread_barrier_wait(&race->barrier);
	for (unsigned i = 0; i < NR_TOUCHES; i++) {
		uint64_t first = random_next(&racer->random) % 2048;
		uint64_t nr = 1 + random_next(&racer->random) % (2048 - first);
		uint64_t step = nr > 8 ? nr / 8 : 1;
		enum cursor_mode mode = i % 3 ? CURSOR_MUTATE : CURSOR_READ;
		struct cursor cursor;

		if (!open_range(racer, &cursor, PAGES(first), PAGES(nr), mode))
			return NULL;
		for (uint64_t page = first; page < first + nr; page += step) {
			if (mode == CURSOR_MUTATE)
				own(racer, page);
			else
				expect(race, race->owner[page] == 0);
		}
		for (uint64_t page = first; page < first + nr && mode == CURSOR_MUTATE;
		     page += step)
			disown(racer, page);
		cursor_close(&cursor);
	}
	return NULL;
}

/* P-6 */
static void test_overlapping_ranges_exclude_each_other(void **state)
{
	struct table_fixture *fixture = *state;
	static struct race race;
	unsigned sum = 0;

	/* Some nodes are there from the beginning, others are made on the way. */
	for (uint64_t va = 0; va < MIB(8); va += MIB(4))
		assert_int_equal(table_map(fixture, va, PADDR(0), 1, PROP_RW, false), 0);
	run(&race, fixture, 4,
	    (void *(*const[])(void *)){ touch_ranges, touch_ranges, touch_ranges, touch_ranges });
	for (unsigned page = 0; page < 2048; page++)
		sum += race.touched[page];
	assert_in_range(sum, 4 * NR_TOUCHES, 4 * 16 * NR_TOUCHES);
}

#define NR_REMOVALS 300

/* Removes the whole sub-tree again and again, and then tells the others to stop. */
static void *remove_subtrees(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;

	pthread_barrier_wait(&race->barrier);
	for (unsigned i = 0; i < NR_REMOVALS; i++) {
		struct pt_fragment fragment;
		struct cursor cursor;

		/* So wide that the guard is above the nodes that the others use. */
		if (!open_range(racer, &cursor, 0, GIB(2), CURSOR_MUTATE))
			break;
		own(racer, i % 2);
		/* Let the others come to the nodes that will be gone when they get them. */
		sched_yield();
		while (cursor_take_next(&cursor, cursor_remaining(&cursor), &fragment) > 0)
			fragment_drop(&fragment);
		disown(racer, i % 2);
		cursor_close(&cursor);
		domain_reclaim(race->fixture->domain);
	}
	atomic_store(&race->over, true);
	return NULL;
}

/* Maps a page below, which must then be there as long as the cursor is open. */
static void *map_below(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;

	pthread_barrier_wait(&race->barrier);
	while (!atomic_load(&race->over)) {
		uint64_t page = random_next(&racer->random) % 2;
		uint64_t va = MIB(2) * page;
		struct pt_mapping mapping;
		struct cursor cursor;
		int error;

		if (!open_range(racer, &cursor, va, PAGES(1), CURSOR_MUTATE))
			break;
		own(racer, page);
		error = cursor_map(&cursor, PADDR(va), 1, PROP_RW, false);
		expect(race, error == 0 || error == -EEXIST);
		expect(race, cursor_jump(&cursor, VADDR(va)) == 0);
		expect(race, cursor_query(&cursor, &mapping) == 0 && mapping.present &&
				     mapping.paddr.value == va);
		sched_yield();
		disown(racer, page);
		cursor_close(&cursor);
	}
	return NULL;
}

/* L-2: L-5: who waited for a node that was removed meanwhile begins again. */
static void test_nodes_are_removed_under_cursors_that_wait_for_them(void **state)
{
	static struct race race;

	run(&race, *state, 4,
	    (void *(*const[])(void *)){ remove_subtrees, map_below, map_below, map_below });
}

struct reclaimer {
	struct phys_domain *domain;
	_Atomic bool over;
	pthread_t thread;
};

static void *reclaim(void *argument)
{
	struct reclaimer *reclaimer = argument;

	domain_reclaim(reclaimer->domain);
	atomic_store(&reclaimer->over, true);
	return NULL;
}

static void test_removed_nodes_are_not_freed_under_a_read_section(void **state)
{
	struct table_fixture *fixture = *state;
	struct reclaimer reclaimer = { .domain = fixture->domain };
	struct pt_fragment fragment;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	assert_int_equal(cursor_take_next(&cursor, MIB(4), &fragment), 1);
	fragment_drop(&fragment);
	assert_int_equal(pthread_create(&reclaimer.thread, NULL, reclaim, &reclaimer), 0);
	/* It has every chance to do it. */
	for (unsigned i = 0; i < 2000; i++)
		sched_yield();
	assert_false(atomic_load(&reclaimer.over));
	assert_int_equal(slot_count(fragment.node.slot), 1);
	cursor_close(&cursor);
	assert_int_equal(pthread_join(reclaimer.thread, NULL), 0);
	assert_int_equal(slot_count(fragment.node.slot), 0);
	check_audit(fixture);
}

/* Frames that were nodes become data, and are written to as data are. */
static void reuse_frames(struct phys_domain *domain)
{
	struct frame frames[4];

	for (unsigned i = 0; i < 4; i++)
		if (frame_alloc(domain, FRAME_DATA, false, &frames[i]) == 0)
			memset(domain_pointer(domain, frames[i].paddr), 0xff, PAGE_SIZE);
	for (unsigned i = 0; i < 4; i++)
		frame_put(&frames[i]);
}

static void *map_remove_and_reuse(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;

	pthread_barrier_wait(&race->barrier);
	for (unsigned i = 0; i < NR_REMOVALS; i++) {
		struct pt_fragment fragment;
		struct cursor cursor;

		if (!open_range(racer, &cursor, 0, GIB(2), CURSOR_MUTATE))
			break;
		expect(race, cursor_map(&cursor, PADDR(0), 1, PROP_RW, false) == 0);
		expect(race, cursor_jump(&cursor, VADDR(0)) == 0);
		while (cursor_take_next(&cursor, cursor_remaining(&cursor), &fragment) > 0)
			fragment_drop(&fragment);
		cursor_close(&cursor);
		domain_reclaim(race->fixture->domain);
		reuse_frames(race->fixture->domain);
	}
	atomic_store(&race->over, true);
	return NULL;
}

static void *walk_without_locks(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;

	pthread_barrier_wait(&race->barrier);
	while (!atomic_load(&race->over)) {
		struct pt_mapping mapping;

		expect(race, page_table_walk(&race->fixture->table, VADDR(8), &mapping) == 0);
		expect(race, !mapping.present ||
				     (mapping.paddr.value == 0 &&
				      mapping.prop.bits == PROP_RW.bits && mapping.level == 1));
	}
	return NULL;
}

static void test_walk_without_locks_never_sees_memory_that_was_freed(void **state)
{
	static struct race race;

	run(&race, *state, 3,
	    (void *(*const[])(void *)){ map_remove_and_reuse, walk_without_locks,
					walk_without_locks });
}

/* Splits a large leaf and takes it away again: for a walker it is never half there. */
static void *split_again_and_again(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;
	const struct prop_change same = { .set = PROP_SOFT };

	pthread_barrier_wait(&race->barrier);
	for (unsigned i = 0; i < NR_REMOVALS; i++) {
		uint64_t va = MIB(2) * (1 + i % 256);
		struct cursor cursor;

		if (!open_range(racer, &cursor, va, PAGES(1), CURSOR_MUTATE))
			break;
		expect(race, cursor_protect_next(&cursor, PAGES(1), same, NULL) == 1);
		cursor_close(&cursor);
	}
	atomic_store(&race->over, true);
	return NULL;
}

static void *walk_large_leaf(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;

	pthread_barrier_wait(&race->barrier);
	while (!atomic_load(&race->over)) {
		uint64_t va = PAGES(random_next(&racer->random) % 262144);
		struct pt_mapping mapping;

		expect(race, page_table_walk(&race->fixture->table, VADDR(va), &mapping) == 0);
		expect(race, mapping.present);
		expect(race, mapping.paddr.value + (va - mapping.start.value) == GIB(4) + va);
	}
	return NULL;
}

static void test_mapping_is_never_absent_while_it_is_split(void **state)
{
	static struct race race;

	assert_int_equal(table_map(*state, 0, PADDR(GIB(4)), 3, PROP_RW, false), 0);
	run(&race, *state, 3,
	    (void *(*const[])(void *)){ split_again_and_again, walk_large_leaf, walk_large_leaf });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_disjoint_ranges_do_not_disturb_each_other),
		TABLE_TEST(test_overlapping_ranges_exclude_each_other),
		TABLE_TEST(test_nodes_are_removed_under_cursors_that_wait_for_them),
		TABLE_TEST(test_removed_nodes_are_not_freed_under_a_read_section),
		TABLE_TEST(test_walk_without_locks_never_sees_memory_that_was_freed),
		TABLE_TEST(test_mapping_is_never_absent_while_it_is_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
