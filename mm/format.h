/* SPDX-License-Identifier: MIT */
/*
 * Page-table formats as data: what the bits of an entry mean, for each kind of table.
 *
 * One engine serves all of them, so nothing here is code but encode and decode, which read the
 * description. An entry is
 *   absent   no right bit and no `held` bit: zero is absent at every level (E-1). Any other absent
 *   entry that the engine writes has the `status` bit and a number (3.8), see pte_of_status()
 *   a node   present, and not a leaf: points to the node one level down
 *   a leaf   present, and at level 1 or with the `huge` bit Software bits, the same in every
 * format, in bits that all of them leave to software (SDM 3 4.5.4, 28.3.2; APM 2 5.4):
 *   52 held      a leaf that grants nothing but still maps its frame: hardware sees it as not
 *   present 53 tracked   the leaf owns one reference on each 4 KiB frame that it maps; one polarity
 *   everywhere (BUG-12) 54 soft      the user's own (PROP_SOFT)
 */
#ifndef MM_FORMAT_H
#define MM_FORMAT_H

#include "mm/errno.h"
#include "mm/types.h"

#define PTE_HELD (UINT64_C(1) << 52)
#define PTE_TRACKED (UINT64_C(1) << 53)
#define PTE_SOFT (UINT64_C(1) << 54)
#define PTE_STATUS (UINT64_C(1) << 55) /* of absent entries */

/* Properties of a leaf, the same words for every format. */
#define PROP_READ UINT32_C(0x001)
#define PROP_WRITE UINT32_C(0x002)
#define PROP_EXECUTE UINT32_C(0x004)
#define PROP_USER UINT32_C(0x008)
#define PROP_GLOBAL UINT32_C(0x010)
#define PROP_ACCESSED UINT32_C(0x020)
#define PROP_DIRTY UINT32_C(0x040)
#define PROP_SOFT UINT32_C(0x080)
#define PROP_FLAGS UINT32_C(0x0ff)
#define PROP_RIGHTS (PROP_READ | PROP_WRITE | PROP_EXECUTE)

/* Caching, a number in bits 8 to 10 of the properties. Zero is what RAM wants. */
#define PROP_CACHE_SHIFT 8
#define PROP_WRITE_BACK (UINT32_C(0) << PROP_CACHE_SHIFT)
#define PROP_WRITE_THROUGH (UINT32_C(1) << PROP_CACHE_SHIFT)
#define PROP_UNCACHEABLE (UINT32_C(2) << PROP_CACHE_SHIFT)
#define PROP_WRITE_COMBINING (UINT32_C(3) << PROP_CACHE_SHIFT)
#define PROP_WRITE_PROTECTED (UINT32_C(4) << PROP_CACHE_SHIFT)
#define PROP_CACHE (UINT32_C(7) << PROP_CACHE_SHIFT)
#define PROP_CACHE_KINDS 5

/* Protection key, a number in bits 12 to 15, of formats that keep one (SDM 3 4.6.2). */
#define PROP_KEY_SHIFT 12
#define PROP_KEY(key) ((uint32_t)(key) << PROP_KEY_SHIFT)
#define PROP_KEYS PROP_KEY(15)

typedef struct {
	uint32_t bits; /* PROP_* */
} prop_t;

#define PROP(x) ((prop_t){ (x) })

/* The number is the levels: 48 bits of address with four, 57 with five. */
enum pt_format_id {
	PT_FORMAT_X86_64_4,	 /* SDM 3 4.5, sign-extended; where CR4.PKE and PKS are clear */
	PT_FORMAT_EPT_4,	 /* SDM 3 28.3.2 */
	PT_FORMAT_X86_64_5,	 /* SDM 3 4.5 with CR4.LA57, sign-extended */
	PT_FORMAT_EPT_5,	 /* SDM 3 28.3.2 */
	PT_FORMAT_NPT_4,	 /* APM 2 15.25.5: x86-64 whose addresses are GPAs */
	PT_FORMAT_NPT_5,	 /* the same under a host with CR4.LA57 */
	PT_FORMAT_X86_64_4_KEYS, /* x86-64 whose leaves keep a protection key (PROP_KEY) */
	PT_FORMAT_X86_64_5_KEYS,
	PT_FORMATS
};

/*
 * Properties that stand in an entry as they stand beside each other in a prop_t, `rotate` bits
 * further left, round the end. A property that is in two fields is set where both say so.
 */
struct pt_field {
	uint32_t props; /* 0: no more fields */
	uint8_t rotate;
};

#define PT_CACHE_NONE UINT64_MAX /* this kind of caching cannot be said */

struct pt_format {
	const char *name;
	enum pt_format_id id;
	uint8_t levels;
	bool sign_extended;  /* addresses repeat their top bit up to bit 63 */
	uint8_t leaf_levels; /* bit l: level l may hold a leaf */
	uint8_t rights;	     /* bit n: the combination n of READ|WRITE|EXECUTE can be said */
	uint64_t present;    /* hardware takes the entry for present if any of these is set */
	uint64_t huge;	     /* a present entry above level 1 is a leaf if this is set */
	uint64_t address;    /* where the physical address is */
	uint64_t node;	     /* what an entry that points to a node has beside the address */
	uint64_t cache_mask; /* bits that say caching */
	uint64_t cache[PROP_CACHE_KINDS];
	bool strict;	   /* rights and caching that cannot be said are reserved */
	uint64_t reserved; /* must be 0 in an entry that points to a node */
	uint64_t pat;	   /* in the address of a large leaf, and no part of it */
	uint32_t props;	   /* that can be said, beside caching */
	uint64_t inverted; /* bits that are set where the property is not (NX) */
	const struct pt_field *fields;
};

