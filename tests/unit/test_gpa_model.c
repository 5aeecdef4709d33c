/* SPDX-License-Identifier: MIT */
/*
 * Random changes of a GPA space against a model that is an array of pages; and from several threads
 * at once, where table and window must agree in the end.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gpa_fixture.h"
#include "tests/unit/memory_probe.h"

#define RAM_LEN MIB(4)
#define PAGES (RAM_LEN / PAGE_SIZE)
#define STEPS 4000
#define STEPS_BETWEEN_CHECKS 250

#define ABSENT UINT32_MAX

struct model {
	uint32_t rights[PAGES]; /* ABSENT: not mapped */
	uint8_t bytes[PAGES];	/* the page's first */
};

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static uint32_t random_rights(uint32_t *seed)
{
	static const uint32_t rights[] = { 0, PROP_READ, PROP_EXECUTE, RW, RX, RWX };

	return rights[random_next(seed) % 6];
}

/* A run of pages, more often a short one; often as a large leaf would be. */
static void random_run(uint32_t *seed, unsigned *first, unsigned *count)
{
	unsigned most = 1u << random_next(seed) % 11;

	*count = 1 + random_next(seed) % most;
	*first = random_next(seed) % (unsigned)(PAGES - *count + 1);
	if (random_next(seed) % 4 == 0) {
		*first &= ~511u;
		*count = 512;
	}
}

static unsigned model_mapped(const struct model *model, unsigned first, unsigned count)
{
	unsigned mapped = 0;

	for (unsigned page = first; page < first + count; page++)
		mapped += model->rights[page] != ABSENT;
	return mapped;
}

static void model_set(struct model *model, unsigned first, unsigned count, uint32_t rights)
{
	for (unsigned page = first; page < first + count; page++) {
		model->rights[page] = rights;
		model->bytes[page] = 0;
	}
}

static gpa_t page_gpa(unsigned page)
{
	return GPA(page * PAGE_SIZE);
}

static void step_map(struct gpa_space *space, struct model *model, uint32_t *seed)
{
	uint32_t rights = random_rights(seed);
	unsigned first, count, mapped;
	int error;

	random_run(seed, &first, &count);
	mapped = model_mapped(model, first, count);
	error = gpa_space_map(space, page_gpa(first), count * PAGE_SIZE, rights);
	assert_int_equal(error, mapped ? -EEXIST : 0);
	if (!error)
		model_set(model, first, count, rights);
}

static void step_unmap(struct gpa_space *space, struct model *model, uint32_t *seed)
{
	unsigned first, count;
	uint64_t pages;

	random_run(seed, &first, &count);
	assert_int_equal(gpa_space_unmap(space, page_gpa(first), count * PAGE_SIZE, &pages), 0);
	assert_int_equal(pages, model_mapped(model, first, count));
	model_set(model, first, count, ABSENT);
}

static void step_protect(struct gpa_space *space, struct model *model, uint32_t *seed)
{
	uint32_t rights = random_rights(seed);
	unsigned first, count;
	uint64_t pages;

	random_run(seed, &first, &count);
	assert_int_equal(
		gpa_space_protect(space, page_gpa(first), count * PAGE_SIZE, rights, &pages), 0);
	assert_int_equal(pages, model_mapped(model, first, count));
	for (unsigned page = first; page < first + count; page++)
		if (model->rights[page] != ABSENT)
			model->rights[page] = rights;
}

static bool model_allows(const struct model *model, unsigned page, uint32_t rights)
{
	return model->rights[page] != ABSENT && !(rights & ~model->rights[page]);
}

static void step_write(struct gpa_space *space, struct model *model, uint32_t *seed)
{
	unsigned page = random_next(seed) % (unsigned)PAGES;
	uint8_t byte = (uint8_t)random_next(seed);
	bool allowed = model_allows(model, page, PROP_WRITE);

	assert_int_equal(gpa_space_write(space, page_gpa(page), &byte, 1), allowed ? 0 : -EFAULT);
	if (allowed)
		model->bytes[page] = byte;
}

static void assert_page(struct gpa_fixture *fixture, const struct model *model, unsigned page)
{
	bool readable = model_allows(model, page, PROP_READ);
	struct pt_mapping leaf;
	uint8_t byte;

	assert_int_equal(gpa_space_query(&fixture->space, page_gpa(page), &leaf), 0);
	assert_int_equal(leaf.present, model->rights[page] != ABSENT);
	if (leaf.present)
		assert_int_equal(leaf.prop.bits, model->rights[page]);
	assert_int_equal(gpa_space_read(&fixture->space, page_gpa(page), &byte, 1),
			 readable ? 0 : -EFAULT);
	if (readable)
		assert_int_equal(byte, model->bytes[page]);
}

static void assert_model(struct gpa_fixture *fixture, const struct model *model)
{
	for (unsigned page = 0; page < PAGES; page++)
		assert_page(fixture, model, page);
	assert_window_follows_table(fixture);
	gpa_fixture_audit(fixture);
}

static void test_random_changes_do_what_the_model_does(void **state)
{
	static struct model model;
	struct gpa_fixture fixture;
	uint32_t seed = 20;

	(void)state;
	gpa_fixture_open(&fixture, RAM_LEN, 0);
	model_set(&model, 0, PAGES, ABSENT);
	for (unsigned step = 1; step <= STEPS; step++) {
		switch (random_next(&seed) % 6) {
		case 0:
		case 1:
			step_map(&fixture.space, &model, &seed);
			break;
		case 2:
			step_unmap(&fixture.space, &model, &seed);
			break;
		case 3:
			step_protect(&fixture.space, &model, &seed);
			break;
		default:
			step_write(&fixture.space, &model, &seed);
		}
		if (step % STEPS_BETWEEN_CHECKS == 0)
			assert_model(&fixture, &model);
	}
	gpa_fixture_close(&fixture);
}

#define THREADS 4
#define THREAD_STEPS 400

struct worker {
	pthread_t thread;
	struct gpa_space *space;
	uint32_t seed;
	bool failed; /* threads do not assert */
};

static int worker_step(struct gpa_space *space, uint32_t *seed)
{
	unsigned first, count;
	uint8_t byte = 1;
	gpa_t gpa;

	random_run(seed, &first, &count);
	gpa = page_gpa(first);
	switch (random_next(seed) % 6) {
	case 0:
	case 1:
		return gpa_space_map(space, gpa, count * PAGE_SIZE, random_rights(seed));
	case 2:
		return gpa_space_unmap(space, gpa, count * PAGE_SIZE, NULL);
	case 3:
		return gpa_space_protect(space, gpa, count * PAGE_SIZE, random_rights(seed), NULL);
	case 4:
		return gpa_space_read(space, gpa, &byte, 1);
	default:
		return gpa_space_write(space, gpa, &byte, 1);
	}
}

static void *worker_run(void *context)
{
	struct worker *worker = context;

	for (unsigned step = 0; step < THREAD_STEPS; step++) {
		int error = worker_step(worker->space, &worker->seed);

		worker->failed |= error != 0 && error != -EEXIST && error != -EFAULT;
	}
	return NULL;
}

static void test_threads_leave_table_and_window_in_agreement(void **state)
{
	struct worker workers[THREADS];
	struct gpa_fixture fixture;

	(void)state;
	gpa_fixture_open(&fixture, RAM_LEN, 0);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .space = &fixture.space, .seed = 7 + i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_false(workers[i].failed);
	}
	assert_window_follows_table(&fixture);
	gpa_fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_changes_do_what_the_model_does),
		cmocka_unit_test(test_threads_leave_table_and_window_in_agreement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
