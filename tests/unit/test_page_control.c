/* SPDX-License-Identifier: MIT */
/*
 * The page-control device, as a guest uses it: a request in RAM, a write to the port, an answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm_fixture.h"
#include "vmm/guest_abi.h"

#define AT UINT32_C(0x201040) /* where the requests are */
#define AT_PAGE UINT64_C(0x201000)
#define ADDRESS UINT64_C(0x10000000000)
#define TARGET (16 * MIB)
#define TABLES FIXTURE_TABLES.value
#define READ ABI_RIGHT_READ
#define RW (ABI_RIGHT_READ | ABI_RIGHT_WRITE)
#define RWX (RW | ABI_RIGHT_EXECUTE)

static int setup_with(void **state, int (*vm_setup)(void **))
{
	vm_setup(state);
	return page_control_attach(*state);
}

static int setup(void **state)
{
	return setup_with(state, vm_fixture_setup_tables);
}

static int setup_without_tables(void **state)
{
	return setup_with(state, vm_fixture_setup);
}

static void doorbell(struct vm *vm, uint32_t at)
{
	assert_int_equal(bus_write(&vm->bus, ABI_PORT_PAGE_CONTROL, 4, at, &vm->ending), 0);
}

/* Has a request carried out; the answer is in its place. */
static int64_t ask(struct vm *vm, struct abi_page_request *request)
{
	assert_int_equal(gpa_space_write(&vm->memory, GPA(AT), request, sizeof(*request)), 0);
	doorbell(vm, AT);
	assert_int_equal(vm->ending.kind, ENDING_NONE);
	assert_int_equal(gpa_space_read(&vm->memory, GPA(AT), request, sizeof(*request)), 0);
	return request->result;
}

static int64_t guest_map(struct vm *vm, uint64_t gva, uint64_t gpa, uint64_t len, uint32_t rights)
{
	struct abi_page_request request = {
		.operation = ABI_PAGE_MAP,
		.table = ABI_TABLE_GUEST,
		.address = gva,
		.target = gpa,
		.len = len,
		.rights = rights,
	};

	return ask(vm, &request);
}

/* An operation that has neither target nor level. */
static int64_t change(struct vm *vm, uint32_t operation, uint32_t table, uint64_t address,
		      uint64_t len, uint32_t rights, uint64_t *count)
{
	struct abi_page_request request = {
		.operation = operation,
		.table = table,
		.address = address,
		.len = len,
		.rights = rights,
		.count = 99,
	};
	int64_t result = ask(vm, &request);

	*count = request.count;
	return result;
}

static int64_t query(struct vm *vm, uint32_t table, uint64_t address,
		     struct abi_page_request *answer)
{
	*answer = (struct abi_page_request){
		.operation = ABI_PAGE_QUERY,
		.table = table,
		.address = address,
		.target = 99,
	};
	return ask(vm, answer);
}

