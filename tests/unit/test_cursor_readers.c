/* SPDX-License-Identifier: MIT */
/*
 * Reading cursors share their nodes (L-0); several cursors of one thread neither wait for each
 * other nor, by way of a third party, for themselves (BUG-10). Threads are counted, not timed.
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

/* Another thread, which opens one cursor. */
struct other {
	struct table_fixture *fixture;
	uint64_t va, len;
	enum cursor_mode mode;
	bool meets; /* the main thread, twice, while its cursor is open */
	pthread_barrier_t inside;
	_Atomic bool open;
	int error;
	unsigned guard_level;
	struct pt_mapping mapping;
	pthread_t thread;
};

static void *open_once(void *argument)
{
	struct other *other = argument;
	struct cursor cursor;

	other->error = cursor_open(&cursor, &other->fixture->table, VADDR(other->va), other->len,
				   other->mode, 1);
	if (other->error)
		return NULL;
	atomic_store(&other->open, true);
	if (other->meets) {
		pthread_barrier_wait(&other->inside);
		pthread_barrier_wait(&other->inside);
	}
	other->guard_level = cursor.guard_level;
	other->error = cursor_query(&cursor, &other->mapping);
	cursor_close(&cursor);
	return NULL;
}

static void start(struct other *other, struct table_fixture *fixture, uint64_t va, uint64_t len,
		  enum cursor_mode mode)
{
	other->fixture = fixture;
	other->va = va;
	other->len = len;
	other->mode = mode;
	assert_int_equal(pthread_barrier_init(&other->inside, NULL, 2), 0);
	assert_int_equal(pthread_create(&other->thread, NULL, open_once, other), 0);
}

static void join(struct other *other)
{
	assert_int_equal(pthread_join(other->thread, NULL), 0);
	assert_int_equal(other->error, 0);
	pthread_barrier_destroy(&other->inside);
}

static void wait_until_queued(struct pt_node node)
{
	while (!lock_has_queue(&node.slot->lock))
		sched_yield();
}

static int second_cursor(struct table_fixture *fixture, uint64_t va, uint64_t len,
			 enum cursor_mode mode)
{
	struct cursor cursor;
	int error = cursor_open(&cursor, &fixture->table, VADDR(va), len, mode, 1);

	if (error == 0)
		cursor_close(&cursor);
	return error;
}

/* One page in each of the first `nr` nodes of level 1. */
static void map_nodes(struct table_fixture *fixture, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(table_map(fixture, MIB(2) * i, PADDR(PAGES(i)), 1, PROP_RW, false),
				 0);
}

static void test_two_threads_read_the_same_page_at_once(void **state)
{
	struct table_fixture *fixture = *state;
	struct other other = { .meets = true };
	struct pt_mapping mapping;
	struct cursor cursor;

	map_nodes(fixture, 2);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_READ, 1);
	start(&other, fixture, MIB(2), PAGES(1), CURSOR_READ);
	pthread_barrier_wait(&other.inside);
	assert_int_equal(lock_readers(&table_node(fixture, MIB(2), 1).slot->lock), 2);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2))), 0);
	assert_int_equal(cursor_query(&cursor, &mapping), 0);
	assert_int_equal(mapping.paddr.value, PAGES(1));
	cursor_close(&cursor);
	assert_int_equal(lock_readers(&table_node(fixture, MIB(2), 1).slot->lock), 1);
	pthread_barrier_wait(&other.inside);
	join(&other);
	assert_int_equal(other.mapping.paddr.value, PAGES(1));
	check_audit(fixture);
}

static void check_exclusion(struct table_fixture *fixture, enum cursor_mode first,
			    enum cursor_mode second)
{
	struct cursor cursor = table_cursor(fixture, 0, MIB(4), first, 1);
	struct other other = { 0 };

