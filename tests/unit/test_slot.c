/* SPDX-License-Identifier: MIT */
/*
 * The state machine of the slot's word: each transition from each state (1.3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/domain.h"

#define SHARED(count) (SLOT_BUSY + (count))

/* One word for each thing that a state can mean, and the edges of the counts. */
static const uint32_t states[] = {
	SLOT_UNUSED,
	SLOT_BUSY,
	SHARED(1),
	SHARED(2),
	SHARED(SLOT_SHARED_MAX - 1),
	SHARED(SLOT_SHARED_MAX),
	SHARED(SLOT_SHARED_MAX) + 1, /* the empty band */
	SLOT_UNIQUE - 1,	     /* its other end */
	SLOT_UNIQUE,
};

#define NR_STATES (sizeof(states) / sizeof(states[0]))

/* What a transition answers, and where it leads: by state, in the order above. */
struct row {
	int answer;
	uint32_t after;
};

#define REFUSED(error)   \
	{                \
		error, 0 \
	}

static void assert_transition(int (*transition)(struct slot *), const struct row rows[NR_STATES])
{
	for (size_t i = 0; i < NR_STATES; i++) {
		struct slot slot = { .state = states[i], .type = SLOT_TYPE(FRAME_DATA, 0, 0) };
		struct slot before = slot;

		assert_int_equal(transition(&slot), rows[i].answer);
		if (rows[i].answer >= 0)
			before.state = rows[i].after;
		assert_memory_equal(&slot, &before, sizeof(slot));
	}
}

static void test_claim_takes_an_unused_slot_only(void **state)
{
	static const struct row rows[NR_STATES] = {
		{ 0, SLOT_BUSY }, REFUSED(-EAGAIN), REFUSED(-EEXIST),
		REFUSED(-EEXIST), REFUSED(-EEXIST), REFUSED(-EEXIST),
		REFUSED(-EEXIST), REFUSED(-EEXIST), REFUSED(-EBUSY),
	};

	(void)state;
	assert_transition(slot_claim, rows);
}

static void test_get_counts_up_a_shared_slot_and_says_why_not_another(void **state)
{
	static const struct row rows[NR_STATES] = {
		REFUSED(-ENOENT),
		REFUSED(-EAGAIN),
		{ 0, SHARED(2) },
		{ 0, SHARED(3) },
		{ 0, SHARED(SLOT_SHARED_MAX) },
		REFUSED(-EOVERFLOW),
		REFUSED(-EOVERFLOW),
		REFUSED(-EOVERFLOW),
		REFUSED(-EBUSY),
	};

	(void)state;
	assert_transition(slot_get, rows);
}

/* S-3 */
static void test_inc_counts_up_a_shared_slot_until_it_is_saturated(void **state)
{
	static const struct row rows[NR_STATES] = {
		REFUSED(-EINVAL),
		REFUSED(-EINVAL),
		{ 0, SHARED(2) },
		{ 0, SHARED(3) },
		{ 0, SHARED(SLOT_SHARED_MAX) },
		REFUSED(-EOVERFLOW),
		REFUSED(-EINVAL),
		REFUSED(-EINVAL),
		REFUSED(-EINVAL),
	};

	(void)state;
	assert_transition(slot_inc, rows);
}

static void test_put_counts_down_and_the_last_leaves_the_slot_busy(void **state)
{
	static const struct row rows[NR_STATES] = {
		REFUSED(-EINVAL),
		REFUSED(-EINVAL),
		{ 1, SLOT_BUSY },
		{ 0, SHARED(1) },
		{ 0, SHARED(SLOT_SHARED_MAX - 2) },
		{ 0, SHARED(SLOT_SHARED_MAX - 1) },
		REFUSED(-EINVAL),
		REFUSED(-EINVAL),
		REFUSED(-EINVAL),
	};

	(void)state;
	assert_transition(slot_put, rows);
}

