/* SPDX-License-Identifier: MIT */
/*
 * Entry formats: the laws E-1 to E-3, E-5, E-6 and P-1 for every property of every format, and bits
 * as the manuals have them. (E-4 is the entry's: test_format_tables.c)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/format.h"

#define BIT(n) (UINT64_C(1) << (n))
#define R PROP_READ
#define W PROP_WRITE
#define X PROP_EXECUTE

static const struct pt_format *x86_64(void)
{
	return pt_format_of(PT_FORMAT_X86_64_4);
}

static const struct pt_format *x86_64_keys(void)
{
	return pt_format_of(PT_FORMAT_X86_64_5_KEYS);
}

static const struct pt_format *ept(void)
{
	return pt_format_of(PT_FORMAT_EPT_4);
}

static const struct pt_format *npt(void)
{
	return pt_format_of(PT_FORMAT_NPT_4);
}

/* Every property there is, and bit 11, which is none. */
#define PROP_END UINT32_C(0x10000)

/* Tables 4-14 to 4-20 of SDM 3. */
static uint64_t x86_64_bits(uint32_t prop)
{
	return (prop & R ? BIT(0) : BIT(52)) | (prop & W ? BIT(1) : 0) | (prop & X ? 0 : BIT(63)) |
	       (prop & PROP_USER ? BIT(2) : 0) | (prop & PROP_GLOBAL ? BIT(8) : 0) |
	       (prop & PROP_ACCESSED ? BIT(5) : 0) | (prop & PROP_DIRTY ? BIT(6) : 0);
}

/* Bits 62:59, beside NX in bit 63. */
static uint64_t x86_64_keys_bits(uint32_t prop)
{
	return x86_64_bits(prop) | (uint64_t)(prop >> 12 & 15) << 59;
}

/* APM 2 15.25.5. */
static uint64_t npt_bits(uint32_t prop)
{
	return x86_64_bits(prop) | (prop & R ? BIT(2) : 0);
}

/* Tables 28-1 to 28-6 of SDM 3. */
static uint64_t ept_bits(uint32_t prop)
{
	return (prop & R ? BIT(0) : 0) | (prop & W ? BIT(1) : 0) | (prop & X ? BIT(2) : 0) |
	       (prop & (R | W | X) ? 0 : BIT(52)) | (prop & PROP_ACCESSED ? BIT(8) : 0) |
	       (prop & PROP_DIRTY ? BIT(9) : 0);
}

/* A second opinion on a family of formats. */
struct family {
	uint32_t properties; /* that exist, beside rights and caching */
	uint32_t rights[6];  /* combinations that exist */
	unsigned nr_rights;
	uint64_t cache[8]; /* bits for each kind, or NO */
	uint64_t node;	   /* an entry that points to a node at 0 */
	uint64_t present;  /* for hardware */
	bool sign_extended;
	uint64_t (*bits)(uint32_t prop);
};

#define NO UINT64_MAX
#define EVERYWHERE (PROP_ACCESSED | PROP_DIRTY | PROP_SOFT)
#define X86_RIGHTS .rights = { 0, R, R | W, R | X, R | W | X }, .nr_rights = 5
#define X86_CACHE .cache = { 0, 0x08, 0x18, NO, NO, NO, NO, NO }

static const struct family family_x86_64 = {
	.properties = EVERYWHERE | PROP_USER | PROP_GLOBAL,
	X86_RIGHTS,
	X86_CACHE,
	.node = 0x27,
	.present = 0x1,
	.sign_extended = true,
	.bits = x86_64_bits,
};

static const struct family family_x86_64_keys = {
	.properties = EVERYWHERE | PROP_USER | PROP_GLOBAL | 0xf000,
	X86_RIGHTS,
	X86_CACHE,
	.node = 0x27,
	.present = 0x1,
	.sign_extended = true,
	.bits = x86_64_keys_bits,
};

static const struct family family_npt = {
	.properties = EVERYWHERE,
	X86_RIGHTS,
	X86_CACHE,
	.node = 0x27,
	.present = 0x1,
	.bits = npt_bits,
};

static const struct family family_ept = {
	.properties = EVERYWHERE,
	.rights = { 0, R, R | W, X, R | X, R | W | X },
	.nr_rights = 6,
	.cache = { 0x30, 0x20, 0x00, 0x08, 0x28, NO, NO, NO },
	.node = 0x7,
	.present = 0x7,
	.bits = ept_bits,
};

struct reference {
	const struct family *family;
	unsigned levels;
};

