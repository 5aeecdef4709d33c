/* SPDX-License-Identifier: MIT */
/*
 * What each exit of KVM leads to. The exits are written by hand into a kvm_run; no KVM is needed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm_fixture.h"
#include "vmm/kvm.h"
#include "vmm/run_exit.h"

#define DEVICE_PORT 0x100
#define LOG_LEN 16
#define DATA_OFFSET 4096 /* where KVM has the data of port accesses */
#define SENTENCE_LEN 320

/* A device of four ports that remembers what is written and counts up when it is read. */
struct device_log {
	uint32_t written[LOG_LEN];
	unsigned count;
	unsigned end_after; /* writes after which it ends the run */
	uint32_t next;
};

static int log_read(void *context, uint16_t port, unsigned size, uint32_t *value)
{
	struct device_log *log = context;

	(void)port;
	(void)size;
	*value = log->next++;
	return 0;
}

static int log_write(void *context, uint16_t port, unsigned size, uint32_t value,
		     struct ending *ending)
{
	struct device_log *log = context;

	(void)port;
	(void)size;
	log->written[log->count++ % LOG_LEN] = value;
	if (log->count == log->end_after)
		ending_set(ending, ENDING_GUEST_EXIT, "%s", "");
	return 0;
}

struct machine {
	struct vm *vm;
	struct device_log log;
	struct port_device device;
};

static int machine_make(void **state)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	machine->vm = vm_fixture_open(FIXTURE_MEMORY);
	machine->vm->options.strict = true;
	machine->vm->run_len = 2 * DATA_OFFSET;
	machine->vm->run = calloc(1, machine->vm->run_len);
	machine->device = (struct port_device){
		.name = "log",
		.first = DEVICE_PORT,
		.count = 4,
		.read = log_read,
		.write = log_write,
		.context = &machine->log,
	};
	*state = machine;
	return bus_add(&machine->vm->bus, &machine->device);
}

static int machine_free(void **state)
{
	struct machine *machine = *state;

	free(machine->vm->run);
	machine->vm->run = NULL;
	vm_fixture_close(machine->vm);
	free(machine);
	return 0;
}

/* A port exit; `data` is what the guest writes, or NULL for a read. Returns where the data is. */
static uint8_t *port_exit(struct vm *vm, uint16_t port, uint8_t size, uint32_t count,
			  const void *data)
{
	uint8_t *place = (uint8_t *)vm->run + DATA_OFFSET;

	vm->run->exit_reason = KVM_EXIT_IO;
	vm->run->io.direction = data ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
	vm->run->io.port = port;
	vm->run->io.size = size;
	vm->run->io.count = count;
	vm->run->io.data_offset = DATA_OFFSET;
	memset(place, 0x55, DATA_OFFSET);
	if (data)
		memcpy(place, data, (size_t)size * count);
	run_exit(vm);
	return place;
}

static void memory_exit(struct vm *vm, uint64_t gpa, uint32_t len, bool write)
{
	vm->run->exit_reason = KVM_EXIT_MMIO;
	vm->run->mmio.phys_addr = gpa;
	vm->run->mmio.len = len;
	vm->run->mmio.is_write = write;
	memset(vm->run->mmio.data, 0x55, sizeof(vm->run->mmio.data));
	run_exit(vm);
}

static void assert_ended(const struct vm *vm, int code, const char *words)
{
	char sentence[SENTENCE_LEN];

	ending_sentence(&vm->ending, sentence, sizeof(sentence));
	if (ending_exit_code(&vm->ending, false) != code || !strstr(sentence, words))
		fail_msg("ended as %d, '%s', instead of %d, '%s'",
			 ending_exit_code(&vm->ending, false), sentence, code, words);
}

static void assert_running(const struct vm *vm)
{
	assert_int_equal(vm->ending.kind, ENDING_NONE);
}

