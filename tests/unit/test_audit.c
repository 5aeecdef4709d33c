/* SPDX-License-Identifier: MIT */
/*
 * The audit: silent about a sound domain, and about a broken one it names the rule, the place, and
 * what it found there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/audit_subject.h"

static void test_sound_domain_is_sound_and_counted(void **state)
{
	struct subject subject;

	subject_arrange(&subject, *state);
	assert_int_equal(subject_audit(&subject), 0);
	assert_null(subject.report.violation.rule);
	assert_int_equal(subject.report.frames, TABLE_FRAMES);
	assert_int_equal(subject.report.nodes, 4 + 4 + 1);
	assert_int_equal(subject.report.leaves, 4);
	assert_true(subject.report.chunks > 0);
	subject_clean_up(&subject);
}

static void test_audit_changes_nothing(void **state)
{
	struct subject subject;
	static unsigned char memory[TABLE_POOL_FRAMES * PAGE_SIZE];
	const void *pool;

	subject_arrange(&subject, *state);
	pool = domain_pointer(subject.fixture->domain, frame_number(TABLE_POOL_FIRST));
	memcpy(memory, pool, sizeof(memory));
	domain_fixture_remember(&subject.fixture->base);
	assert_int_equal(subject_audit(&subject), 0);
	domain_fixture_assert_unchanged(&subject.fixture->base);
	assert_memory_equal(memory, pool, sizeof(memory));
	subject_clean_up(&subject);
}

static void test_domain_without_tables_is_audited_too(void **state)
{
	struct domain_fixture other;
	struct audit_report report;
	uint32_t scratch[FIXTURE_FRAMES];
	struct frame frame;

	(void)state;
	domain_fixture_open_pool(&other, FIXTURE_FRAMES, FIXTURE_POOL_FIRST, FIXTURE_POOL_FRAMES);
	assert_int_equal(mm_audit(&other.domain, scratch, NULL, NULL, &report), 0);
	assert_int_equal(report.frames, FIXTURE_FRAMES);
	assert_int_equal(report.nodes, 0);
	assert_int_equal(frame_alloc(&other.domain, FRAME_DATA, false, &frame), 0);
	assert_int_equal(mm_audit(&other.domain, scratch, NULL, NULL, &report), -EUCLEAN);
	assert_string_equal(report.violation.rule, "INV-A3");
	assert_int_equal(report.violation.paddr.value, frame.paddr.value);
	assert_int_equal(report.violation.level, 0);
	assert_int_equal(report.violation.index, NODE_ENTRIES);
	assert_int_equal(report.violation.expected, 0);
	assert_int_equal(report.violation.found, 1);
	frame_put(&frame);
	domain_fixture_close(&other);
}

/* M-6: whoever claims a frame by its address has it, also out of a chunk or from a shelf. */
static void test_frame_claimed_by_its_address_where_it_lay_free_is_no_violation(void **state)
{
	struct table_fixture *fixture = *state;
	struct phys_domain *domain = fixture->domain;
	struct frame at_hand, in_chunk, handle;

	assert_int_equal(frame_alloc(domain, FRAME_DATA, false, &handle), 0);
	at_hand = handle;
	frame_put(&handle);
	assert_int_equal(frame_from_unused(domain, at_hand.paddr, FRAME_GUEST, &at_hand), 0);
	table_received(fixture, at_hand.paddr, 1);
	/* The last frame of the pool's last chunk: not a head, and on no shelf. */
	assert_int_equal(frame_from_unused(domain,
					   frame_number(TABLE_POOL_FIRST + TABLE_POOL_FRAMES - 1),
					   FRAME_GUEST, &in_chunk),
			 0);
	table_received(fixture, in_chunk.paddr, 1);
	check_audit(fixture);
	table_release(fixture, at_hand.paddr, 1);
	table_release(fixture, in_chunk.paddr, 1);
	check_audit(fixture);
}

static void test_violation_says_where_and_what(void **state)
{
	struct table_fixture *fixture = *state;
	struct audit_violation *violation;
	struct subject subject;
	uint64_t raw;

	subject_arrange(&subject, fixture);
	violation = &subject.report.violation;
	slot_inc(subject_slot(&subject, SHARED_NUMBER));
	assert_int_equal(subject_audit(&subject), -EUCLEAN);
	assert_int_equal(violation->paddr.value, guest_paddr(0).value);
	assert_int_equal(violation->level, 0);
	assert_int_equal(violation->index, NODE_ENTRIES);
	assert_int_equal(violation->expected, 3);
	assert_int_equal(violation->found, 4);
	slot_put(subject_slot(&subject, SHARED_NUMBER));
	raw = node_read(table_node(fixture, 0, 2), 0).raw;
	subject_set_entry(&subject, 0, 2, PTE_TRACKED | 1);
	assert_int_equal(subject_audit(&subject), -EUCLEAN);
	assert_int_equal(violation->paddr.value,
			 node_paddr(fixture->domain, table_node(fixture, 0, 2)).value);
	assert_int_equal(violation->level, 2);
	assert_int_equal(violation->index, 0);
	assert_int_equal(violation->found, PTE_TRACKED | 1);
	subject_set_entry(&subject, 0, 2, raw);
	assert_int_equal(subject_audit(&subject), 0);
	subject_clean_up(&subject);
}

/* 512 leaves that each claim the same 512 frames, at every turn. */
static void test_audit_of_endless_claims_ends_at_the_first_too_many(void **state)
{
	struct table_fixture *fixture = *state;
	struct subject subject;

	fixture->hostile = true;
	subject_arrange(&subject, fixture);
	for (unsigned i = 2; i < NODE_ENTRIES; i++)
		subject_set_entry(&subject, MIB(2 * i), 2,
				  subject_leaf(&subject, guest_paddr(MIB(2)), 2));
	assert_int_equal(subject_audit(&subject), -EUCLEAN);
	assert_string_equal(subject.report.violation.rule, "INV-A3");
	assert_int_equal(subject.report.violation.found, 2);
	subject_clean_up(&subject);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(test_sound_domain_is_sound_and_counted),
		TABLE_TEST(test_audit_changes_nothing),
		cmocka_unit_test(test_domain_without_tables_is_audited_too),
		TABLE_TEST(test_frame_claimed_by_its_address_where_it_lay_free_is_no_violation),
		TABLE_TEST(test_violation_says_where_and_what),
		TABLE_TEST(test_audit_of_endless_claims_ends_at_the_first_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
