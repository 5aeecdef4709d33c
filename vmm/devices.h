/* SPDX-License-Identifier: MIT */
/*
 * The devices of a VM (guest_abi.h says where they are): 16550, debug console, exit device, page
 * control.
 */
#ifndef VMM_DEVICES_H
#define VMM_DEVICES_H

#include "vmm/bus.h"
#include "vmm/output.h"
#include "vmm/serial.h"

struct vm;

/*
 * What the command line decides about devices. The descriptors stay the caller's and outlive the
 * run.
 */
struct device_options {
	int serial_fd; /* what the 16550 transmits; -1: there is no 16550 */
	int input_fd;  /* what the 16550 receives; -1: nothing */
	/* what is written to the debug console; may be serial_fd: one order of bytes then */
	int console_fd;
	bool (*interrupted)(
		/* has a signal or the deadline asked for the end? NULL: never. See vmm/output.h */
		void);
};

struct devices {
	struct output outputs
		[2]; /* of the 16550 and of the console; one for both if they share a descriptor */
	struct serial serial;
};

/*
 * Makes the devices and puts them on vm->bus; the 16550 drives interrupt line 4 if there is an
 * irqchip. After vm_create(), before vm_load(), which tells the guest which of them there are.
 * Errors as bus_add().
 */
int devices_attach(struct vm *vm, const struct device_options *options);

/*
 * When the run has ended: writes out what the devices still hold; for a run ended by signal or
 * deadline no longer than a second. 0, or -E* if any output of the run is lost: a host failure.
 */
int devices_flush(struct vm *vm);

/*
 * One device each, on `bus`. What they are given stays the caller's and must not move. Errors as
 * bus_add().
 */
int debug_console_attach(struct port_bus *bus, struct output *output);
int exit_device_attach(struct port_bus *bus);

/*
 * The page-control device on vm->bus. Its requests are carried out on the calling thread, with the
 * vCPU stopped in its port exit: see vmm/page_control.c for what it refuses.
 */
int page_control_attach(struct vm *vm);

#endif
