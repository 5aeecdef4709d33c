/* SPDX-License-Identifier: MIT */
/*
 * The ways of paging as data, and the walk of one address.
 */
#include "mm/foreign_entry.h"

#define BIT(n) (UINT64_C(1) << (n))
/* Bits high:low. */
#define BITS(high, low) ((UINT64_MAX >> (63 - (high))) & (UINT64_MAX << (low)))

#define CR0_PG BIT(31)
#define CR4_PSE BIT(4)
#define CR4_PAE BIT(5)
#define CR4_LA57 BIT(12)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)
#define NX BIT(63)
#define PS BIT(7)

#define MAXPHYADDR 52
#define MAXPHYADDR_MIN 32

/* SDM 3 tables 4-15 to 4-20. A leaf of 4 KiB has its PAT bit where a larger one says that it is. */
#define LONG_LEVEL(number, ...)                                              \
	{                                                                    \
		.shift = 12 + 9 * ((number)-1), .index_bits = 9,             \
		.address_leaf = BITS(51, 12 + 9 * ((number)-1)), __VA_ARGS__ \
	}
#define LEAVES_ONLY .huge = UINT64_MAX
#define LEAVES_2M .huge = PS, .reserved_leaf = BITS(20, 13)
#define LEAVES_1G .huge = PS, .reserved_leaf = BITS(29, 13)
#define NODES_ONLY .reserved_node = PS
#define PAE_HIGH BITS(62, 52)
#define LONG_LEVELS                                                               \
	{                                                                         \
		[1] = LONG_LEVEL(1, LEAVES_ONLY), [2] = LONG_LEVEL(2, LEAVES_2M), \
		[3] = LONG_LEVEL(3, LEAVES_1G), [4] = LONG_LEVEL(4, NODES_ONLY),  \
		[5] = LONG_LEVEL(5, NODES_ONLY)                                   \
	}

/* SDM 3 tables 28-1 to 28-6: bit 12 of a large leaf is reserved like those above it. */
#define EPT_NODE BITS(6, 3)
#define EPT_LEVELS                                                             \
	{                                                                      \
		[1] = LONG_LEVEL(1, LEAVES_ONLY),                              \
		[2] = LONG_LEVEL(2, .huge = PS, .reserved_leaf = BITS(20, 12), \
				 .reserved_node = EPT_NODE),                   \
		[3] = LONG_LEVEL(3, .huge = PS, .reserved_leaf = BITS(29, 12), \
				 .reserved_node = EPT_NODE),                   \
		[4] = LONG_LEVEL(4, .reserved_node = EPT_NODE | PS),           \
		[5] = LONG_LEVEL(5, .reserved_node = EPT_NODE | PS)            \
	}

#define LIKE_X86                                                                                \
	.present = BIT(0), .read = BIT(0), .write = BIT(1), .user = BIT(2), .accessed = BIT(5), \
	.dirty = BIT(6), .global = BIT(8)
#define LIKE_LONG \
	LIKE_X86, .entry_len = 8, .execute = NX, .no_execute = NX, .address_node = BITS(51, 12)
/* W, or W and X, without R; memory types 2, 3 and 7. */
#define LIKE_EPT                                                                             \
	.entry_len = 8, .address_node = BITS(51, 12), .present = BITS(2, 0), .read = BIT(0), \
	.write = BIT(1), .execute = BIT(2), .accessed = BIT(8), .dirty = BIT(9),             \
	.low_reserved = 1u << 2 | 1u << 6, .type_reserved = 1u << 2 | 1u << 3 | 1u << 7,     \
	.level = EPT_LEVELS
/* Every access of a guest is a user's: without U/S an entry grants nothing. */
#define LIKE_NPT                                                                                  \
	.entry_len = 8, .address_node = BITS(51, 12), .present = BIT(0), .read = BIT(0) | BIT(2), \
	.write = BIT(1), .execute = NX, .no_execute = NX, .accessed = BIT(5), .dirty = BIT(6),    \
	.level = LONG_LEVELS

