/* SPDX-License-Identifier: MIT */
/*
 * Which devices a VM has, and where their bytes go: see devices.h.
 */
#include "vmm/devices.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/coalesced.h"
#include "vmm/guest_abi.h"
#include "vmm/vm.h"

void output_ending(int error, struct ending *ending)
{
	ending_set(ending, ENDING_HOST_FAILURE, "cannot write the guest's output: %s",
		   strerror(-error));
}

/* KVM_IRQ_LINE fails only without an irqchip: then nobody connects this. */
static void irq_line_set(void *context, bool level)
{
	const struct vm *vm = context;
	struct kvm_irq_level line = { .irq = SERIAL_IRQ, .level = level };

	ioctl(vm->vm_fd, KVM_IRQ_LINE, &line);
}

static int serial_add(struct vm *vm, const struct device_options *options)
{
	struct serial *serial = &vm->devices.serial;

	serial_init(serial, &vm->devices.outputs[0], options->input_fd,
		    vm->options.irqchip ? irq_line_set : NULL, vm);
	return serial_attach(serial, &vm->bus, ABI_PORT_SERIAL);
}

/* With an irqchip the 16550 answers by interrupts. */
int devices_coalesce(struct vm *vm)
{
	int result = coalesced_add(vm, ABI_PORT_DEBUG_CONSOLE);

	if (!result && bus_has(&vm->bus, ABI_PORT_SERIAL) && !vm->options.irqchip)
		result = coalesced_add(vm, ABI_PORT_SERIAL);
	return result;
}

int devices_attach(struct vm *vm, const struct device_options *options)
{
	struct output *outputs = vm->devices.outputs;
	bool shared = options->serial_fd == options->console_fd;
	int result = 0;

	output_init(&outputs[0], options->serial_fd, options->interrupted);
	output_init(&outputs[1], options->console_fd, options->interrupted);
	if (options->serial_fd >= 0)
		result = serial_add(vm, options);
	if (!result)
		result = debug_console_attach(&vm->bus, &outputs[shared ? 0 : 1]);
	if (!result)
		result = exit_device_attach(&vm->bus);
	if (!result && vm->options.irqchip)
		result = fw_cfg_attach(&vm->devices.fw_cfg, &vm->bus, vm->options.memory_len);
	if (!result)
		result = page_control_attach(vm);
	return result;
}

static int last_words(struct output *output, enum output_patience patience)
{
	int result = output_flush(output, patience);

	return result == -EINTR ? output_flush(output, OUTPUT_TRY) : result;
}

int devices_flush(struct vm *vm)
{
	enum ending_kind kind = vm->ending.kind;
	enum output_patience patience =
		kind == ENDING_SIGNAL || kind == ENDING_TIMEOUT ? OUTPUT_TRY : OUTPUT_WAIT;
	int first = last_words(&vm->devices.outputs[0], patience);
	int second = last_words(&vm->devices.outputs[1], patience);

	return first ? first : second;
}