static const struct reference references[PT_FORMATS] = {
	[PT_FORMAT_X86_64_4] = { &family_x86_64, 4 },
	[PT_FORMAT_X86_64_5] = { &family_x86_64, 5 },
	[PT_FORMAT_X86_64_4_KEYS] = { &family_x86_64_keys, 4 },
	[PT_FORMAT_X86_64_5_KEYS] = { &family_x86_64_keys, 5 },
	[PT_FORMAT_NPT_4] = { &family_npt, 4 },
	[PT_FORMAT_NPT_5] = { &family_npt, 5 },
	[PT_FORMAT_EPT_4] = { &family_ept, 4 },
	[PT_FORMAT_EPT_5] = { &family_ept, 5 },
};

static bool family_can_say(const struct family *family, unsigned level, uint32_t prop)
{
	bool rights = false;

	for (unsigned i = 0; i < family->nr_rights; i++)
		rights |= (prop & PROP_RIGHTS) == family->rights[i];
	return rights && level >= 1 && level <= 3 &&
	       !(prop & ~(family->properties | PROP_RIGHTS | PROP_CACHE)) &&
	       family->cache[prop >> PROP_CACHE_SHIFT & 7] != NO;
}

static uint64_t family_bits(const struct family *family, unsigned level, uint32_t prop,
			    bool tracked)
{
	return family->bits(prop) | family->cache[prop >> PROP_CACHE_SHIFT & 7] |
	       (level > 1 ? BIT(7) : 0) | (tracked ? BIT(53) : 0) |
	       (prop & PROP_SOFT ? BIT(54) : 0);
}

/* E-2, E-5, E-6, P-1 */
static void check_leaf(enum pt_format_id id, unsigned level, uint32_t prop, bool tracked)
{
	const struct pt_format *format = pt_format_of(id);
	const struct family *family = references[id].family;
	uint64_t address = level_size(level) * 5;
	uint64_t bits = 0x1234;
	pte_t pte;

	if (!family_can_say(family, level, prop)) {
		assert_int_equal(format_leaf_bits(format, level, PROP(prop), tracked, &bits),
				 -EOPNOTSUPP);
		assert_int_equal(bits, 0x1234);
		return;
	}
	assert_int_equal(format_leaf_bits(format, level, PROP(prop), tracked, &bits), 0);
	assert_int_equal(bits, family_bits(family, level, prop, tracked));
	pte = PTE(address | bits);
	assert_int_equal(pte_kind(format, pte, level), PTE_LEAF);
	assert_int_equal(pte_leaf_paddr(format, pte, level).value, address);
	assert_int_equal(pte_paddr(format, pte).value, address);
	assert_int_equal(pte_prop(format, pte).bits, prop);
	assert_int_equal(pte_is_tracked(pte), tracked);
}

static void test_every_property_is_said_exactly_or_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++)
		for (unsigned level = 0; level <= LEVELS_MAX + 1; level++)
			for (uint32_t prop = 0; prop < PROP_END; prop++) {
				check_leaf(i, level, prop, false);
				check_leaf(i, level, prop, true);
			}
}

static void test_property_with_a_bit_that_does_not_exist_is_refused(void **state)
{
	uint64_t bits;

	(void)state;
	for (unsigned bit = 16; bit < 32; bit++)
		for (unsigned i = 0; i < PT_FORMATS; i++)
			assert_int_equal(format_leaf_bits(pt_format_of(i), 1,
							  PROP(R | UINT32_C(1) << bit), false,
							  &bits),
					 -EOPNOTSUPP);
}

/* P-1 from the other side: what was encoded is encoded again as it was. */
static void test_encoded_leaf_is_encoded_again_to_the_same_bits(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++)
		for (uint32_t prop = 0; prop < PROP_END; prop++) {
			const struct pt_format *format = pt_format_of(i);
			uint64_t bits, again;

			if (format_leaf_bits(format, 2, PROP(prop), true, &bits))
				continue;
			assert_int_equal(format_leaf_bits(format, 2, pte_prop(format, PTE(bits)),
							  true, &again),
					 0);
			assert_int_equal(bits, again);
		}
}

struct known {
	const struct pt_format *(*format)(void);
	unsigned level;
	uint32_t prop;
	bool tracked;
	uint64_t bits;
};

