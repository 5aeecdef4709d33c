/* SPDX-License-Identifier: MIT */
/* Domains: from a physical address to its slot. */
#include "mm/domain.h"

int domain_init(struct phys_domain *domain, struct slot *slots, uint64_t nr_frames, void *memory)
{
	/* SLOT_NONE is no frame's number. */
	if (nr_frames == 0 || nr_frames > SLOT_NONE)
		return -EINVAL;
	*domain = (struct phys_domain){
		.slots = slots,
		.nr_frames = nr_frames,
		.memory = memory,
		.deferred = SLOT_NONE,
	};
	allocator_init(&domain->allocator);
	return 0;
}

int domain_slot(const struct phys_domain *domain, paddr_t paddr, struct slot **slot)
{
	int err = domain_check_run(domain, paddr, 1);

	if (!err)
		*slot = domain_slot_at(domain, paddr);
	return err;
}

int domain_check_run(const struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames)
{
	if (!is_aligned(paddr.value, PAGE_SIZE) || nr_frames == 0)
		return -EINVAL;
	if (nr_frames > domain->nr_frames)
		return -ERANGE;
	return domain_contains(domain, paddr, nr_frames << PAGE_SHIFT) ? 0 : -ERANGE;
}
