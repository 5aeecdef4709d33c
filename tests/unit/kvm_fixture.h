/* SPDX-License-Identifier: MIT */
/*
 * A VM of the host's real KVM with one vCPU in real mode, for tests of what a guest can reach.
 */
#ifndef TESTS_KVM_FIXTURE_H
#define TESTS_KVM_FIXTURE_H

#include <linux/kvm.h>

#include "tests/unit/gpa_fixture.h"

struct kvm_fixture {
	struct gpa_fixture memory;
	int kvm_fd;
	int vm_fd;
	int vcpu_fd;
	struct kvm_run *run;
	size_t run_len;
};

/*
 * For cmocka: *state is a VM with KVM_RAM bytes of RAM, all mapped and attached, that has run
 * nothing yet. Where KVM cannot be used *state is NULL, and kvm_fixture_get() skips the test with
 * the reason.
 */
#define KVM_RAM KIB(64)

int kvm_fixture_setup(void **state);
int kvm_fixture_teardown(void **state);

#define KVM_TEST(name) \
	cmocka_unit_test_setup_teardown(name, kvm_fixture_setup, kvm_fixture_teardown)

struct kvm_fixture *kvm_fixture_get(void **state);

/* Puts 16-bit code at GPA 0x1000, where the vCPU begins; DS:0 is GPA `data`, below 1 MiB. */
void kvm_fixture_load(struct kvm_fixture *fixture, const void *code, size_t len, uint32_t data);

enum kvm_stop {
	STOP_OUT,   /* the guest wrote a byte to a port */
	STOP_READ,  /* it cannot read; a KVM that emulates lets it read this instead of memory */
	STOP_WRITE, /* it cannot write */
	STOP_FAULT, /* it cannot do one or the other, and will try again when it is run */
	STOP_OTHER,
};

/*
 * Runs until the guest stops. *value is the byte that it wrote, and *gpa the address that it could
 * not access, if KVM says that (otherwise they are left as they are).
 */
enum kvm_stop kvm_fixture_run(struct kvm_fixture *fixture, uint8_t *value, uint64_t *gpa);

#endif