static const struct foreign_paging pagings[FOREIGN_MODES] = {
	[FOREIGN_OFF] = {
		.mode = FOREIGN_OFF,
		.name = "no paging",
		.address_bits = 32,
	},
	/* SDM 3 tables 4-4 to 4-6: a directory entry of 4 MiB, if CR4.PSE. */
	[FOREIGN_32] = {
		.mode = FOREIGN_32,
		.name = "32-bit paging",
		.levels = 2,
		.address_bits = 32,
		LIKE_X86,
		.entry_len = 4,
		.execute = BIT(0), /* whatever is present */
		.address_node = BITS(31, 12),
		.level = {
			[1] = { .shift = 12, .index_bits = 10, LEAVES_ONLY,
				.address_leaf = BITS(31, 12) },
			[2] = { .shift = 22, .index_bits = 10, .huge = PS, .reserved_leaf = BIT(21),
				.address_leaf = BITS(31, 22), .high_shift = 32 },
		},
	},
	/*
	 * SDM 3 tables 4-8 to 4-11. The top entries are checked when CR3 is loaded; bit 5 of them
	 * is reserved then, but QEMU notes accesses there later, which does no harm.
	 */
	[FOREIGN_PAE] = {
		.mode = FOREIGN_PAE,
		.name = "PAE paging",
		.levels = 3,
		.address_bits = 32,
		LIKE_LONG,
		.level = {
			[1] = LONG_LEVEL(1, LEAVES_ONLY, .reserved_leaf = PAE_HIGH),
			[2] = LONG_LEVEL(2, .huge = PS, .reserved_leaf = PAE_HIGH | BITS(20, 13),
					 .reserved_node = PAE_HIGH),
			[3] = { .shift = 30, .index_bits = 2, .grants = true,
				.reserved_node = BITS(63, 52) | BITS(8, 6) | BITS(2, 1) },
		},
	},
	[FOREIGN_LONG4] = {
		.mode = FOREIGN_LONG4,
		.name = "4-level paging",
		.levels = 4,
		.address_bits = 48,
		.sign_extended = true,
		LIKE_LONG,
		.level = LONG_LEVELS,
	},
	[FOREIGN_LONG5] = {
		.mode = FOREIGN_LONG5,
		.name = "5-level paging",
		.levels = 5,
		.address_bits = 57,
		.sign_extended = true,
		LIKE_LONG,
		.level = LONG_LEVELS,
	},
	[FOREIGN_EPT4] = {
		.mode = FOREIGN_EPT4,
		.name = "EPT, 4 levels",
		.levels = 4,
		.address_bits = 48,
		LIKE_EPT,
	},
	[FOREIGN_EPT5] = {
		.mode = FOREIGN_EPT5,
		.name = "EPT, 5 levels",
		.levels = 5,
		.address_bits = 57,
		LIKE_EPT,
	},
	[FOREIGN_NPT4] = {
		.mode = FOREIGN_NPT4,
		.name = "NPT, 4 levels",
		.levels = 4,
		.address_bits = 48,
		LIKE_NPT,
	},
	[FOREIGN_NPT5] = {
		.mode = FOREIGN_NPT5,
		.name = "NPT, 5 levels",
		.levels = 5,
		.address_bits = 57,
		LIKE_NPT,
	},
};

static unsigned maxphyaddr_within(unsigned maxphyaddr)
{
	if (maxphyaddr == 0 || maxphyaddr > MAXPHYADDR)
		return MAXPHYADDR;
	return maxphyaddr < MAXPHYADDR_MIN ? MAXPHYADDR_MIN : maxphyaddr;
}

static void reserve(struct foreign_paging *paging, uint64_t bits)
{
	for (unsigned level = 1; level <= paging->levels; level++) {
		paging->level[level].reserved_node |= bits;
		paging->level[level].reserved_leaf |= bits;
	}
}

/* Addresses above the processor's. In 32-bit paging only PSE-36 has any (SDM 3 4.3). */
static void reserve_addresses(struct foreign_paging *paging, unsigned maxphyaddr)
{
	if (paging->mode == FOREIGN_32) {
		if (maxphyaddr < 40)
			paging->level[2].reserved_leaf |= BITS(20, maxphyaddr - 19);
	} else if (paging->levels && maxphyaddr < MAXPHYADDR) {
		reserve(paging, BITS(51, maxphyaddr));
	}
}

void foreign_paging_make(enum foreign_mode mode, uint64_t root, unsigned maxphyaddr,
			 struct foreign_paging *paging)
{
	*paging = pagings[mode];
	paging->root = root & (mode == FOREIGN_PAE ? BITS(31, 5) : paging->address_node);
	reserve_addresses(paging, maxphyaddr_within(maxphyaddr));
}

static enum foreign_mode mode_of(const struct foreign_registers *registers)
{
	if (!(registers->cr0 & CR0_PG))
		return FOREIGN_OFF;
	if (registers->efer & EFER_LMA)
		return registers->cr4 & CR4_LA57 ? FOREIGN_LONG5 : FOREIGN_LONG4;
	return registers->cr4 & CR4_PAE ? FOREIGN_PAE : FOREIGN_32;
}

void foreign_paging_of(const struct foreign_registers *registers, struct foreign_paging *paging)
{
	foreign_paging_make(mode_of(registers), registers->cr3, registers->maxphyaddr, paging);
	if (paging->mode == FOREIGN_32 && !(registers->cr4 & CR4_PSE))
		paging->level[2].huge = 0;
	if (registers->no_1g && paging->levels > 3) {
		paging->level[3].huge = 0;
		paging->level[3].reserved_node |= PS;
	}
	if (paging->execute == NX && !(registers->efer & EFER_NXE)) {
		paging->execute = paging->present;
		paging->no_execute = 0;
		reserve(paging, NX);
	}
}

