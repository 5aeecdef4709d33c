/* SPDX-License-Identifier: MIT */
/*
 * The host's KVM: opened, looked over, and its numbers in words.
 */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>

#include "vmm/image.h"

/* Newer than the headers of Debian 12 (Linux 6.1); the same in every later kernel. */
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif

/* What an exit KVM_EXIT_MEMORY_FAULT has where other exits have theirs, at &run->hw. */
struct kvm_memory_fault {
	uint64_t flags;
	uint64_t gpa;
	uint64_t size;
};

/* How KVM makes guest-physical memory. */
enum kvm_kind {
	KVM_KIND_UNKNOWN, /* /sys does not say */
	KVM_KIND_SHADOW,  /* shadow page tables made by the kernel */
	KVM_KIND_EPT,	  /* Intel's second level */
	KVM_KIND_NPT,	  /* AMD's second level */
};

/*
 * Opens /dev/kvm and checks its API version and that it can do what a VM needs, with or without the
 * in-kernel interrupt controllers. The file descriptor is the caller's. -E* with a sentence which
 * says what to do.
 */
int kvm_open(bool irqchip, struct image_error *error);

/* Creates an empty VM: its file descriptor, the caller's. -E* with a sentence. */
int kvm_create_vm(int kvm_fd, struct image_error *error);

/* Which kind the running kernel's modules say it is. */
enum kvm_kind kvm_kind(void);

/* "shadow paging", "EPT (Intel)", ... */
const char *kvm_kind_name(enum kvm_kind kind);

/*
 * The CPUID leaves that this KVM can give a guest: a structure to free(). NULL with errno.
 */
struct kvm_cpuid2 *kvm_supported_cpuid(int kvm_fd);

/* KVM_EXIT_* in words: "io", "mmio", ...; "other" for a number that no kernel known here has. */
const char *kvm_exit_name(unsigned reason);

/*
 * Writes a printf-style sentence and returns `result`, so that a check ends in `return
 * kvm_fail(...)`.
 */
__attribute__((format(printf, 3, 4))) int kvm_fail(struct image_error *error, int result,
						   const char *format, ...);

#endif
