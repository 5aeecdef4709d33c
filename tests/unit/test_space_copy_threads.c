/* SPDX-License-Identifier: MIT */
/*
 * Copies of several threads at once: they do not wait for each other in a circle (C-13), and counts
 * are exact.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/copy_fixture.h"

#define ROUNDS 2000
#define NR_PAGES 4

/* Copies a range again and again, and unmaps the copy each time. */
struct copier {
	pthread_t thread;
	struct space_place from;
	struct space_place to;
	unsigned nr_errors;
};

static void *copy_often(void *argument)
{
	struct copier *copier = argument;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t copied = 0, unmapped = 0;
		int error = space_copy(copier->from, copier->to, PAGES(NR_PAGES), 0, &copied);

		if (error == 0)
			error = space_unmap(copier->to.space, copier->to.start, PAGES(NR_PAGES),
					    &unmapped);
		copier->nr_errors += error || copied != NR_PAGES || unmapped != NR_PAGES;
	}
	return NULL;
}

static void run(struct copier *copiers, unsigned nr_copiers)
{
	for (unsigned i = 0; i < nr_copiers; i++)
		assert_int_equal(pthread_create(&copiers[i].thread, NULL, copy_often, &copiers[i]),
				 0);
	for (unsigned i = 0; i < nr_copiers; i++)
		assert_int_equal(pthread_join(copiers[i].thread, NULL), 0);
	for (unsigned i = 0; i < nr_copiers; i++)
		assert_int_equal(copiers[i].nr_errors, 0);
}

static void open_without_flush(struct pair *pair, void **state)
{
	pair_open(pair, state);
	pair->source.space.operations = NULL;
	pair->destination.space.operations = NULL;
	pair_map(pair, FROM, guest_paddr(0), PAGES(NR_PAGES), 1, PROP_RW, true);
	assert_int_equal(pair_copy(pair, FROM, FROM, PAGES(NR_PAGES), 0), 0);
}

static void close_and_count(struct pair *pair)
{
	check_audit(pair->fixture);
	assert_int_equal(pair_count(pair, guest_paddr(0)), 2);
	pair_close(pair);
}

/* All four ranges lie in one node of their tables, so each copier needs what the other holds. */
static void test_crossing_copies_do_not_wait_for_each_other(void **state)
{
	struct pair pair;

	open_without_flush(&pair, state);
	run(
		(struct copier[]){
			{ .from = { &pair.source.space, VADDR(FROM) },
			  .to = { &pair.destination.space, VADDR(FROM + MIB(1)) } },
			{ .from = { &pair.destination.space, VADDR(FROM) },
			  .to = { &pair.source.space, VADDR(FROM + MIB(1)) } },
		},
		2);
	close_and_count(&pair);
}

/*
 * While the lower of two tables is held, a copy has locked nothing of the other, whichever way it
 * goes: so it never waits with something that somebody else waits for (L-3, C-13).
 */
static void check_order(struct pair *pair, struct vm_space *from, struct vm_space *to)
{
	bool up = page_table_root(&from->table).value < page_table_root(&to->table).value;
	struct vm_space *low = up ? from : to;
	struct table_fixture high = { .domain = pair->fixture->domain,
				      .table = (up ? to : from)->table };
	struct copier copier = { .from = { from, VADDR(FROM) },
				 .to = { to, VADDR(FROM + MIB(1)) } };
	struct pt_node node = table_node(&high, FROM, 1);
	bool locked = false;
	struct cursor cursor;

	assert_int_equal(cursor_open(&cursor, &low->table, VADDR(FROM), MIB(2), CURSOR_MUTATE, 1),
			 0);
	assert_int_equal(pthread_create(&copier.thread, NULL, copy_often, &copier), 0);
	for (unsigned i = 0; i < 200; i++) {
		locked = locked || lock_owner(&node.slot->lock) != 0;
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	}
	cursor_close(&cursor);
	assert_int_equal(pthread_join(copier.thread, NULL), 0);
	assert_false(locked);
	assert_int_equal(copier.nr_errors, 0);
}

static void test_copy_locks_the_lower_root_first(void **state)
{
	struct pair pair;

	open_without_flush(&pair, state);
	check_order(&pair, &pair.source.space, &pair.destination.space);
	check_order(&pair, &pair.destination.space, &pair.source.space);
	close_and_count(&pair);
}

/* Upwards and downwards in one table, past each other, where nodes come and go. */
static void test_crossing_copies_within_a_space_do_not_wait_for_each_other(void **state)
{
	struct pair pair;

	open_without_flush(&pair, state);
	assert_int_equal(pair_copy_within(&pair, FROM, TO, PAGES(NR_PAGES)), 0);
	run(
		(struct copier[]){
			{ .from = { &pair.source.space, VADDR(FROM) },
			  .to = { &pair.source.space, VADDR(TO + GIB(1)) } },
			{ .from = { &pair.source.space, VADDR(TO) },
			  .to = { &pair.source.space, VADDR(FROM + GIB(1)) } },
			{ .from = { &pair.destination.space, VADDR(FROM) },
			  .to = { &pair.source.space, VADDR(FROM + GIB(2)) } },
		},
		3);
	assert_int_equal(space_unmap(&pair.source.space, VADDR(TO), PAGES(NR_PAGES), NULL), 0);
	close_and_count(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_crossing_copies_do_not_wait_for_each_other),
		TABLE_TEST(test_copy_locks_the_lower_root_first),
		TABLE_TEST(test_crossing_copies_within_a_space_do_not_wait_for_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