static void test_to_unique_takes_the_only_reference(void **state)
{
	static const struct row rows[NR_STATES] = {
		REFUSED(-EINVAL), REFUSED(-EINVAL), { 0, SLOT_UNIQUE },
		REFUSED(-EBUSY),  REFUSED(-EBUSY),  REFUSED(-EBUSY),
		REFUSED(-EINVAL), REFUSED(-EINVAL), REFUSED(-EINVAL),
	};

	(void)state;
	assert_transition(slot_to_unique, rows);
}

static void test_to_shared_and_abandon_need_a_unique_slot(void **state)
{
	static const struct row shared[NR_STATES] = {
		REFUSED(-EINVAL), REFUSED(-EINVAL), REFUSED(-EINVAL),
		REFUSED(-EINVAL), REFUSED(-EINVAL), REFUSED(-EINVAL),
		REFUSED(-EINVAL), REFUSED(-EINVAL), { 0, SHARED(1) },
	};
	static const struct row busy[NR_STATES] = {
		REFUSED(-EINVAL), REFUSED(-EINVAL), REFUSED(-EINVAL),
		REFUSED(-EINVAL), REFUSED(-EINVAL), REFUSED(-EINVAL),
		REFUSED(-EINVAL), REFUSED(-EINVAL), { 0, SLOT_BUSY },
	};

	(void)state;
	assert_transition(slot_to_shared, shared);
	assert_transition(slot_abandon, busy);
}

static void test_publish_makes_one_reference_or_one_owner(void **state)
{
	struct slot slot = { .state = SLOT_BUSY };

	(void)state;
	slot_publish_shared(&slot);
	assert_int_equal(slot_state(&slot), SHARED(1));
	slot.state = SLOT_BUSY;
	slot_publish_unique(&slot);
	assert_int_equal(slot_state(&slot), SLOT_UNIQUE);
}

static void test_release_leaves_an_unused_slot_of_no_kind(void **state)
{
	struct slot slot = { .state = SLOT_BUSY, .type = SLOT_TYPE(FRAME_NODE, 0, 0) };

	(void)state;
	slot_release(&slot);
	assert_int_equal(slot_state(&slot), SLOT_UNUSED);
	assert_int_equal(slot_kind(&slot), FRAME_NONE);
}

/* S-12 */
static void test_count_is_the_references_of_a_shared_slot_and_else_0(void **state)
{
	static const uint32_t counts[NR_STATES] = {
		0, 0, 1, 2, SLOT_SHARED_MAX - 1, SLOT_SHARED_MAX, 0, 0, 0,
	};

	(void)state;
	for (size_t i = 0; i < NR_STATES; i++) {
		struct slot slot = { .state = states[i] };

		assert_int_equal(slot_count(&slot), counts[i]);
		assert_int_equal(slot_state_is_shared(states[i]), counts[i] != 0);
	}
}

static void test_zero_memory_is_an_unused_slot(void **state)
{
	struct slot slot;

	(void)state;
	memset(&slot, 0, sizeof(slot));
	assert_int_equal(slot_state(&slot), SLOT_UNUSED);
	assert_int_equal(slot_kind(&slot), FRAME_NONE);
	assert_int_equal(slot_claim(&slot), 0);
}

static void test_domain_needs_a_frame_and_numbers_of_32_bits(void **state)
{
	struct phys_domain domain;
	struct slot slot;

	(void)state;
	assert_int_equal(domain_init(&domain, &slot, 0, NULL), -EINVAL);
	assert_int_equal(domain_init(&domain, &slot, UINT64_C(1) << 32, NULL), -EINVAL);
	assert_int_equal(domain_init(&domain, &slot, UINT64_MAX, NULL), -EINVAL);
	/* SLOT_NONE is no frame's number. */
	assert_int_equal(domain_init(&domain, &slot, UINT32_MAX, NULL), 0);
	assert_int_equal(domain_init(&domain, &slot, 1, NULL), 0);
}

