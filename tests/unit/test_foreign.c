/* SPDX-License-Identifier: MIT */
/*
 * Walks of single addresses through tables that are not ours, against a second walker that knows
 * the manuals and nothing of mm/foreign.h.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/foreign_model.h"
#include "tests/unit/table_fixture.h"

#define BIT(n) (UINT64_C(1) << (n))
#define NR_ENDS (FOREIGN_NOT_CANONICAL + 1)

static void compare(struct model_machine *machine, uint64_t root, uint64_t va, unsigned *ends)
{
	const struct foreign_memory memory = model_memory(machine);
	struct model_walk model = model_walk(machine, root, va);
	struct foreign_paging paging;
	struct foreign_path path;

	model_paging(machine, root, &paging);
	assert_int_equal(paging.mode, machine->mode);
	memset(&path, 0xee, sizeof(path));
	foreign_translate(&paging, &memory, va, &path);
	assert_int_equal(path.end, model.end);
	assert_int_equal(path.nr_steps, model.nr_steps);
	for (unsigned i = 0; i < path.nr_steps; i++) {
		assert_int_equal(path.steps[i].level, paging.levels - i);
		assert_int_equal(path.steps[i].entry, model.entries[i]);
		assert_int_equal(path.steps[i].raw, model.words[i]);
	}
	ends[path.end]++;
	if (path.end != FOREIGN_MAPPED)
		return;
	assert_int_equal(path.rights, model.rights);
	assert_int_equal(path.address, model.address);
	assert_int_equal(path.level, model.level);
	assert_int_equal(path.steps[path.nr_steps - 1].kind, FOREIGN_LEAF);
}

/* 10^6 walks in all, each through new entries every few thousand. */
static void walk_and_compare(struct model_machine *machine, unsigned rounds, unsigned *ends)
{
	uint64_t root_step = machine->mode == FOREIGN_PAE ? 32 : PAGE_SIZE;
	unsigned roots = machine->mode == FOREIGN_PAE ? 128 : MODEL_PAGES;
	uint64_t random = 0x94d049bb133111eb + machine->mode;

	for (unsigned round = 0; round < rounds; round++) {
		model_fill(machine, &random);
		for (unsigned walk = 0; walk < 4000; walk++)
			compare(machine, random_next(&random) % roots * root_step,
				model_address(machine, &random), ends);
	}
}

static void test_walks_agree_with_a_walker_made_from_the_manual(void **state)
{
	static struct model_machine machine;

	(void)state;
	for (machine.mode = FOREIGN_32; machine.mode < FOREIGN_MODES; machine.mode++) {
		unsigned ends[NR_ENDS] = { 0 };

		machine.maxphyaddr = 52;
		walk_and_compare(&machine, 20, ends);
		machine.maxphyaddr = 39;
		walk_and_compare(&machine, 8, ends);
		machine.no_nx = machine.mode < FOREIGN_EPT4;
		walk_and_compare(&machine, 2, ends);
		machine.no_nx = false;
		machine.no_pse = true;
		walk_and_compare(&machine, 2, ends);
		machine.no_pse = false;
		machine.no_1g = machine.mode < FOREIGN_EPT4;
		walk_and_compare(&machine, 2, ends);
		machine.no_1g = false;
		/* Each way to end was met often. */
		for (unsigned end = FOREIGN_MAPPED; end < NR_ENDS; end++)
			assert_in_range(ends[end], 300, 136000);
	}
}

/* What each entry on the way does to the rights: all combinations of three bits in four entries. */
static void test_rights_are_what_every_level_grants(void **state)
{
	static const uint64_t bits[8] = {
		0, 2, 4, 6, BIT(63), BIT(63) | 2, BIT(63) | 4, BIT(63) | 6
	};
	static struct model_machine machine = { .mode = FOREIGN_LONG4, .maxphyaddr = 52 };
	const struct foreign_memory memory = model_memory(&machine);
	struct foreign_paging paging;

	(void)state;
	model_paging(&machine, 0, &paging);
	for (unsigned all = 0; all < 8 * 8 * 8 * 8; all++) {
		struct foreign_path path;
		uint32_t granted = FOREIGN_RIGHTS;

		for (unsigned i = 0; i < 4; i++)
			machine.memory[i][0] = (i + 1) * PAGE_SIZE | 1 | bits[all >> (3 * i) & 7];
		foreign_translate(&paging, &memory, 5, &path);
		assert_int_equal(path.end, FOREIGN_MAPPED);
		assert_int_equal(path.address, 4 * PAGE_SIZE + 5);
		assert_int_equal(path.rights, model_walk(&machine, 0, 5).rights);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(path.steps[i].lost, granted & ~path.steps[i].rights);
			granted &= path.steps[i].rights;
		}
		assert_int_equal(path.rights, granted);
	}
}