static void test_port_write_reaches_its_device_with_its_width(void **state)
{
	struct machine *machine = *state;

	port_exit(machine->vm, DEVICE_PORT, 1, 1, "\x12\x34\x56\x78");
	port_exit(machine->vm, DEVICE_PORT, 2, 1, "\x12\x34\x56\x78");
	port_exit(machine->vm, DEVICE_PORT, 4, 1, "\x12\x34\x56\x78");
	assert_running(machine->vm);
	assert_int_equal(machine->log.count, 3);
	assert_int_equal(machine->log.written[0], 0x12);
	assert_int_equal(machine->log.written[1], 0x3412);
	assert_int_equal(machine->log.written[2], 0x78563412);
}

static void test_port_read_fills_its_width_only(void **state)
{
	struct machine *machine = *state;
	uint8_t *data;

	machine->log.next = 0x0a0b0c0d;
	data = port_exit(machine->vm, DEVICE_PORT, 2, 1, NULL);
	assert_memory_equal(data, "\x0d\x0c\x55\x55", 4);
}

static void test_string_write_is_done_in_order(void **state)
{
	struct machine *machine = *state;

	port_exit(machine->vm, DEVICE_PORT, 2, 3, "\x01\x00\x02\x00\x03\x00");
	assert_int_equal(machine->log.count, 3);
	assert_int_equal(machine->log.written[0], 1);
	assert_int_equal(machine->log.written[1], 2);
	assert_int_equal(machine->log.written[2], 3);
}

static void test_string_read_is_done_in_order(void **state)
{
	struct machine *machine = *state;
	uint8_t *data;

	machine->log.next = 7;
	data = port_exit(machine->vm, DEVICE_PORT, 1, 4, NULL);
	assert_memory_equal(data, "\x07\x08\x09\x0a\x55", 5);
}

static void test_string_write_stops_where_the_run_ends(void **state)
{
	struct machine *machine = *state;

	machine->log.end_after = 2;
	port_exit(machine->vm, DEVICE_PORT, 1, 5, "abcde");
	assert_int_equal(machine->vm->ending.kind, ENDING_GUEST_EXIT);
	assert_int_equal(machine->log.count, 2);
}

static void test_strict_port_access_where_nothing_is_ends_the_run(void **state)
{
	struct machine *machine = *state;
	struct vm *vm = machine->vm;

	port_exit(vm, 0x80, 2, 1, "\x34\x12");
	assert_ended(vm, 123, "2-byte write of 0x1234 to port 0x80, where nothing is");
	vm->ending = (struct ending){ .kind = ENDING_NONE };
	port_exit(vm, 0x60, 1, 1, NULL);
	assert_ended(vm, 123, "1-byte read of port 0x60, where nothing is");
}

static void test_open_bus_reads_all_ones_and_drops_writes(void **state)
{
	struct machine *machine = *state;
	struct vm *vm = machine->vm;
	uint8_t *data;

	vm->options.strict = false;
	port_exit(vm, 0x80, 4, 2, "12345678");
	data = port_exit(vm, 0x60, 2, 3, NULL);
	assert_memory_equal(data, "\xff\xff\xff\xff\xff\xff\x55", 7);
	assert_running(vm);
	assert_int_equal(vm->statistics.open_bus_writes, 2);
	assert_int_equal(vm->statistics.open_bus_reads, 3);
}

static void test_access_that_leaves_its_device_is_where_nothing_is(void **state)
{
	struct machine *machine = *state;

	port_exit(machine->vm, DEVICE_PORT + 3, 4, 1, "1234");
	assert_ended(machine->vm, 123, "where nothing is");
	assert_int_equal(machine->log.count, 0);
}

static void test_strict_access_outside_of_ram_is_a_violation(void **state)
{
	struct machine *machine = *state;

	memory_exit(machine->vm, 0xe0000000, 4, true);
	assert_ended(machine->vm, 122,
		     "write of 4 bytes at GPA 0xe0000000, where there is no memory");
}

