/* SPDX-License-Identifier: MIT */
/*
 * Opening KVM, with a sentence for everything that is known to go wrong there.
 */
#include "vmm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/refuse.h"

#define CPUID_LEAVES_MAX 256 /* KVM's own limit (KVM_MAX_CPUID_ENTRIES) */

struct advice {
	int number; /* errno */
	const char *text;
};

/* Why /dev/kvm does not open, and what to do about it. */
static const struct advice open_advice[] = {
	{ ENOENT, "there is no /dev/kvm: enable virtualization in the firmware and load the "
		  "module kvm_intel or kvm_amd; for a container, pass the device to it" },
	{ ENODEV, "there is no KVM behind /dev/kvm: load the module kvm_intel or kvm_amd" },
	{ ENXIO, "there is no KVM behind /dev/kvm: load the module kvm_intel or kvm_amd" },
	{ EACCES, "no permission to open /dev/kvm: add the user to the group kvm "
		  "(usermod -aG kvm USER) and log in again" },
	{ EPERM, "this container or sandbox may not open /dev/kvm: pass the device to it" },
};

/* Why a VM cannot be made. */
static const struct advice create_advice[] = {
	{ EBUSY, "another hypervisor has the CPU's virtualization: end its machines first" },
	{ ENOMEM, "the kernel has no memory for a VM: free some" },
	{ EMFILE, "too many open files: raise the limit (ulimit -n)" },
};

struct capability {
	int number;
	const char *name;
	bool irqchip; /* needed for the interrupt controllers only */
};

static const struct capability capabilities[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY", false },
	{ KVM_CAP_SYNC_MMU, "KVM_CAP_SYNC_MMU", false },
	{ KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID", false },
	{ KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR", false },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", false },
	{ KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP", true },
	{ KVM_CAP_PIT2, "KVM_CAP_PIT2", true },
	{ KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE", true },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The advice for errno, or what the libc says about it. */
static int refuse_errno(struct image_error *error, const struct advice *advice, size_t count,
			const char *what)
{
	int number = errno;

	for (size_t i = 0; i < count; i++)
		if (advice[i].number == number)
			return refuse(error, -number, "%s", advice[i].text);
	return refuse(error, -number, "%s: %s", what, strerror(number));
}

static int capabilities_check(int kvm_fd, bool irqchip, struct image_error *error)
{
	int version = ioctl(kvm_fd, KVM_GET_API_VERSION, 0);

	if (version != KVM_API_VERSION)
		return refuse(error, -ENOTSUP,
			      "/dev/kvm has API version %d instead of %d: is it a KVM?", version,
			      KVM_API_VERSION);
	for (size_t i = 0; i < COUNT(capabilities); i++) {
		if (capabilities[i].irqchip && !irqchip)
			continue;
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, capabilities[i].number) <= 0)
			return refuse(error, -ENOTSUP,
				      "this KVM has no %s: a kernel of Linux 4.12 or later has",
				      capabilities[i].name);
	}
	return 0;
}

int kvm_open(bool irqchip, struct image_error *error)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int result;

	if (fd < 0)
		return refuse_errno(error, open_advice, COUNT(open_advice), "/dev/kvm");
	result = capabilities_check(fd, irqchip, error);
	if (result) {
		close(fd);
		return result;
	}
	return fd;
}

int kvm_create_vm(int kvm_fd, struct image_error *error)
{
	int fd;

	do
		fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return refuse_errno(error, create_advice, COUNT(create_advice), "KVM_CREATE_VM");
	return fd;
}

/* A module's parameter of kind bool: 'Y' or '1', 'N' or '0'. 0 if there is no such module. */
static char module_parameter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char value = 0;

	if (fd < 0)
		return 0;
	if (read(fd, &value, 1) != 1)
		value = 0;
	close(fd);
	return value;
}

enum kvm_kind kvm_kind(void)
{
	static const struct {
		const char *path;
		enum kvm_kind kind;
	} second_levels[] = {
		{ "/sys/module/kvm_intel/parameters/ept", KVM_KIND_EPT },
		{ "/sys/module/kvm_amd/parameters/npt", KVM_KIND_NPT },
	};

	for (size_t i = 0; i < COUNT(second_levels); i++) {
		char value = module_parameter(second_levels[i].path);

		if (value)
			return value == 'Y' || value == '1' ? second_levels[i].kind :
							      KVM_KIND_SHADOW;
	}
	return access("/sys/module/kvm", F_OK) == 0 ? KVM_KIND_SHADOW : KVM_KIND_UNKNOWN;
}

bool kvm_emulates_ring_0(void)
{
	return access("/sys/module/kvm", F_OK) == 0 && access("/sys/module/kvm_intel", F_OK) &&
	       access("/sys/module/kvm_amd", F_OK);
}

const char *kvm_kind_name(enum kvm_kind kind)
{
	static const char *const names[] = {
		[KVM_KIND_UNKNOWN] = "paging of an unknown kind",
		[KVM_KIND_SHADOW] = "shadow paging",
		[KVM_KIND_EPT] = "EPT",
		[KVM_KIND_NPT] = "NPT",
	};

	return names[kind];
}

struct kvm_cpuid2 *kvm_supported_cpuid(int kvm_fd)
{
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + CPUID_LEAVES_MAX * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return NULL;
	cpuid->nent = CPUID_LEAVES_MAX;
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid)) {
		free(cpuid);
		return NULL;
	}
	return cpuid;
}

struct kvm_cpuid_entry2 *kvm_cpuid_leaf(struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		if (entry->function == function && entry->index == index)
			return entry;
	}
	return NULL;
}

const char *kvm_exit_name(unsigned reason)
{
	static const char *const names[] = {
		[KVM_EXIT_UNKNOWN] = "unknown",
		[KVM_EXIT_EXCEPTION] = "exception",
		[KVM_EXIT_IO] = "io",
		[KVM_EXIT_HYPERCALL] = "hypercall",
		[KVM_EXIT_DEBUG] = "debug",
		[KVM_EXIT_HLT] = "hlt",
		[KVM_EXIT_MMIO] = "mmio",
		[KVM_EXIT_IRQ_WINDOW_OPEN] = "irq_window_open",
		[KVM_EXIT_SHUTDOWN] = "shutdown",
		[KVM_EXIT_FAIL_ENTRY] = "fail_entry",
		[KVM_EXIT_INTR] = "intr",
		[KVM_EXIT_SET_TPR] = "set_tpr",
		[KVM_EXIT_TPR_ACCESS] = "tpr_access",
		[KVM_EXIT_NMI] = "nmi",
		[KVM_EXIT_INTERNAL_ERROR] = "internal_error",
		[KVM_EXIT_SYSTEM_EVENT] = "system_event",
		[KVM_EXIT_IOAPIC_EOI] = "ioapic_eoi",
		[KVM_EXIT_HYPERV] = "hyperv",
		[KVM_EXIT_X86_RDMSR] = "x86_rdmsr",
		[KVM_EXIT_X86_WRMSR] = "x86_wrmsr",
		[KVM_EXIT_DIRTY_RING_FULL] = "dirty_ring_full",
		[KVM_EXIT_AP_RESET_HOLD] = "ap_reset_hold",
		[KVM_EXIT_X86_BUS_LOCK] = "x86_bus_lock",
		[KVM_EXIT_XEN] = "xen",
		[KVM_EXIT_NOTIFY] = "notify",
		[KVM_EXIT_MEMORY_FAULT] = "memory_fault",
	};

	return reason < COUNT(names) && names[reason] ? names[reason] : "other";
}
