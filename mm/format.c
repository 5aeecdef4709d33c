/* SPDX-License-Identifier: MIT */
/*
 * The formats, and the two functions that read their descriptions.
 */
#include "mm/format.h"

/* One bit for each combination of rights: RIGHTS(PROP_READ) | RIGHTS(PROP_READ | PROP_WRITE) ... */
#define RIGHTS(combination) (1u << (combination))
#define R PROP_READ
#define W PROP_WRITE
#define X PROP_EXECUTE

#define BIT(n) (UINT64_C(1) << (n))
#define ADDRESS_51_12 UINT64_C(0x000ffffffffff000)
#define LEAVES_4K_2M_1G (1u << 1 | 1u << 2 | 1u << 3)

/* `props` are the bits `bits` of an entry: in the same order, at the same distances. */
#define FIELD(props, bits)                                                              \
	{                                                                               \
		(props), (uint8_t)((__builtin_ctzll(bits) - __builtin_ctz(props)) & 63) \
	}

#define PROPS_EVERYWHERE (PROP_RIGHTS | PROP_ACCESSED | PROP_DIRTY | PROP_SOFT)

/* SDM 3 tables 4-14 to 4-20; protection keys for those who keep them. */
#define X86_64_RWAD FIELD(R | W | PROP_ACCESSED | PROP_DIRTY, BIT(0) | BIT(1) | BIT(5) | BIT(6))
#define X86_64_PROPS (PROPS_EVERYWHERE | PROP_USER | PROP_GLOBAL)

static const struct pt_field x86_64_fields[] = {
	X86_64_RWAD,
	FIELD(X, BIT(63)),
	FIELD(PROP_USER, BIT(2)),
	FIELD(PROP_GLOBAL, BIT(8)),
	FIELD(PROP_SOFT, PTE_SOFT),
	{ 0 },
};

static const struct pt_field x86_64_keys_fields[] = {
	X86_64_RWAD,
	FIELD(X, BIT(63)),
	FIELD(PROP_USER, BIT(2)),
	FIELD(PROP_GLOBAL, BIT(8)),
	FIELD(PROP_SOFT | PROP_KEYS, PTE_SOFT | UINT64_C(15) << 59),
	{ 0 },
};

/* APM 2 15.25.5: every access of a guest is a user's, and global means nothing. */
static const struct pt_field npt_fields[] = {
	X86_64_RWAD, FIELD(X, BIT(63)), FIELD(R, BIT(2)), FIELD(PROP_SOFT, PTE_SOFT), { 0 },
};

/* SDM 3 tables 28-1 to 28-6. */
static const struct pt_field ept_fields[] = {
	FIELD(R | W | X, BIT(0) | BIT(1) | BIT(2)),
	FIELD(PROP_ACCESSED | PROP_DIRTY, BIT(8) | BIT(9)),
	FIELD(PROP_SOFT, PTE_SOFT),
	{ 0 },
};

/*
 * What x86-64 and NPT share. Bit 0 is presence and reading at once: without it nothing else can be
 * granted. In a node, rights are the leaf's to limit, and accessed is set: shadow paging fills
 * faster over it. Caching with the PAT's default entries 0 to 3: WB, WT, UC-, UC.
 */
#define LIKE_X86_64                                                                          \
	.leaf_levels = LEAVES_4K_2M_1G,                                                      \
	.rights = RIGHTS(0) | RIGHTS(R) | RIGHTS(R | W) | RIGHTS(R | X) | RIGHTS(R | W | X), \
	.present = BIT(0), .huge = BIT(7), .address = ADDRESS_51_12,                         \
	.node = BIT(0) | BIT(1) | BIT(2) | BIT(5), .pat = BIT(12), .inverted = BIT(63),      \
	.cache_mask = BIT(3) | BIT(4),                                                       \
	.cache = { 0, BIT(3), BIT(3) | BIT(4), PT_CACHE_NONE, PT_CACHE_NONE }

/* Memory types in bits 5:3; writing without reading is a misconfiguration. */
#define EPT_TYPE(type) (UINT64_C(type) << 3)
#define EPT_RIGHTS \
	(RIGHTS(0) | RIGHTS(R) | RIGHTS(R | W) | RIGHTS(X) | RIGHTS(R | X) | RIGHTS(R | W | X))
#define LIKE_EPT                                                                                   \
	.leaf_levels = LEAVES_4K_2M_1G, .rights = EPT_RIGHTS, .present = BIT(0) | BIT(1) | BIT(2), \
	.huge = BIT(7), .address = ADDRESS_51_12, .node = BIT(0) | BIT(1) | BIT(2),                \
	.reserved = BIT(3) | BIT(4) | BIT(5) | BIT(6), .strict = true,                             \
	.cache_mask = BIT(3) | BIT(4) | BIT(5),                                                    \
	.cache = { EPT_TYPE(6), EPT_TYPE(4), EPT_TYPE(0), EPT_TYPE(1), EPT_TYPE(5) }

