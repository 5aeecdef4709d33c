/* SPDX-License-Identifier: MIT */
/*
 * Tables that are not ours: any CR3 of any guest, what a guest built itself, an EPT of an unknown
 * machine. They are only read. No slot vouches for what is read: every address is the memory's to
 * refuse, and nothing is followed that hardware would not follow.
 *
 * mm/foreign.h        which paging there is, what an entry says, and the walk of one address
 * mm/foreign_walk.h   the walk of a whole table
 *
 * A way of paging is data: struct foreign_paging says for each level where the address is, what
 * makes an entry a leaf, and which bits hardware faults on. The rights are those of mm/format.h
 * (PROP_READ ... PROP_USER), so that one word serves all; software bits mean nothing here. What
 * depends on the access and not on the tables (CR0.WP, SMEP, SMAP, protection keys, SDM 3 4.6) is
 * left to the reader.
 */
#ifndef MM_FOREIGN_H
#define MM_FOREIGN_H

#include "mm/errno.h"
#include "mm/format.h"

enum foreign_mode {
	FOREIGN_OFF,   /* CR0.PG clear: an address is its physical address (SDM 3 4.1.1) */
	FOREIGN_32,    /* 2 levels, entries of 4 bytes, PSE and PSE-36 (SDM 3 4.3) */
	FOREIGN_PAE,   /* 3 levels, the top one of 4 entries (SDM 3 4.4) */
	FOREIGN_LONG4, /* x86-64 (SDM 3 4.5) */
	FOREIGN_LONG5, /* x86-64 with CR4.LA57 */
	FOREIGN_EPT4,  /* SDM 3 28.3.2 */
	FOREIGN_EPT5,
	FOREIGN_NPT4, /* APM 2 15.25.5 */
	FOREIGN_NPT5,
	FOREIGN_MODES
};

/* The entries of one level. */
struct foreign_level {
	uint8_t shift;		/* log2 of the bytes that one entry covers */
	uint8_t index_bits;	/* log2 of the entries of a table */
	bool grants;		/* its entries have no rights of their own (PAE, level 3) */
	uint64_t huge;		/* makes a present entry a leaf; all ones at level 1 */
	uint64_t reserved_node; /* must be 0 in what points to a table */
	uint64_t reserved_leaf; /* must be 0 in a leaf */
	uint64_t address_leaf;	/* where a leaf has its address */
	uint8_t high_shift;	/* PSE-36: bits 20:13 are bits 39:32 of the address */
};

struct foreign_paging {
	enum foreign_mode mode;
	const char *name;
	uint8_t levels; /* 0: paging is off */
	uint8_t entry_len;
	uint8_t address_bits; /* of what is translated */
	bool sign_extended;
	uint64_t root; /* where the top table begins */
	uint64_t address_node;
	uint64_t present; /* any of these */
	uint64_t read;	  /* all of these */
	uint64_t write;	  /* any */
	uint64_t user;
	uint64_t execute;      /* any, after the next is turned over */
	uint64_t no_execute;   /* a bit of `execute` that forbids it */
	uint8_t low_reserved;  /* bit n: bits 2:0 of an entry may not be n (EPT) */
	uint8_t type_reserved; /* bit n: bits 5:3 of a leaf may not be n (EPT) */
	uint64_t accessed, dirty, global;
	struct foreign_level level[LEVELS_MAX + 1]; /* by number, 1 is the lowest; [0] unused */
};

/* What decides how a processor pages (SDM 3 4.1.1). */
struct foreign_registers {
	uint64_t cr0, cr3, cr4, efer;
	unsigned maxphyaddr; /* bits of a physical address: 36 to 52, or 0: not known, 52 */
	bool no_1g;	     /* the processor has no leaves of 1 GiB */
};

/* Fills *paging for a processor in that state. Every state has one. */
void foreign_paging_of(const struct foreign_registers *registers, struct foreign_paging *paging);