static void test_without_paging_an_address_is_its_physical_address(void **state)
{
	static struct model_machine machine;
	const struct foreign_registers registers = { .cr0 = 1, .cr3 = 0x1000, .cr4 = BIT(5) };
	const struct foreign_memory memory = model_memory(&machine);
	struct foreign_paging paging;
	struct foreign_path path;

	(void)state;
	foreign_paging_of(&registers, &paging);
	assert_int_equal(paging.mode, FOREIGN_OFF);
	foreign_translate(&paging, &memory, 0xfffffff0, &path);
	assert_int_equal(path.end, FOREIGN_MAPPED);
	assert_int_equal(path.address, 0xfffffff0);
	assert_int_equal(path.rights, FOREIGN_RIGHTS);
	foreign_translate(&paging, &memory, BIT(32), &path);
	assert_int_equal(path.end, FOREIGN_NOT_CANONICAL);
}

/* Of what a processor says of its addresses, entries can hold 52 bits. */
static void test_addresses_have_at_most_52_bits(void **state)
{
	static const unsigned maxphyaddr[] = { 0, 52, 53, 64 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct foreign_paging paging;

		foreign_paging_make(FOREIGN_LONG4, 0, maxphyaddr[i], &paging);
		assert_int_equal(foreign_kind(&paging, 1, BIT(51) | 1), FOREIGN_LEAF);
	}
}

/* Bit 12 of a large leaf is the PAT bit for x86-64, and reserved in EPT. */
static void test_bit_12_of_a_large_leaf(void **state)
{
	struct foreign_paging paging;

	(void)state;
	foreign_paging_make(FOREIGN_LONG4, 0, 0, &paging);
	assert_int_equal(foreign_kind(&paging, 2, 0x1083), FOREIGN_LEAF);
	assert_int_equal(foreign_kind(&paging, 2, 0x2083), FOREIGN_RESERVED);
	foreign_paging_make(FOREIGN_EPT4, 0, 0, &paging);
	assert_int_equal(foreign_kind(&paging, 2, 0x00b7), FOREIGN_LEAF);
	assert_int_equal(foreign_kind(&paging, 2, 0x10b7), FOREIGN_RESERVED);
	foreign_paging_ignore_reserved(&paging);
	assert_int_equal(foreign_kind(&paging, 2, 0x10b7), FOREIGN_LEAF);
}

static const void *domain_page(void *context, uint64_t address)
{
	const struct phys_domain *domain = context;

	return domain_pointer(domain, PADDR(address));
}

/* Software bits mean nothing to hardware: a leaf that is only held is absent. */
static void test_walk_sees_what_hardware_sees_of_a_table_of_ours(void **state)
{
	struct table_fixture *fixture = *state;
	const struct foreign_memory memory = { domain_page, fixture->domain };
	static const uint64_t addresses[] = { 5, MIB(3), PAGE_SIZE, 2 * PAGE_SIZE };
	struct foreign_paging paging;

	foreign_paging_make(fixture->table.format->id == PT_FORMAT_EPT_4 ? FOREIGN_EPT4 :
									   FOREIGN_LONG4,
			    page_table_root(&fixture->table).value, 0, &paging);
	assert_int_equal(table_map(fixture, 0, guest_paddr(0), 1, PROP_RW, true), 0);
	assert_int_equal(table_map(fixture, MIB(2), guest_paddr(MIB(2)), 2, PROP_RX, true), 0);
	assert_int_equal(table_map(fixture, PAGE_SIZE, guest_paddr(0), 1, PROP(0), true), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct pt_mapping mapping = table_look(fixture, addresses[i]);
		struct foreign_path path;

		foreign_translate(&paging, &memory, addresses[i], &path);
		assert_int_equal(path.end, i < 2 ? FOREIGN_MAPPED : FOREIGN_NOT_PRESENT);
		assert_int_equal(mapping.present, i < 3);
		if (i >= 2)
			continue;
		assert_int_equal(path.address,
				 mapping.paddr.value + (addresses[i] - mapping.start.value));
		assert_int_equal(path.level, mapping.level);
		assert_int_equal(path.prop.bits, mapping.prop.bits);
		assert_int_equal(path.rights & PROP_RIGHTS, mapping.prop.bits & PROP_RIGHTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks_agree_with_a_walker_made_from_the_manual),
		cmocka_unit_test(test_rights_are_what_every_level_grants),
		cmocka_unit_test(test_without_paging_an_address_is_its_physical_address),
		cmocka_unit_test(test_addresses_have_at_most_52_bits),
		cmocka_unit_test(test_bit_12_of_a_large_leaf),
		TABLE_TEST(test_walk_sees_what_hardware_sees_of_a_table_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
