/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of guest tables: see guest_space_fixture.h.
 */
#include "tests/unit/guest_space_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

int guest_map(struct vm *vm, gva_t gva, uint64_t gpa, uint64_t len, uint32_t rights)
{
	return guest_space_map(&vm->tables, gva, GPA(gpa), len, 0, rights);
}

struct pt_mapping guest_look(struct vm *vm, gva_t gva)
{
	struct pt_mapping leaf;

	assert_int_equal(guest_space_query(&vm->tables, gva, &leaf), 0);
	return leaf;
}

void assert_leaf(struct vm *vm, gva_t gva, uint64_t gpa, unsigned level, uint32_t prop)
{
	struct pt_mapping leaf = guest_look(vm, gva);

	assert_true(leaf.present);
	assert_int_equal(leaf.paddr.value + (gva.value - leaf.start.value), gpa);
	assert_int_equal(leaf.level, level);
	assert_int_equal(leaf.prop.bits, prop);
}

void assert_absent(struct vm *vm, gva_t gva)
{
	assert_false(guest_look(vm, gva).present);
}

void assert_references(struct vm *vm, uint64_t gpa, uint64_t len, unsigned count)
{
	for (uint64_t at = 0; at < len; at += PAGE_SIZE)
		assert_int_equal(vm_fixture_references(vm, gpa + at), count);
}