	start(&other, fixture, MIB(2), PAGES(1), second);
	wait_until_queued(table_node(fixture, MIB(2), 1));
	for (unsigned i = 0; i < 200; i++)
		sched_yield();
	assert_false(atomic_load(&other.open));
	cursor_close(&cursor);
	join(&other);
}

static void test_reader_and_writer_exclude_each_other(void **state)
{
	struct table_fixture *fixture = *state;

	map_nodes(fixture, 2);
	check_exclusion(fixture, CURSOR_READ, CURSOR_MUTATE);
	check_exclusion(fixture, CURSOR_MUTATE, CURSOR_READ);
	check_exclusion(fixture, CURSOR_MUTATE, CURSOR_MUTATE);
	check_audit(fixture);
}

/* What comes later waits behind who waits already, though it could share the node now. */
static void test_readers_do_not_pass_a_waiting_writer_for_ever(void **state)
{
	struct table_fixture *fixture = *state;
	struct other writer = { .meets = true }, readers[LOCK_PASSES + 1] = { 0 };
	struct cursor cursor;

	map_nodes(fixture, 1);
	cursor = table_cursor(fixture, 0, PAGES(1), CURSOR_READ, 1);
	start(&writer, fixture, 0, PAGES(1), CURSOR_MUTATE);
	wait_until_queued(table_node(fixture, 0, 1));
	for (unsigned i = 0; i < LOCK_PASSES; i++) {
		start(&readers[i], fixture, 0, PAGES(1), CURSOR_READ);
		join(&readers[i]);
	}
	start(&readers[LOCK_PASSES], fixture, 0, PAGES(1), CURSOR_READ);
	for (unsigned i = 0; i < 200; i++)
		sched_yield();
	assert_false(atomic_load(&readers[LOCK_PASSES].open));
	assert_false(atomic_load(&writer.open));
	cursor_close(&cursor);
	pthread_barrier_wait(&writer.inside);
	assert_false(atomic_load(&readers[LOCK_PASSES].open));
	pthread_barrier_wait(&writer.inside);
	join(&writer);
	join(&readers[LOCK_PASSES]);
	check_audit(fixture);
}

/* BUG-10: read, then whatever. */
static void test_reader_may_read_again_and_is_refused_to_write(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_mapping mapping;
	struct cursor cursor;

	map_nodes(fixture, 3);
	cursor = table_cursor(fixture, MIB(2), MIB(4), CURSOR_READ, 1);
	assert_int_equal(second_cursor(fixture, MIB(4), PAGES(1), CURSOR_READ), 0);
	assert_int_equal(second_cursor(fixture, 0, GIB(1), CURSOR_READ), 0);
	assert_int_equal(second_cursor(fixture, MIB(4), PAGES(1), CURSOR_MUTATE), -EDEADLK);
	assert_int_equal(second_cursor(fixture, 0, GIB(1), CURSOR_MUTATE), -EDEADLK);
	assert_int_equal(second_cursor(fixture, 0, PAGES(1), CURSOR_MUTATE), 0);
	assert_true(port_read_ongoing());
	assert_int_equal(cursor_query(&cursor, &mapping), 0);
	cursor_close(&cursor);
	assert_false(port_read_ongoing());
	assert_int_equal(second_cursor(fixture, MIB(4), PAGES(1), CURSOR_MUTATE), 0);
	check_audit(fixture);
}

/* BUG-10: write, then whatever. */
static void test_writer_is_refused_to_read(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	map_nodes(fixture, 3);
	cursor = table_cursor(fixture, MIB(2), MIB(4), CURSOR_MUTATE, 1);
	assert_int_equal(second_cursor(fixture, MIB(4), PAGES(1), CURSOR_READ), -EDEADLK);
	assert_int_equal(second_cursor(fixture, 0, GIB(1), CURSOR_READ), -EDEADLK);
	assert_int_equal(second_cursor(fixture, 0, PAGES(1), CURSOR_READ), 0);
	cursor_close(&cursor);
	check_audit(fixture);
}

