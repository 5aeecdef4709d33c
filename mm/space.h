/* SPDX-License-Identifier: MIT */
/*
 * A space: a table and its flush. What leaves the table waits, still owning its frames, until
 * everybody who may have a translation of it has forgotten it (T-5): the kernel's MMU notifier for
 * a host table, the vCPUs for a guest table. What a flush is, the space's user says.
 */
#ifndef MM_SPACE_H
#define MM_SPACE_H

#include "mm/cursor_copy.h"

struct vm_space;

struct space_operations {
	/*
	 * Translations of [start, start+len) that anybody has cached are gone when it returns.
	 * `rights` says what they may at most be after it: 0 after an unmap. It must not open a
	 * cursor on this space.
	 */
	void (*flush)(struct vm_space *space, vaddr_t start, uint64_t len, prop_t rights);
};

struct vm_space {
	struct page_table table;
	const struct space_operations *operations; /* NULL: nobody caches anything */
};

/* -ENOMEM. */
int space_create(struct vm_space *space, struct phys_domain *domain, const struct pt_format *format,
		 enum table_walker walker, const struct space_operations *operations);

/* Unmaps everything, without a flush: nobody may be using the space any more. */
void space_destroy(struct vm_space *space);

/*
 * Maps a run in one transaction: cursor_map_run() on exactly [va, va+len). Nothing is flushed:
 * absent entries are not cached. All or nothing.
 */
int space_map(struct vm_space *space, vaddr_t va, paddr_t paddr, uint64_t len, unsigned max_level,
	      prop_t prop, bool tracked);

/*
 * Unmaps all of [va, va+len), flushes, and drops what was mapped (4.1). *pages (may be NULL) counts
 * the 4 KiB pages. Errors as cursor_unmap().
 */
int space_unmap(struct vm_space *space, vaddr_t va, uint64_t len, uint64_t *pages);

/*
 * Changes every leaf in [va, va+len) and flushes each contiguous run of them. *pages as above. All
 * or nothing: errors as cursor_protect().
 */
int space_protect(struct vm_space *space, vaddr_t va, uint64_t len, struct prop_change change,
		  uint64_t *pages);

/* A range of a space: where it begins. */
struct space_place {
	struct vm_space *space;
	vaddr_t start;
};

/*
 * Copies what `len` bytes from `from` on map to as many from `to` on, where nothing may be mapped,
 * in one transaction: copy-on-write, see cursor_copy() (C-13), whose flags and errors these are. The
 * source is flushed where leaves lose PROP_WRITE, before anybody can read the copy.
 *
 * Both may be in one space; then everything from the lower range's start to the higher one's end is
 * locked: the ranges must not overlap (-EINVAL), and must lie in one half of a sign-extended format
 * (-ERANGE).
 */
int space_copy(struct space_place from, struct space_place to, uint64_t len, uint32_t flags,
	       uint64_t *pages);

/* The leaf or absence at va, which need not be aligned. -ERANGE, -EUCLEAN. */
int space_query(struct vm_space *space, vaddr_t va, struct pt_mapping *mapping);

#endif
