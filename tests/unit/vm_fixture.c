/* SPDX-License-Identifier: MIT */
/*
 * A VM for tests: see vm_fixture.h.
 */
#include "tests/unit/vm_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vmm/vm_audit.h"

struct vm *vm_fixture_open(uint64_t memory_len)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	struct ram_layout ram;

	assert_non_null(vm);
	vm->kvm_fd = vm->vm_fd = vm->vcpu_fd = -1;
	vm->leaf_level_max = 3;
	assert_int_equal(ram_layout_init(&ram, memory_len), 0);
	assert_int_equal(host_pool_create(&vm->pool, host_pool_len_for(memory_len)), 0);
	assert_int_equal(gpa_space_create(&vm->memory, &vm->pool, &ram), 0);
	assert_int_equal(gpa_space_populate(&vm->memory), 0);
	return vm;
}

void vm_fixture_add_tables(struct vm *vm, gpa_t tables, uint64_t len, unsigned max_level)
{
	assert_int_equal(guest_space_create(&vm->tables, &vm->memory, tables, len, max_level), 0);
	vm->has_tables = true;
}

void vm_fixture_close_unsound(struct vm *vm)
{
	if (vm->has_tables)
		guest_space_destroy(&vm->tables);
	gpa_space_destroy(&vm->memory);
	host_pool_destroy(&vm->pool);
	free(vm);
}

void vm_fixture_close(struct vm *vm)
{
	assert_int_equal(vm_audit(vm, stderr), 0);
	vm_fixture_close_unsound(vm);
}

int vm_fixture_setup(void **state)
{
	*state = vm_fixture_open(FIXTURE_MEMORY);
	return 0;
}

int vm_fixture_setup_tables(void **state)
{
	vm_fixture_setup(state);
	vm_fixture_add_tables(*state, FIXTURE_TABLES, FIXTURE_TABLES_LEN, 3);
	return 0;
}

int vm_fixture_teardown(void **state)
{
	vm_fixture_close(*state);
	return 0;
}

unsigned vm_fixture_references(const struct vm *vm, uint64_t gpa)
{
	return slot_count(domain_slot_at(&vm->memory.guest, PADDR(gpa)));
}
