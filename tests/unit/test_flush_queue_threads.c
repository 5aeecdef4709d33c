/* SPDX-License-Identifier: MIT */
/*
 * Observers in threads of their own, who use what they looked up until they pass: no frame is given
 * up under them, and all of them are in the end (T-3, T-5).
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/observed_fixture.h"

#define NR_OBSERVERS 2
#define NR_PAGES 8
#define ROUNDS 3000
#define READS 3000 /* that the observers shall have made before it is over */

struct watch {
	struct observed observed;
	_Atomic bool over;
	_Atomic unsigned nr_faults; /* what must not be: cmocka asserts in the main thread only */
	_Atomic unsigned nr_reads;
};

/*
 * Looks pages up, as a vCPU fills its TLB, and reads them again and again. A page that was given up
 * would have no reference, other content, and for ThreadSanitizer a race with who has it next.
 */
static void use(struct watch *watch)
{
	struct phys_domain *domain = watch->observed.fixture->domain;

	for (unsigned i = 0; i < NR_PAGES; i++) {
		struct pt_mapping page;
		const uint64_t *words;

		if (page_table_walk(&watch->observed.space.table, VADDR(PAGES(i)), &page) ||
		    !page.present)
			continue;
		words = domain_pointer(domain, page.paddr);
		for (unsigned again = 0; again < 3; again++) {
			if (slot_count(domain_slot_at(domain, page.paddr)) == 0 || words[0] != i)
				atomic_fetch_add(&watch->nr_faults, 1);
			sched_yield();
		}
		atomic_fetch_add(&watch->nr_reads, 1);
	}
}

/* Passes in every round, and leaves and joins again in some. */
static void *observe(void *argument)
{
	struct watch *watch = argument;
	struct vm_space *space = &watch->observed.space;
	struct observer observer = { .queue = NULL };

	for (unsigned round = 0; !atomic_load(&watch->over); round++) {
		if (!observer.queue && space_observe(space, &observer))
			atomic_fetch_add(&watch->nr_faults, 1);
		use(watch);
		observer_pass(&observer, observer_epoch(&observer));
		if (round % 8 == 0)
			space_unobserve(space, &observer);
	}
	if (observer.queue)
		space_unobserve(space, &observer);
	return NULL;
}

/* Unmaps some pages. Who is refused lets the observers pass, and what waited be freed. */
static void unmap(struct watch *watch, unsigned page, unsigned nr_pages)
{
	struct vm_space *space = &watch->observed.space;
	int error;

	while ((error = space_unmap(space, VADDR(PAGES(page)), PAGES(nr_pages), NULL)) == -EAGAIN ||
	       error == -ENOMEM) {
		space_collect(space);
		domain_reclaim(space->table.domain);
		sched_yield();
	}
	assert_int_equal(error, 0);
}

/* Maps a new frame where nothing is, if there is one. Its reference is the leaf's alone. */
static void map(struct watch *watch, unsigned page)
{
	struct page_table *table = &watch->observed.space.table;
	struct frame frame;
	struct cursor cursor;
	uint64_t *words;

	if (frame_alloc(table->domain, FRAME_DATA, false, &frame))
		return;
	words = domain_pointer(table->domain, frame.paddr);
	words[0] = page;
	assert_int_equal(
		cursor_open(&cursor, table, VADDR(PAGES(page)), PAGES(1), CURSOR_MUTATE, 1), 0);
	assert_int_equal(cursor_map_frame(&cursor, &frame, PROP_RW), 0);
	cursor_close(&cursor);
}

static void change(struct watch *watch)
{
	for (unsigned round = 0; round < ROUNDS || atomic_load(&watch->nr_reads) < READS; round++) {
		unsigned page = round % NR_PAGES;
		unsigned nr_pages = round % 3 == 0 ? NR_PAGES - page : 1;

		unmap(watch, page, nr_pages);
		for (unsigned i = 0; i < nr_pages; i++)
			map(watch, page + i);
		if (round % 4 == 0)
			sched_yield();
	}
}

static void test_frames_stay_until_their_observers_have_passed(void **state)
{
	static const struct space_operations operations = { .flush = NULL };
	struct watch *watch = test_malloc(sizeof(*watch));
	pthread_t threads[NR_OBSERVERS];

	memset(watch, 0, sizeof(*watch));
	observed_open(&watch->observed, state);
	watch->observed.space.operations = &operations;
	for (unsigned i = 0; i < NR_OBSERVERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, observe, watch), 0);
	change(watch);
	atomic_store(&watch->over, true);
	for (unsigned i = 0; i < NR_OBSERVERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(watch->nr_faults, 0);
	assert_int_equal(observed_collect(&watch->observed), 0);
	observed_close(&watch->observed);
	test_free(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_frames_stay_until_their_observers_have_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