/* BUG-10: who queued up in between waits for the reader, who must not wait for him. */
static void test_reader_reads_again_before_a_writer_who_waits(void **state)
{
	struct table_fixture *fixture = *state;
	struct other writer = { 0 };
	struct cursor cursor;

	map_nodes(fixture, 1);
	cursor = table_cursor(fixture, 0, PAGES(1), CURSOR_READ, 1);
	start(&writer, fixture, 0, PAGES(1), CURSOR_MUTATE);
	wait_until_queued(table_node(fixture, 0, 1));
	for (unsigned i = 0; i < 2 * LOCK_PASSES; i++)
		assert_int_equal(second_cursor(fixture, PAGES(1), PAGES(1), CURSOR_READ), 0);
	assert_false(atomic_load(&writer.open));
	cursor_close(&cursor);
	join(&writer);
	check_audit(fixture);
}

/*
 * BUG-10: the second cursor's range is not the first's. Somebody owns the second's node and waits
 * for the first's.
 */
static void check_third_party(struct table_fixture *fixture, enum cursor_mode first,
			      enum cursor_mode third)
{
	struct cursor cursor = table_cursor(fixture, MIB(2), PAGES(1), first, 1);
	struct other other = { 0 };

	start(&other, fixture, 0, MIB(4), third);
	wait_until_queued(table_node(fixture, MIB(2), 1));
	assert_int_equal(second_cursor(fixture, 0, PAGES(1), CURSOR_MUTATE), -EDEADLK);
	/* What others only read can be read at once. */
	assert_int_equal(second_cursor(fixture, 0, PAGES(1), CURSOR_READ),
			 third == CURSOR_READ ? 0 : -EDEADLK);
	assert_false(atomic_load(&other.open));
	cursor_close(&cursor);
	join(&other);
	check_audit(fixture);
}

static void test_second_cursor_does_not_wait_for_who_waits_for_the_first(void **state)
{
	map_nodes(*state, 2);
	check_third_party(*state, CURSOR_MUTATE, CURSOR_MUTATE);
	check_third_party(*state, CURSOR_READ, CURSOR_MUTATE);
	check_third_party(*state, CURSOR_MUTATE, CURSOR_READ);
}

/* Of a table in which the thread has no cursor it waits for nodes. */
static void test_cursor_on_another_table_is_waited_for(void **state)
{
	struct table_fixture *fixture = *state;
	struct other other = { .meets = true };
	struct page_table table;
	struct cursor cursor;

	assert_int_equal(page_table_create(&table, fixture->domain, fixture->table.format,
					   TABLE_WALKED_BY_SOFTWARE),
			 0);
	map_nodes(fixture, 1);
	start(&other, fixture, 0, PAGES(1), CURSOR_MUTATE);
	pthread_barrier_wait(&other.inside);
	assert_int_equal(cursor_open(&cursor, &table, VADDR(0), PAGES(1), CURSOR_MUTATE, 1), 0);
	pthread_barrier_wait(&other.inside);
	assert_int_equal(second_cursor(fixture, 0, PAGES(1), CURSOR_MUTATE), 0);
	join(&other);
	cursor_close(&cursor);
	page_table_destroy(&table);
	check_audit(fixture);
}

static unsigned nr_shared(const struct table_fixture *fixture)
{
	unsigned nr = 0;

	for (uint64_t i = 0; i < fixture->domain->nr_frames; i++)
		if (slot_kind(&fixture->domain->slots[i]) == FRAME_NODE)
			nr += lock_readers(&fixture->domain->slots[i].lock);
	return nr;
}

