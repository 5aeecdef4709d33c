/* SPDX-License-Identifier: MIT */
/*
 * The walk of a whole foreign table: what it maps, in the order of addresses, as runs.
 *
 * A run is a stretch of leaves that follow each other and agree: same level, same effective rights,
 * same rights in the leaf, equal in the bits that the visitor calls distinct, and physical
 * addresses that either go on without a gap (`step` is the size of a leaf) or are all the same
 * (`step` is 0). Merging is done while walking, so that a table of 2^24 leaves costs one comparison
 * for each, and a call for each run.
 *
 * Hostile tables. A table page may be reached by many ways, and by itself, so that 512^4 leaves
 * hang on one page. The first visit of a page as a table of some level is free: there are at most
 * pages times levels of those. Each further visit, as `seen` tells, is charged to `revisits`; when
 * that is used up, such tables are not entered any more, but reported as runs of FOREIGN_REPEATED
 * (merged, if it is the same table again). So the work is at most
 *
 *   (pages of memory * levels + revisits) * 512 entries
 *
 * whatever the tables say, and memory is what `seen` remembers. Without `seen` each visit is
 * charged. The recursion is as deep as the format has levels.
 */
#ifndef MM_FOREIGN_WALK_H
#define MM_FOREIGN_WALK_H

#include "mm/foreign.h"

struct foreign_run {
	enum foreign_end end; /* MAPPED; NOT_PRESENT: a hole; MALFORMED, OUTSIDE, REPEATED */
	/*
	 * Of the entries that are in it; 0 if paging is off, and one more than there are levels if
	 * the root lies OUTSIDE.
	 */
	unsigned level;
	uint32_t rights;      /* MAPPED: effective. Else what the levels above grant */
	uint32_t leaf_rights; /* MAPPED: what the leaves alone grant */
	uint64_t start;	      /* canonical address of the first byte */
	uint64_t len;	      /* bytes, at most 2^57 */
	uint64_t nr;	      /* entries */
	/*
	 * MAPPED: of the first leaf. OUTSIDE, REPEATED: of the table that was not entered, or the
	 * first of several outside.
	 */
	uint64_t address;
	uint64_t step;	  /* MAPPED: from one leaf to the next. If nr is 1: the leaf's size */
	uint64_t entry;	  /* where the first entry is; 0 for the root itself (OUTSIDE) */
	uint64_t raw;	  /* the first entry; the others may differ in bits that are not distinct */
	uint64_t raw_any; /* bits that any entry has: accessed, dirty ... */
	uint64_t raw_all; /* bits that all of them have */
};

#define FOREIGN_REVISITS 8192 /* of tables: 2^22 entries, far more than sound guests share */

struct foreign_visitor {
	/*
	 * Takes one run; *run is the walker's. Anything but 0 ends the walk, which returns it.
	 */
	int (*run)(void *context, const struct foreign_run *run);
	/*
	 * Called before a table is entered, with the first address that it translates: was it
	 * entered at this level before? NULL: nobody knows.
	 */
	bool (*seen)(void *context, uint64_t table, unsigned level, uint64_t start);
	void *context;
	uint64_t first, last; /* addresses: leaves that meet [first, last] are visited, whole */
	uint64_t distinct;    /* bits that separate runs, beside rights: say accessed | dirty */
	uint64_t revisits;    /* see above */
	/*
	 * What every visited leaf must have effectively: subtrees that cannot are left out without
	 * a look. Leaves and holes that do not are left to `run` to refuse.
	 */
	uint32_t rights;
	bool holes;  /* report what is not present, too */
	bool single; /* do not merge leaves */
};

/*
 * Walks the table. Returns 0, or what `run` returned. *revisits, if not NULL, is what is left of
 * visitor->revisits: 0 says that tables may have been left out.
 */
int foreign_walk(const struct foreign_paging *paging, const struct foreign_memory *memory,
		 const struct foreign_visitor *visitor, uint64_t *revisits);

#endif
