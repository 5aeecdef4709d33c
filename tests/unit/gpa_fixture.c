/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "mm/audit.h"
#include "mm/census.h"
#include "tests/unit/gpa_fixture.h"
#include "tests/unit/memory_probe.h"

void gpa_fixture_open(struct gpa_fixture *fixture, uint64_t ram_len, uint64_t pool_len)
{
	struct ram_layout ram;

	*fixture = (struct gpa_fixture){ .nr_held = 0 };
	assert_int_equal(ram_layout_init(&ram, ram_len), 0);
	if (pool_len == 0)
		pool_len = host_pool_len_for(ram_len);
	assert_int_equal(host_pool_create(&fixture->pool, pool_len), 0);
	assert_int_equal(gpa_space_create(&fixture->space, &fixture->pool, &ram), 0);
}

void gpa_fixture_close(struct gpa_fixture *fixture)
{
	gpa_fixture_give_all(fixture);
	gpa_fixture_audit(fixture);
	gpa_space_destroy(&fixture->space);
	gpa_fixture_audit(fixture);
	assert_int_equal(gpa_fixture_free(fixture), fixture->pool.domain.nr_frames);
	host_pool_destroy(&fixture->pool);
}

int gpa_fixture_setup(void **state)
{
	*state = malloc(sizeof(struct gpa_fixture));
	assert_non_null(*state);
	gpa_fixture_open(*state, FIXTURE_RAM, 0);
	return 0;
}

int gpa_fixture_teardown(void **state)
{
	gpa_fixture_close(*state);
	free(*state);
	return 0;
}

void gpa_fixture_audit(const struct gpa_fixture *fixture)
{
	uint32_t *scratch = calloc(fixture->pool.domain.nr_frames, sizeof(*scratch));
	struct phys_domain *domain = (struct phys_domain *)(uintptr_t)&fixture->pool.domain;
	struct audit_report report;

	assert_non_null(scratch);
	if (mm_audit(domain, scratch, NULL, NULL, &report))
		fail_msg("%s: %s", report.violation.rule, report.violation.text);
	free(scratch);
}

uint64_t gpa_fixture_free(const struct gpa_fixture *fixture)
{
	return allocator_free_frames(&fixture->pool.domain);
}

void assert_leaves(const struct gpa_fixture *fixture, uint64_t of_1g, uint64_t of_2m,
		   uint64_t of_4k)
{
	struct table_census census = { .nodes = 0 };
	struct domain_census frames;
	uint64_t pages = of_1g * level_pages(3) + of_2m * level_pages(2) + of_4k;

	assert_int_equal(page_table_census(&fixture->space.space.table, &census), 0);
	assert_int_equal(census.leaves[4], 0);
	assert_int_equal(census.leaves[3], of_1g);
	assert_int_equal(census.leaves[2], of_2m);
	assert_int_equal(census.leaves[1], of_4k);
	assert_int_equal(census.tracked, of_1g + of_2m + of_4k);
	domain_census(&fixture->pool.domain, &frames);
	assert_int_equal(frames.frames[FRAME_DATA], pages + fixture->nr_held);
}

static void assert_page_follows_table(struct gpa_fixture *fixture, gpa_t gpa)
{
	struct pt_mapping leaf;
	uint32_t rights;

	assert_int_equal(gpa_space_query(&fixture->space, gpa, &leaf), 0);
	rights = leaf.present ? leaf.prop.bits & RW : 0;
	if (memory_rights(fixture->space.window.memory + gpa.value) != rights)
		fail_msg("the window is not as the table says at 0x%lx", (long)gpa.value);
}

void assert_window_follows_table(struct gpa_fixture *fixture)
{
	const struct ram_layout *ram = &fixture->space.ram;

	for (uint64_t at = 0; at < ram->low_len; at += PAGE_SIZE)
		assert_page_follows_table(fixture, GPA(at));
	for (uint64_t at = 0; at < ram->high_len; at += PAGE_SIZE)
		assert_page_follows_table(fixture, GPA(RAM_HOLE_END + at));
	for (uint64_t at = ram->low_len; at < fixture->space.window.len; at += MIB(256)) {
		if (at >= RAM_HOLE_END)
			break;
		assert_int_equal(memory_rights(fixture->space.window.memory + at), 0);
	}
}

uint8_t byte_at(struct gpa_fixture *fixture, uint64_t gpa)
{
	uint8_t byte = 0;

	assert_true(memory_is_readable(fixture->space.window.memory + gpa, &byte));
	return byte;
}

uint64_t gpa_fixture_populated(const struct gpa_fixture *fixture)
{
	struct stat status;

	assert_int_equal(fstat(fixture->pool.fd, &status), 0);
	return (uint64_t)status.st_blocks * 512;
}

static int frame_compare(const void *left, const void *right)
{
	uint64_t a = ((const struct frame *)left)->paddr.value;
	uint64_t b = ((const struct frame *)right)->paddr.value;

	return a < b ? -1 : a > b;
}

void gpa_fixture_drain(struct gpa_fixture *fixture)
{
	uint64_t nr_free = gpa_fixture_free(fixture);

	assert_null(fixture->held);
	fixture->held = calloc(nr_free, sizeof(*fixture->held));
	assert_non_null(fixture->held);
	while (fixture->nr_held < nr_free) {
		struct frame *frame = &fixture->held[fixture->nr_held++];

		assert_int_equal(frame_alloc(&fixture->pool.domain, FRAME_DATA, false, frame), 0);
	}
	assert_int_equal(gpa_fixture_free(fixture), 0);
	qsort(fixture->held, nr_free, sizeof(*fixture->held), frame_compare);
}

/* From the end on, so that what is left begins the array. */
void gpa_fixture_give(struct gpa_fixture *fixture, uint64_t nr_frames)
{
	uint64_t kept = fixture->nr_held - 2 * nr_frames;

	assert_true(2 * nr_frames <= fixture->nr_held);
	for (uint64_t i = 0; i < nr_frames; i++) {
		assert_int_equal(frame_put(&fixture->held[kept + 2 * i]), 0);
		fixture->held[kept + i] = fixture->held[kept + 2 * i + 1];
	}
	fixture->nr_held -= nr_frames;
}

void gpa_fixture_give_all(struct gpa_fixture *fixture)
{
	while (fixture->nr_held > 0)
		assert_int_equal(frame_put(&fixture->held[--fixture->nr_held]), 0);
	free(fixture->held);
	fixture->held = NULL;
}
