/* SPDX-License-Identifier: MIT */
/*
 * What KVM is told of a VM's memory.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "ept/gpa_space.h"

/* KVM's numbers of the two memslots. */
enum { SLOT_LOW, SLOT_HIGH };

/* A length of 0 takes the memslot away. */
static int memslot_set(const struct gpa_space *space, int vm_fd, uint32_t slot, uint32_t flags,
		       gpa_t gpa, uint64_t len)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa.value,
		.memory_size = len,
		.userspace_addr = (uintptr_t)space->window.memory + gpa.value,
	};

	return ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

int gpa_space_attach(struct gpa_space *space, int vm_fd)
{
	const struct ram_layout *ram = &space->ram;
	int error;

	if (space->vm_fd >= 0)
		return -EBUSY;
	error = memslot_set(space, vm_fd, SLOT_LOW, 0, GPA(0), ram->low_len);
	if (error)
		return error;
	if (ram->high_len > 0)
		error = memslot_set(space, vm_fd, SLOT_HIGH, 0, GPA(RAM_HOLE_END), ram->high_len);
	if (error) {
		memslot_set(space, vm_fd, SLOT_LOW, 0, GPA(0), 0);
		return error;
	}
	space->vm_fd = vm_fd;
	return 0;
}

/* A run of pages with the same rights, 0 for nothing that KVM can use. */
struct run {
	uint64_t start;
	uint64_t len;
	uint32_t rights;
};

static int run_expose(const struct gpa_space *space, const struct run *run, uint32_t *slot)
{
	uint32_t flags = run->rights & PROP_WRITE ? 0 : KVM_MEM_READONLY;

	if (!(run->rights & PROP_READ) || run->len == 0)
		return 0;
	return memslot_set(space, space->vm_fd, (*slot)++, flags, GPA(run->start), run->len);
}

/* A memslot for each run in [start, end), numbered from *slot on. */
static int range_expose(const struct gpa_space *space, uint64_t start, uint64_t end, uint32_t *slot)
{
	struct run run = { .start = start };
	struct pt_mapping mapping;
	uint64_t next;
	int error = 0;

	for (uint64_t at = start; at < end && !error; at = next) {
		uint32_t rights;

		error = page_table_walk(&space->space.table, VADDR(at), &mapping);
		if (error)
			return error;
		rights = mapping.present ? mapping.prop.bits & (PROP_READ | PROP_WRITE) : 0;
		next = mapping.start.value + mapping.len;
		if (next > end)
			next = end;
		if (rights != run.rights) {
			error = run_expose(space, &run, slot);
			run = (struct run){ .start = at, .rights = rights };
		}
		run.len += next - at;
	}
	return error ? error : run_expose(space, &run, slot);
}

int gpa_space_expose(struct gpa_space *space)
{
	const struct ram_layout *ram = &space->ram;
	uint32_t slot = SLOT_LOW;
	int error;

	if (space->vm_fd < 0)
		return -EINVAL;
	error = memslot_set(space, space->vm_fd, SLOT_LOW, 0, GPA(0), 0);
	if (!error && ram->high_len > 0)
		error = memslot_set(space, space->vm_fd, SLOT_HIGH, 0, GPA(RAM_HOLE_END), 0);
	if (!error)
		error = range_expose(space, 0, ram->low_len, &slot);
	if (!error && ram->high_len > 0)
		error = range_expose(space, RAM_HOLE_END, RAM_HOLE_END + ram->high_len, &slot);
	return error;
}
