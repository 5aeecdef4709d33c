/* SPDX-License-Identifier: MIT */
/*
 * Walks of foreign tables against KVM_TRANSLATE: what a real KVM makes of the same entries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "tests/unit/foreign_model.h"
#include "tests/unit/image_builder.h"
#include "tests/unit/kvm_fixture.h"

#define BIT(n) (UINT64_C(1) << (n))
#define MAXPHYADDR_OF_NO_CPUID 36 /* what KVM takes without KVM_SET_CPUID2; and no 1 GiB leaves */

/* Long mode with this root, as hardware would enter it. */
static void long_mode_set(int vcpu_fd, uint64_t root)
{
	struct kvm_sregs special;

	assert_int_equal(ioctl(vcpu_fd, KVM_GET_SREGS, &special), 0);
	special.cs = (struct kvm_segment){
		.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1
	};
	special.cr0 = BIT(31) | BIT(16) | BIT(5) | BIT(4) | BIT(0);
	special.cr3 = root;
	special.cr4 = BIT(5);
	special.efer = BIT(8) | BIT(10) | BIT(11);
	assert_int_equal(ioctl(vcpu_fd, KVM_SET_SREGS, &special), 0);
}

static bool kvm_translate(int vcpu_fd, uint64_t va, uint64_t *gpa)
{
	struct kvm_translation translation = { .linear_address = va };

	assert_int_equal(ioctl(vcpu_fd, KVM_TRANSLATE, &translation), 0);
	*gpa = translation.physical_address;
	return translation.valid;
}

static void compare(int vcpu_fd, const struct foreign_paging *paging,
		    const struct foreign_memory *memory, uint64_t va, unsigned ends[])
{
	struct foreign_path path;
	uint64_t gpa;
	bool mapped = kvm_translate(vcpu_fd, va, &gpa);

	foreign_translate(paging, memory, va, &path);
	assert_int_equal(path.end == FOREIGN_MAPPED, mapped);
	if (mapped)
		assert_int_equal(path.address, gpa);
	ends[path.end]++;
}

static void test_random_tables_are_what_kvm_makes_of_them(void **state)
{
	static struct model_machine machine = { .mode = FOREIGN_LONG4,
						.maxphyaddr = MAXPHYADDR_OF_NO_CPUID,
						.no_1g = true };
	const struct foreign_memory memory = model_memory(&machine);
	struct kvm_fixture *fixture = kvm_fixture_get(state);
	unsigned ends[FOREIGN_REPEATED + 1] = { 0 };
	uint64_t random = 0x2545f4914f6cdd1d;

	for (unsigned round = 0; round < 20; round++) {
		uint64_t root = xorshift(&random) % MODEL_PAGES * PAGE_SIZE;
		struct foreign_paging paging;

		model_fill(&machine, &random);
		assert_int_equal(gpa_space_write(&fixture->memory.space, GPA(0), machine.memory,
						 sizeof(machine.memory)),
				 0);
		model_paging(&machine, root, &paging);
		long_mode_set(fixture->vcpu_fd, root);
		for (unsigned walk = 0; walk < 2000; walk++) {
			uint64_t va = model_address(&machine, &random);

			if (foreign_is_canonical(&paging, va))
				compare(fixture->vcpu_fd, &paging, &memory, va, ends);
		}
	}
	for (unsigned end = FOREIGN_MAPPED; end <= FOREIGN_OUTSIDE; end++)
		assert_in_range(ends[end], 200, 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KVM_TEST(test_random_tables_are_what_kvm_makes_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
