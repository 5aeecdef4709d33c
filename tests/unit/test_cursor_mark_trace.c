/* SPDX-License-Identifier: MIT */
/*
 * Long random sequences of marking, mapping and unmapping against an array: at each page either
 * nothing, a status, or the page that is mapped there (3.8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

/* Across an edge of two nodes of level 2. */
#define WINDOW_PAGES 2048
#define WINDOW_START (GIB(1) - PAGES(WINDOW_PAGES / 2))
#define MAPPED (UINT64_C(1) << 50)

struct model {
	struct table_fixture *fixture;
	uint64_t random;
	uint64_t pages[WINDOW_PAGES];
};

static uint64_t pick(struct model *model, uint64_t below)
{
	return random_next(&model->random) % below;
}

static void model_mark(struct model *model, struct cursor *cursor, uint64_t first, uint64_t nr)
{
	uint64_t status = pick(model, 4);

	assert_int_equal(cursor_mark(cursor, PAGES(nr), status), 0);
	for (uint64_t i = first; i < first + nr; i++)
		if (!(model->pages[i] & MAPPED))
			model->pages[i] = status;
}

static void model_unmap(struct model *model, struct cursor *cursor, uint64_t first, uint64_t nr)
{
	uint64_t pages, expected = 0;

	for (uint64_t i = first; i < first + nr; i++) {
		expected += (model->pages[i] & MAPPED) != 0;
		model->pages[i] = 0;
	}
	assert_int_equal(cursor_unmap(cursor, PAGES(nr), NULL, &pages), 0);
	assert_int_equal(pages, expected);
}

/* Identity, so that large leaves fit. */
static void model_map(struct model *model, struct cursor *cursor, uint64_t first, uint64_t nr)
{
	uint64_t paddr = WINDOW_START + PAGES(first);
	bool taken = false;

	for (uint64_t i = first; i < first + nr; i++)
		taken |= (model->pages[i] & MAPPED) != 0;
	assert_int_equal(cursor_map_run(cursor, PADDR(paddr), PAGES(nr), 0, PROP_RW, false),
			 taken ? -EEXIST : 0);
	for (uint64_t i = first; !taken && i < first + nr; i++)
		model->pages[i] = MAPPED | i;
}

static void model_replace(struct model *model, struct cursor *cursor, uint64_t first)
{
	uint64_t paddr = WINDOW_START + PAGES(first);
	struct pt_fragment fragment;

	assert_int_equal(cursor_replace(cursor, PADDR(paddr), 1, PROP_RW, false, &fragment), 0);
	assert_int_equal(fragment.pages, (model->pages[first] & MAPPED) != 0);
	fragment_drop(&fragment);
	model->pages[first] = MAPPED | first;
}

static void model_step(struct model *model)
{
	uint64_t first = pick(model, WINDOW_PAGES);
	uint64_t nr = 1 + pick(model, pick(model, 2) ? 8 : WINDOW_PAGES - first);
	struct cursor cursor;

	if (nr > WINDOW_PAGES - first)
		nr = WINDOW_PAGES - first;
	cursor = table_cursor(model->fixture, WINDOW_START + PAGES(first), PAGES(nr), CURSOR_MUTATE,
			      1 + (unsigned)pick(model, 3));
	switch (pick(model, 6)) {
	case 0:
	case 1:
		model_mark(model, &cursor, first, nr);
		break;
	case 2:
		model_unmap(model, &cursor, first, nr);
		break;
	case 3:
		model_map(model, &cursor, first, nr);
		break;
	case 4:
		model_replace(model, &cursor, first);
		break;
	default:
		assert_int_equal(cursor_reclaim(&cursor, PAGES(nr), NULL), 0);
	}
	cursor_close(&cursor);
}

static void model_compare(struct model *model)
{
	struct cursor cursor =
		table_cursor(model->fixture, WINDOW_START, PAGES(WINDOW_PAGES), CURSOR_READ, 1);

	for (uint64_t i = 0; i < WINDOW_PAGES; i++) {
		uint64_t va = WINDOW_START + PAGES(i);
		struct pt_mapping mapping;

		assert_int_equal(cursor_jump(&cursor, VADDR(va)), 0);
		assert_int_equal(cursor_query(&cursor, &mapping), 0);
		assert_int_equal(mapping.present, (model->pages[i] & MAPPED) != 0);
		if (mapping.present)
			assert_int_equal(mapping.paddr.value + (va - mapping.start.value), va);
		else
			assert_int_equal(mapping.status, model->pages[i]);
	}
	cursor_close(&cursor);
	check_audit(model->fixture);
}

static void test_random_sequences_do_as_the_array_does(void **state)
{
	static struct model model;

	model = (struct model){ .fixture = *state, .random = 20261121 };
	for (unsigned step = 0; step < 400; step++) {
		model_step(&model);
		model_compare(&model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_random_sequences_do_as_the_array_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
