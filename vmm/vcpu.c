/* SPDX-License-Identifier: MIT */
/*
 * Making a vCPU, and what can be asked of one that stands still.
 */
#include "vmm/vcpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/kvm.h"
#include "vmm/refuse.h"

/* A string instruction hands over its accesses one by one: how many are waited for at the end. */
#define FRAGMENTS_MAX 16

/* CPUID leaf 1 (SDM 2, CPUID). */
#define CPUID_1_EBX_APIC_IDS 0xffff0000u /* initial APIC id, logical processors */
#define CPUID_1_EBX_ONE_PROCESSOR 0x00010000u
#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_1_EDX_APIC (1u << 9)
#define CPUID_80000001_EDX_1G_PAGES (1u << 26)

/* Local APIC and IOAPIC (SDM 3 10.5.1; 82093AA data sheet 3.2.4): entries look alike in this. */
#define LAPIC_LVT_LINT0 0x350
#define INTERRUPT_MASKED (1u << 16)
#define INTERRUPT_MODE_MASK 0x700u
#define INTERRUPT_MODE_NMI 0x400u

/* What leaf 1 says about the interrupt controllers, which are there or not. */
static void cpuid_interrupts(const struct vm *vm, struct kvm_cpuid_entry2 *leaf)
{
	if (!vm->options.irqchip) {
		leaf->ecx &= ~(CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE);
		leaf->edx &= ~CPUID_1_EDX_APIC;
	} else if (ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0) {
		leaf->ecx |= CPUID_1_ECX_TSC_DEADLINE;
	}
}

/* KVM answers with the APIC ids of the host's CPU that happened to be asked. Ours is number 0. */
static void cpuid_adjust(const struct vm *vm, struct kvm_cpuid_entry2 *leaf)
{
	switch (leaf->function) {
	case 1:
		leaf->ebx = (leaf->ebx & ~CPUID_1_EBX_APIC_IDS) | CPUID_1_EBX_ONE_PROCESSOR;
		leaf->ecx |= CPUID_1_ECX_HYPERVISOR;
		cpuid_interrupts(vm, leaf);
		break;
	case 0xb:
	case 0x1f:
		leaf->edx = 0;
		break;
	case 0x8000001e:
		leaf->eax = 0;
		break;
	}
}

static unsigned leaf_level_max(struct kvm_cpuid2 *cpuid)
{
	const struct kvm_cpuid_entry2 *leaf = kvm_cpuid_leaf(cpuid, 0x80000001, 0);

	return leaf && leaf->edx & CPUID_80000001_EDX_1G_PAGES ? 3 : 2;
}

static unsigned address_bits(struct kvm_cpuid2 *cpuid)
{
	const struct kvm_cpuid_entry2 *leaf = kvm_cpuid_leaf(cpuid, 0x80000008, 0);

	return leaf ? leaf->eax & 0xff : 0;
}

static int cpuid_set(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid = kvm_supported_cpuid(vm->kvm_fd);
	int result;

	if (!cpuid)
		return -errno;
	for (uint32_t i = 0; i < cpuid->nent; i++)
		cpuid_adjust(vm, &cpuid->entries[i]);
	vm->leaf_level_max = leaf_level_max(cpuid);
	vm->address_bits = address_bits(cpuid);
	result = ioctl(vm->vcpu_fd, KVM_SET_CPUID2, cpuid) ? -errno : 0;
	free(cpuid);
	return result;
}

static int run_map(struct vm *vm)
{
	int len = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	void *run;

	if (len < (int)sizeof(*vm->run))
		return len < 0 ? -errno : -ENOTSUP;
	run = mmap(NULL, (size_t)len, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu_fd, 0);
	if (run == MAP_FAILED)
		return -errno;
	vm->run = run;
	vm->run_len = (size_t)len;
	return 0;
}

