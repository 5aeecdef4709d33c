/* SPDX-License-Identifier: MIT */
/*
 * A VM's guest-physical memory: made, filled, shown to KVM and taken apart.
 */
#include "ept/gpa_space.h"

#include <errno.h>

#include "ept/host_memory.h"

static uint64_t guest_slots_len(const struct gpa_space *space)
{
	return ram_layout_end(&space->ram) / PAGE_SIZE * sizeof(struct slot);
}

static int guest_domain_create(struct gpa_space *space)
{
	int error;

	space->guest_slots = host_memory_zeroed(guest_slots_len(space));
	if (!space->guest_slots)
		return -errno;
	error = domain_init(&space->guest, space->guest_slots,
			    ram_layout_end(&space->ram) / PAGE_SIZE, space->window.memory);
	if (error)
		host_memory_release(space->guest_slots, guest_slots_len(space));
	return error;
}

int gpa_space_create(struct gpa_space *space, struct host_pool *pool, const struct ram_layout *ram)
{
	int error;

	*space = (struct gpa_space){ .pool = pool, .ram = *ram, .vm_fd = -1 };
	error = window_create(&space->window, ram_layout_end(ram));
	if (error)
		return error;
	error = guest_domain_create(space);
	if (error)
		goto destroy_window;
	error = space_create(&space->space, &pool->domain, pt_format_of(PT_FORMAT_EPT_4),
			     TABLE_WALKED_BY_SOFTWARE, NULL);
	if (error)
		goto release_slots;
	return 0;

release_slots:
	host_memory_release(space->guest_slots, guest_slots_len(space));
destroy_window:
	window_destroy(&space->window);
	return error;
}

/* The window goes before the frames that it shows. */
void gpa_space_destroy(struct gpa_space *space)
{
	window_destroy(&space->window);
	space_destroy(&space->space);
	host_memory_release(space->guest_slots, guest_slots_len(space));
}

int gpa_space_populate(struct gpa_space *space)
{
	const struct ram_layout *ram = &space->ram;
	int error = gpa_space_map(space, GPA(0), ram->low_len, PROP_RIGHTS);

	if (error || ram->high_len == 0)
		return error;
	error = gpa_space_map(space, GPA(RAM_HOLE_END), ram->high_len, PROP_RIGHTS);
	if (error)
		gpa_space_unmap(space, GPA(0), ram->low_len, NULL);
	return error;
}

int gpa_space_query(struct gpa_space *space, gpa_t gpa, struct pt_mapping *mapping)
{
	if (!ram_layout_contains(&space->ram, gpa, 1))
		return -ERANGE;
	return space_query(&space->space, gpa_to_vaddr(gpa), mapping);
}
