/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine: KVM's file descriptors, guest memory, devices, and how it ended.
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <linux/kvm.h>

#include "ept/gpa_space.h"
#include "vmm/bus.h"
#include "vmm/devices.h"
#include "vmm/ending.h"
#include "vmm/guest_space.h"
#include "vmm/image.h"

/* What the command line decides about a VM. */
struct vm_options {
	uint64_t memory_len;
	bool strict; /* an access where nothing is ends the run */
	bool irqchip;
};

#define VM_EXIT_REASONS 64

struct vm_statistics {
	uint64_t exits[VM_EXIT_REASONS]; /* by KVM_EXIT_*; the last one is "others" */
	uint64_t open_bus_reads;	 /* accesses where nothing is, with --open-bus */
	uint64_t open_bus_writes;
	uint64_t ns_create; /* VM, memory and vCPU */
	uint64_t ns_load;   /* image and guest tables */
	uint64_t ns_run;    /* in and around KVM_RUN */
};

struct vm {
	struct vm_options options;
	int kvm_fd;
	int vm_fd;
	int vcpu_fd;
	struct kvm_run *run;
	size_t run_len;
	struct kvm_coalesced_mmio_ring *coalesced; /* in the mapping of `run`; NULL: none */
	unsigned leaf_level_max; /* of guest tables, by CPUID: 2, or 3 with 1 GiB pages */
	unsigned address_bits;	 /* of a guest's physical address, by CPUID; 0: not known */
	struct host_pool pool;
	struct gpa_space memory;
	struct guest_space tables; /* long-mode images only: see has_tables */
	bool has_tables;
	struct port_bus bus;
	struct devices devices; /* see devices_attach() */
	struct vm_statistics statistics;
	struct ending ending;
	struct control *control; /* its control socket, NULL: none; see control.h */
	struct gdb *gdb;	 /* its server for gdb, NULL: none; see gdb.h */
	/* how many want the vCPU to stand still, with no exit half done; it runs while this is 0 */
	unsigned holds;
};

/* What the vCPU starts with. */
struct vm_start {
	enum image_mode mode;
	uint64_t rip;
	uint64_t rsp; /* long mode */
	uint64_t rdi; /* long mode: GVA of the boot structure */
	uint64_t rax; /* multiboot: magic in EAX, EBX = its information structure */
	uint64_t rbx;
	gpa_t table_root; /* long mode */
};

/*
 * Opens /dev/kvm, makes the VM, its memory and its vCPU. On failure nothing is left and *error is a
 * sentence that says what to do. The structure must not move.
 */
int vm_create(struct vm *vm, const struct vm_options *options, struct image_error *error);
void vm_destroy(struct vm *vm);

/*
 * Puts the image, its boot information and (long mode) its page tables into guest memory, and says
 * how to start. `command_line` has the image's name as its first word. initrd may be NULL. -E* with
 * a sentence in *error.
 */
int vm_load(struct vm *vm, const struct image *image, const void *file, const char *command_line,
	    const void *initrd, size_t initrd_len, struct vm_start *start,
	    struct image_error *error);

/* Puts the vCPU's registers to the start state. */
int vm_start(struct vm *vm, const struct vm_start *start);

/*
 * Runs until something ends it, and says so in vm->ending. `deadline_ns` is a CLOCK_MONOTONIC time,
 * 0 for none. The vCPU is stopped when it returns, with any exit it was in completed as far as KVM
 * allows.
 */
void vm_run(struct vm *vm, uint64_t deadline_ns);

/*
 * Registers, code bytes, and the walk of RIP and CR2 through guest table and host table, level by
 * level, to `fd`.
 */
void vm_report(struct vm *vm, int fd);

#endif
