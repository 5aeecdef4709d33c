/* SPDX-License-Identifier: MIT */
/*
 * Entry formats: the laws E-1 to E-6 and P-1 for every property, bits as the SDM has them, and
 * addresses at the edges.
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

static const struct pt_format *ept(void)
{
	return pt_format_of(PT_FORMAT_EPT_4);
}

/* A second opinion on what can be said. */
struct reference {
	enum pt_format_id id;
	uint32_t flags;	    /* that exist */
	uint32_t rights[6]; /* combinations that exist */
	unsigned nr_rights;
	uint64_t cache[8]; /* bits for each kind, or NO */
};

#define NO UINT64_MAX

static const struct reference references[] = {
	{ PT_FORMAT_X86_64_4,
	  PROP_FLAGS,
	  { 0, R, R | W, R | X, R | W | X },
	  5,
	  { 0, 0x08, 0x18, NO, NO, NO, NO, NO } },
	{ PT_FORMAT_EPT_4,
	  PROP_FLAGS & ~(PROP_USER | PROP_GLOBAL),
	  { 0, R, R | W, X, R | X, R | W | X },
	  6,
	  { 0x30, 0x20, 0x00, 0x08, 0x28, NO, NO, NO } },
};

static bool reference_can_say(const struct reference *reference, unsigned level, uint32_t prop)
{
	bool rights = false;

	for (unsigned i = 0; i < reference->nr_rights; i++)
		rights |= (prop & PROP_RIGHTS) == reference->rights[i];
	return rights && level >= 1 && level <= 3 && !(prop & PROP_FLAGS & ~reference->flags) &&
	       reference->cache[prop >> PROP_CACHE_SHIFT & 7] != NO;
}

/* Table 4-20 and others of SDM 3. */
static uint64_t x86_64_bits(uint32_t prop)
{
	return (prop & R ? BIT(0) : BIT(52)) | (prop & W ? BIT(1) : 0) | (prop & X ? 0 : BIT(63)) |
	       (prop & PROP_USER ? BIT(2) : 0) | (prop & PROP_GLOBAL ? BIT(8) : 0) |
	       (prop & PROP_ACCESSED ? BIT(5) : 0) | (prop & PROP_DIRTY ? BIT(6) : 0);
}

/* Tables 28-2, 28-4 and 28-6 of SDM 3. */
static uint64_t ept_bits(uint32_t prop)
{
	return (prop & R ? BIT(0) : 0) | (prop & W ? BIT(1) : 0) | (prop & X ? BIT(2) : 0) |
	       (prop & (R | W | X) ? 0 : BIT(52)) | (prop & PROP_ACCESSED ? BIT(8) : 0) |
	       (prop & PROP_DIRTY ? BIT(9) : 0);
}

static uint64_t reference_bits(const struct reference *reference, unsigned level, uint32_t prop,
			       bool tracked)
{
	return (reference->id == PT_FORMAT_EPT_4 ? ept_bits(prop) : x86_64_bits(prop)) |
	       reference->cache[prop >> PROP_CACHE_SHIFT & 7] | (level > 1 ? BIT(7) : 0) |
	       (tracked ? BIT(53) : 0) | (prop & PROP_SOFT ? BIT(54) : 0);
}

static void check_leaf(const struct reference *reference, unsigned level, uint32_t prop,
		       bool tracked)
{
	const struct pt_format *format = pt_format_of(reference->id);
	uint64_t address = level_size(level) * 5;
	uint64_t bits = 0x1234;
	pte_t pte;

	if (!reference_can_say(reference, level, prop)) {
		assert_int_equal(format_leaf_bits(format, level, PROP(prop), tracked, &bits),
				 -EOPNOTSUPP);
		assert_int_equal(bits, 0x1234);
		return;
	}
	assert_int_equal(format_leaf_bits(format, level, PROP(prop), tracked, &bits), 0);
	assert_int_equal(bits, reference_bits(reference, level, prop, tracked));
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
			for (uint32_t prop = 0; prop <= (PROP_FLAGS | PROP_CACHE); prop++) {
				check_leaf(&references[i], level, prop, false);
				check_leaf(&references[i], level, prop, true);
			}
}

static void test_property_with_a_bit_that_does_not_exist_is_refused(void **state)
{
	uint64_t bits;

	(void)state;
	for (unsigned bit = 11; bit < 32; bit++)
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
		for (uint32_t prop = 0; prop <= (PROP_FLAGS | PROP_CACHE); prop++) {
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

static void test_node_entry_grants_everything_and_is_no_leaf(void **state)
{
	(void)state;
	assert_int_equal(pte_node(x86_64(), PADDR(0x12345000)).raw, 0x12345027);
	assert_int_equal(pte_node(ept(), PADDR(0x12345000)).raw, 0x12345007);
	for (unsigned i = 0; i < PT_FORMATS; i++)
		for (unsigned level = 2; level <= 4; level++) {
			pte_t pte = pte_node(pt_format_of(i), PADDR(0x000ffffffffff000));

			assert_int_equal(pte_kind(pt_format_of(i), pte, level), PTE_NODE);
			assert_int_equal(pte_paddr(pt_format_of(i), pte).value, 0x000ffffffffff000);
			assert_false(pte_is_tracked(pte));
		}
}

static void test_zero_is_absent_at_every_level(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++)
		for (unsigned level = 1; level <= LEVELS_MAX; level++)
			assert_int_equal(pte_kind(pt_format_of(i), PTE(0), level), PTE_ABSENT);
}

/* Presence is any right in EPT, and bit 0 alone in x86-64; what is held counts in both. */
static void test_presence_is_what_hardware_takes_for_it_or_what_is_held(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		assert_int_equal(pte_is_present(x86_64(), PTE(BIT(bit))), bit == 0 || bit == 52);
		assert_int_equal(pte_is_present(ept(), PTE(BIT(bit))), bit <= 2 || bit == 52);
	}
}

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