static void test_reader_of_too_many_nodes_owns_them(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursor;

	map_nodes(fixture, SHARED_NODES_MAX);
	/* The guard, and what is below it. */
	for (unsigned below = SHARED_NODES_MAX - 1; below <= SHARED_NODES_MAX; below++) {
		bool shares = below < SHARED_NODES_MAX;
		unsigned nr = 0;

		cursor = table_cursor(fixture, 0, MIB(2) * below, CURSOR_READ, 1);
		assert_int_equal(cursor.shared, shares);
		assert_int_equal(nr_shared(fixture), shares ? 1 + below : 0);
		for (unsigned i = 0; i < below; i++)
			nr += lock_owner(&table_node(fixture, MIB(2) * i, 1).slot->lock) ==
			      port_thread();
		assert_int_equal(nr, shares ? 0 : below);
		while (cursor_find_next(&cursor, cursor_remaining(&cursor)) > 0) {
			struct pt_mapping mapping;

			assert_int_equal(cursor_query(&cursor, &mapping), 0);
			assert_int_equal(mapping.paddr.value, mapping.start.value >> 9);
			cursor_jump(&cursor, VADDR(mapping.start.value + PAGES(1)));
		}
		assert_int_equal(cursor_map(&cursor, PADDR(0), 1, PROP_RW, false), -EINVAL);
		cursor_close(&cursor);
		check_audit(fixture);
	}
}

/* L-1: that somebody reads a node is not that this cursor does. */
static void test_node_that_was_hidden_while_a_reader_opened_is_not_entered(void **state)
{
	struct table_fixture *fixture = *state;
	struct pt_mapping mapping;
	struct cursor cursor, below;
	_Atomic uint64_t *entry;
	uint64_t shown;

	map_nodes(fixture, 2);
	below = table_cursor(fixture, MIB(2), PAGES(1), CURSOR_READ, 1);
	entry = &table_node(fixture, 0, 2).entries[1];
	shown = atomic_exchange(entry, 0);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_READ, 1);
	atomic_store(entry, shown);
	assert_int_equal(lock_readers(&table_node(fixture, MIB(2), 1).slot->lock), 1);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2))), 0);
	assert_int_equal(cursor_query(&cursor, &mapping), -EUCLEAN);
	assert_int_equal(cursor_find_next(&cursor, MIB(2)), -EUCLEAN);
	assert_int_equal(cursor_query_next(&cursor, MIB(2), &mapping), -EUCLEAN);
	cursor_close(&cursor);
	assert_int_equal(lock_readers(&table_node(fixture, MIB(2), 1).slot->lock), 1);
	cursor_close(&below);
	check_audit(fixture);
}

static void test_thread_has_a_limited_number_of_cursors(void **state)
{
	struct table_fixture *fixture = *state;
	struct cursor cursors[THREAD_CURSORS];

	map_nodes(fixture, 1);
	for (unsigned i = 0; i < THREAD_CURSORS; i++)
		cursors[i] = table_cursor(fixture, 0, PAGES(1), CURSOR_READ, 1);
	assert_int_equal(second_cursor(fixture, 0, PAGES(1), CURSOR_READ), -EMFILE);
	assert_int_equal(second_cursor(fixture, 0, PAGES(1), CURSOR_MUTATE), -EMFILE);
	assert_int_equal(nr_shared(fixture), THREAD_CURSORS);
	/* In any order. */
	cursor_close(&cursors[2]);
	assert_int_equal(second_cursor(fixture, 0, PAGES(1), CURSOR_READ), 0);
	for (unsigned i = 0; i < THREAD_CURSORS; i++)
		if (i != 2)
			cursor_close(&cursors[i]);
	assert_int_equal(nr_shared(fixture), 0);
	assert_int_equal(second_cursor(fixture, 0, PAGES(1), CURSOR_MUTATE), 0);
	check_audit(fixture);
}

/*
 * L-5: who waits for a node that was removed begins again, one level higher, where nobody can make
 * it come too late again and again.
 */
