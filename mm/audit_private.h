/* SPDX-License-Identifier: MIT */
/*
 * What the files of the audit share. Users of the engine want mm/audit.h.
 *
 *   audit_tree.c   trees and removed nodes: counts references into `scratch`
 *   audit_free.c   free lists and shelves: marks their frames there
 *   audit.c        what was found, against the slots
 */
#ifndef MM_AUDIT_PRIVATE_H
#define MM_AUDIT_PRIVATE_H

#include "mm/audit.h"

#define AUDIT_FREE UINT32_MAX /* in scratch: part of a free chunk */

struct audit {
	struct phys_domain *domain;
	uint32_t *scratch; /* references found, by frame number */
	audit_held_t held;
	void *context;
	struct audit_report *report;
};

/* A rule about a whole frame or node: 0 if it holds. */
int audit_expect(const struct audit *audit, bool holds, const char *rule, const char *text,
		 uint64_t number, uint64_t expected, uint64_t found);

/* A rule about one entry, which does not hold. */
int audit_broken_entry(const struct audit *audit, const char *rule, const char *text,
		       struct pt_node node, unsigned index);

/*
 * One more reference to a frame has been found. That there are more than the frame counts ends the
 * audit, for hostile tables can have any number of them.
 */
int audit_reference_found(const struct audit *audit, uint64_t number);

/* Every table of the domain; its removed nodes that wait for a grace period, or for observers. */
int audit_tables(const struct audit *audit);
int audit_deferred(const struct audit *audit);
int audit_queues(const struct audit *audit);

/* Free chunks, and frames at hand. */
int audit_free_lists(const struct audit *audit);
int audit_shelves(const struct audit *audit);

#endif
