/* SPDX-License-Identifier: MIT */
/*
 * The tables of a VM of this process: see vm_tables.h.
 */
#include "vmm/vm_tables.h"

void vm_tables_paging(const struct vm *vm, const struct kvm_sregs *special,
		      struct foreign_paging *paging)
{
	const struct foreign_registers registers = {
		.cr0 = special->cr0,
		.cr3 = special->cr3,
		.cr4 = special->cr4,
		.efer = special->efer,
		.maxphyaddr = vm->address_bits,
		.no_1g = vm->leaf_level_max < 3,
	};

	foreign_paging_of(&registers, paging);
}

static const void *guest_page(void *context, uint64_t address)
{
	return gpa_space_pointer(context, GPA(address), PAGE_SIZE, PROP_READ);
}

struct foreign_memory vm_tables_guest_memory(struct gpa_space *memory)
{
	return (struct foreign_memory){ .page = guest_page, .context = memory };
}

void vm_tables_host_paging(const struct gpa_space *memory, struct foreign_paging *paging)
{
	static const enum foreign_mode modes[PT_FORMATS] = {
		[PT_FORMAT_X86_64_4] = FOREIGN_LONG4,
		[PT_FORMAT_X86_64_5] = FOREIGN_LONG5,
		[PT_FORMAT_X86_64_4_KEYS] = FOREIGN_LONG4,
		[PT_FORMAT_X86_64_5_KEYS] = FOREIGN_LONG5,
		[PT_FORMAT_EPT_4] = FOREIGN_EPT4,
		[PT_FORMAT_EPT_5] = FOREIGN_EPT5,
		[PT_FORMAT_NPT_4] = FOREIGN_NPT4,
		[PT_FORMAT_NPT_5] = FOREIGN_NPT5,
	};
	const struct page_table *table = &memory->space.table;

	foreign_paging_make(modes[table->format->id], page_table_root(table).value, 0, paging);
}

static const void *pool_page(void *context, uint64_t address)
{
	const struct phys_domain *domain = context;

	if (!domain_contains(domain, PADDR(address), PAGE_SIZE))
		return NULL;
	return domain_pointer(domain, PADDR(address));
}

struct foreign_memory vm_tables_host_memory(struct gpa_space *memory)
{
	return (struct foreign_memory){ .page = pool_page, .context = memory->space.table.domain };
}
