/* SPDX-License-Identifier: MIT */
/*
 * A real KVM sees what the host table says: what is mapped, no more, and at once after a change.
 *
 * What a forbidden access becomes differs: a KVM which emulates the instruction exits for it and
 * then goes on, others let KVM_RUN fail with EFAULT and try again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/kvm_fixture.h"

#define DATA 0x8000

/* 1: mov al, [0]; out 0x10, al; jmp 1b */
static const uint8_t reader[] = { 0xa0, 0x00, 0x00, 0xe6, 0x10, 0xeb, 0xf9 };

/* mov al, 0x5a; 1: mov [0], al; out 0x10, al; jmp 1b */
static const uint8_t writer[] = { 0xb0, 0x5a, 0xa2, 0x00, 0x00, 0xe6, 0x10, 0xeb, 0xf9 };

static void assert_out(struct kvm_fixture *fixture, uint8_t expected)
{
	uint8_t value = (uint8_t)~expected;
	uint64_t gpa;

	assert_int_equal(kvm_fixture_run(fixture, &value, &gpa), STOP_OUT);
	assert_int_equal(value, expected);
}

/*
 * The guest cannot do its access at `expected`. Then `repair` is called, and the guest goes on
 * until that access is over, one way or the other.
 */
static void assert_stopped(struct kvm_fixture *fixture, enum kvm_stop kind, uint64_t expected,
			   void (*repair)(struct kvm_fixture *))
{
	uint64_t gpa = expected;
	uint8_t value;
	enum kvm_stop stop = kvm_fixture_run(fixture, &value, &gpa);

	if (stop != STOP_FAULT)
		assert_int_equal(stop, kind);
	assert_int_equal(gpa, expected);
	repair(fixture);
	if (stop != STOP_FAULT)
		assert_int_equal(kvm_fixture_run(fixture, &value, &gpa), STOP_OUT);
}

static uint8_t *data(struct kvm_fixture *fixture)
{
	return fixture->memory.space.window.memory + DATA;
}

static void map_data(struct kvm_fixture *fixture)
{
	assert_int_equal(gpa_space_map(&fixture->memory.space, GPA(DATA), PAGE_SIZE, RWX), 0);
}

static void unmap_data(struct kvm_fixture *fixture)
{
	uint64_t pages;

	assert_int_equal(gpa_space_unmap(&fixture->memory.space, GPA(DATA), PAGE_SIZE, &pages), 0);
	assert_int_equal(pages, 1);
}

static void protect_data(struct kvm_fixture *fixture, uint32_t rights)
{
	uint64_t pages;

	assert_int_equal(
		gpa_space_protect(&fixture->memory.space, GPA(DATA), PAGE_SIZE, rights, &pages), 0);
	assert_int_equal(pages, 1);
}

static void open_data(struct kvm_fixture *fixture)
{
	protect_data(fixture, RWX);
}

static void test_guest_reads_what_the_host_wrote(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);

	kvm_fixture_load(fixture, reader, sizeof(reader), DATA);
	*data(fixture) = 0xa5;
	assert_out(fixture, 0xa5);
	*data(fixture) = 0x5a;
	assert_out(fixture, 0x5a);
}

static void test_guest_cannot_read_what_was_unmapped_under_it(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);

	kvm_fixture_load(fixture, reader, sizeof(reader), DATA);
	*data(fixture) = 0xa5;
	assert_out(fixture, 0xa5);
	unmap_data(fixture);
	assert_stopped(fixture, STOP_READ, DATA, map_data);
	assert_out(fixture, 0);
}

static void test_guest_reads_zeros_after_its_page_was_replaced(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);

	kvm_fixture_load(fixture, reader, sizeof(reader), DATA);
	for (uint8_t round = 1; round < 10; round++) {
		*data(fixture) = round;
		assert_out(fixture, round);
		unmap_data(fixture);
		map_data(fixture);
		assert_out(fixture, 0);
	}
}

static void test_guest_cannot_write_what_became_read_only(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);

	kvm_fixture_load(fixture, writer, sizeof(writer), DATA);
	assert_out(fixture, 0x5a);
	assert_int_equal(*data(fixture), 0x5a);
	*data(fixture) = 0x11;
	protect_data(fixture, PROP_READ);
	assert_stopped(fixture, STOP_WRITE, DATA, open_data);
	assert_out(fixture, 0x5a);
	assert_int_equal(*data(fixture), 0x5a);
}

static void stay(struct kvm_fixture *fixture)
{
	(void)fixture;
}

static void test_forbidden_write_leaves_the_bytes_alone(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);

	kvm_fixture_load(fixture, writer, sizeof(writer), DATA);
	*data(fixture) = 0x11;
	protect_data(fixture, PROP_READ);
	for (unsigned round = 0; round < 3; round++)
		assert_stopped(fixture, STOP_WRITE, DATA, stay);
	assert_int_equal(*data(fixture), 0x11);
}

static void test_guest_can_still_read_what_became_read_only(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);

	kvm_fixture_load(fixture, reader, sizeof(reader), DATA);
	*data(fixture) = 0xa5;
	protect_data(fixture, PROP_READ);
	assert_out(fixture, 0xa5);
	protect_data(fixture, 0);
	assert_stopped(fixture, STOP_READ, DATA, open_data);
	assert_out(fixture, 0xa5);
}

static void test_guest_finds_nothing_behind_its_ram(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);

	kvm_fixture_load(fixture, reader, sizeof(reader), KVM_RAM);
	assert_stopped(fixture, STOP_READ, KVM_RAM, stay);
}