/*
 * Fills *paging for a table of this kind whose top is at `root`; lower bits of `root` that are no
 * address are dropped, as from CR3. maxphyaddr as above. No-execute and large leaves are taken for
 * enabled.
 */
void foreign_paging_make(enum foreign_mode mode, uint64_t root, unsigned maxphyaddr,
			 struct foreign_paging *paging);

/* Takes reserved bits for ignored ones from here on, as tools do that know no such bits. */
void foreign_paging_ignore_reserved(struct foreign_paging *paging);

/* Is `va` an address that is translated at all? */
bool foreign_is_canonical(const struct foreign_paging *paging, uint64_t va);

/* The address that has these low bits: the rest repeats the top one where addresses do so. */
static inline uint64_t foreign_canonical(const struct foreign_paging *paging, uint64_t offset)
{
	uint64_t top = UINT64_C(1) << (paging->address_bits - 1);

	return paging->sign_extended ? (offset ^ top) - top : offset;
}

/*
 * The memory that tables lie in. `page` gives the 4 KiB page at a physical address, which is a
 * multiple of PAGE_SIZE, or NULL where there is no memory. The pointer needs no alignment and stays
 * good until the walk returns; what it points to may change meanwhile: each entry is read once.
 */
struct foreign_memory {
	const void *(*page)(void *context, uint64_t address);
	void *context;
};

enum foreign_kind {
	FOREIGN_ABSENT,
	FOREIGN_NODE,
	FOREIGN_LEAF,
	FOREIGN_RESERVED, /* hardware faults on it whatever the access; EPT: misconfigured */
};

enum foreign_kind foreign_kind(const struct foreign_paging *paging, unsigned level, uint64_t raw);

/* What one present entry grants: of PROP_READ | PROP_WRITE | PROP_EXECUTE | PROP_USER. */
#define FOREIGN_RIGHTS (PROP_RIGHTS | PROP_USER)
uint32_t foreign_rights(const struct foreign_paging *paging, unsigned level, uint64_t raw);

/* Rights, caching, accessed, dirty and global of a leaf, as PROP_*. */
prop_t foreign_prop(const struct foreign_paging *paging, unsigned level, uint64_t raw);

/* The physical address in a leaf of this level. */
static inline uint64_t foreign_leaf_address(const struct foreign_level *level, uint64_t raw)
{
	uint64_t address = raw & level->address_leaf;

	if (level->high_shift)
		address |= (raw >> 13 & 0xff) << level->high_shift;
	return address;
}

enum foreign_end {
	FOREIGN_MAPPED,	       /* a leaf */
	FOREIGN_NOT_PRESENT,   /* an entry that is not present */
	FOREIGN_MALFORMED,     /* an entry with reserved bits */
	FOREIGN_OUTSIDE,       /* a table where there is no memory */
	FOREIGN_NOT_CANONICAL, /* not an address that is translated */
	FOREIGN_REPEATED,      /* a table that was walked before (mm/foreign_walk.h) */
};

struct foreign_step {
	unsigned level;
	unsigned index;
	enum foreign_kind kind; /* ABSENT also where there is no memory */
	uint64_t entry;		/* where the entry is */
	uint64_t raw;
	uint32_t rights; /* that this entry grants */
	uint32_t lost;	 /* that all entries above granted and this one does not */
};

struct foreign_path {
	enum foreign_end end;
	unsigned nr_steps; /* the last one is where it ended */
	struct foreign_step steps[LEVELS_MAX];
	uint32_t rights;  /* effective: what every level grants */
	uint64_t address; /* MAPPED: what it maps to, offset included */
	unsigned level;	  /* MAPPED: of the leaf; 0 if paging is off */
	prop_t prop;	  /* MAPPED: of the leaf */
};

/* Walks one address. Always fills *path; the answer is in path->end. */
void foreign_translate(const struct foreign_paging *paging, const struct foreign_memory *memory,
		       uint64_t va, struct foreign_path *path);

/* A sentence without end: "the entry of level 2 is not present". Lives for ever. */
const char *foreign_end_text(enum foreign_end end);

#endif
