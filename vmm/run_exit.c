/* SPDX-License-Identifier: MIT */
/*
 * What a guest's exits ask for: port accesses, memory accesses that are none, HLT.
 */
#include "vmm/run_exit.h"

#include <inttypes.h>
#include <string.h>

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

void run_exit(struct vm *vm)
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
