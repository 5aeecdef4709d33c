/* SPDX-License-Identifier: MIT */
/*
 * The engine (mm) inside a guest: page tables of its own, in its own RAM, in CR3.
 *
 * The domain has GPAs as physical addresses and the direct map as memory; its nodes come from a
 * small pool at its low end. Everything here panics where the engine reports an error.
 */
#ifndef GUESTS_LIB_OWN_SPACE_H
#define GUESTS_LIB_OWN_SPACE_H

#include "mm/audit.h"
#include "mm/space.h"

struct own_space {
	struct phys_domain domain;
	struct vm_space space; /* its flush is INVLPG */
	struct frame root;     /* while CR3 points to it (P-9) */
	uint32_t *scratch;     /* of the audit */
};

/* Makes a domain of the GPAs below `end`. *own must not move. */
void own_domain_create(struct own_space *own, uint64_t end);

/*
 * Makes a table of an x86-64 format in the domain, which maps what the guest stands on as the VMM's
 * table does: image and stack, page by page, and the direct map, in the largest leaves that fit and
 * writable throughout.
 */
void own_space_create(struct own_space *own, enum pt_format_id id);

/* Gives back every node; CR3 must not point to one. */
void own_space_destroy(struct own_space *own);

/*
 * Loads CR3 with the table's root; with that of the VMM's table. Where the table has 5 levels,
 * CR4.LA57 goes with it, which the CPU must have.
 */
void own_space_enter(struct own_space *own);
void own_space_leave(struct own_space *own);

/* Runs the audit, with no handle held but the root's. Prints what it finds; true if nothing. */
bool own_space_audit(struct own_space *own);

#endif
