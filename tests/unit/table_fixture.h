/* SPDX-License-Identifier: MIT */
/*
 * A table for tests, in a domain whose memory is part nodes, part frames to map.
 *
 * The fixture keeps account of every reference that the test holds, so that the audit can be run
 * after every operation and the exact counts are checked: rc == handles + leaves. What goes wrong
 * here fails the running test.
 */
#ifndef TESTS_TABLE_FIXTURE_H
#define TESTS_TABLE_FIXTURE_H

#include "mm/cursor.h"
#include "tests/unit/domain_fixture.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

/* Frames of the small domain: the allocator's (nodes), then those that tests map. */
#define TABLE_POOL_FIRST 512
#define TABLE_POOL_FRAMES 512
#define TABLE_GUEST_FIRST 1024 /* at 4 MiB: large leaves can map it */
#define TABLE_FRAMES 4096
/* The large domain also has one GiB, from frame TABLE_GIB_FIRST on. */
#define TABLE_GIB_FIRST 262144
#define TABLE_LARGE_FRAMES 524288

#define PROP_RW PROP(PROP_READ | PROP_WRITE)
#define PROP_RO PROP(PROP_READ)
#define PROP_RX PROP(PROP_READ | PROP_EXECUTE)

struct table_fixture {
	struct domain_fixture base;
	struct phys_domain *domain;
	struct page_table table;
	uint32_t *held; /* references that the test holds, by frame */
	uint32_t *scratch;
	uint32_t *drained; /* frames that table_leave() has taken out of the allocator */
	unsigned nr_drained;
	bool hostile; /* memory was tampered with: nothing is asserted at the end */
};

void table_fixture_open(struct table_fixture *fixture, enum pt_format_id id,
			enum table_walker walker, uint64_t nr_frames);

/* Destroys the table, gives back what is held, and asserts that every frame is free again. */
void table_fixture_close(struct table_fixture *fixture);

/* Forgets everything as it is: for what is broken on purpose. */
void table_fixture_abandon(struct table_fixture *fixture);

/*
 * For cmocka: *state is a small domain with an empty table, walked by hardware if it is x86-64 and
 * by software if it is EPT. TABLE_TEST() makes one test for each.
 */
int table_setup_x86_64(void **state);
int table_setup_ept(void **state);
int table_setup_large_x86_64(void **state);
int table_setup_large_ept(void **state);
int table_teardown(void **state);

#define TABLE_TEST_OF(test, format, setup)                               \
	{                                                                \
#test " (" format ")", test, setup, table_teardown, NULL \
	}
#define TABLE_TEST(test)                                   \
	TABLE_TEST_OF(test, "x86-64", table_setup_x86_64), \
		TABLE_TEST_OF(test, "EPT", table_setup_ept)
#define LARGE_TABLE_TEST(test)                                   \
	TABLE_TEST_OF(test, "x86-64", table_setup_large_x86_64), \
		TABLE_TEST_OF(test, "EPT", table_setup_large_ept)

/* Every invariant holds, and each count is exactly the references that are known. */
void check_audit(struct table_fixture *fixture);

/* One reference on each frame of a run becomes the test's; unused frames become FRAME_GUEST. */
void table_hold(struct table_fixture *fixture, paddr_t paddr, uint64_t nr_frames);
/* The test gives them up. */
void table_release(struct table_fixture *fixture, paddr_t paddr, uint64_t nr_frames);
/* They have passed to a leaf. */
void table_passed(struct table_fixture *fixture, paddr_t paddr, uint64_t nr_frames);
/* References of a leaf have passed to the test. */
void table_received(struct table_fixture *fixture, paddr_t paddr, uint64_t nr_frames);

/* Physical address `offset` bytes into the frames that tests map. */
static inline paddr_t guest_paddr(uint64_t offset)
{
	return PADDR(((uint64_t)TABLE_GUEST_FIRST << PAGE_SHIFT) + offset);
}

/* Opens a cursor, which must succeed. */
struct cursor table_cursor(struct table_fixture *fixture, uint64_t va, uint64_t len,
			   enum cursor_mode mode, unsigned min_level);

/*
 * Maps one leaf through a cursor of its own. A tracked one is given references that were taken for
 * it. Audited.
 */
int table_map(struct table_fixture *fixture, uint64_t va, paddr_t paddr, unsigned level,
	      prop_t prop, bool tracked);

/* Unmaps all of a range through a cursor of its own, audited; gives the pages that were mapped. */
uint64_t table_unmap(struct table_fixture *fixture, uint64_t va, uint64_t len);

/* Changes all of a range, audited; gives the pages that were changed. */
uint64_t table_protect(struct table_fixture *fixture, uint64_t va, uint64_t len,
		       struct prop_change change);

/* The leaf or absence at va, by a walk and by a cursor, which must agree. */
struct pt_mapping table_look(struct table_fixture *fixture, uint64_t va);

/* va maps to paddr with this property, or to nothing. */
void assert_mapped(struct table_fixture *fixture, uint64_t va, paddr_t paddr, prop_t prop);
void assert_unmapped(struct table_fixture *fixture, uint64_t va);

/* Nodes of the table, the root included. */
uint64_t table_nodes(const struct table_fixture *fixture);

/* The node of `level` on the way to va, read from memory; it must exist. */
struct pt_node table_node(const struct table_fixture *fixture, uint64_t va, unsigned level);

/*
 * What a table maps, as a function from address to address and property: its runs, joined wherever
 * they are one. Read from memory without the engine.
 */
struct view_run {
	uint64_t start;
	uint64_t len;
	uint64_t paddr;
	uint32_t prop;
	bool tracked;
};

#define VIEW_RUNS_MAX 64

struct view {
	unsigned nr_runs;
	struct view_run runs[VIEW_RUNS_MAX];
};

struct view table_view(const struct table_fixture *fixture);
void assert_view(const struct table_fixture *fixture, const struct view *expected);

/* Leaves exactly `nr_frames` in the allocator, and gives the others back again. */
void table_leave(struct table_fixture *fixture, unsigned nr_frames);
void table_refill(struct table_fixture *fixture);

/* The next number of a sequence (xorshift) that *state, which is not 0, determines. */
uint64_t random_next(uint64_t *state);

#endif
