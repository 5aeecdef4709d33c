/* SPDX-License-Identifier: MIT */
/*
 * Entries of foreign tables, read: what foreign*.c share and repeat millions of times.
 */
#ifndef MM_FOREIGN_ENTRY_H
#define MM_FOREIGN_ENTRY_H

#include "mm/foreign.h"

/*
 * Once, and from any address: what lies there may change, and be misaligned. The compiler is not
 * told where the value came from, so that it cannot read it again.
 */
static inline uint64_t foreign_load(const unsigned char *table, unsigned index, unsigned entry_len)
{
	uint32_t narrow;
	uint64_t wide;

	if (entry_len == sizeof(narrow)) {
		__builtin_memcpy(&narrow, table + index * sizeof(narrow), sizeof(narrow));
		__asm__("" : "+r"(narrow));
		return narrow;
	}
	__builtin_memcpy(&wide, table + index * sizeof(wide), sizeof(wide));
	__asm__("" : "+r"(wide));
	return wide;
}

/* The table at `address`, of which none is longer than its page; NULL where there is no memory. */
static inline const unsigned char *foreign_table(const struct foreign_memory *memory,
						 uint64_t address)
{
	const unsigned char *page = memory->page(memory->context, align_down(address, PAGE_SIZE));

	return page ? page + (address & (PAGE_SIZE - 1)) : NULL;
}

static inline unsigned foreign_index(const struct foreign_level *level, uint64_t va)
{
	return (unsigned)(va >> level->shift) & ((1u << level->index_bits) - 1);
}

static inline uint32_t foreign_granted(const struct foreign_paging *paging,
				       const struct foreign_level *level, uint64_t raw)
{
	if (level->grants)
		return FOREIGN_RIGHTS;
	return ((raw & paging->read) == paging->read ? PROP_READ : 0) |
	       (raw & paging->write ? PROP_WRITE : 0) | (raw & paging->user ? PROP_USER : 0) |
	       ((raw ^ paging->no_execute) & paging->execute ? PROP_EXECUTE : 0);
}

static inline enum foreign_kind foreign_entry_kind(const struct foreign_paging *paging,
						   const struct foreign_level *level, uint64_t raw)
{
	bool leaf = (raw & level->huge) != 0;

	if (!(raw & paging->present))
		return FOREIGN_ABSENT;
	if (raw & (leaf ? level->reserved_leaf : level->reserved_node) ||
	    paging->low_reserved >> (raw & 7) & 1 ||
	    (leaf && paging->type_reserved >> (raw >> 3 & 7) & 1))
		return FOREIGN_RESERVED;
	return leaf ? FOREIGN_LEAF : FOREIGN_NODE;
}

#endif
