/* SPDX-License-Identifier: MIT */
/*
 * A space: a table and its flush. What leaves the table waits, still owning its frames, until
 * everybody who may have a translation of it has forgotten it (T-5): the kernel's MMU notifier for
 * a host table, the vCPUs for a guest table. What a flush is, the space's user says:
 *
 *   at once   operations->flush() returns when all translations are gone. Nothing waits for longer
 *             than the operation takes (T-4).
 *   observed  there is no flush(), but observers, who flush in their own time and say so (T-3).
 *             What was removed waits in the space's queue, and operations go on.
 *   neither   operations is NULL: nobody keeps translations.
 */
#ifndef MM_SPACE_H
#define MM_SPACE_H

#include "mm/cursor_copy.h"
#include "mm/flush_queue.h"

struct vm_space;

struct space_operations {
	/*
	 * Translations of [start, start+len) that anybody has cached are gone when it returns
	 * (T-4). `rights` says what they may at most be after it: 0 after an unmap. It must not
	 * open a cursor on this space. NULL: the space is observed.
	 */
	void (*flush)(struct vm_space *space, vaddr_t start, uint64_t len, prop_t rights);
	/*
	 * Observed spaces only, may be NULL: an epoch has begun, and the observers may be told to
	 * pass it soon. Called with no lock held; it need not wait.
	 */
	void (*kick)(struct vm_space *space);
};

/* Removed nodes that may wait for the observers of a space before it refuses to remove more. */
#define SPACE_WAITING_MAX 256

struct vm_space {
	struct page_table table;
	const struct space_operations *operations; /* NULL: nobody caches anything */
	struct flush_queue queue;		   /* of an observed space; else empty */
};

/* -ENOMEM. The space must not move in memory. */
int space_create(struct vm_space *space, struct phys_domain *domain, const struct pt_format *format,
		 enum table_walker walker, const struct space_operations *operations);

/*
 * Unmaps everything, without a flush: nobody may be using the space any more. What waits goes, too,
 * and observers that are left observe nothing.
 */
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
 *
 * In an observed space what was mapped waits for the observers; see space_collect(). The range can
 * be mapped again at once, but an observer may use what was there until it passes. Errors as
 * cursor_retire(), and -EAGAIN, with nothing unmapped, if SPACE_WAITING_MAX nodes wait or an
 * observer has not passed for far too long: let the observers pass first.
 */
int space_unmap(struct vm_space *space, vaddr_t va, uint64_t len, uint64_t *pages);

/*
 * Changes every leaf in [va, va+len) and flushes each contiguous run of them. *pages as above. All
 * or nothing: errors as cursor_protect().
 *
 * In an observed space an observer may use the rights that were taken away until it passes: see
 * space_is_quiet(). -EAGAIN as above.
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
 * in one transaction: copy-on-write, see cursor_copy() (C-13), whose flags and errors these are.
 * The source is flushed where leaves lose PROP_WRITE, before anybody can read the copy.
 *
 * Both may be in one space; then everything from the lower range's start to the higher one's end is
 * locked: the ranges must not overlap (-EINVAL), and must lie in one half of a sign-extended format
 * (-ERANGE).
 *
 * The source's observers, if it has that kind of flush, must have lost their right to write before:
 * take it with space_protect(), let them pass, then copy. -EBUSY if a tracked leaf still has
 * PROP_WRITE, -EAGAIN if an observer has yet to pass something.
 */
int space_copy(struct space_place from, struct space_place to, uint64_t len, uint32_t flags,
	       uint64_t *pages);

/* The leaf or absence at va, which need not be aligned. -ERANGE, -EUCLEAN. */
int space_query(struct vm_space *space, vaddr_t va, struct pt_mapping *mapping);

/*
 * The observer sees this space from now on; what it may and must do then is in mm/flush_queue.h. It
 * is not waited for by what was removed before. -EINVAL if the space is not observed by its
 * operations, or the observer observes something already.
 */
int space_observe(struct vm_space *space, struct observer *observer);

/* The observer, one of this space's, has forgotten everything. What waited for it alone goes. */
void space_unobserve(struct vm_space *space, struct observer *observer);

/*
 * Drops what every observer has passed, after a grace period (T-5). Returns how many removed nodes
 * wait on. Every operation that removes does it at its end; observers may do it after they passed.
 */
uint32_t space_collect(struct vm_space *space);

/* Has every observer passed everything that has happened so far? */
bool space_is_quiet(struct vm_space *space);

#endif