static void test_vm_is_attached_once(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);

	assert_int_equal(gpa_space_attach(&fixture->memory.space, fixture->vm_fd), -EBUSY);
	kvm_fixture_load(fixture, reader, sizeof(reader), DATA);
	assert_out(fixture, 0);
}

/* Does KVM have a memslot that [gpa, gpa+4 KiB) meets? A second one is refused there. */
static bool memslot_at(int vm_fd, void *page, uint64_t gpa)
{
	struct kvm_userspace_memory_region region = {
		.slot = 9,
		.guest_phys_addr = gpa,
		.memory_size = PAGE_SIZE,
		.userspace_addr = (uintptr_t)page,
	};

	if (ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region)) {
		assert_int_equal(errno, EEXIST);
		return true;
	}
	region.memory_size = 0;
	assert_int_equal(ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region), 0);
	return false;
}

static void test_memslots_are_the_ranges_of_ram_and_no_larger(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);
	int vm_fd = ioctl(fixture->kvm_fd, KVM_CREATE_VM, 0);
	struct gpa_fixture large;
	unsigned char *page;

	assert_true(vm_fd >= 0);
	gpa_fixture_open(&large, GIB(3) + MIB(2), MIB(4));
	page = large.space.window.memory;
	assert_int_equal(gpa_space_attach(&large.space, vm_fd), 0);
	assert_int_equal(large.space.vm_fd, vm_fd);
	assert_true(memslot_at(vm_fd, page, 0));
	assert_true(memslot_at(vm_fd, page, GIB(3) - PAGE_SIZE));
	assert_false(memslot_at(vm_fd, page, GIB(3)));
	assert_false(memslot_at(vm_fd, page, GIB(4) - PAGE_SIZE));
	assert_true(memslot_at(vm_fd, page, GIB(4)));
	assert_true(memslot_at(vm_fd, page, GIB(4) + MIB(2) - PAGE_SIZE));
	assert_false(memslot_at(vm_fd, page, GIB(4) + MIB(2)));
	close(vm_fd);
	gpa_fixture_close(&large);
}

static void test_attach_that_fails_leaves_no_memslot(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);
	int vm_fd = ioctl(fixture->kvm_fd, KVM_CREATE_VM, 0);
	struct gpa_fixture large;
	struct kvm_userspace_memory_region region = {
		.slot = 9,
		.guest_phys_addr = GIB(4) + MIB(1),
		.memory_size = PAGE_SIZE,
	};

	assert_true(vm_fd >= 0);
	gpa_fixture_open(&large, GIB(3) + MIB(2), MIB(4));
	region.userspace_addr = (uintptr_t)large.space.window.memory;
	assert_int_equal(ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region), 0);
	assert_int_equal(gpa_space_attach(&large.space, vm_fd), -EEXIST);
	assert_int_equal(large.space.vm_fd, -1);
	assert_false(memslot_at(vm_fd, large.space.window.memory, 0));
	assert_int_equal(gpa_space_attach(&large.space, large.pool.fd), -ENOTTY);
	assert_int_equal(gpa_space_attach(&large.space, -1), -EBADF);
	close(vm_fd);
	gpa_fixture_close(&large);
}

/* RAM, a read-only page, a hole, and RAM: three runs. */
static void test_exposed_memory_is_a_memslot_for_each_run_with_its_rights(void **state)
{
	struct kvm_fixture *fixture = kvm_fixture_get(state);
	struct gpa_space *space = &fixture->memory.space;
	uint64_t gpa = 0;
	uint8_t value;

	kvm_fixture_load(fixture, writer, sizeof(writer), DATA);
	*data(fixture) = 0x11;
	protect_data(fixture, PROP_READ);
	assert_int_equal(gpa_space_unmap(space, GPA(DATA + PAGE_SIZE), PAGE_SIZE, NULL), 0);
	assert_int_equal(gpa_space_expose(space), 0);
	assert_int_equal(kvm_fixture_run(fixture, &value, &gpa), STOP_WRITE);
	assert_int_equal(gpa, DATA);
	assert_int_equal(*data(fixture), 0x11);
	assert_true(memslot_at(fixture->vm_fd, data(fixture), 0));
	assert_true(memslot_at(fixture->vm_fd, data(fixture), DATA));
	assert_false(memslot_at(fixture->vm_fd, data(fixture), DATA + PAGE_SIZE));
	assert_true(memslot_at(fixture->vm_fd, data(fixture), DATA + 2 * PAGE_SIZE));
	assert_false(memslot_at(fixture->vm_fd, data(fixture), KVM_RAM));
}

static void test_space_without_a_vm_cannot_be_exposed(void **state)
{
	struct gpa_fixture *fixture = *state;

	assert_int_equal(gpa_space_expose(&fixture->space), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KVM_TEST(test_guest_reads_what_the_host_wrote),
		KVM_TEST(test_guest_cannot_read_what_was_unmapped_under_it),
		KVM_TEST(test_guest_reads_zeros_after_its_page_was_replaced),
		KVM_TEST(test_guest_cannot_write_what_became_read_only),
		KVM_TEST(test_forbidden_write_leaves_the_bytes_alone),
		KVM_TEST(test_guest_can_still_read_what_became_read_only),
		KVM_TEST(test_guest_finds_nothing_behind_its_ram),
		KVM_TEST(test_vm_is_attached_once),
		KVM_TEST(test_memslots_are_the_ranges_of_ram_and_no_larger),
		KVM_TEST(test_attach_that_fails_leaves_no_memslot),
		KVM_TEST(test_exposed_memory_is_a_memslot_for_each_run_with_its_rights),
		GPA_TEST(test_space_without_a_vm_cannot_be_exposed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