int vcpu_create(struct vm *vm, struct image_error *error)
{
	int result;

	vm->vcpu_fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, 0);
	if (vm->vcpu_fd < 0)
		return refuse(error, -errno, "KVM makes no vCPU: %s", strerror(errno));
	result = run_map(vm);
	if (!result)
		result = cpuid_set(vm);
	if (!result)
		return 0;
	vcpu_destroy(vm);
	return refuse(error, result, "KVM does not set up a vCPU: %s", strerror(-result));
}

void vcpu_destroy(struct vm *vm)
{
	if (vm->run)
		munmap(vm->run, vm->run_len);
	vm->run = NULL;
	close(vm->vcpu_fd);
	vm->vcpu_fd = -1;
}

/* Does the vCPU wait for its user's half of an access? What it would read is then all ones. */
static bool access_pending(struct kvm_run *run)
{
	if (run->exit_reason == KVM_EXIT_MMIO) {
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		return true;
	}
	if (run->exit_reason == KVM_EXIT_IO) {
		if (run->io.direction == KVM_EXIT_IO_IN)
			memset((uint8_t *)run + run->io.data_offset, 0xff,
			       (size_t)run->io.size * run->io.count);
		return true;
	}
	return false;
}

void vcpu_complete_exit(struct vm *vm)
{
	vm->run->immediate_exit = 1;
	for (unsigned i = 0; i < FRAGMENTS_MAX && access_pending(vm->run); i++)
		if (ioctl(vm->vcpu_fd, KVM_RUN, 0) < 0)
			break;
	vm->run->immediate_exit = 0;
}

bool vcpu_instruction_pointer(struct vm *vm, uint64_t *linear)
{
	struct kvm_regs registers;
	struct kvm_sregs special;

	if (ioctl(vm->vcpu_fd, KVM_GET_REGS, &registers) ||
	    ioctl(vm->vcpu_fd, KVM_GET_SREGS, &special))
		return false;
	*linear = special.cs.base + registers.rip;
	return true;
}

bool vcpu_translate(struct vm *vm, uint64_t linear, gpa_t *gpa)
{
	struct kvm_translation translation = { .linear_address = linear };

	if (ioctl(vm->vcpu_fd, KVM_TRANSLATE, &translation) || !translation.valid)
		return false;
	*gpa = GPA(translation.physical_address);
	return true;
}

static bool sends_nmi(uint32_t entry)
{
	return !(entry & INTERRUPT_MASKED) && (entry & INTERRUPT_MODE_MASK) == INTERRUPT_MODE_NMI;
}

/* The PIT as a watchdog through LINT0, or a line of the IOAPIC: what can send NMIs here. */
static bool nmi_source_exists(struct vm *vm)
{
	struct kvm_lapic_state lapic;
	struct kvm_irqchip ioapic = { .chip_id = KVM_IRQCHIP_IOAPIC };
	uint32_t lint0;

	if (ioctl(vm->vcpu_fd, KVM_GET_LAPIC, &lapic) || ioctl(vm->vm_fd, KVM_GET_IRQCHIP, &ioapic))
		return true;
	memcpy(&lint0, lapic.regs + LAPIC_LVT_LINT0, sizeof(lint0));
	if (sends_nmi(lint0))
		return true;
	for (unsigned i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		if (sends_nmi((uint32_t)ioapic.chip.ioapic.redirtbl[i].bits))
			return true;
	return false;
}

bool vcpu_halted_for_ever(struct vm *vm)
{
	struct kvm_mp_state state;
	struct kvm_vcpu_events events;

	if (vm->run->if_flag || ioctl(vm->vcpu_fd, KVM_GET_MP_STATE, &state) ||
	    state.mp_state != KVM_MP_STATE_HALTED)
		return false;
	if (ioctl(vm->vcpu_fd, KVM_GET_VCPU_EVENTS, &events) || events.nmi.pending ||
	    events.nmi.injected || events.smi.pending)
		return false;
	return !nmi_source_exists(vm);
}
