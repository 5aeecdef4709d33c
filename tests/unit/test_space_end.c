/* SPDX-License-Identifier: MIT */
/*
 * The end of a space: of all that it had, in whatever state, no slot keeps a trace (F-10).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/space.h"
#include "tests/unit/domain_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)
#define MIB(n) ((uint64_t)(n) << 20)
#define NR_FRAMES 4096
#define NR_POOL 512 /* the rest is what is mapped */

static const enum pt_format_id formats[] = { PT_FORMAT_X86_64_4, PT_FORMAT_EPT_4,
					     PT_FORMAT_X86_64_5, PT_FORMAT_EPT_5, PT_FORMAT_NPT_4 };

#define NR_FORMATS (sizeof(formats) / sizeof(formats[0]))

static const struct space_operations observed = { .flush = NULL };

static void create(struct domain_fixture *fixture, struct vm_space *space, enum pt_format_id id,
		   const struct space_operations *operations)
{
	assert_int_equal(space_create(space, &fixture->domain, pt_format_of(id),
				      TABLE_WALKED_BY_HARDWARE, operations),
			 0);
}

/* The leaves are the only owners. */
static void map(struct domain_fixture *fixture, struct vm_space *space, uint64_t va, uint64_t frame,
		uint64_t nr_frames, unsigned max_level)
{
	struct segment segment;

	assert_int_equal(segment_from_unused(&fixture->domain, frame_number(frame), nr_frames,
					     FRAME_GUEST, &segment),
			 0);
	assert_int_equal(space_map(space, VADDR(va), frame_number(frame), PAGES(nr_frames),
				   max_level, PROP(PROP_READ | PROP_WRITE), true),
			 0);
	segment_into_raw(&segment);
}

static void with_fixture(void (*body)(struct domain_fixture *fixture, enum pt_format_id id))
{
	for (unsigned i = 0; i < NR_FORMATS; i++) {
		struct domain_fixture fixture;

		domain_fixture_open_pool(&fixture, NR_FRAMES, 0, NR_POOL);
		body(&fixture, formats[i]);
		domain_fixture_assert_idle(&fixture, NR_POOL);
		assert_null(fixture.domain.tables);
		assert_null(fixture.domain.queues);
		assert_int_equal(atomic_load(&fixture.domain.nr_deferred), 0);
		assert_int_equal(atomic_load(&fixture.domain.nr_corrupt), 0);
		domain_fixture_close(&fixture);
	}
}

static void end_empty(struct domain_fixture *fixture, enum pt_format_id id)
{
	struct vm_space space;

	create(fixture, &space, id, NULL);
	space_destroy(&space);
}

static void test_empty_space_leaves_nothing(void **state)
{
	(void)state;
	with_fixture(end_empty);
}

/* Leaves of three sizes of runs, empty nodes, nodes that wait for their grace period. */
static void end_full(struct domain_fixture *fixture, enum pt_format_id id)
{
	struct vm_space space;

	create(fixture, &space, id, NULL);
	map(fixture, &space, MIB(4), 1024, 1024, 0);
	map(fixture, &space, MIB(1024), 2048, 3, 1);
	map(fixture, &space, MIB(2048), 2560, 512, 1);
	assert_int_equal(space_map(&space, VADDR(MIB(4096)), PADDR(MIB(4096)), MIB(1024), 0,
				   PROP(PROP_READ), false),
			 0);
	assert_int_equal(space_unmap(&space, VADDR(MIB(1024)), PAGES(2), NULL), 0);
	assert_int_equal(space_unmap(&space, VADDR(MIB(2048)), MIB(2), NULL), 0);
	assert_int_equal(space_unmap(&space, VADDR(MIB(5)), MIB(2), NULL), 0);
	space_destroy(&space);
}

static void test_space_that_maps_leaves_nothing(void **state)
{
	(void)state;
	with_fixture(end_full);
}

/* The frames that two spaces share are free when the second of them ends. */
static void end_shared(struct domain_fixture *fixture, enum pt_format_id id)
{
	struct vm_space first, second;

	create(fixture, &first, id, NULL);
	create(fixture, &second, id, NULL);
	map(fixture, &first, MIB(4), 1024, 1024, 0);
	assert_int_equal(space_copy((struct space_place){ &first, VADDR(MIB(4)) },
				    (struct space_place){ &second, VADDR(MIB(5)) }, MIB(4), 0,
				    NULL),
			 0);
	space_destroy(&first);
	assert_int_equal(slot_count(&fixture->domain.slots[1024]), 1);
	assert_int_equal(slot_count(&fixture->domain.slots[2047]), 1);
	space_destroy(&second);
}

static void test_spaces_that_share_leave_nothing(void **state)
{
	(void)state;
	with_fixture(end_shared);
}

/* An observer that never passed does not keep what waits for it. */
static void end_waiting(struct domain_fixture *fixture, enum pt_format_id id)
{
	struct observer observer = { .queue = NULL };
	struct vm_space space;

	create(fixture, &space, id, &observed);
	assert_int_equal(space_observe(&space, &observer), 0);
	map(fixture, &space, MIB(4), 1024, 1024, 0);
	map(fixture, &space, MIB(1024), 2048, 3, 1);
	assert_int_equal(space_unmap(&space, VADDR(MIB(5)), MIB(1), NULL), 0);
	assert_int_equal(space_unmap(&space, VADDR(MIB(512)), MIB(1024), NULL), 0);
	assert_int_equal(slot_count(&fixture->domain.slots[2048]), 1);
	assert_true(space_collect(&space) > 0);
	space_destroy(&space);
}

static void test_space_with_a_full_queue_leaves_nothing(void **state)
{
	(void)state;
	with_fixture(end_waiting);
}

/* A walker's reference on the root keeps all that hangs under it, and nothing after (P-9). */
static void end_walked(struct domain_fixture *fixture, enum pt_format_id id)
{
	struct vm_space space;
	struct frame root;

	create(fixture, &space, id, NULL);
	map(fixture, &space, MIB(4), 1024, 1024, 0);
	assert_int_equal(page_table_root_get(&space.table, &root), 0);
	space_destroy(&space);
	assert_int_equal(slot_count(&fixture->domain.slots[1024]), 1);
	assert_int_equal(frame_put(&root), 0);
}

static void test_space_whose_root_is_in_use_leaves_nothing_after_that(void **state)
{
	(void)state;
	with_fixture(end_walked);
}

/* A space that cannot be had is none. */
static void end_unborn(struct domain_fixture *fixture, enum pt_format_id id)
{
	struct vm_space space;
	struct segment all;

	assert_int_equal(segment_alloc(&fixture->domain, NR_POOL, PAGE_SIZE, FRAME_DATA, &all), 0);
	assert_int_equal(space_create(&space, &fixture->domain, pt_format_of(id),
				      TABLE_WALKED_BY_SOFTWARE, NULL),
			 -ENOMEM);
	assert_null(fixture->domain.queues);
	assert_int_equal(segment_put(&all), 0);
}

static void test_space_without_memory_leaves_nothing(void **state)
{
	(void)state;
	with_fixture(end_unborn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_space_leaves_nothing),
		cmocka_unit_test(test_space_that_maps_leaves_nothing),
		cmocka_unit_test(test_spaces_that_share_leave_nothing),
		cmocka_unit_test(test_space_with_a_full_queue_leaves_nothing),
		cmocka_unit_test(test_space_whose_root_is_in_use_leaves_nothing_after_that),
		cmocka_unit_test(test_space_without_memory_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
