/* SPDX-License-Identifier: MIT */
/*
 * Shelves under more threads than have any, with an allocator that runs dry again and again: no
 * frame is lost, none has two owners, and the count is exact at the end (M-6, INV-X5).
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/audit.h"
#include "mm/frame_cache.h"
#include "mm/node.h"
#include "tests/unit/domain_fixture.h"

#define NR_THREADS (FRAME_CACHES + 4)
#define NR_ROUNDS 400
#define NR_HELD 4

struct worker {
	struct domain_fixture *fixture;
	pthread_t thread;
	unsigned number;
	unsigned nr_faults;
};

/* Frames are written without atomics: two owners at once would be a reported race. */
static void mark(struct worker *worker, paddr_t paddr)
{
	uint64_t *word = domain_pointer(&worker->fixture->domain, paddr);

	*word = worker->number;
	worker->nr_faults += *word != worker->number;
}

static void use_frames(struct worker *worker)
{
	struct phys_domain *domain = &worker->fixture->domain;
	struct frame frames[NR_HELD];
	unsigned nr = 0;

	while (nr < NR_HELD && frame_alloc(domain, FRAME_DATA, false, &frames[nr]) == 0)
		mark(worker, frames[nr++].paddr);
	while (nr > 0)
		worker->nr_faults += frame_put(&frames[--nr]) != 0;
}

static void use_node(struct worker *worker)
{
	struct phys_domain *domain = &worker->fixture->domain;
	struct pt_node node;

	frame_cache_prepare(domain, port_thread(), 2);
	if (node_alloc(domain, pt_format_of(PT_FORMAT_EPT_4), 1, &node))
		return;
	worker->nr_faults += node_read(node, 0).raw != 0;
	node_write(node, 0, PTE(0));
	node_free(domain, node);
}

static void use_run(struct worker *worker)
{
	struct segment segment;

	if (segment_alloc(&worker->fixture->domain, 8, PAGE_SIZE, FRAME_DATA, &segment))
		return;
	mark(worker, segment.paddr);
	worker->nr_faults += segment_put(&segment) != 0;
}

/* Any frame of the pool, by its address. */
static void use_address(struct worker *worker, unsigned round)
{
	paddr_t paddr = frame_number(FIXTURE_POOL_FIRST + round * 7 % FIXTURE_POOL_FRAMES);
	struct frame frame;

	if (frame_from_unused(&worker->fixture->domain, paddr, FRAME_DATA, &frame))
		return;
	mark(worker, paddr);
	worker->nr_faults += frame_put(&frame) != 0;
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	for (unsigned round = worker->number; round < NR_ROUNDS + worker->number; round++) {
		use_frames(worker);
		if (round % 3 == 0)
			use_node(worker);
		if (round % 5 == 0)
			use_run(worker);
		if (round % 2 == 0)
			use_address(worker, round);
	}
	return NULL;
}

static void test_threads_lose_no_frame_and_share_none(void **state)
{
	struct worker workers[NR_THREADS];
	struct domain_fixture *fixture = *state;
	uint32_t scratch[FIXTURE_FRAMES];
	struct audit_report report;

	fixture->domain.private_memory = true;
	for (unsigned i = 0; i < NR_THREADS; i++) {
		workers[i] = (struct worker){ .fixture = fixture, .number = i + 1 };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].nr_faults, 0);
	}
	domain_fixture_assert_idle(fixture, FIXTURE_POOL_FRAMES);
	/* Zeroed frames are zero, too (P-7). */
	assert_int_equal(mm_audit(&fixture->domain, scratch, NULL, NULL, &report), 0);
}

/* A few frames that their thread, one who drains and one who claims by address fight for. */
#define NR_CONTESTED 4
#define NR_DRAINS 100000

struct contest {
	struct domain_fixture fixture;
	_Atomic unsigned nr_running; /* the others */
	_Atomic unsigned nr_faults;
};

static void *drain(void *argument)
{
	struct contest *contest = argument;

	for (unsigned i = 0; i < NR_DRAINS; i++)
		allocator_drain(&contest->fixture.domain);
	atomic_fetch_sub(&contest->nr_running, 1);
	return NULL;
}

static void *claim(void *argument)
{
	struct contest *contest = argument;
	struct phys_domain *domain = &contest->fixture.domain;

	for (unsigned i = 0; i < NR_DRAINS; i++) {
		struct frame frame;

		if (frame_from_unused(domain, frame_number(i % NR_CONTESTED), FRAME_DATA, &frame))
			continue;
		if (frame_put(&frame))
			atomic_fetch_add(&contest->nr_faults, 1);
	}
	atomic_fetch_sub(&contest->nr_running, 1);
	return NULL;
}

static void alloc_and_put_meanwhile(struct contest *contest)
{
	struct phys_domain *domain = &contest->fixture.domain;

	while (atomic_load_explicit(&contest->nr_running, memory_order_relaxed) > 0) {
		struct frame frame;

		if (frame_alloc(domain, FRAME_DATA, false, &frame) == 0 && frame_put(&frame) != 0)
			atomic_fetch_add(&contest->nr_faults, 1);
	}
}

static void contend(void *(*const *others)(void *), unsigned nr_others)
{
	static struct contest contest;
	pthread_t threads[2];

	contest = (struct contest){ .nr_running = nr_others };
	domain_fixture_open_pool(&contest.fixture, NR_CONTESTED, 0, NR_CONTESTED);
	for (unsigned i = 0; i < nr_others; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, others[i], &contest), 0);
	alloc_and_put_meanwhile(&contest);
	for (unsigned i = 0; i < nr_others; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(contest.nr_faults, 0);
	domain_fixture_assert_idle(&contest.fixture, NR_CONTESTED);
	domain_fixture_close(&contest.fixture);
}

static void test_shelf_that_is_drained_while_it_is_used_loses_nothing(void **state)
{
	static void *(*const others[])(void *) = { drain, claim };

	(void)state;
	contend(&others[0], 1);
	contend(&others[1], 1);
	contend(&others[0], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_threads_lose_no_frame_and_share_none),
		cmocka_unit_test(test_shelf_that_is_drained_while_it_is_used_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
