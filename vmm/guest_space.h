/* SPDX-License-Identifier: MIT */
/*
 * The page tables that the VMM builds for a long-mode guest, GVA -> GPA, with the same engine as
 * the host table: they live in the guest's own domain, in a stretch of its RAM that only the VMM
 * writes.
 *
 * Leaves that name image or requested memory are tracked (the frame's slot in the guest's domain
 * counts them, kind FRAME_GUEST); the direct map is untracked, like a kernel's linear map.
 */
#ifndef VMM_GUEST_SPACE_H
#define VMM_GUEST_SPACE_H

#include "ept/gpa_space.h"
#include "mm/space.h"
#include "vmm/image.h"

struct guest_space {
	struct vm_space space; /* x86-64 format; first, so that the flusher finds its way back */
	struct gpa_space *host;
	gpa_t tables; /* the stretch that its nodes come from */
	uint64_t tables_len;
	int vm_fd; /* for the flush: -1 before the VM exists */
};

/*
 * An empty table whose nodes come from [tables, tables+len) of RAM; accessed (and dirty, where
 * writable) is set in every entry it makes, for under shadow paging each first touch costs five
 * times as much without. -ENOMEM, -ERANGE.
 */
int guest_space_create(struct guest_space *guest, struct gpa_space *host, gpa_t tables, uint64_t len);
void guest_space_destroy(struct guest_space *guest);

/*
 * What a guest asks through the page-control device, and what the builder uses: [gva, gva+len) ->
 * [gpa, gpa+len), tracked. rights: ABI-independent PROP_READ | PROP_WRITE | PROP_EXECUTE |
 * PROP_USER. max_level 0 is "largest that fits".
 * -EINVAL misaligned or empty, -ERANGE not canonical or not RAM, -EEXIST, -ENOMEM, -EOPNOTSUPP,
 *   -EUCLEAN. All or nothing.
 */
int guest_space_map(struct guest_space *guest, gva_t gva, gpa_t gpa, uint64_t len, unsigned max_level, uint32_t rights);
int guest_space_unmap(struct guest_space *guest, gva_t gva, uint64_t len, uint64_t *pages);
int guest_space_protect(struct guest_space *guest, gva_t gva, uint64_t len, uint32_t rights, uint64_t *pages);
int guest_space_query(struct guest_space *guest, gva_t gva, struct pt_mapping *mapping);

#endif
