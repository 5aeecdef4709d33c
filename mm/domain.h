/* SPDX-License-Identifier: MIT */
/*
 * A domain: a range of physical addresses from 0, a slot for each 4 KiB frame of it, and a constant
 * distance from physical address to pointer (M-1, M-2). The pool of host frames is one; the RAM of
 * each VM, by GPA, is another; a bare-metal guest's RAM is a third.
 */
#ifndef MM_DOMAIN_H
#define MM_DOMAIN_H

#include "mm/allocator.h"
#include "mm/slot.h"
#include "mm/types.h"

struct page_table;
struct flush_queue;

struct phys_domain {
	struct slot *slots;
	uint64_t nr_frames;
	unsigned char *memory; /* where physical address 0 is */
	/*
	 * Nobody but the engine writes to frames that are free: then frames for nodes may be zeroed
	 * ahead of time. Not so for the RAM of a guest, which may write there whenever it likes.
	 */
	bool private_memory;
	struct frame_allocator allocator;

	lock_t lock;		    /* of what follows */
	struct page_table *tables;  /* that live here: for the audit */
	struct flush_queue *queues; /* of what has left them: for the audit */
	/* first of the removed nodes that wait for a grace period, by slot.next */
	uint32_t deferred;
	_Atomic uint64_t nr_deferred;
	_Atomic uint32_t last_list; /* ids of lists given out so far */
	_Atomic uint64_t
		/* references that a table claimed and no slot confirmed: hostile tables */
		nr_corrupt;
};

/*
 * Makes a domain of `nr_frames` frames. `slots` has as many records, all zero, and `memory` points
 * to physical address 0; both stay the caller's and outlive the domain. The allocator is empty:
 * give it memory with allocator_add(). Its memory is taken for one that others can write to; who
 * knows better sets private_memory before the first frame is allocated.
 * -EINVAL if there is no frame or frame numbers would not fit 32 bits.
 */
int domain_init(struct phys_domain *domain, struct slot *slots, uint64_t nr_frames, void *memory);

/* Slot of a frame (1.2). -EINVAL misaligned, -ERANGE beyond the domain. */
int domain_slot(const struct phys_domain *domain, paddr_t paddr, struct slot **slot);

/*
 * Are the `nr_frames` frames from paddr on a run of the domain? -EINVAL misaligned or empty,
 * -ERANGE.
 */
int domain_check_run(const struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames);

/* Is [paddr, paddr+len) a range of the domain? */
static inline bool domain_contains(const struct phys_domain *domain, paddr_t paddr, uint64_t len)
{
	uint64_t size = domain->nr_frames << PAGE_SHIFT;

	return paddr.value <= size && len <= size - paddr.value;
}

/* Bytes of the domain from paddr on. */
static inline uint64_t domain_room(const struct phys_domain *domain, paddr_t paddr)
{
	uint64_t size = domain->nr_frames << PAGE_SHIFT;

	return paddr.value < size ? size - paddr.value : 0;
}

/* The slot of a frame that is known to be in the domain. */
static inline struct slot *domain_slot_at(const struct phys_domain *domain, paddr_t paddr)
{
	return &domain->slots[paddr.value >> PAGE_SHIFT];
}

static inline uint32_t domain_slot_number(const struct phys_domain *domain, const struct slot *slot)
{
	return (uint32_t)(slot - domain->slots);
}

static inline paddr_t domain_slot_paddr(const struct phys_domain *domain, const struct slot *slot)
{
	return PADDR((uint64_t)(slot - domain->slots) << PAGE_SHIFT);
}

/* The bytes of a frame of memory that begins with physical address 0. */
static inline void *memory_frame(unsigned char *memory, uint64_t number)
{
	return memory + (number << PAGE_SHIFT);
}

/* The bytes of a frame that is known to be in the domain. */
static inline void *domain_pointer(const struct phys_domain *domain, paddr_t paddr)
{
	return domain->memory + paddr.value;
}

#endif
