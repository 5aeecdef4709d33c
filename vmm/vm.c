/* SPDX-License-Identifier: MIT */
/*
 * Making a VM and taking it apart.
 */
#include "vmm/vm.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/kvm.h"
#include "vmm/refuse.h"
#include "vmm/vcpu.h"

/*
 * Three pages below 4 GiB, in the hole of the RAM, which KVM needs on Intel CPUs that cannot run
 * real mode as it is. The identity map's page, likewise, is one page below by KVM's own choice.
 */
#define TSS_ADDRESS 0xfffbd000

#define MIB (UINT64_C(1) << 20)

static int irqchip_create(int vm_fd, struct image_error *error)
{
	const struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };

	if (ioctl(vm_fd, KVM_CREATE_IRQCHIP, 0))
		return refuse(error, -errno, "KVM makes no interrupt controllers: %s",
			      strerror(errno));
	if (ioctl(vm_fd, KVM_CREATE_PIT2, &pit))
		return refuse(error, -errno, "KVM makes no timer (PIT): %s", strerror(errno));
	return 0;
}

/* What belongs to the VM as a whole, and comes before memory and vCPU. */
static int machine_create(struct vm *vm, struct image_error *error)
{
	int result = 0;

	vm->vm_fd = kvm_create_vm(vm->kvm_fd, error);
	if (vm->vm_fd < 0)
		return vm->vm_fd;
	if (ioctl(vm->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS))
		result = refuse(error, -errno, "KVM_SET_TSS_ADDR: %s", strerror(errno));
	if (!result && vm->options.irqchip)
		result = irqchip_create(vm->vm_fd, error);
	if (result)
		close(vm->vm_fd);
	return result;
}

static int memory_fill(struct vm *vm)
{
	int result = gpa_space_populate(&vm->memory);

	return result ? result : gpa_space_attach(&vm->memory, vm->vm_fd);
}

static int memory_create_in(struct vm *vm, const struct ram_layout *ram)
{
	int result = host_pool_create(&vm->pool, host_pool_len_for(vm->options.memory_len));

	if (result)
		return result;
	result = gpa_space_create(&vm->memory, &vm->pool, ram);
	if (result)
		goto destroy_pool;
	result = memory_fill(vm);
	if (result)
		goto destroy_memory;
	return 0;

destroy_memory:
	gpa_space_destroy(&vm->memory);
destroy_pool:
	host_pool_destroy(&vm->pool);
	return result;
}

/*
 * RAM may exceed what the host has, for only what is touched is taken; but all of its slots are
 * touched at the start. What they may take of the host is a half: more would call the OOM killer.
 */
static bool slots_fit(uint64_t memory_len)
{
	uint64_t host_pages = (uint64_t)sysconf(_SC_PHYS_PAGES);

	return memory_len / PAGE_SIZE * sizeof(struct slot) / PAGE_SIZE <= host_pages / 2;
}

static int memory_create(struct vm *vm, struct image_error *error)
{
	uint64_t len = vm->options.memory_len;
	struct ram_layout ram;
	int result = ram_layout_init(&ram, len);

	if (result)
		return refuse(error, result, "RAM can be at most %" PRIu64 " GiB (--mem)",
			      RAM_LEN_MAX >> 30);
	result = slots_fit(len) ? memory_create_in(vm, &ram) : -ENOMEM;
	if (result)
		return refuse(error, result, "the host gives no %" PRIu64 " MiB of RAM (--mem): %s",
			      len / MIB, strerror(-result));
	return 0;
}

static void memory_destroy(struct vm *vm)
{
	gpa_space_destroy(&vm->memory);
	host_pool_destroy(&vm->pool);
}

static int parts_create(struct vm *vm, struct image_error *error)
{
	int result = machine_create(vm, error);

	if (result)
		return result;
	result = memory_create(vm, error);
	if (result)
		goto destroy_machine;
	result = vcpu_create(vm, error);
	if (result)
		goto destroy_memory;
	return 0;

destroy_memory:
	memory_destroy(vm);
destroy_machine:
	close(vm->vm_fd);
	return result;
}

int vm_create(struct vm *vm, const struct vm_options *options, struct image_error *error)
{
	uint64_t start = clock_now();
	int result;

	*vm = (struct vm){ .options = *options };
	vm->kvm_fd = kvm_open(options->irqchip, error);
	if (vm->kvm_fd < 0)
		return vm->kvm_fd;
	result = parts_create(vm, error);
	if (result) {
		close(vm->kvm_fd);
		return result;
	}
	vm->statistics.ns_create = clock_now() - start;
	return 0;
}

void vm_destroy(struct vm *vm)
{
	vcpu_destroy(vm);
	if (vm->has_tables)
		guest_space_destroy(&vm->tables);
	memory_destroy(vm);
	close(vm->vm_fd);
	close(vm->kvm_fd);
}