/* BUG-12 */
static void test_bits_are_those_of_the_manual(void **state)
{
	static const struct known cases[] = {
		{ x86_64, 1, R | W | X | PROP_USER, false, 0x7 },
		{ x86_64, 1, R, false, 0x8000000000000001 },
		{ x86_64, 1, R | W, false, 0x8000000000000003 },
		{ x86_64, 2, R | W | X | PROP_GLOBAL, false, 0x183 },
		{ x86_64, 3, R | X | PROP_ACCESSED | PROP_DIRTY, false, 0xe1 },
		{ x86_64, 1, R | W | PROP_UNCACHEABLE, false, 0x800000000000001b },
		{ x86_64, 1, R | X | PROP_WRITE_THROUGH, false, 0x9 },
		{ x86_64, 1, R | W | X, true, 0x0020000000000003 },
		{ x86_64, 1, 0, true, 0x8030000000000000 },
		{ ept, 1, R | W | X, false, 0x37 },
		{ ept, 2, R | W | X, false, 0xb7 },
		{ ept, 3, R | W | PROP_UNCACHEABLE, false, 0x83 },
		{ ept, 1, X, false, 0x34 },
		{ ept, 1, R | W | PROP_WRITE_COMBINING, false, 0x0b },
		{ ept, 1, R | PROP_WRITE_THROUGH, false, 0x21 },
		{ ept, 1, R | PROP_WRITE_PROTECTED, false, 0x29 },
		{ ept, 1, R | W | X | PROP_ACCESSED | PROP_DIRTY, true, 0x0020000000000337 },
		{ ept, 1, PROP_SOFT, true, 0x0070000000000030 },
		{ npt, 1, R | W | X, false, 0x7 },
		{ npt, 2, R | PROP_UNCACHEABLE, false, 0x800000000000009d },
		{ npt, 1, 0, true, 0x8030000000000000 },
		{ x86_64_keys, 1, R | W | PROP_USER | PROP_KEY(15), false, 0xf800000000000007 },
		{ x86_64_keys, 1, R | W | X | PROP_KEY(1), false, 0x0800000000000003 },
		{ x86_64_keys, 3, R | X | PROP_KEY(8), true, 0x4020000000000081 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct known *known = &cases[i];
		uint64_t bits;

		assert_int_equal(format_leaf_bits(known->format(), known->level, PROP(known->prop),
						  known->tracked, &bits),
				 0);
		assert_int_equal(bits, known->bits);
	}
}

/* E-3 */
static void test_node_entry_grants_everything_and_is_no_leaf(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++) {
		const struct pt_format *format = pt_format_of(i);
		pte_t pte = pte_node(format, PADDR(0x000ffffffffff000));

		assert_int_equal(pte.raw, 0x000ffffffffff000 | references[i].family->node);
		for (unsigned level = 2; level <= LEVELS_MAX; level++)
			assert_int_equal(pte_kind(format, pte, level), PTE_NODE);
		assert_int_equal(pte_paddr(format, pte).value, 0x000ffffffffff000);
		assert_int_equal(pte_prop(format, pte).bits & PROP_RIGHTS, R | W | X);
		assert_false(pte_is_tracked(pte));
	}
}

/* E-1 */
static void test_zero_is_absent_at_every_level(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++)
		for (unsigned level = 1; level <= LEVELS_MAX; level++)
			assert_int_equal(pte_kind(pt_format_of(i), PTE(0), level), PTE_ABSENT);
}

/* Presence is any right in EPT, and bit 0 alone in the others; what is held counts in all. */
static void test_presence_is_what_hardware_takes_for_it_or_what_is_held(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++)
		for (unsigned bit = 0; bit < 64; bit++)
			assert_int_equal(pte_is_present(pt_format_of(i), PTE(BIT(bit))),
					 (BIT(bit) & (references[i].family->present | BIT(52))) !=
						 0);
}

/* E-5 */
static void test_address_of_any_word_is_aligned_and_has_52_bits(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++) {
		assert_int_equal(pte_paddr(pt_format_of(i), PTE(UINT64_MAX)).value,
				 0x000ffffffffff000);
		for (unsigned level = 1; level <= 3; level++)
			assert_int_equal(
				pte_leaf_paddr(pt_format_of(i), PTE(UINT64_MAX), level).value,
				UINT64_C(0x0010000000000000) - level_size(level));
	}
}

static void test_format_is_known_by_its_id_and_has_its_levels(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++) {
		const struct pt_format *format = pt_format_of(i);

		assert_int_equal(format->id, i);
		assert_int_equal(format->levels, references[i].levels);
		assert_int_equal(format_address_bits(format), references[i].levels == 5 ? 57 : 48);
		assert_int_equal(format->sign_extended, references[i].family->sign_extended);
		for (unsigned other = 0; other < i; other++)
			assert_string_not_equal(format->name, pt_format_of(other)->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_property_is_said_exactly_or_refused),
		cmocka_unit_test(test_property_with_a_bit_that_does_not_exist_is_refused),
		cmocka_unit_test(test_encoded_leaf_is_encoded_again_to_the_same_bits),
		cmocka_unit_test(test_bits_are_those_of_the_manual),
		cmocka_unit_test(test_node_entry_grants_everything_and_is_no_leaf),
		cmocka_unit_test(test_zero_is_absent_at_every_level),
		cmocka_unit_test(test_presence_is_what_hardware_takes_for_it_or_what_is_held),
		cmocka_unit_test(test_address_of_any_word_is_aligned_and_has_52_bits),
		cmocka_unit_test(test_format_is_known_by_its_id_and_has_its_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
