/* SPDX-License-Identifier: MIT */
/*
 * KVM's ring of coalesced port writes (KVM_CAP_COALESCED_PIO).
 */
#include "vmm/coalesced.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

int coalesced_add(struct vm *vm, uint16_t port)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = port, .size = 1, .pio = 1 };
	int page = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);

	if (page <= 0 || ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_PIO) <= 0)
		return 0;
	if ((size_t)page * PAGE_SIZE + PAGE_SIZE > vm->run_len)
		return 0;
	if (ioctl(vm->vm_fd, KVM_REGISTER_COALESCED_MMIO, &zone))
		return -errno;
	vm->coalesced = (void *)((char *)vm->run + (size_t)page * PAGE_SIZE);
	return 0;
}

void coalesced_drain(struct vm *vm)
{
	struct kvm_coalesced_mmio_ring *ring = vm->coalesced;

	while (ring && ring->first != ring->last && vm->ending.kind == ENDING_NONE) {
		const struct kvm_coalesced_mmio *write = &ring->coalesced_mmio[ring->first];
		uint32_t value;

		memcpy(&value, write->data, sizeof(value));
		bus_write(&vm->bus, (uint16_t)write->phys_addr, write->len, value, &vm->ending);
		ring->first = (ring->first + 1) % KVM_COALESCED_MMIO_MAX;
	}
}