static bool contains(const struct pt_format *format, uint64_t start, uint64_t len)
{
	return format_contains(format, VADDR(start), len);
}

#define HALF (UINT64_C(1) << 47)

static void test_ept_contains_48_bits_and_nothing_beyond(void **state)
{
	(void)state;
	assert_true(contains(ept(), 0, 1));
	assert_true(contains(ept(), 0, 2 * HALF));
	assert_true(contains(ept(), HALF - 1, 2));
	assert_true(contains(ept(), 2 * HALF - 1, 1));
	assert_false(contains(ept(), 0, 2 * HALF + 1));
	assert_false(contains(ept(), 2 * HALF, 1));
	assert_false(contains(ept(), 2 * HALF - 1, 2));
	assert_false(contains(ept(), UINT64_MAX, 1));
}

static void test_x86_64_contains_two_halves_and_nothing_between(void **state)
{
	(void)state;
	assert_true(contains(x86_64(), 0, HALF));
	assert_true(contains(x86_64(), HALF - 1, 1));
	assert_true(contains(x86_64(), -HALF, HALF));
	assert_true(contains(x86_64(), -HALF, 1));
	assert_true(contains(x86_64(), UINT64_MAX, 1));
	assert_true(contains(x86_64(), -(uint64_t)4096, 4096));
	assert_false(contains(x86_64(), HALF - 1, 2));
	assert_false(contains(x86_64(), HALF, 1));
	assert_false(contains(x86_64(), 0, HALF + 1));
	assert_false(contains(x86_64(), -HALF - 1, 1));
	assert_false(contains(x86_64(), -HALF - 1, 2));
	assert_false(contains(x86_64(), 0, UINT64_MAX));
}

/* BUG-2, BUG-4 */
static void test_range_that_is_empty_or_wraps_is_not_contained(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++) {
		assert_false(contains(pt_format_of(i), 0, 0));
		assert_false(contains(pt_format_of(i), 4096, 0));
		assert_false(contains(pt_format_of(i), UINT64_MAX, 0));
		assert_false(contains(pt_format_of(i), 4096, UINT64_MAX));
		assert_false(contains(pt_format_of(i), 4096, -(uint64_t)4096));
		assert_false(contains(pt_format_of(i), UINT64_MAX, 2));
		assert_false(contains(pt_format_of(i), -HALF, HALF + 1));
		assert_false(contains(pt_format_of(i), -HALF, UINT64_MAX));
	}
}

#define K4 UINT64_C(0x1000)
#define M2 UINT64_C(0x200000)
#define G1 UINT64_C(0x40000000)

static void test_leaf_that_fits_is_aligned_twice_and_within_the_length(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PT_FORMATS; i++) {
		const struct pt_format *format = pt_format_of(i);

		assert_int_equal(format_leaf_fit(format, 4, 0, 0, G1), 3);
		assert_int_equal(format_leaf_fit(format, UINT32_MAX, 0, 0, UINT64_MAX), 3);
		assert_int_equal(format_leaf_fit(format, 3, 0, 0, G1 - 1), 2);
		assert_int_equal(format_leaf_fit(format, 2, 0, 0, G1), 2);
		assert_int_equal(format_leaf_fit(format, 1, 0, 0, G1), 1);
		assert_int_equal(format_leaf_fit(format, 3, M2, G1, 2 * G1), 2);
		assert_int_equal(format_leaf_fit(format, 3, G1, M2, 2 * G1), 2);
		assert_int_equal(format_leaf_fit(format, 3, K4, 0, G1), 1);
		assert_int_equal(format_leaf_fit(format, 3, 0, K4, G1), 1);
		assert_int_equal(format_leaf_fit(format, 3, 0, 0, M2 - 1), 1);
		assert_int_equal(format_leaf_fit(format, 3, -G1, G1, G1), 3);
		assert_int_equal(format_leaf_fit(format, 3, 0, 0, K4), 1);
	}
}

static void test_index_is_nine_bits_of_the_address(void **state)
{
	(void)state;
	assert_int_equal(pte_index(UINT64_C(0x0000ff8040201000), 1), 1);
	assert_int_equal(pte_index(UINT64_C(0x0000ff8040201000), 2), 1);
	assert_int_equal(pte_index(UINT64_C(0x0000ff8040201000), 3), 1);
	assert_int_equal(pte_index(UINT64_C(0x0000ff8040201000), 4), 511);
	assert_int_equal(pte_index(UINT64_MAX, 1), 511);
	assert_int_equal(format_address_bits(ept()), 48);
	assert_int_equal(format_address_bits(x86_64()), 48);
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
		cmocka_unit_test(test_ept_contains_48_bits_and_nothing_beyond),
		cmocka_unit_test(test_x86_64_contains_two_halves_and_nothing_between),
		cmocka_unit_test(test_range_that_is_empty_or_wraps_is_not_contained),
		cmocka_unit_test(test_leaf_that_fits_is_aligned_twice_and_within_the_length),
		cmocka_unit_test(test_index_is_nine_bits_of_the_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