static void check_restart(struct table_fixture *fixture, enum cursor_mode mode)
{
	struct other other = { 0 };
	struct pt_fragment fragment;
	struct cursor cursor;

	assert_int_equal(table_map(fixture, MIB(2), PADDR(0), 1, PROP_RW, false), 0);
	cursor = table_cursor(fixture, 0, MIB(4), CURSOR_MUTATE, 1);
	start(&other, fixture, MIB(2), PAGES(1), mode);
	wait_until_queued(table_node(fixture, MIB(2), 1));
	assert_int_equal(cursor_take_next(&cursor, MIB(4), &fragment), 1);
	assert_int_equal(fragment.kind, FRAGMENT_SUBTREE);
	fragment_drop(&fragment);
	assert_int_equal(cursor_jump(&cursor, VADDR(MIB(2))), 0);
	assert_int_equal(cursor_map(&cursor, PADDR(PAGES(7)), 1, PROP_RW, false), 0);
	cursor_close(&cursor);
	join(&other);
	assert_int_equal(other.guard_level, 2);
	assert_int_equal(other.mapping.paddr.value, PAGES(7));
	domain_reclaim(fixture->domain);
	assert_int_equal(table_unmap(fixture, 0, MIB(4)), 1);
}

static void test_who_comes_too_late_seeks_its_guard_one_level_higher(void **state)
{
	check_restart(*state, CURSOR_READ);
	check_restart(*state, CURSOR_MUTATE);
}

#define NR_CROWD (FRAME_CACHES + 4)

struct crowd {
	struct table_fixture *fixture;
	pthread_barrier_t there;
	_Atomic unsigned nr_refused;
};

static void *refuse_in_a_crowd(void *argument)
{
	struct crowd *crowd = argument;
	bool large = port_thread() > FRAME_CACHES;

	pthread_barrier_wait(&crowd->there);
	if (large) {
		struct cursor cursor;

		if (cursor_open(&cursor, &crowd->fixture->table, VADDR(0), PAGES(1), CURSOR_READ,
				1) == 0) {
			if (second_cursor(crowd->fixture, 0, PAGES(1), CURSOR_READ) == 0 &&
			    second_cursor(crowd->fixture, 0, PAGES(1), CURSOR_MUTATE) == -EDEADLK)
				atomic_fetch_add(&crowd->nr_refused, 1);
			cursor_close(&cursor);
		}
	}
	pthread_barrier_wait(&crowd->there);
	return NULL;
}

/* BUG-10, for threads that have nothing of their own in the domain. */
static void test_thread_without_shelves_is_refused_as_well(void **state)
{
	struct crowd crowd = { .fixture = *state };
	pthread_t threads[NR_CROWD];

	map_nodes(crowd.fixture, 1);
	assert_int_equal(pthread_barrier_init(&crowd.there, NULL, NR_CROWD), 0);
	for (unsigned i = 0; i < NR_CROWD; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, refuse_in_a_crowd, &crowd), 0);
	for (unsigned i = 0; i < NR_CROWD; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&crowd.there);
	assert_in_range(atomic_load(&crowd.nr_refused), NR_CROWD - FRAME_CACHES, NR_CROWD);
	check_audit(crowd.fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_two_threads_read_the_same_page_at_once),
		TABLE_TEST(test_reader_and_writer_exclude_each_other),
		TABLE_TEST(test_readers_do_not_pass_a_waiting_writer_for_ever),
		TABLE_TEST(test_reader_may_read_again_and_is_refused_to_write),
		TABLE_TEST(test_writer_is_refused_to_read),
		TABLE_TEST(test_reader_reads_again_before_a_writer_who_waits),
		TABLE_TEST(test_second_cursor_does_not_wait_for_who_waits_for_the_first),
		TABLE_TEST(test_cursor_on_another_table_is_waited_for),
		TABLE_TEST(test_reader_of_too_many_nodes_owns_them),
		TABLE_TEST(test_node_that_was_hidden_while_a_reader_opened_is_not_entered),
		TABLE_TEST(test_thread_has_a_limited_number_of_cursors),
		TABLE_TEST(test_who_comes_too_late_seeks_its_guard_one_level_higher),
		TABLE_TEST(test_thread_without_shelves_is_refused_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
