/* SPDX-License-Identifier: MIT */
/*
 * The walk of a guest's whole table against KVM_TRANSLATE, page by page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "mm/foreign_walk.h"
#include "tests/unit/image_builder.h"
#include "tests/unit/load_fixture.h"
#include "vmm/vcpu.h"
#include "vmm/vm_tables.h"

struct live {
	struct vm vm;
	struct foreign_paging paging;
	struct foreign_memory memory;
	uint64_t pages;
	unsigned unmapped;
};

/* Every page of a run; of large leaves every page, too. */
static int check_run(void *context, const struct foreign_run *run)
{
	struct live *live = context;

	for (uint64_t at = 0; at < run->len; at += PAGE_SIZE) {
		gpa_t gpa;

		assert_true(vcpu_translate(&live->vm, run->start + at + 5, &gpa));
		assert_int_equal(gpa.value, run->address + at + 5);
		live->pages++;
	}
	return 0;
}

static void check_address(struct live *live, uint64_t va)
{
	struct foreign_path path;
	gpa_t gpa;
	bool mapped = vcpu_translate(&live->vm, va, &gpa);

	foreign_translate(&live->paging, &live->memory, va, &path);
	assert_int_equal(path.end == FOREIGN_MAPPED, mapped);
	if (mapped)
		assert_int_equal(path.address, gpa.value);
	live->unmapped += !mapped;
}

static bool open_live(struct live *live)
{
	const struct vm_options options = { .memory_len = 32 * MIB };
	struct image_error error;
	struct kvm_sregs special;
	struct loaded loaded;

	if (vm_create(&live->vm, &options, &error)) {
		print_message("%s\n", error.text);
		return false;
	}
	loaded = load_image(&live->vm, &load_elf64);
	assert_int_equal(vm_start(&live->vm, &loaded.start), 0);
	assert_int_equal(ioctl(live->vm.vcpu_fd, KVM_GET_SREGS, &special), 0);
	vm_tables_paging(&live->vm, &special, &live->paging);
	live->memory = vm_tables_guest_memory(&live->vm.memory);
	return true;
}

static void test_every_page_of_a_guest_is_where_kvm_says(void **state)
{
	static struct live live;
	const struct foreign_visitor visitor = {
		.run = check_run, .context = &live, .last = UINT64_MAX, .revisits = FOREIGN_REVISITS
	};
	uint64_t random = 88172645463325252;

	(void)state;
	if (!open_live(&live))
		skip();
	assert_int_equal(foreign_walk(&live.paging, &live.memory, &visitor, NULL), 0);
	assert_in_range(live.pages, 32 * MIB / PAGE_SIZE, 64 * MIB / PAGE_SIZE);
	while (live.unmapped < 10000)
		check_address(&live, (xorshift(&random) >> (17 + xorshift(&random) % 24)) |
					     (random & 1 ? UINT64_C(0xffff800000000000) : 0));
	vm_destroy(&live.vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page_of_a_guest_is_where_kvm_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
