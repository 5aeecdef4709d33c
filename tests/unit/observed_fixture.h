/* SPDX-License-Identifier: MIT */
/*
 * An observed space for tests, in the domain of a table fixture. What goes wrong here fails the
 * running test.
 */
#ifndef TESTS_OBSERVED_FIXTURE_H
#define TESTS_OBSERVED_FIXTURE_H

#include "mm/space.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

struct observed {
	struct vm_space space; /* first: the kick is told of it */
	struct table_fixture *fixture;
	unsigned nr_kicks;
	struct observer *obedient; /* passes at once when it is kicked; may be NULL */
};

/* *state is a table fixture. */
void observed_open(struct observed *observed, void **state);

/* Destroys the space, and finds nothing left of it (F-10). */
void observed_close(struct observed *observed);

/* Maps a tracked run whose references are taken for it. */
void observed_map(struct observed *observed, uint64_t va, paddr_t paddr, uint64_t len);

/* Unmaps, and counts the pages; audited, with all that waits. */
uint64_t observed_unmap(struct observed *observed, uint64_t va, uint64_t len);

void observed_join(struct observed *observed, struct observer *observer);

/* The observer flushes and passes, now; what may go goes, to the last grace period; audited. */
void observed_pass(struct observed *observed, struct observer *observer);

/* Collects and ends the grace period; audited. Gives the nodes that wait on. */
uint32_t observed_collect(struct observed *observed);

/* References on a frame. */
uint32_t observed_count(const struct observed *observed, paddr_t paddr);

#endif
