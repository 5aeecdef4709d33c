/* SPDX-License-Identifier: MIT */
/*
 * A domain for the audit to look at: of everything there is something in it.
 */
#ifndef TESTS_AUDIT_SUBJECT_H
#define TESTS_AUDIT_SUBJECT_H

#include "mm/audit.h"
#include "tests/unit/table_fixture.h"

#define PAGES(n) ((uint64_t)(n) << PAGE_SHIFT)

/* Frames of the domain that are neither the pool's nor mapped. */
#define UNIQUE_NUMBER 100
#define RESERVED_NUMBER 101
#define SPARE_NUMBER 102 /* nobody's */
/* The first tracked page: two leaves map it, and the test holds it once. */
#define SHARED_NUMBER TABLE_GUEST_FIRST

struct subject {
	struct table_fixture *fixture;
	struct page_table second;
	struct unique_frame unique;
	struct frame reserved;
	struct pt_node deferred; /* waits for a grace period */
	struct audit_report report;
};

/*
 * Leaves of three sizes, shared frames, handles, a unique and a reserved frame, a second table, and
 * a node that waits.
 */
void subject_arrange(struct subject *subject, struct table_fixture *fixture);

/* Takes away again what the fixture does not know of. */
void subject_clean_up(struct subject *subject);

/* Audits it, with the handles that the fixture knows of; the answer is in subject->report, too. */
int subject_audit(struct subject *subject);

static inline struct slot *subject_slot(struct subject *subject, uint64_t number)
{
	return &subject->fixture->domain->slots[number];
}

/* Writes an entry of the node of `level` on the way to va, of the fixture's table. */
void subject_set_entry(struct subject *subject, uint64_t va, unsigned level, uint64_t raw);

/* A tracked leaf. */
uint64_t subject_leaf(struct subject *subject, paddr_t paddr, unsigned level);

#endif