static void test_open_bus_has_memory_too(void **state)
{
	struct machine *machine = *state;
	struct vm *vm = machine->vm;

	vm->options.strict = false;
	memory_exit(vm, FIXTURE_MEMORY, 8, true);
	memory_exit(vm, UINT64_MAX - 7, 8, false);
	assert_memory_equal(vm->run->mmio.data, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	assert_running(vm);
	assert_int_equal(vm->statistics.open_bus_writes, 1);
	assert_int_equal(vm->statistics.open_bus_reads, 1);
}

static void test_ram_that_is_not_mapped_is_a_violation_on_an_open_bus_too(void **state)
{
	struct machine *machine = *state;
	struct vm *vm = machine->vm;

	vm->options.strict = false;
	assert_int_equal(gpa_space_unmap(&vm->memory, GPA(MIB), PAGE_SIZE, NULL), 0);
	memory_exit(vm, MIB + 0xff8, 8, false);
	assert_ended(vm, 122, "read of 8 bytes at GPA 0x100ff8, which the host table does not map");
}

static void test_read_only_ram_is_said_to_be_so(void **state)
{
	struct machine *machine = *state;
	struct vm *vm = machine->vm;

	assert_int_equal(gpa_space_protect(&vm->memory, GPA(MIB), PAGE_SIZE, PROP_READ, NULL), 0);
	memory_exit(vm, MIB, 1, true);
	assert_ended(vm, 122,
		     "write of 1 byte at GPA 0x100000, which the host table maps "
		     "read-only");
}

static void test_memory_fault_has_its_address(void **state)
{
	struct machine *machine = *state;
	struct kvm_memory_fault fault = { .gpa = 0x200000, .size = PAGE_SIZE };

	machine->vm->run->exit_reason = KVM_EXIT_MEMORY_FAULT;
	memcpy(&machine->vm->run->hw, &fault, sizeof(fault));
	run_refused(machine->vm, EFAULT);
	assert_ended(machine->vm, 122, "access at GPA 0x200000");
}

static void test_bare_efault_is_a_violation_somewhere(void **state)
{
	struct machine *machine = *state;

	machine->vm->run->exit_reason = KVM_EXIT_UNKNOWN;
	run_refused(machine->vm, EFAULT);
	assert_ended(machine->vm, 122, "access at a GPA that the kernel does not tell");
}

static void test_other_errors_of_kvm_run_are_host_failures(void **state)
{
	struct machine *machine = *state;

	run_refused(machine->vm, ENOMEM);
	assert_ended(machine->vm, 125, "KVM_RUN: Cannot allocate memory");
}

static void test_halt_without_irqchip_is_for_ever(void **state)
{
	struct machine *machine = *state;
	struct vm *vm = machine->vm;

	vm->run->exit_reason = KVM_EXIT_HLT;
	run_exit(vm);
	assert_ended(vm, 126, "HLT with interrupts disabled");
	vm->run->if_flag = 1;
	run_exit(vm);
	assert_ended(vm, 126, "HLT with interrupts enabled, but no --irqchip");
}

static void test_shutdown_is_a_triple_fault(void **state)
{
	struct machine *machine = *state;

	machine->vm->run->exit_reason = KVM_EXIT_SHUTDOWN;
	run_exit(machine->vm);
	assert_ended(machine->vm, 120, "triple fault");
}

static void test_emulation_failure_shows_the_instruction(void **state)
{
	struct machine *machine = *state;
	struct kvm_run *run = machine->vm->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 4;
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = 3;
	memcpy(run->emulation_failure.insn_bytes, "\x0f\x01\xcb", 3);
	run_exit(machine->vm);
	assert_ended(machine->vm, 121, "bytes there: 0f 01 cb");
}

static void test_emulation_failure_without_bytes_says_so(void **state)
{
	struct machine *machine = *state;
	struct kvm_run *run = machine->vm->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.insn_size = 200;
	run_exit(machine->vm);
	assert_ended(machine->vm, 121, "bytes there: unknown");
}

static void test_internal_errors_have_their_meaning(void **state)
{
	static const struct {
		uint32_t suberror;
		const char *words;
	} errors[] = {
		{ KVM_INTERNAL_ERROR_SIMUL_EX, "suberror 2: two exceptions at once" },
		{ KVM_INTERNAL_ERROR_DELIVERY_EV, "suberror 3: an exit while" },
		{ KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, "suberror 4: an exit that" },
		{ 0, "suberror 0: of a kind that is not known" },
		{ UINT32_MAX, "suberror 4294967295: of a kind that is not known" },
	};
	struct machine *machine = *state;

	machine->vm->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		machine->vm->run->internal.suberror = errors[i].suberror;
		run_exit(machine->vm);
		assert_ended(machine->vm, 121, errors[i].words);
	}
}

