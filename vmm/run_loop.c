/* SPDX-License-Identifier: MIT */
/*
 * Running a guest until something ends it.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/clock.h"
#include "vmm/coalesced.h"
#include "vmm/control.h"
#include "vmm/gdb.h"
#include "vmm/kvm.h"
#include "vmm/run_exit.h"
#include "vmm/signals.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

/* From here on a guest is one that prints much: see devices_coalesce(). */
#define IO_EXITS_FEW 512

/* How often a vCPU in the kernel's HLT is looked at, and coalesced output that no exit follows. */
#define TICK_NS (NS_PER_SECOND / 10)

/* Seconds from start to deadline as the user gave them: to the millisecond. */
static void timeout(struct vm *vm, uint64_t start_ns, uint64_t deadline_ns)
{
	uint64_t ns = deadline_ns > start_ns ? deadline_ns - start_ns : 0;
	uint64_t ms = (ns + 500000) / 1000000;

	ending_set(&vm->ending, ENDING_TIMEOUT, "still running after %.9g s", (double)ms / 1000);
}

/* What a signal asks for, with the vCPU between two instructions. */
static void signal_handle(struct vm *vm, int signal, uint64_t start_ns, uint64_t deadline_ns)
{
	if (signal == SIGNAL_DEADLINE) {
		timeout(vm, start_ns, deadline_ns);
	} else if (signal == SIGNAL_ATTENTION) {
		control_serve(vm);
		gdb_serve(vm);
	} else if (signal == SIGNAL_TICK) {
		if (vm->options.irqchip && vcpu_halted_for_ever(vm))
			ending_set(&vm->ending, ENDING_HALTED, "HLT with interrupts disabled");
	} else if (signal) {
		vm->ending.code = (uint64_t)signal;
		ending_set(&vm->ending, ENDING_SIGNAL, "SIG%s", sigabbrev_np(signal));
	}
}

static void exit_count(struct vm *vm, unsigned reason)
{
	uint64_t *exits = vm->statistics.exits;

	exits[reason < VM_EXIT_REASONS ? reason : VM_EXIT_REASONS - 1]++;
	if (reason == KVM_EXIT_IO && exits[reason] == IO_EXITS_FEW && devices_coalesce(vm))
		ending_set(&vm->ending, ENDING_HOST_FAILURE, "KVM collects no port writes");
}

/* Lets the guest run to its next exit and does what that one asks for. */
static void run_once(struct vm *vm, uint64_t start_ns, uint64_t deadline_ns)
{
	int error = ioctl(vm->vcpu_fd, KVM_RUN, 0) ? errno : 0;

	coalesced_drain(vm);
	if (vm->ending.kind != ENDING_NONE)
		return;
	if (error == 0) {
		exit_count(vm, vm->run->exit_reason);
		if (!gdb_take_exit(vm))
			run_exit(vm);
	} else if (error == EINTR || error == EAGAIN) {
		exit_count(vm, KVM_EXIT_INTR);
		signal_handle(vm, signals_take(), start_ns, deadline_ns);
	} else {
		run_refused(vm, error);
	}
}

/* While gdb looks at a guest that died. Any signal that asks for the end is one. */
static void post_mortem(struct vm *vm)
{
	while (vm->holds) {
		int signal = signals_wait();

		if (signal == SIGNAL_ATTENTION) {
			control_serve(vm);
			gdb_serve(vm);
		} else if (signal != SIGNAL_TICK) {
			return;
		}
	}
}

void vm_run(struct vm *vm, uint64_t deadline_ns)
{
	uint64_t start_ns = clock_now();
	struct signals signals;
	int result = signals_open(&signals, vm->vcpu_fd, deadline_ns, TICK_NS);

	if (result) {
		ending_set(&vm->ending, ENDING_HOST_FAILURE, "cannot set up signals: %s",
			   strerror(-result));
		gdb_close(vm);
		control_close(vm);
		return;
	}
	if (control_begin(vm))
		control_close(vm);
	if (gdb_begin(vm))
		gdb_close(vm);
	while (vm->ending.kind == ENDING_NONE) {
		if (vm->holds)
			signal_handle(vm, signals_wait(), start_ns, deadline_ns);
		else
			run_once(vm, start_ns, deadline_ns);
	}
	vcpu_complete_exit(vm);
	while (gdb_ended(vm))
		post_mortem(vm);
	gdb_close(vm);
	control_close(vm);
	signals_close(&signals);
	vm->statistics.ns_run += clock_now() - start_ns;
}
