/* SPDX-License-Identifier: MIT */
/*
 * A page table: a root node, a format, and the domain in which its nodes live and to which its
 * leaves refer (2.6).
 */
#ifndef MM_TABLE_H
#define MM_TABLE_H

#include "mm/frame.h"
#include "mm/node.h"

/*
 * Who walks the table. Hardware sets accessed and dirty bits behind our back: entries then change
 * atomically (BUG-9).
 */
enum table_walker { TABLE_WALKED_BY_SOFTWARE, TABLE_WALKED_BY_HARDWARE };

struct page_table {
	struct phys_domain *domain;
	const struct pt_format *format;
	struct pt_node root; /* one reference is the table's */
	enum table_walker walker;
	struct page_table *next; /* of the domain's tables; under the domain's lock */
	_Atomic bool marked;	 /* entries may have a status */
};

/* An empty table. -ENOMEM. The table must not move in memory: its domain knows it. */
int page_table_create(struct page_table *table, struct phys_domain *domain,
		      const struct pt_format *format, enum table_walker walker);

/*
 * Gives back every node and every reference that the table's leaves own, once walkers have put
 * theirs on the root. No cursor may be open on it. Not in a read section: what was deferred is
 * freed first.
 */
void page_table_destroy(struct page_table *table);

/* Physical address of the root node: what CR3 or the EPT pointer holds. */
static inline paddr_t page_table_root(const struct page_table *table)
{
	return node_paddr(table->domain, table->root);
}

/*
 * A walker's reference on the root (P-9): taken before hardware is pointed at the table, put after
 * it is pointed away. The root, and what hangs under it, lives until the last reference is put.
 */
int page_table_root_get(struct page_table *table, struct frame *root);

/* A leaf, or its absence, as a walk found it. */
struct pt_mapping {
	/* of the entry's range, which may begin before the address that was asked for */
	vaddr_t start;
	uint64_t len; /* of the entry's range */
	unsigned level;
	/* false: nothing is mapped in the range, and what follows does not count but `status` */
	bool present;
	bool tracked;
	paddr_t paddr; /* that `start` maps to */
	prop_t prop;
	uint64_t status; /* not present: what the range was marked with, 0 if it was not (3.8) */
};

/*
 * Lock-free walk (Acquire loads) inside a read section of its own: what `va` maps to at this
 * moment. For looking, not for deciding: the answer may be old when it arrives. -ERANGE if the
 * format does not translate va, -EUCLEAN.
 */
int page_table_walk(const struct page_table *table, vaddr_t va, struct pt_mapping *mapping);

#endif