static void test_failed_entry_has_its_reason(void **state)
{
	struct machine *machine = *state;
	struct kvm_run *run = machine->vm->run;

	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = 0x80000021;
	run_exit(machine->vm);
	assert_ended(machine->vm, 121, "reason 0x80000021: invalid guest state");
	run->fail_entry.hardware_entry_failure_reason = 0x123;
	run_exit(machine->vm);
	assert_ended(machine->vm, 121, "reason 0x123: of a kind that is not known");
}

static void test_every_other_exit_is_unhandled(void **state)
{
	struct machine *machine = *state;

	machine->vm->run->exit_reason = KVM_EXIT_HYPERCALL;
	run_exit(machine->vm);
	assert_ended(machine->vm, 123, "KVM exit 3 (hypercall)");
	machine->vm->run->exit_reason = 12345;
	run_exit(machine->vm);
	assert_ended(machine->vm, 123, "KVM exit 12345 (other)");
}

static void test_interrupted_run_goes_on(void **state)
{
	struct machine *machine = *state;

	machine->vm->run->exit_reason = KVM_EXIT_INTR;
	run_exit(machine->vm);
	assert_running(machine->vm);
}

#define MACHINE_TEST(test) cmocka_unit_test_setup_teardown(test, machine_make, machine_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(test_port_write_reaches_its_device_with_its_width),
		MACHINE_TEST(test_port_read_fills_its_width_only),
		MACHINE_TEST(test_string_write_is_done_in_order),
		MACHINE_TEST(test_string_read_is_done_in_order),
		MACHINE_TEST(test_string_write_stops_where_the_run_ends),
		MACHINE_TEST(test_strict_port_access_where_nothing_is_ends_the_run),
		MACHINE_TEST(test_open_bus_reads_all_ones_and_drops_writes),
		MACHINE_TEST(test_access_that_leaves_its_device_is_where_nothing_is),
		MACHINE_TEST(test_strict_access_outside_of_ram_is_a_violation),
		MACHINE_TEST(test_open_bus_has_memory_too),
		MACHINE_TEST(test_ram_that_is_not_mapped_is_a_violation_on_an_open_bus_too),
		MACHINE_TEST(test_read_only_ram_is_said_to_be_so),
		MACHINE_TEST(test_memory_fault_has_its_address),
		MACHINE_TEST(test_bare_efault_is_a_violation_somewhere),
		MACHINE_TEST(test_other_errors_of_kvm_run_are_host_failures),
		MACHINE_TEST(test_halt_without_irqchip_is_for_ever),
		MACHINE_TEST(test_shutdown_is_a_triple_fault),
		MACHINE_TEST(test_emulation_failure_shows_the_instruction),
		MACHINE_TEST(test_emulation_failure_without_bytes_says_so),
		MACHINE_TEST(test_internal_errors_have_their_meaning),
		MACHINE_TEST(test_failed_entry_has_its_reason),
		MACHINE_TEST(test_every_other_exit_is_unhandled),
		MACHINE_TEST(test_interrupted_run_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
