/* SPDX-License-Identifier: MIT */
/*
 * The page tables that the VMM builds for a long-mode guest, GVA -> GPA, with the same engine as
 * the host table: they live in the guest's own domain, in a stretch of its RAM that only the VMM
 * writes.
 *
 * Leaves that name image or requested memory are tracked (the frame's slot in the guest's domain
 * counts them, kind FRAME_GUEST); the direct map is untracked, like a kernel's linear map. Every
 * leaf has its accessed bit, and its dirty bit where writable, from the start: under shadow paging
 * each first touch costs five times as much without.
 */
#ifndef VMM_GUEST_SPACE_H
#define VMM_GUEST_SPACE_H

#include "ept/gpa_space.h"
#include "mm/space.h"

struct guest_space {
	struct vm_space space; /* x86-64 format; first, so that the flusher finds its way back */
	struct gpa_space *host;
	gpa_t tables; /* the stretch that its nodes come from */
	uint64_t tables_len;
	unsigned max_level; /* the largest leaf that the guest's CPU knows */
	int flush_error; /* 0, or why a flush failed (negative errno): a vCPU may use old entries */
};

/*
 * An empty table whose nodes come from [tables, tables+len) of RAM, which the host table maps
 * writable and which is not given back before `host` goes. `max_level` is the largest leaf that the
 * CPU knows: 3, or 2 without 1 GiB pages.
 * -EINVAL misaligned or empty, -ERANGE not such RAM, -EEXIST in use, -ENOMEM.
 */
int guest_space_create(struct guest_space *guest, struct gpa_space *host, gpa_t tables,
		       uint64_t len, unsigned max_level);

/* No vCPU may walk the table any more. Before the host's space goes. */
void guest_space_destroy(struct guest_space *guest);

/*
 * What a guest asks through the page-control device, and what the builder uses. rights:
 * PROP_READ | PROP_WRITE | PROP_EXECUTE | PROP_USER. Errors of all three:
 * -EINVAL misaligned, empty or no such rights; -ERANGE not canonical or not RAM; -ENOMEM;
 * -EOPNOTSUPP rights that x86-64 cannot say; -EUCLEAN the guest wrote to its tables.
 * Nothing has changed then, but for -EUCLEAN after an unmap or protect.
 */

/*
 * Maps [gva, gva+len) to [gpa, gpa+len), tracked, in leaves of at most `max_level` (0: the largest
 * that fit). Also -EEXIST something is mapped there, -EBUSY the target touches the VMM's tables.
 */
int guest_space_map(struct guest_space *guest, gva_t gva, gpa_t gpa, uint64_t len,
		    unsigned max_level, uint32_t rights);

/*
 * What is not mapped is passed over; a leaf that lies in the range only partly is split. *pages
 * (may be NULL) counts 4 KiB pages. When they return, KVM's shadow of the table has nothing of what
 * was there; the TLB is the guest's to flush, as after a change of its own.
 */
int guest_space_unmap(struct guest_space *guest, gva_t gva, uint64_t len, uint64_t *pages);
int guest_space_protect(struct guest_space *guest, gva_t gva, uint64_t len, uint32_t rights,
			uint64_t *pages);

/* Does [gpa, gpa+len), which does not wrap, touch the stretch of the VMM's tables? */
bool guest_space_owns(const struct guest_space *guest, gpa_t gpa, uint64_t len);

/* The leaf or absence at gva, which need not be aligned. -ERANGE, -EUCLEAN. */
int guest_space_query(struct guest_space *guest, gva_t gva, struct pt_mapping *mapping);

/*
 * Maps [gva, gva+len) to [gpa, gpa+len), untracked, in the largest leaves that fit: for the direct
 * map. Errors as guest_space_map(), without -EBUSY: the VMM's tables may be in it, read-only.
 */
int guest_space_map_direct(struct guest_space *guest, gva_t gva, gpa_t gpa, uint64_t len,
			   uint32_t rights);

#endif
