/* SPDX-License-Identifier: MIT */
/*
 * The host's KVM: opened, looked over, and its numbers in words.
 */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/image.h"

/* Newer than the headers of Linux 6.1; the same number in every kernel that has it. */
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif

/* What KVM_EXIT_MEMORY_FAULT has where other exits have theirs, at &run->hw. */
struct kvm_memory_fault {
	uint64_t flags;
	uint64_t gpa;
	uint64_t size;
};

/* How KVM makes guest-physical memory. */
enum kvm_kind {
	KVM_KIND_UNKNOWN, /* /sys does not say */
	KVM_KIND_SHADOW,  /* shadow page tables, made by the kernel */
	KVM_KIND_EPT,	  /* Intel's second level */
	KVM_KIND_NPT,	  /* AMD's second level */
};

/*
 * Opens /dev/kvm and checks its API version and that it has what a VM needs, with or without the
 * kernel's interrupt controllers. The file descriptor is the caller's. -E* with a sentence that
 * says what to do.
 */
int kvm_open(bool irqchip, struct image_error *error);

/* An empty VM: its file descriptor, the caller's. -E* with a sentence. */
int kvm_create_vm(int kvm_fd, struct image_error *error);

/* Which kind it is, by what the modules of the running kernel say in /sys. */
enum kvm_kind kvm_kind(void);

/*
 * Does KVM run ring 0 in its instruction emulator, as one that uses neither VMX nor SVM must? That
 * knows no int3, and takes no notice of data breakpoints.
 */
bool kvm_emulates_ring_0(void);

/* "shadow paging", "EPT", "NPT", "paging of an unknown kind" */
const char *kvm_kind_name(enum kvm_kind kind);

/* The CPUID leaves that a guest can have here, to be freed by the caller. NULL with errno set. */
struct kvm_cpuid2 *kvm_supported_cpuid(int kvm_fd);

/* The leaf of a CPUID list, or NULL. */
struct kvm_cpuid_entry2 *kvm_cpuid_leaf(struct kvm_cpuid2 *cpuid, uint32_t function,
					uint32_t index);

/* KVM_EXIT_* in a word: "io", "mmio", ...; "other" for a number that has none. */
const char *kvm_exit_name(unsigned reason);

#endif
