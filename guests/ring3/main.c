/* SPDX-License-Identifier: MIT */
/*
 * Has its table changed under code that runs in ring 3. After each change the code sees the new
 * entry and never the old one, whatever the CPU or KVM had cached of it.
 */
#include <stddef.h>

#include "guests/lib/exception.h"
#include "guests/lib/guest.h"
#include "guests/lib/page.h"
#include "guests/lib/user.h"

#define GVA_CODE UINT64_C(0x10000000000) /* nothing is there */
#define GVA_SMALL (GVA_CODE + PAGE_SIZE_2M)
#define GVA_LARGE (GVA_SMALL + PAGE_SIZE_2M)
#define USER_READ_WRITE (PAGE_READ_WRITE | ABI_RIGHT_USER)

static void check_repointing(void)
{
	uint64_t first = memory_take(PAGE_SIZE, PAGE_SIZE);
	uint64_t second = memory_take(PAGE_SIZE, PAGE_SIZE);

	*memory_at(first) = 0x11;
	*memory_at(second) = 0x22;
	check(user_is_page_fault(user_read(GVA_SMALL), GVA_SMALL, FAULT_USER),
	      "an absent page faults");
	check(!page_map(GVA_SMALL, first, PAGE_SIZE, USER_READ_WRITE, 1) &&
		      user_has_read(user_read(GVA_SMALL), 0x11),
	      "it is mapped and read");
	check(!page_unmap(ABI_TABLE_GUEST, GVA_SMALL, PAGE_SIZE, NULL) &&
		      !page_map(GVA_SMALL, second, PAGE_SIZE, USER_READ_WRITE, 1) &&
		      user_has_read(user_read(GVA_SMALL), 0x22),
	      "mapped to another page, that one is read");
	user_write(GVA_SMALL, 0x33);
	check(*memory_at(first) == 0x11 && *memory_at(second) == 0x33, "and written");
}

static void check_rights(void)
{
	check(!page_protect(ABI_TABLE_GUEST, GVA_SMALL, PAGE_SIZE, PAGE_READ | ABI_RIGHT_USER,
			    NULL) &&
		      user_is_page_fault(user_write(GVA_SMALL, 0), GVA_SMALL,
					 FAULT_PRESENT | FAULT_WRITE | FAULT_USER) &&
		      user_has_read(user_read(GVA_SMALL), 0x33),
	      "protected to read-only, its write faults");
	check(user_is_page_fault(user_execute(GVA_SMALL), GVA_SMALL,
				 FAULT_PRESENT | FAULT_USER | FAULT_FETCH),
	      "and its execution");
	check(!page_protect(ABI_TABLE_GUEST, GVA_SMALL, PAGE_SIZE, PAGE_READ_WRITE, NULL) &&
		      user_is_page_fault(user_read(GVA_SMALL), GVA_SMALL,
					 FAULT_PRESENT | FAULT_USER),
	      "protected to ring 0, its read faults");
	check(!page_unmap(ABI_TABLE_GUEST, GVA_SMALL, PAGE_SIZE, NULL) &&
		      user_is_page_fault(user_read(GVA_SMALL), GVA_SMALL, FAULT_USER),
	      "unmapped, it is absent");
}

static void check_split(void)
{
	uint64_t gpa = memory_take(PAGE_SIZE_2M, PAGE_SIZE_2M);
	uint64_t page = GVA_LARGE + 5 * PAGE_SIZE;

	*memory_at(gpa + 6 * PAGE_SIZE) = 0x44;
	check(!page_map(GVA_LARGE, gpa, PAGE_SIZE_2M, USER_READ_WRITE, 2) &&
		      user_has_read(user_read(page + PAGE_SIZE), 0x44) &&
		      user_has_read(user_read(page), 0),
	      "a 2 MiB page is read");
	check(!page_unmap(ABI_TABLE_GUEST, page, PAGE_SIZE, NULL) &&
		      user_is_page_fault(user_read(page), page, FAULT_USER),
	      "4 KiB of it are unmapped and absent");
	check(user_has_read(user_read(page + PAGE_SIZE), 0x44), "the next 4 KiB are read");
}

int guest_main(void)
{
	user_setup(GVA_CODE);
	check_repointing();
	check_rights();
	check_split();
	return check_result();
}
