/* SPDX-License-Identifier: MIT */
/*
 * The devices of a VM (guest_abi.h says where they are): 16550, debug console, exit device, page
 * control.
 */
#ifndef VMM_DEVICES_H
#define VMM_DEVICES_H

#include "vmm/bus.h"
#include "vmm/fw_cfg.h"
#include "vmm/output.h"
#include "vmm/serial.h"

struct vm;

/* What the command line decides. The descriptors stay the caller's and outlive the run. */
struct device_options {
	int serial_fd;	/* what the 16550 transmits; -1: there is no 16550 */
	int input_fd;	/* what the 16550 receives; -1: nothing */
	int console_fd; /* what the debug console gets; may be serial_fd: one order of bytes then */
	bool (*interrupted)(void); /* shall a wait for a slow reader end? NULL: never */
};

struct devices {
	struct output outputs[2]; /* of 16550 and console; the first for both if they share it */
	struct serial serial;
	struct fw_cfg fw_cfg; /* PC-type machines only: those with an irqchip */
};

/*
 * Makes the devices and puts them on vm->bus; the 16550 drives interrupt line 4 if there is an
 * irqchip. After vm_create(), and before vm_load(), which tells the guest which devices there are.
 * Errors as bus_add().
 */
int devices_attach(struct vm *vm, const struct device_options *options);

/*
 * Has what guests write most, byte by byte, collected from now on. Not at once: KVM takes some ten
 * milliseconds longer to destroy a VM that has ever done so. 0, or what the kernel says.
 */
int devices_coalesce(struct vm *vm);

/*
 * When the run has ended: writes out what the devices still hold; after a signal or the deadline
 * for a second at most. Returns 0, or -E* if any output of the run is lost: a host failure.
 */
int devices_flush(struct vm *vm);

/* One device each, on `bus`; what they are given must outlive it, unmoved. Errors as bus_add(). */
int debug_console_attach(struct port_bus *bus, struct output *output);
int exit_device_attach(struct port_bus *bus);

/*
 * The page-control device on vm->bus. It carries requests out on the thread that runs the vCPU, in
 * its port exit. page_control.c says what it refuses.
 */
int page_control_attach(struct vm *vm);

/* Fills *ending for an output that failed for good with `error` (negative errno). */
void output_ending(int error, struct ending *ending);

#endif