void foreign_paging_ignore_reserved(struct foreign_paging *paging)
{
	for (unsigned level = 1; level <= paging->levels; level++) {
		paging->level[level].reserved_node = 0;
		paging->level[level].reserved_leaf = 0;
	}
	paging->low_reserved = 0;
	paging->type_reserved = 0;
}

bool foreign_is_canonical(const struct foreign_paging *paging, uint64_t va)
{
	return foreign_canonical(paging, va & BITS(paging->address_bits - 1u, 0)) == va;
}

enum foreign_kind foreign_kind(const struct foreign_paging *paging, unsigned level, uint64_t raw)
{
	return foreign_entry_kind(paging, &paging->level[level], raw);
}

uint32_t foreign_rights(const struct foreign_paging *paging, unsigned level, uint64_t raw)
{
	return foreign_granted(paging, &paging->level[level], raw);
}

/* PAT at its reset value: the PAT bit changes nothing beside PWT and PCD (SDM 3 11.12). */
static uint32_t caching(const struct foreign_paging *paging, uint64_t raw)
{
	static const uint32_t ept_types[8] = {
		[0] = PROP_UNCACHEABLE, [1] = PROP_WRITE_COMBINING, [2] = PROP_UNCACHEABLE,
		[3] = PROP_UNCACHEABLE, [4] = PROP_WRITE_THROUGH,   [5] = PROP_WRITE_PROTECTED,
		[6] = PROP_WRITE_BACK,	[7] = PROP_UNCACHEABLE,
	};

	if (paging->mode == FOREIGN_EPT4 || paging->mode == FOREIGN_EPT5)
		return ept_types[raw >> 3 & 7];
	if (raw & BIT(4))
		return PROP_UNCACHEABLE;
	return raw & BIT(3) ? PROP_WRITE_THROUGH : PROP_WRITE_BACK;
}

prop_t foreign_prop(const struct foreign_paging *paging, unsigned level, uint64_t raw)
{
	return PROP(foreign_rights(paging, level, raw) | caching(paging, raw) |
		    (raw & paging->accessed ? PROP_ACCESSED : 0) |
		    (raw & paging->dirty ? PROP_DIRTY : 0) |
		    (raw & paging->global ? PROP_GLOBAL : 0));
}

/* Fills the step from the entry that it names. */
static enum foreign_end step_read(const struct foreign_paging *paging,
				  const struct foreign_memory *memory, uint64_t table,
				  struct foreign_step *step)
{
	const unsigned char *bytes = foreign_table(memory, table);

	if (!bytes)
		return FOREIGN_OUTSIDE;
	step->raw = foreign_load(bytes, step->index, paging->entry_len);
	step->kind = foreign_kind(paging, step->level, step->raw);
	if (step->kind == FOREIGN_ABSENT)
		return FOREIGN_NOT_PRESENT;
	step->rights = foreign_rights(paging, step->level, step->raw);
	return step->kind == FOREIGN_RESERVED ? FOREIGN_MALFORMED : FOREIGN_MAPPED;
}

static void path_arrive(const struct foreign_paging *paging, const struct foreign_step *step,
			uint64_t va, struct foreign_path *path)
{
	const struct foreign_level *level = &paging->level[step->level];

	path->level = step->level;
	path->prop = foreign_prop(paging, step->level, step->raw);
	path->address = foreign_leaf_address(level, step->raw) | (va & (BIT(level->shift) - 1));
}

void foreign_translate(const struct foreign_paging *paging, const struct foreign_memory *memory,
		       uint64_t va, struct foreign_path *path)
{
	uint64_t table = paging->root;

	*path = (struct foreign_path){ .end = FOREIGN_NOT_CANONICAL, .rights = FOREIGN_RIGHTS };
	if (!foreign_is_canonical(paging, va))
		return;
	path->end = FOREIGN_MAPPED;
	path->address = va;
	path->prop = PROP(FOREIGN_RIGHTS);
	for (unsigned level = paging->levels; level > 0; level--) {
		struct foreign_step *step = &path->steps[path->nr_steps++];

		*step = (struct foreign_step){ .level = level,
					       .index = foreign_index(&paging->level[level], va) };
		step->entry = table + step->index * paging->entry_len;
		path->end = step_read(paging, memory, table, step);
		step->lost = path->rights & ~step->rights;
		path->rights &= step->rights;
		if (path->end != FOREIGN_MAPPED)
			return;
		if (step->kind == FOREIGN_LEAF) {
			path_arrive(paging, step, va, path);
			return;
		}
		table = step->raw & paging->address_node;
	}
}

const char *foreign_end_text(enum foreign_end end)
{
	static const char *const texts[] = {
		[FOREIGN_MAPPED] = "mapped",
		[FOREIGN_NOT_PRESENT] = "not present",
		[FOREIGN_MALFORMED] = "reserved bits",
		[FOREIGN_OUTSIDE] = "table outside memory",
		[FOREIGN_NOT_CANONICAL] = "not canonical",
		[FOREIGN_REPEATED] = "table seen before",
	};

	return texts[end];
}
