/* SPDX-License-Identifier: MIT */
/*
 * Counting what there is, for people to read: frames by kind, leaves by size. Looks without locks;
 * the figures are exact when nothing changes meanwhile.
 */
#ifndef MM_CENSUS_H
#define MM_CENSUS_H

#include "mm/table.h"

struct table_census {
	uint64_t nodes;			   /* the root included */
	uint64_t leaves[LEVELS_MAX + 1];   /* by level */
	uint64_t tracked;		   /* of these, leaves that own references */
	uint64_t statuses[LEVELS_MAX + 1]; /* absent entries with a status, by level */
};

/*
 * -EUCLEAN if the table's memory contradicts its slots; what was counted before stays in *census.
 */
int page_table_census(const struct page_table *table, struct table_census *census);

struct domain_census {
	uint64_t frames
		[FRAME_KINDS]; /* by kind; a free chunk counts with all its frames as FRAME_FREE */
};

void domain_census(const struct phys_domain *domain, struct domain_census *census);

#endif
