/* SPDX-License-Identifier: MIT */
/*
 * Running a guest until something ends it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/clock.h"
#include "vmm/kvm.h"
#include "vmm/run_failure.h"
#include "vmm/signals.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

/* How often a vCPU in the kernel's HLT is looked at. */
#define TICK_NS (NS_PER_SECOND / 10)

/* An access to a port where no device is: the end, or nothing happens. */
static void port_open_bus(struct vm *vm, bool write, uint16_t port, unsigned size, uint32_t *value)
{
	if (vm->options.strict && write) {
		ending_set(&vm->ending, ENDING_UNHANDLED_EXIT,
			   "%u-byte write of 0x%" PRIx32 " to port 0x%x, where nothing is", size,
			   *value, port);
	} else if (vm->options.strict) {
		ending_set(&vm->ending, ENDING_UNHANDLED_EXIT,
			   "%u-byte read of port 0x%x, where nothing is", size, port);
	} else if (write) {
		vm->statistics.open_bus_writes++;
	} else {
		vm->statistics.open_bus_reads++;
	}
	if (!write)
		*value = UINT32_MAX;
}

/* x86 is little endian: the low bytes of `value` are what the guest's access has at `data`. */
static void port_write(struct vm *vm, uint16_t port, unsigned size, const uint8_t *data)
{
	uint32_t value = 0;

	memcpy(&value, data, size);
	if (bus_write(&vm->bus, port, size, value, &vm->ending))
		port_open_bus(vm, true, port, size, &value);
}

static void port_read(struct vm *vm, uint16_t port, unsigned size, uint8_t *data)
{
	uint32_t value;

	if (bus_read(&vm->bus, port, size, &value))
		port_open_bus(vm, false, port, size, &value);
	memcpy(data, &value, size);
}

/* One access, or `count` of them of a string instruction, whose data lie one after the other. */
static void exit_io(struct vm *vm)
{
	const struct kvm_run *run = vm->run;
	uint8_t *data = (uint8_t *)vm->run + run->io.data_offset;
	bool write = run->io.direction == KVM_EXIT_IO_OUT;

	for (uint32_t i = 0; i < run->io.count && vm->ending.kind == ENDING_NONE; i++) {
		if (write)
			port_write(vm, run->io.port, run->io.size, data);
		else
			port_read(vm, run->io.port, run->io.size, data);
		data += run->io.size;
	}
}

/*
 * An access to memory that KVM could not do: a GPA where there is no RAM, or RAM that the host
 * table does not give with that right. No device has memory.
 */
static void exit_mmio(struct vm *vm)
{
	struct kvm_run *run = vm->run;
	gpa_t gpa = GPA(run->mmio.phys_addr);

	if (vm->options.strict || ram_layout_contains(&vm->memory.ram, gpa, 1)) {
		run_violation(vm, gpa, run->mmio.is_write ? PROP_WRITE : PROP_READ, run->mmio.len);
	} else if (run->mmio.is_write) {
		vm->statistics.open_bus_writes++;
	} else {
		vm->statistics.open_bus_reads++;
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
	}
}

/* Without an irqchip there is no interrupt, of whatever kind, that could end a HLT. */
static void exit_halted(struct vm *vm)
{
	ending_set(&vm->ending, ENDING_HALTED, "HLT with interrupts %s",
		   vm->run->if_flag ? "enabled, but no --irqchip to send one" : "disabled");
}

static void exit_handle(struct vm *vm)
{
	switch (vm->run->exit_reason) {
	case KVM_EXIT_IO:
		exit_io(vm);
		break;
	case KVM_EXIT_MMIO:
		exit_mmio(vm);
		break;
	case KVM_EXIT_HLT:
		exit_halted(vm);
		break;
	case KVM_EXIT_INTR:
		break;
	default:
		run_failure(vm);
	}
}

/* Seconds from start to deadline as the user gave them: to the millisecond. */
static void timeout(struct vm *vm, uint64_t start_ns, uint64_t deadline_ns)
{
	uint64_t ns = deadline_ns > start_ns ? deadline_ns - start_ns : 0;
	uint64_t ms = (ns + 500000) / 1000000;

	ending_set(&vm->ending, ENDING_TIMEOUT, "still running after %.9g s", (double)ms / 1000);
}

static void signals_handle(struct vm *vm, uint64_t start_ns, uint64_t deadline_ns)
{
	int signal = signals_take();

	if (signal == SIGNAL_DEADLINE) {
		timeout(vm, start_ns, deadline_ns);
	} else if (signal == SIGNAL_TICK) {
		if (vcpu_halted_for_ever(vm))
			ending_set(&vm->ending, ENDING_HALTED, "HLT with interrupts disabled");
	} else if (signal) {
		vm->ending.code = (uint64_t)signal;
		ending_set(&vm->ending, ENDING_SIGNAL, "SIG%s", sigabbrev_np(signal));
	}
}

static void exit_count(struct vm *vm, unsigned reason)
{
	vm->statistics.exits[reason < VM_EXIT_REASONS ? reason : VM_EXIT_REASONS - 1]++;
}

/* Lets the guest run to its next exit and does what that one asks for. */
static void run_once(struct vm *vm, uint64_t start_ns, uint64_t deadline_ns)
{
	if (ioctl(vm->vcpu_fd, KVM_RUN, 0) == 0) {
		exit_count(vm, vm->run->exit_reason);
		exit_handle(vm);
	} else if (errno == EINTR || errno == EAGAIN) {
		exit_count(vm, KVM_EXIT_INTR);
		signals_handle(vm, start_ns, deadline_ns);
	} else {
		run_refused(vm, errno);
	}
}

void vm_run(struct vm *vm, uint64_t deadline_ns)
{
	uint64_t start_ns = clock_now();
	uint64_t tick_ns = vm->options.irqchip ? TICK_NS : 0;
	struct signals signals;
	int result = signals_open(&signals, vm->vcpu_fd, deadline_ns, tick_ns);

	if (result) {
		ending_set(&vm->ending, ENDING_HOST_FAILURE, "cannot set up signals: %s",
			   strerror(-result));
		return;
	}
	while (vm->ending.kind == ENDING_NONE)
		run_once(vm, start_ns, deadline_ns);
	vcpu_complete_exit(vm);
	signals_close(&signals);
	vm->statistics.ns_run += clock_now() - start_ns;
}
