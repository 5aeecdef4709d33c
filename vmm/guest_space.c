/* SPDX-License-Identifier: MIT */
/*
 * The guest's page tables, as the VMM keeps them: see guest_space.h.
 */
#include "vmm/guest_space.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#define RIGHTS (PROP_RIGHTS | PROP_USER)

/*
 * A page under 4 GiB where no device is, and a slot that nothing else uses: every KVM has 32 at
 * least. The VM has this memory during a flush only.
 */
#define FLUSH_GPA (RAM_HOLE_END - PAGE_SIZE)
#define FLUSH_SLOT 31

static int slot_set(const struct gpa_space *host, uint64_t len)
{
	struct kvm_userspace_memory_region region = {
		.slot = FLUSH_SLOT,
		.guest_phys_addr = FLUSH_GPA,
		.memory_size = len,
		.userspace_addr = (uintptr_t)host->window.memory,
	};

	return ioctl(host->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

/*
 * A KVM with shadow paging does not see that we changed a present entry: ring 3 goes on with the
 * old one, whatever the guest flushes. Deleting a memslot, any will do, makes it drop every shadow.
 * With EPT or NPT the guest's own flush would be enough, and this one costs microseconds.
 */
static void guest_flush(struct vm_space *space, vaddr_t start, uint64_t len, prop_t rights)
{
	struct guest_space *guest = (struct guest_space *)space;
	int error;

	(void)start;
	(void)len;
	(void)rights;
	if (guest->host->vm_fd < 0)
		return;
	error = slot_set(guest->host, PAGE_SIZE);
	if (!error)
		error = slot_set(guest->host, 0);
	if (error)
		guest->flush_error = error;
}

static const struct space_operations operations = { .flush = guest_flush };

int guest_space_create(struct guest_space *guest, struct gpa_space *host, gpa_t tables,
		       uint64_t len, unsigned max_level)
{
	int error;

	_Static_assert(offsetof(struct guest_space, space) == 0, "guest_flush() casts");
	if (len == 0 || !is_aligned(tables.value | len, PAGE_SIZE))
		return -EINVAL;
	if (!gpa_space_pointer(host, tables, len, PROP_READ | PROP_WRITE))
		return -ERANGE;
	*guest = (struct guest_space){
		.host = host,
		.tables = tables,
		.tables_len = len,
		.max_level = max_level,
	};
	error = allocator_add(&host->guest, gpa_to_paddr(tables), len >> PAGE_SHIFT);
	if (error)
		return error;
	return space_create(&guest->space, &host->guest, pt_format_of(PT_FORMAT_X86_64_4),
			    TABLE_WALKED_BY_HARDWARE, &operations);
}

void guest_space_destroy(struct guest_space *guest)
{
	space_destroy(&guest->space);
}

static int gva_check(const struct guest_space *guest, gva_t gva, uint64_t len)
{
	if (len == 0 || !is_aligned(gva.value | len, PAGE_SIZE))
		return -EINVAL;
	return format_contains(guest->space.table.format, gva_to_vaddr(gva), len) ? 0 : -ERANGE;
}

static int target_check(const struct guest_space *guest, gpa_t gpa, uint64_t len)
{
	if (!is_aligned(gpa.value, PAGE_SIZE))
		return -EINVAL;
	return ram_layout_contains(&guest->host->ram, gpa, len) ? 0 : -ERANGE;
}

static int rights_check(uint32_t rights)
{
	return rights & ~RIGHTS ? -EINVAL : 0;
}

/* Do [a, a+a_len) and [b, b+b_len) share a byte? Neither wraps. */
static bool ranges_meet(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

bool guest_space_owns(const struct guest_space *guest, gpa_t gpa, uint64_t len)
{
	return ranges_meet(gpa.value, len, guest->tables.value, guest->tables_len);
}

static prop_t leaf_prop(uint32_t rights)
{
	return PROP(rights | PROP_ACCESSED | (rights & PROP_WRITE ? PROP_DIRTY : 0));
}

static int run_map(struct guest_space *guest, gva_t gva, gpa_t gpa, uint64_t len,
		   unsigned max_level, uint32_t rights, bool tracked)
{
	if (max_level == 0 || max_level > guest->max_level)
		max_level = guest->max_level;
	return space_map(&guest->space, gva_to_vaddr(gva), gpa_to_paddr(gpa), len, max_level,
			 leaf_prop(rights), tracked);
}

/* One reference on a frame, for the leaf that will map it: the first claims it. */
static int frame_hold(struct phys_domain *domain, paddr_t paddr)
{
	struct frame frame;
	int error = frame_from_unused(domain, paddr, FRAME_GUEST, &frame);

	if (error == -EEXIST)
		return run_get(domain, paddr, 1);
	if (!error)
		frame_into_raw(&frame);
	return error;
}

static int run_hold(struct phys_domain *domain, paddr_t paddr, uint64_t nr_frames)
{
	for (uint64_t i = 0; i < nr_frames; i++) {
		int error = frame_hold(domain, PADDR(paddr.value + (i << PAGE_SHIFT)));

		if (!error)
			continue;
		if (i > 0)
			run_put(domain, paddr, i);
		return error;
	}
	return 0;
}

int guest_space_map(struct guest_space *guest, gva_t gva, gpa_t gpa, uint64_t len,
		    unsigned max_level, uint32_t rights)
{
	struct phys_domain *domain = &guest->host->guest;
	uint64_t nr_frames = len >> PAGE_SHIFT;
	int error = gva_check(guest, gva, len);

	if (!error)
		error = target_check(guest, gpa, len);
	if (!error)
		error = rights_check(rights);
	if (!error && guest_space_owns(guest, gpa, len))
		error = -EBUSY;
	if (!error)
		error = run_hold(domain, gpa_to_paddr(gpa), nr_frames);
	if (error)
		return error;
	error = run_map(guest, gva, gpa, len, max_level, rights, true);
	if (error)
		run_put(domain, gpa_to_paddr(gpa), nr_frames);
	return error;
}

int guest_space_map_direct(struct guest_space *guest, gva_t gva, gpa_t gpa, uint64_t len,
			   uint32_t rights)
{
	int error = gva_check(guest, gva, len);

	if (!error)
		error = target_check(guest, gpa, len);
	if (!error)
		error = rights_check(rights);
	return error ? error : run_map(guest, gva, gpa, len, 0, rights, false);
}

int guest_space_unmap(struct guest_space *guest, gva_t gva, uint64_t len, uint64_t *pages)
{
	int error = gva_check(guest, gva, len);

	return error ? error : space_unmap(&guest->space, gva_to_vaddr(gva), len, pages);
}

/* The dirty bit of a leaf that can no longer be written stays: it says that it has been. */
int guest_space_protect(struct guest_space *guest, gva_t gva, uint64_t len, uint32_t rights,
			uint64_t *pages)
{
	struct prop_change change = { .clear = RIGHTS, .set = leaf_prop(rights).bits };
	int error = gva_check(guest, gva, len);

	if (!error)
		error = rights_check(rights);
	return error ? error : space_protect(&guest->space, gva_to_vaddr(gva), len, change, pages);
}

int guest_space_query(struct guest_space *guest, gva_t gva, struct pt_mapping *mapping)
{
	return space_query(&guest->space, gva_to_vaddr(gva), mapping);
}