static void test_guest_table_is_mapped_protected_and_unmapped(void **state)
{
	struct abi_page_request leaf;
	struct vm *vm = *state;
	uint64_t count;

	assert_int_equal(guest_map(vm, ADDRESS, TARGET, 3 * PAGE_SIZE, RW), 0);
	assert_int_equal(change(vm, ABI_PAGE_PROTECT, ABI_TABLE_GUEST, ADDRESS, 2 * PAGE_SIZE,
				READ | ABI_RIGHT_USER, &count),
			 0);
	assert_int_equal(count, 2);
	assert_int_equal(query(vm, ABI_TABLE_GUEST, ADDRESS + PAGE_SIZE + 5, &leaf), 0);
	assert_int_equal(leaf.target, TARGET + PAGE_SIZE);
	assert_int_equal(leaf.len, PAGE_SIZE);
	assert_int_equal(leaf.level, 1);
	assert_int_equal(leaf.rights, READ | ABI_RIGHT_USER | ABI_RIGHT_ACCESSED | ABI_RIGHT_DIRTY);
	assert_int_equal(
		change(vm, ABI_PAGE_UNMAP, ABI_TABLE_GUEST, ADDRESS, 8 * PAGE_SIZE, 0, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(query(vm, ABI_TABLE_GUEST, ADDRESS, &leaf), -ENOENT);
}

static void test_level_is_the_largest_leaf(void **state)
{
	struct abi_page_request request = {
		.operation = ABI_PAGE_MAP,
		.table = ABI_TABLE_GUEST,
		.address = ADDRESS,
		.target = TARGET,
		.len = 2 * MIB,
		.rights = RW,
		.level = 1,
	};
	struct abi_page_request leaf;
	struct vm *vm = *state;

	for (unsigned level = 1; level <= 2; level++) {
		request.level = level;
		assert_int_equal(ask(vm, &request), 0);
		assert_int_equal(query(vm, ABI_TABLE_GUEST, request.address, &leaf), 0);
		assert_int_equal(leaf.level, level);
		request.address += GIB;
	}
}

static void test_host_memory_that_comes_back_is_zero(void **state)
{
	struct abi_page_request leaf;
	struct vm *vm = *state;
	uint64_t word = 0x5a5a;
	uint64_t count;

	assert_int_equal(gpa_space_write(&vm->memory, GPA(TARGET), &word, sizeof(word)), 0);
	assert_int_equal(change(vm, ABI_PAGE_UNMAP, ABI_TABLE_HOST, TARGET, PAGE_SIZE, 0, &count),
			 0);
	assert_int_equal(count, 1);
	assert_int_equal(query(vm, ABI_TABLE_HOST, TARGET, &leaf), -ENOENT);
	assert_null(gpa_space_pointer(&vm->memory, GPA(TARGET), 1, PROP_READ));
	assert_int_equal(change(vm, ABI_PAGE_MAP, ABI_TABLE_HOST, TARGET, PAGE_SIZE, RWX, &count),
			 0);
	assert_int_equal(gpa_space_read(&vm->memory, GPA(TARGET), &word, sizeof(word)), 0);
	assert_int_equal(word, 0);
}

static void test_host_query_tells_the_rights_and_not_the_frame(void **state)
{
	struct abi_page_request leaf;
	struct vm *vm = *state;
	uint64_t count;

	assert_int_equal(query(vm, ABI_TABLE_HOST, TARGET + 7, &leaf), 0);
	assert_int_equal(leaf.target, 0);
	assert_int_equal(leaf.level, 2);
	assert_int_equal(leaf.len, 2 * MIB);
	assert_int_equal(leaf.rights, RWX);
	assert_int_equal(
		change(vm, ABI_PAGE_PROTECT, ABI_TABLE_HOST, TARGET, PAGE_SIZE, READ, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(query(vm, ABI_TABLE_HOST, TARGET, &leaf), 0);
	assert_int_equal(leaf.rights, READ);
	assert_int_equal(leaf.level, 1);
}

static void test_fields_that_make_no_sense_are_refused(void **state)
{
	static const struct abi_page_request requests[] = {
		{ 0, ABI_TABLE_GUEST, ADDRESS, TARGET, PAGE_SIZE, RW, 0, 0, 0, 0 },
		{ 5, ABI_TABLE_GUEST, ADDRESS, TARGET, PAGE_SIZE, RW, 0, 0, 0, 0 },
		{ UINT32_MAX, ABI_TABLE_HOST, TARGET, 0, PAGE_SIZE, RW, 0, 0, 0, 0 },
		{ ABI_PAGE_MAP, 2, ADDRESS, TARGET, PAGE_SIZE, RW, 0, 0, 0, 0 },
		{ ABI_PAGE_QUERY, 2, ADDRESS, 0, 0, 0, 0, 0, 0, 0 },
		{ ABI_PAGE_MAP, ABI_TABLE_GUEST, ADDRESS, TARGET, PAGE_SIZE, 0, 0, 0, 0, 0 },
		{ ABI_PAGE_MAP, ABI_TABLE_GUEST, ADDRESS, TARGET, PAGE_SIZE, ABI_RIGHT_WRITE, 0, 0,
		  0, 0 },
		{ ABI_PAGE_MAP, ABI_TABLE_GUEST, ADDRESS, TARGET, PAGE_SIZE,
		  RW | ABI_RIGHT_ACCESSED, 0, 0, 0, 0 },
		{ ABI_PAGE_MAP, ABI_TABLE_GUEST, ADDRESS, TARGET, PAGE_SIZE, RW | 0x100, 0, 0, 0,
		  0 },
		{ ABI_PAGE_MAP, ABI_TABLE_GUEST, ADDRESS, TARGET, PAGE_SIZE, RW, 4, 0, 0, 0 },
		{ ABI_PAGE_MAP, ABI_TABLE_GUEST, ADDRESS, TARGET + 1, PAGE_SIZE, RW, 0, 0, 0, 0 },
		{ ABI_PAGE_MAP, ABI_TABLE_GUEST, ADDRESS + 8, TARGET, PAGE_SIZE, RW, 0, 0, 0, 0 },
		{ ABI_PAGE_MAP, ABI_TABLE_GUEST, ADDRESS, TARGET, 0, RW, 0, 0, 0, 0 },
		{ ABI_PAGE_MAP, ABI_TABLE_HOST, TARGET, 0, PAGE_SIZE, RW, 1, 0, 0, 0 },
		{ ABI_PAGE_MAP, ABI_TABLE_HOST, TARGET, 0, PAGE_SIZE, RW | ABI_RIGHT_USER, 0, 0, 0,
		  0 },
		{ ABI_PAGE_PROTECT, ABI_TABLE_HOST, TARGET, 0, PAGE_SIZE, 0, 0, 0, 0, 0 },
		{ ABI_PAGE_PROTECT, ABI_TABLE_HOST, TARGET, 0, PAGE_SIZE, ABI_RIGHT_WRITE, 0, 0, 0,
		  0 },
		{ ABI_PAGE_PROTECT, ABI_TABLE_HOST, TARGET + 1, 0, PAGE_SIZE, RW, 0, 0, 0, 0 },
		{ ABI_PAGE_UNMAP, ABI_TABLE_HOST, TARGET, 0, 0, 0, 0, 0, 0, 0 },
	};
	struct abi_page_request leaf;
	struct vm *vm = *state;

	for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct abi_page_request request = requests[i];

		assert_int_equal(ask(vm, &request), -EINVAL);
		assert_int_equal(query(vm, ABI_TABLE_GUEST, ADDRESS, &leaf), -ENOENT);
		assert_int_equal(query(vm, ABI_TABLE_HOST, TARGET, &leaf), 0);
		assert_int_equal(leaf.rights, RWX);
	}
}

static void test_ranges_that_cannot_be_are_refused(void **state)
{
	struct vm *vm = *state;
	uint64_t count;

	assert_int_equal(guest_map(vm, ADDRESS, FIXTURE_MEMORY, PAGE_SIZE, RW), -ERANGE);
	assert_int_equal(guest_map(vm, UINT64_C(1) << 47, TARGET, PAGE_SIZE, RW), -ERANGE);
	assert_int_equal(guest_map(vm, ADDRESS, TABLES, PAGE_SIZE, RW), -EBUSY);
	assert_int_equal(change(vm, ABI_PAGE_UNMAP, ABI_TABLE_HOST, FIXTURE_MEMORY, PAGE_SIZE, 0,
				&count),
			 -ERANGE);
	assert_int_equal(change(vm, ABI_PAGE_MAP, ABI_TABLE_HOST, -PAGE_SIZE, 2 * PAGE_SIZE, RW,
				&count),
			 -ERANGE);
	assert_int_equal(change(vm, ABI_PAGE_MAP, ABI_TABLE_HOST, TARGET, PAGE_SIZE, RW, &count),
			 -EEXIST);
}

/* In every way that a range can touch another. */
static void assert_host_busy(struct vm *vm, uint64_t start, uint64_t len)
{
	const uint64_t ranges[][2] = {
		{ start, len },
		{ start - PAGE_SIZE, 2 * PAGE_SIZE },
		{ start + len - PAGE_SIZE, 2 * PAGE_SIZE },
		{ start - PAGE_SIZE, len + 2 * PAGE_SIZE },
		{ 0, FIXTURE_MEMORY },
	};
	static const uint32_t operations[] = { ABI_PAGE_MAP, ABI_PAGE_UNMAP, ABI_PAGE_PROTECT };
	uint64_t count;

	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		for (unsigned j = 0; j < 3; j++)
			assert_int_equal(change(vm, operations[j], ABI_TABLE_HOST, ranges[i][0],
						ranges[i][1], READ, &count),
					 -EBUSY);
	assert_non_null(gpa_space_pointer(&vm->memory, GPA(start), len, PROP_READ | PROP_WRITE));
}

static void assert_host_free(struct vm *vm, uint64_t gpa)
{
	uint64_t count;

	assert_int_equal(change(vm, ABI_PAGE_UNMAP, ABI_TABLE_HOST, gpa, PAGE_SIZE, 0, &count), 0);
	assert_int_equal(count, 1);
}

static void test_host_change_of_the_requests_own_page_is_refused(void **state)
{
	struct vm *vm = *state;

	assert_host_busy(vm, AT_PAGE, PAGE_SIZE);
	assert_host_free(vm, AT_PAGE - PAGE_SIZE);
	assert_host_free(vm, AT_PAGE + PAGE_SIZE);
}

static void test_host_change_of_the_vmms_tables_is_refused(void **state)
{
	struct vm *vm = *state;

	assert_host_busy(vm, TABLES, FIXTURE_TABLES_LEN);
	assert_host_free(vm, TABLES - PAGE_SIZE);
	assert_host_free(vm, TABLES + FIXTURE_TABLES_LEN);
}

static void test_guest_without_tables_of_ours_has_the_host_table_only(void **state)
{
	struct abi_page_request leaf;
	struct vm *vm = *state;
	uint64_t count;

	assert_int_equal(guest_map(vm, ADDRESS, TARGET, PAGE_SIZE, RW), -EOPNOTSUPP);
	assert_int_equal(query(vm, ABI_TABLE_GUEST, ADDRESS, &leaf), -EOPNOTSUPP);
	assert_int_equal(change(vm, ABI_PAGE_UNMAP, ABI_TABLE_GUEST, ADDRESS, PAGE_SIZE, 0, &count),
			 -EOPNOTSUPP);
	assert_int_equal(query(vm, ABI_TABLE_HOST, TARGET, &leaf), 0);
	assert_host_free(vm, TARGET);
}

static void assert_violation(struct vm *vm, uint32_t at)
{
	doorbell(vm, at);
	assert_int_equal(vm->ending.kind, ENDING_MEMORY_VIOLATION);
	assert_int_equal(vm->ending.gpa.value, at);
	assert_int_equal(vm->ending.len, 64);
	vm->ending = (struct ending){ 0 };
}

static void test_request_that_is_not_where_it_may_be_ends_the_run(void **state)
{
	struct vm *vm = *state;

	assert_violation(vm, AT + 8);
	assert_violation(vm, AT + 1);
	assert_violation(vm, (uint32_t)FIXTURE_MEMORY);
	assert_violation(vm, UINT32_MAX - 63);
	assert_violation(vm, (uint32_t)TABLES + 0x40);
	assert_int_equal(gpa_space_protect(&vm->memory, GPA(AT_PAGE), PAGE_SIZE, PROP_READ, NULL),
			 0);
	assert_violation(vm, AT);
	assert_int_equal(gpa_space_unmap(&vm->memory, GPA(AT_PAGE), PAGE_SIZE, NULL), 0);
	assert_violation(vm, AT);
}

static void test_last_bytes_of_ram_can_hold_a_request(void **state)
{
	struct abi_page_request request = { .operation = 77 };
	struct vm *vm = *state;
	gpa_t at = GPA(FIXTURE_MEMORY - sizeof(request));

	assert_int_equal(gpa_space_write(&vm->memory, at, &request, sizeof(request)), 0);
	doorbell(vm, (uint32_t)at.value);
	assert_int_equal(gpa_space_read(&vm->memory, at, &request, sizeof(request)), 0);
	assert_int_equal(request.result, -EINVAL);
}

static void test_other_ports_and_widths_are_no_doorbell(void **state)
{
	struct vm *vm = *state;
	uint32_t value;

	assert_int_equal(bus_write(&vm->bus, ABI_PORT_PAGE_CONTROL, 2, AT, &vm->ending), -ENODEV);
	assert_int_equal(bus_write(&vm->bus, ABI_PORT_PAGE_CONTROL, 1, AT, &vm->ending), -ENODEV);
	assert_int_equal(bus_write(&vm->bus, ABI_PORT_PAGE_CONTROL + 2, 2, AT, &vm->ending),
			 -ENODEV);
	assert_int_equal(bus_read(&vm->bus, ABI_PORT_PAGE_CONTROL, 4, &value), -ENODEV);
}

#define VM_TEST(name) cmocka_unit_test_setup_teardown(name, setup, vm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VM_TEST(test_guest_table_is_mapped_protected_and_unmapped),
		VM_TEST(test_level_is_the_largest_leaf),
		VM_TEST(test_host_memory_that_comes_back_is_zero),
		VM_TEST(test_host_query_tells_the_rights_and_not_the_frame),
		VM_TEST(test_fields_that_make_no_sense_are_refused),
		VM_TEST(test_ranges_that_cannot_be_are_refused),
		VM_TEST(test_host_change_of_the_requests_own_page_is_refused),
		VM_TEST(test_host_change_of_the_vmms_tables_is_refused),
		cmocka_unit_test_setup_teardown(
			test_guest_without_tables_of_ours_has_the_host_table_only,
			setup_without_tables, vm_fixture_teardown),
		VM_TEST(test_request_that_is_not_where_it_may_be_ends_the_run),
		VM_TEST(test_last_bytes_of_ram_can_hold_a_request),
		VM_TEST(test_other_ports_and_widths_are_no_doorbell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
