/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of guest tables.
 *
 * What goes wrong here fails the running test.
 */
#ifndef TESTS_GUEST_SPACE_FIXTURE_H
#define TESTS_GUEST_SPACE_FIXTURE_H

#include "tests/unit/vm_fixture.h"

/* Nothing is mapped from here on, for many GiB; one in each half. */
#define LOW GVA(0x10000000000)
#define HIGH GVA(0xffffa00000000000)

#define TARGET (16 * MIB) /* GPA of RAM, aligned for large leaves */
#define RW (PROP_READ | PROP_WRITE)
#define LEN_2M (2 * MIB)

static inline gva_t gva_add(gva_t gva, uint64_t offset)
{
	return GVA(gva.value + offset);
}

/* guest_space_map() in the largest leaves that fit. */
int guest_map(struct vm *vm, gva_t gva, uint64_t gpa, uint64_t len, uint32_t rights);

/* The leaf or absence at gva. */
struct pt_mapping guest_look(struct vm *vm, gva_t gva);

/* gva leads to gpa by a leaf with exactly these properties, or nowhere. */
void assert_leaf(struct vm *vm, gva_t gva, uint64_t gpa, unsigned level, uint32_t prop);
void assert_absent(struct vm *vm, gva_t gva);

/* Each frame of the run has this many references. */
void assert_references(struct vm *vm, uint64_t gpa, uint64_t len, unsigned count);

#endif