/* M-1 */
static void test_address_and_slot_of_a_frame_give_each_other(void **state)
{
	struct phys_domain domain;
	struct slot slots[3], *slot;
	unsigned char memory[1];

	(void)state;
	assert_int_equal(domain_init(&domain, slots, 3, memory), 0);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(domain_slot(&domain, PADDR(i * PAGE_SIZE), &slot), 0);
		assert_ptr_equal(slot, &slots[i]);
		assert_int_equal(domain_slot_number(&domain, slot), i);
		assert_int_equal(domain_slot_paddr(&domain, slot).value, i * PAGE_SIZE);
	}
	assert_ptr_equal(domain_pointer(&domain, PADDR(0)), memory);
}

/* M-2 */
static void test_slot_of_an_address_outside_or_misaligned_is_refused(void **state)
{
	struct phys_domain domain;
	struct slot slots[3], *slot = NULL;

	(void)state;
	assert_int_equal(domain_init(&domain, slots, 3, NULL), 0);
	assert_int_equal(domain_slot(&domain, PADDR(1), &slot), -EINVAL);
	assert_int_equal(domain_slot(&domain, PADDR(PAGE_SIZE / 2), &slot), -EINVAL);
	assert_int_equal(domain_slot(&domain, PADDR(3 * PAGE_SIZE), &slot), -ERANGE);
	assert_int_equal(domain_slot(&domain, PADDR(-PAGE_SIZE), &slot), -ERANGE);
	/* Alignment is looked at first (1.2). */
	assert_int_equal(domain_slot(&domain, PADDR(UINT64_MAX), &slot), -EINVAL);
	assert_null(slot);
}

static void test_run_is_in_the_domain_only_if_its_end_is(void **state)
{
	struct phys_domain domain;
	struct slot slots[3];

	(void)state;
	assert_int_equal(domain_init(&domain, slots, 3, NULL), 0);
	assert_int_equal(domain_check_run(&domain, PADDR(0), 3), 0);
	assert_int_equal(domain_check_run(&domain, PADDR(2 * PAGE_SIZE), 1), 0);
	assert_int_equal(domain_check_run(&domain, PADDR(0), 0), -EINVAL);
	assert_int_equal(domain_check_run(&domain, PADDR(8), 1), -EINVAL);
	assert_int_equal(domain_check_run(&domain, PADDR(0), 4), -ERANGE);
	assert_int_equal(domain_check_run(&domain, PADDR(2 * PAGE_SIZE), 2), -ERANGE);
	assert_int_equal(domain_check_run(&domain, PADDR(3 * PAGE_SIZE), 1), -ERANGE);
	/* Counts whose bytes do not fit 64 bits. */
	assert_int_equal(domain_check_run(&domain, PADDR(0), UINT64_C(1) << 52), -ERANGE);
	assert_int_equal(domain_check_run(&domain, PADDR(0), UINT64_MAX), -ERANGE);
	assert_int_equal(domain_check_run(&domain, PADDR(-PAGE_SIZE), 2), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claim_takes_an_unused_slot_only),
		cmocka_unit_test(test_get_counts_up_a_shared_slot_and_says_why_not_another),
		cmocka_unit_test(test_inc_counts_up_a_shared_slot_until_it_is_saturated),
		cmocka_unit_test(test_put_counts_down_and_the_last_leaves_the_slot_busy),
		cmocka_unit_test(test_to_unique_takes_the_only_reference),
		cmocka_unit_test(test_to_shared_and_abandon_need_a_unique_slot),
		cmocka_unit_test(test_publish_makes_one_reference_or_one_owner),
		cmocka_unit_test(test_release_leaves_an_unused_slot_of_no_kind),
		cmocka_unit_test(test_count_is_the_references_of_a_shared_slot_and_else_0),
		cmocka_unit_test(test_zero_memory_is_an_unused_slot),
		cmocka_unit_test(test_domain_needs_a_frame_and_numbers_of_32_bits),
		cmocka_unit_test(test_address_and_slot_of_a_frame_give_each_other),
		cmocka_unit_test(test_slot_of_an_address_outside_or_misaligned_is_refused),
		cmocka_unit_test(test_run_is_in_the_domain_only_if_its_end_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