/* The description of a format. It lives for ever. */
const struct pt_format *pt_format_of(enum pt_format_id id);

enum pte_kind { PTE_ABSENT, PTE_NODE, PTE_LEAF };

static inline bool pte_is_present(const struct pt_format *format, pte_t pte)
{
	return (pte.raw & (format->present | PTE_HELD)) != 0;
}

/*
 * What an entry of a node at `level` is. What claims to be a leaf at a level that has none is still
 * called one.
 */
static inline enum pte_kind pte_kind(const struct pt_format *format, pte_t pte, unsigned level)
{
	if (!pte_is_present(format, pte))
		return PTE_ABSENT;
	return level == 1 || (pte.raw & format->huge) ? PTE_LEAF : PTE_NODE;
}

static inline bool format_has_leaf(const struct pt_format *format, unsigned level)
{
	return level <= LEVELS_MAX && (format->leaf_levels >> level & 1);
}

/*
 * What an absent entry remembers for its user (3.8): a number from 1 to STATUS_MAX, 0 if nothing.
 *
 * It stands inverted in bits 51 to 12, where a present entry has its address. A processor with the
 * L1 terminal fault looks into its cache for the address that an absent entry seems to have; as
 * long as a number is small, that one is above all memory (as Linux does with its swap entries).
 */
#define STATUS_MAX ((UINT64_C(1) << 40) - 1)

static inline pte_t pte_of_status(uint64_t status)
{
	return PTE(status ? PTE_STATUS | (~status & STATUS_MAX) << PAGE_SHIFT : 0);
}

/* Does an absent entry have a status? */
static inline bool pte_has_status(pte_t pte)
{
	return (pte.raw & PTE_STATUS) != 0;
}

static inline uint64_t pte_status(pte_t pte)
{
	return pte_has_status(pte) ? ~(pte.raw >> PAGE_SHIFT) & STATUS_MAX : 0;
}

/* Is the entry a child of its node: one of nr_children (INV-T5)? A status counts, too. */
static inline bool pte_is_child(const struct pt_format *format, pte_t pte)
{
	return (pte.raw & (format->present | PTE_HELD | PTE_STATUS)) != 0;
}

/* Physical address of a node, or of a leaf of `level` (E-5). */
static inline paddr_t pte_paddr(const struct pt_format *format, pte_t pte)
{
	return PADDR(pte.raw & format->address);
}

static inline paddr_t pte_leaf_paddr(const struct pt_format *format, pte_t pte, unsigned level)
{
	return PADDR(pte.raw & format->address & ~(level_size(level) - 1));
}

static inline bool pte_is_tracked(pte_t pte)
{
	return (pte.raw & PTE_TRACKED) != 0;
}

/* Entry that points to the node at paddr (E-3). */
static inline pte_t pte_node(const struct pt_format *format, paddr_t paddr)
{
	return PTE(paddr.value | format->node);
}

/* The bits of an entry that have to do with any of `props`. */
uint64_t format_prop_bits(const struct pt_format *format, uint32_t props);

/*
 * The bits of a leaf beside its address (E-2). -EOPNOTSUPP if the format has no such leaf or cannot
 * say the property: nothing is ever dropped in silence (GAP-5).
 */
int format_leaf_bits(const struct pt_format *format, unsigned level, prop_t prop, bool tracked,
		     uint64_t *bits);

/* The properties of a leaf, the inverse of format_leaf_bits() (E-6, P-1). */
prop_t pte_prop(const struct pt_format *format, pte_t pte);

/*
 * Largest leaf level not above `max` that fits: `va` and `pa` aligned to its size, and its size
 * within `len` (2.1).
 */
unsigned format_leaf_fit(const struct pt_format *format, unsigned max, uint64_t va, uint64_t pa,
			 uint64_t len);

/* Bits of an address that the table translates: 12 + 9 * levels. */
static inline unsigned format_address_bits(const struct pt_format *format)
{
	return level_shift(format->levels + 1u);
}

/*
 * Is [start, start + len) within what the format can translate, and in one half if addresses are
 * sign-extended? len > 0. No sum is formed that could wrap (BUG-4).
 */
static inline bool format_contains(const struct pt_format *format, vaddr_t start, uint64_t len)
{
	uint64_t last = start.value + (len - 1);
	uint64_t half = UINT64_C(1) << (format_address_bits(format) - 1);

	if (len == 0 || last < start.value)
		return false;
	if (!format->sign_extended)
		return last >> 1 < half;
	return last < half || start.value >= -half;
}

/* Index of a table offset in a node at `level` (2.1). */
static inline unsigned pte_index(uint64_t offset, unsigned level)
{
	return (unsigned)(offset >> level_shift(level)) & (NODE_ENTRIES - 1);
}

#endif
