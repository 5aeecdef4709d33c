/* SPDX-License-Identifier: MIT */
/*
 * Tables that a guest rewrites while cursors are open and opened on them by several threads.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

static void assert_nothing_locked(const struct table_fixture *fixture)
{
	assert_false(port_read_ongoing());
	for (uint64_t i = 0; i < fixture->domain->nr_frames; i++)
		if (slot_kind(&fixture->domain->slots[i]) == FRAME_NODE)
			assert_int_equal(lock_owner(&fixture->domain->slots[i].lock), 0);
}

#define NR_OPENED 20000

struct opener {
	struct table_fixture *fixture;
	uint64_t va;
	pthread_barrier_t *barrier;
	unsigned nr_opened;
	pthread_t thread;
};

static void *open_often(void *argument)
{
	struct opener *opener = argument;

	pthread_barrier_wait(opener->barrier);
	for (unsigned i = 0; i < NR_OPENED; i++) {
		struct cursor cursor;

		if (cursor_open(&cursor, &opener->fixture->table, VADDR(opener->va), MIB(4),
				CURSOR_READ, 1) != 0)
			continue;
		cursor_close(&cursor);
		opener->nr_opened++;
	}
	return NULL;
}

/* L-3 must not depend on what the guest writes: here each thread would lock what the other has. */
static void test_crossed_links_do_not_make_two_threads_wait_for_each_other(void **state)
{
	struct table_fixture *fixture = *state;
	pthread_barrier_t barrier;
	struct opener openers[2] = { { .fixture = fixture, .va = 0, .barrier = &barrier },
				     { .fixture = fixture, .va = GIB(1), .barrier = &barrier } };

	assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned node = 0; node < 2; node++)
			assert_int_equal(table_map(fixture, openers[i].va + MIB(2 * node), PADDR(0),
						   1, PROP_RW, false),
					 0);
	for (unsigned node = 0; node < 2; node++)
		atomic_store(&table_node(fixture, GIB(1), 2).entries[node],
			     node_read(table_node(fixture, 0, 2), 1 - node).raw);
	fixture->hostile = true;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&openers[i].thread, NULL, open_often, &openers[i]),
				 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_join(openers[i].thread, NULL), 0);
	pthread_barrier_destroy(&barrier);
	assert_int_equal(openers[0].nr_opened, NR_OPENED);
	assert_int_equal(openers[1].nr_opened, 0);
	assert_nothing_locked(fixture);
}

struct scribbler {
	struct table_fixture *fixture;
	struct pt_node nodes[3];
	_Atomic bool over;
};

/* What a guest may write where there was something else a moment ago. */
static void *scribble_all_the_time(void *argument)
{
	struct scribbler *scribbler = argument;
	const struct table_fixture *fixture = scribbler->fixture;
	uint64_t random = 0x853c49e6748fea9b;
	uint64_t words[8] = { 0 };
	unsigned nr_words = 1;

	for (unsigned i = 0; i < 3; i++) {
		words[nr_words++] = pte_node(fixture->table.format,
					     node_paddr(fixture->domain, scribbler->nodes[i]))
					    .raw;
		format_leaf_bits(fixture->table.format, i + 1, PROP_RW, i & 1, &words[nr_words]);
		words[nr_words++] |= guest_paddr(0).value;
	}
	words[nr_words++] = 0x000ffffffffff007;
	while (!atomic_load_explicit(&scribbler->over, memory_order_relaxed)) {
		struct pt_node node = scribbler->nodes[random_next(&random) % 3];

		atomic_store_explicit(&node.entries[random_next(&random) % 4],
				      words[random_next(&random) % nr_words], memory_order_relaxed);
		/* More often than not the way down is as it was, so that cursors open. */
		for (unsigned i = 1; i < 3 && random_next(&random) % 16; i++)
			atomic_store_explicit(&scribbler->nodes[i].entries[0], words[2 * i - 1],
					      memory_order_relaxed);
	}
	return NULL;
}

static void do_something(struct cursor *cursor, uint64_t *random)
{
	struct pt_fragment fragment;
	struct pt_mapping mapping;
	uint64_t len = align_down(random_next(random) % (cursor_remaining(cursor) + 1), PAGE_SIZE);

	switch (random_next(random) % 13) {
	case 0:
		(void)cursor_map(cursor, PADDR(0), 1 + random_next(random) % 3, PROP_RW, false);
		break;
	case 1:
		(void)cursor_map_run(cursor, PADDR(0), len, 0, PROP_RW, false);
		break;
	case 2:
		if (cursor_take_next(cursor, len, &fragment) > 0)
			fragment_drop(&fragment);
		break;
	case 3:
		(void)cursor_unmap(cursor, len, NULL, NULL);
		break;
	case 4:
		(void)cursor_protect(cursor, len, (struct prop_change){ .set = PROP_SOFT }, NULL,
				     NULL);
		break;
	case 5:
		(void)cursor_protect_next(cursor, len, (struct prop_change){ .clear = PROP_SOFT },
					  NULL);
		break;
	case 6:
		(void)cursor_query(cursor, &mapping);
		break;
	case 7:
		(void)cursor_query_next(cursor, len, &mapping);
		break;
	case 8:
		(void)cursor_harvest(cursor, len, PROP_DIRTY | PROP_ACCESSED, NULL, NULL);
		break;
	case 9:
		(void)cursor_reclaim(cursor, len, NULL);
		break;
	case 10:
		(void)cursor_coalesce(cursor, 2 + random_next(random) % 2, NULL);
		break;
	case 11:
		if (cursor_replace(cursor, PADDR(0), 1 + random_next(random) % 3, PROP_RW, false,
				   &fragment) == 0)
			fragment_drop(&fragment);
		break;
	default:
		(void)cursor_find_next(cursor, len);
	}
}

/* The range of a cursor is kept whatever happens: what it says of itself makes sense. */
static void assert_in_its_range(const struct cursor *cursor, uint64_t start, uint64_t end)
{
	assert_in_range(cursor_virt_addr(cursor).value, start, end);
	assert_int_equal(cursor_remaining(cursor), end - cursor_virt_addr(cursor).value);
}

static void test_guest_that_writes_all_the_time_is_survived(void **state)
{
	struct scribbler scribbler = { .fixture = *state };
	struct table_fixture *fixture = *state;
	uint64_t random = 0xda3e39cb94b95bdb;
	pthread_t thread;

	assert_int_equal(table_map(fixture, 0, PADDR(0), 1, PROP_RW, false), 0);
	for (unsigned i = 0; i < 3; i++)
		scribbler.nodes[i] = table_node(fixture, 0, i + 1);
	fixture->hostile = true;
	/* They stay nodes as long as they are scribbled on. */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(slot_inc(scribbler.nodes[i].slot), 0);
	assert_int_equal(pthread_create(&thread, NULL, scribble_all_the_time, &scribbler), 0);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t start = PAGES(random_next(&random) % 1024);
		uint64_t len = PAGES(1 + random_next(&random) % 1024);
		struct cursor cursor;

		if (cursor_open(&cursor, &fixture->table, VADDR(start), len, CURSOR_MUTATE,
				1 + random_next(&random) % 3))
			continue;
		for (unsigned step = 0; step < 8; step++) {
			do_something(&cursor, &random);
			assert_in_its_range(&cursor, start, start + len);
		}
		cursor_close(&cursor);
	}
	atomic_store(&scribbler.over, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	domain_reclaim(fixture->domain);
	assert_nothing_locked(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_crossed_links_do_not_make_two_threads_wait_for_each_other),
		TABLE_TEST(test_guest_that_writes_all_the_time_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
