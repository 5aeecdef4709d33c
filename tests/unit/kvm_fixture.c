/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/kvm_fixture.h"

#define CODE 0x1000
#define TSS_ADDRESS 0xfffbd000 /* real mode on some Intel CPUs needs three pages of its own */

static int skip_reason; /* errno of why there is no VM */

static int vcpu_open(struct kvm_fixture *fixture)
{
	fixture->vcpu_fd = ioctl(fixture->vm_fd, KVM_CREATE_VCPU, 0);
	if (fixture->vcpu_fd < 0)
		return -errno;
	fixture->run_len = (size_t)ioctl(fixture->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	fixture->run = mmap(NULL, fixture->run_len, PROT_READ | PROT_WRITE, MAP_SHARED,
			    fixture->vcpu_fd, 0);
	assert_ptr_not_equal(fixture->run, MAP_FAILED);
	return 0;
}

static int vm_open(struct kvm_fixture *fixture)
{
	fixture->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fixture->kvm_fd < 0)
		return -errno;
	fixture->vm_fd = ioctl(fixture->kvm_fd, KVM_CREATE_VM, 0);
	if (fixture->vm_fd < 0 || ioctl(fixture->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS))
		return -errno;
	return vcpu_open(fixture);
}

static void vm_close(struct kvm_fixture *fixture)
{
	if (fixture->vcpu_fd >= 0)
		close(fixture->vcpu_fd);
	if (fixture->vm_fd >= 0)
		close(fixture->vm_fd);
	if (fixture->kvm_fd >= 0)
		close(fixture->kvm_fd);
}

int kvm_fixture_setup(void **state)
{
	struct kvm_fixture *fixture = malloc(sizeof(*fixture));

	assert_non_null(fixture);
	*fixture = (struct kvm_fixture){ .kvm_fd = -1, .vm_fd = -1, .vcpu_fd = -1 };
	skip_reason = vm_open(fixture);
	if (skip_reason) {
		vm_close(fixture);
		free(fixture);
		*state = NULL;
		return 0;
	}
	gpa_fixture_open(&fixture->memory, KVM_RAM, 0);
	assert_int_equal(gpa_space_populate(&fixture->memory.space), 0);
	assert_int_equal(gpa_space_attach(&fixture->memory.space, fixture->vm_fd), 0);
	*state = fixture;
	return 0;
}

int kvm_fixture_teardown(void **state)
{
	struct kvm_fixture *fixture = *state;

	if (!fixture)
		return 0;
	munmap(fixture->run, fixture->run_len);
	vm_close(fixture);
	gpa_fixture_close(&fixture->memory);
	free(fixture);
	return 0;
}

struct kvm_fixture *kvm_fixture_get(void **state)
{
	if (!*state) {
		print_message("/dev/kvm cannot be used: %s\n", strerror(-skip_reason));
		skip();
	}
	return *state;
}

void kvm_fixture_load(struct kvm_fixture *fixture, const void *code, size_t len, uint32_t data)
{
	struct kvm_regs registers = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs special;

	assert_int_equal(gpa_space_write(&fixture->memory.space, GPA(CODE), code, len), 0);
	assert_int_equal(ioctl(fixture->vcpu_fd, KVM_GET_SREGS, &special), 0);
	special.cs.base = 0;
	special.cs.selector = 0;
	special.ds.base = data;
	special.ds.selector = (uint16_t)(data >> 4);
	assert_int_equal(ioctl(fixture->vcpu_fd, KVM_SET_SREGS, &special), 0);
	assert_int_equal(ioctl(fixture->vcpu_fd, KVM_SET_REGS, &registers), 0);
}

enum kvm_stop kvm_fixture_run(struct kvm_fixture *fixture, uint8_t *value, uint64_t *gpa)
{
	struct kvm_run *run = fixture->run;

	if (ioctl(fixture->vcpu_fd, KVM_RUN, 0))
		return errno == EFAULT ? STOP_FAULT : STOP_OTHER;
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		*value = *((uint8_t *)run + run->io.data_offset);
		return run->io.direction == KVM_EXIT_IO_OUT ? STOP_OUT : STOP_OTHER;
	case KVM_EXIT_MMIO:
		*gpa = run->mmio.phys_addr;
		return run->mmio.is_write ? STOP_WRITE : STOP_READ;
	default:
		return STOP_OTHER;
	}
}
