/* SPDX-License-Identifier: MIT */
/*
 * A VM for tests, without KVM: memory, a bus without devices, and no vCPU.
 *
 * What goes wrong here fails the running test.
 */
#ifndef TESTS_VM_FIXTURE_H
#define TESTS_VM_FIXTURE_H

#include "vmm/vm.h"

#define KIB UINT64_C(0x400)
#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

#define FIXTURE_MEMORY (64 * MIB)
#define FIXTURE_TABLES GPA(60 * MIB) /* of the guest table that setups with one make */
#define FIXTURE_TABLES_LEN MIB

/* A VM with this much RAM, all of it mapped; the host's memory is taken as it is touched. */
struct vm *vm_fixture_open(uint64_t memory_len);

/* Gives vm->tables an empty guest table in [tables, tables+len). */
void vm_fixture_add_tables(struct vm *vm, gpa_t tables, uint64_t len, unsigned max_level);

/* Both domains are audited first, unless a test made the guest's tables unsound. */
void vm_fixture_close(struct vm *vm);
void vm_fixture_close_unsound(struct vm *vm);

/* For cmocka: *state is a VM of FIXTURE_MEMORY, without or with a guest table. */
int vm_fixture_setup(void **state);
int vm_fixture_setup_tables(void **state);
int vm_fixture_teardown(void **state);

/* References on the guest's frame at this GPA: what its table's tracked leaves hold. */
unsigned vm_fixture_references(const struct vm *vm, uint64_t gpa);

#endif
