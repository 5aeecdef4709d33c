/* SPDX-License-Identifier: MIT */
/*
 * The audit: recomputes every invariant of a domain from its memory, and names the first that does
 * not hold.
 *
 * To be run at rest: no cursor open, nobody in the allocator. It changes nothing, and its work is
 * bounded by the size of the domain, whatever the tables contain: it can be pointed at tables that
 * a hostile guest has written to.
 *
 *   slots       INV-M1..M5    state, kind and list agree; no count in the forbidden band, none at 0
 *   accounting  INV-A1..A3    refs == H + S + P + Q + R, for frames and nodes alike (INV-X3)
 *   free        INV-X5, GAP-9 free chunks are disjoint, aligned, unused, and as many as the
 *   allocator says
 *               P-7 frames at hand on shelves are unused, once, and zero where they must be
 *   trees       INV-T2..T10   levels, addresses, exact counts of children, one parent for each node
 *   locks       INV-X1, X2    no lock held, no stray node linked, every removed node stray
 *   queues      GAP-10        what waits for observers does so in the order of its epochs
 *
 * H handles and S segments are the caller's to say; P leaves and parent entries, Q removed nodes
 * that wait for observers or a grace period and the leaves in them, R roots are counted here.
 */
#ifndef MM_AUDIT_H
#define MM_AUDIT_H

#include "mm/table.h"

/* References on the frame at `paddr` that the caller knows of: its handles and segments. */
typedef uint32_t (*audit_held_t)(void *context, paddr_t paddr);

struct audit_violation {
	const char *rule; /* "INV-A3" */
	const char *text; /* what should hold */
	paddr_t paddr;	  /* the frame or node */
	unsigned level;	  /* of the node, 0 for a frame */
	unsigned index;	  /* of the entry in it, NODE_ENTRIES if the rule is about the whole */
	uint64_t expected;
	uint64_t found;
};

struct audit_report {
	uint64_t frames; /* slots looked at */
	uint64_t nodes;
	uint64_t leaves;
	uint64_t chunks;		  /* free chunks */
	struct audit_violation violation; /* if there is one: rule is NULL otherwise */
};

/*
 * Audits a domain and every table that lives in it. `scratch` has one word for each frame; its
 * content does not matter. `held` may be NULL: nobody holds a handle. 0, or -EUCLEAN with
 * report->violation filled.
 */
int mm_audit(struct phys_domain *domain, uint32_t *scratch, audit_held_t held, void *context,
	     struct audit_report *report);

#endif