static const struct pt_format formats[PT_FORMATS] = {
	[PT_FORMAT_X86_64_4] = {
		.name = "x86-64, 4 levels",
		.id = PT_FORMAT_X86_64_4,
		.levels = 4,
		.sign_extended = true,
		.props = X86_64_PROPS,
		.fields = x86_64_fields,
		LIKE_X86_64,
	},
	[PT_FORMAT_X86_64_5] = {
		.name = "x86-64, 5 levels",
		.id = PT_FORMAT_X86_64_5,
		.levels = 5,
		.sign_extended = true,
		.props = X86_64_PROPS,
		.fields = x86_64_fields,
		LIKE_X86_64,
	},
	[PT_FORMAT_X86_64_4_KEYS] = {
		.name = "x86-64, 4 levels, protection keys",
		.id = PT_FORMAT_X86_64_4_KEYS,
		.levels = 4,
		.sign_extended = true,
		.props = X86_64_PROPS | PROP_KEYS,
		.fields = x86_64_keys_fields,
		LIKE_X86_64,
	},
	[PT_FORMAT_X86_64_5_KEYS] = {
		.name = "x86-64, 5 levels, protection keys",
		.id = PT_FORMAT_X86_64_5_KEYS,
		.levels = 5,
		.sign_extended = true,
		.props = X86_64_PROPS | PROP_KEYS,
		.fields = x86_64_keys_fields,
		LIKE_X86_64,
	},
	[PT_FORMAT_NPT_4] = {
		.name = "NPT, 4 levels",
		.id = PT_FORMAT_NPT_4,
		.levels = 4,
		.props = PROPS_EVERYWHERE,
		.fields = npt_fields,
		LIKE_X86_64,
	},
	[PT_FORMAT_NPT_5] = {
		.name = "NPT, 5 levels",
		.id = PT_FORMAT_NPT_5,
		.levels = 5,
		.props = PROPS_EVERYWHERE,
		.fields = npt_fields,
		LIKE_X86_64,
	},
	[PT_FORMAT_EPT_4] = {
		.name = "EPT, 4 levels",
		.id = PT_FORMAT_EPT_4,
		.levels = 4,
		.props = PROPS_EVERYWHERE,
		.fields = ept_fields,
		LIKE_EPT,
	},
	[PT_FORMAT_EPT_5] = {
		.name = "EPT, 5 levels",
		.id = PT_FORMAT_EPT_5,
		.levels = 5,
		.props = PROPS_EVERYWHERE,
		.fields = ept_fields,
		LIKE_EPT,
	},
};

const struct pt_format *pt_format_of(enum pt_format_id id)
{
	return &formats[id];
}

/* Left by `count` bits, which may be 0 to 63, and what leaves at one end comes in at the other. */
static inline uint64_t rotate_left(uint64_t value, unsigned count)
{
	return value << count | value >> ((64 - count) & 63);
}

static inline uint64_t rotate_right(uint64_t value, unsigned count)
{
	return value >> count | value << ((64 - count) & 63);
}

uint64_t format_prop_bits(const struct pt_format *format, uint32_t props)
{
	uint64_t bits = 0;

	for (const struct pt_field *field = format->fields; field->props; field++)
		bits |= rotate_left(props & field->props, field->rotate);
	return bits;
}

int format_leaf_bits(const struct pt_format *format, unsigned level, prop_t prop, bool tracked,
		     uint64_t *bits)
{
	unsigned kind = (prop.bits & PROP_CACHE) >> PROP_CACHE_SHIFT;
	uint64_t raw;

	if (!format_has_leaf(format, level) || prop.bits & ~(format->props | PROP_CACHE) ||
	    !(format->rights >> (prop.bits & PROP_RIGHTS) & 1) || kind >= PROP_CACHE_KINDS ||
	    format->cache[kind] == PT_CACHE_NONE)
		return -EOPNOTSUPP;
	raw = (format_prop_bits(format, prop.bits) ^ format->inverted) | format->cache[kind];
	if (!(raw & format->present))
		raw |= PTE_HELD;
	if (level > 1)
		raw |= format->huge;
	if (tracked)
		raw |= PTE_TRACKED;
	*bits = raw;
	return 0;
}

prop_t pte_prop(const struct pt_format *format, pte_t pte)
{
	uint64_t cache = pte.raw & format->cache_mask;
	uint64_t prop = format->props;
	unsigned kind = 0;

	/* Without a branch: what a leaf grants is not for the processor to guess. */
	for (const struct pt_field *field = format->fields; field->props; field++)
		prop &= ~(uint64_t)field->props |
			rotate_right(pte.raw ^ format->inverted, field->rotate);
	while (kind < PROP_CACHE_KINDS && cache != format->cache[kind])
		kind++;
	prop |= kind < PROP_CACHE_KINDS ? kind << PROP_CACHE_SHIFT : PROP_UNCACHEABLE;
	return PROP((uint32_t)prop);
}

unsigned format_leaf_fit(const struct pt_format *format, unsigned max, uint64_t va, uint64_t pa,
			 uint64_t len)
{
	unsigned level = max < LEVELS_MAX ? max : LEVELS_MAX;

	for (; level > 1; level--)
		if (format_has_leaf(format, level) && level_size(level) <= len &&
		    is_aligned(va | pa, level_size(level)))
			break;
	return level;
}
