/* SPDX-License-Identifier: MIT */
/*
 * The GPA space of a VM: the host table, and the window that shows what it says.
 */
#include "ept/gpa_space.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define CHUNK_MAX (UINT64_C(1) << 30)

static struct gpa_space *of(struct vm_space *space)
{
	return (struct gpa_space *)space; /* its first member */
}

/*
 * The flush of a host table: the window changes, and the kernel's MMU notifier makes KVM follow
 * before it returns. It cannot fail: gpa_space_unmap() and _protect() have carved the range.
 */
static void flush(struct vm_space *space, vaddr_t start, uint64_t len, prop_t rights)
{
	struct window *window = &of(space)->window;

	if (rights.bits & PROP_RIGHTS)
		window_protect(window, GPA(start.value), len, rights.bits);
	else
		window_hide(window, GPA(start.value), len);
}

static const struct space_operations operations = { .flush = flush };

static uint64_t guest_slots_len(const struct ram_layout *ram)
{
	return (ram_layout_end(ram) >> PAGE_SHIFT) * sizeof(struct slot);
}

static int guest_domain_create(struct gpa_space *space)
{
	void *slots = mmap(NULL, guest_slots_len(&space->ram), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int error;

	if (slots == MAP_FAILED)
		return -errno;
	space->guest_slots = slots;
	error = domain_init(&space->guest, slots, ram_layout_end(&space->ram) >> PAGE_SHIFT,
			    space->window.memory);
	if (error)
		munmap(slots, guest_slots_len(&space->ram));
	return error;
}

int gpa_space_create(struct gpa_space *space, struct host_pool *pool, const struct ram_layout *ram)
{
	int error;

	space->pool = pool;
	space->ram = *ram;
	space->vm_fd = -1;
	error = space_create(&space->space, &pool->domain, pt_format_of(PT_FORMAT_EPT_4),
			     TABLE_WALKED_BY_SOFTWARE, &operations);
	if (error)
		return error;
	error = window_create(&space->window, ram_layout_end(ram));
	if (error)
		goto destroy_space;
	error = guest_domain_create(space);
	if (error)
		goto destroy_window;
	return 0;

destroy_window:
	window_destroy(&space->window);
destroy_space:
	space_destroy(&space->space);
	return error;
}

/* The window goes first: nothing shows the frames when their references are dropped (T-5). */
void gpa_space_destroy(struct gpa_space *space)
{
	munmap(space->guest_slots, guest_slots_len(&space->ram));
	window_destroy(&space->window);
	space_destroy(&space->space);
}

static int attach_slot(const struct gpa_space *space, uint32_t id, uint64_t gpa, uint64_t len)
{
	struct kvm_userspace_memory_region region = {
		.slot = id,
		.guest_phys_addr = gpa,
		.memory_size = len,
		.userspace_addr = (uintptr_t)space->window.memory + gpa,
	};

	if (len == 0)
		return 0;
	return ioctl(space->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

int gpa_space_attach(struct gpa_space *space, int vm_fd)
{
	int error;

	space->vm_fd = vm_fd;
	error = attach_slot(space, 0, 0, space->ram.low_len);
	if (error == 0)
		error = attach_slot(space, 1, RAM_HOLE_END, space->ram.high_len);
	if (error)
		space->vm_fd = -1;
	return error;
}

static int check_run(const struct gpa_space *space, gpa_t gpa, uint64_t len)
{
	if (!is_aligned(gpa.value | len, PAGE_SIZE) || len == 0)
		return -EINVAL;
	return ram_layout_contains(&space->ram, gpa, len) ? 0 : -ERANGE;
}

/* The largest power of two that gpa is aligned to, at most `len` and what one leaf can be. */
static uint64_t chunk_len(gpa_t gpa, uint64_t len)
{
	uint64_t chunk = CHUNK_MAX;

	while (chunk > len || !is_aligned(gpa.value, chunk))
		chunk /= 2;
	return chunk;
}

/*
 * Frames that have been used hold what they held; MADV_REMOVE punches them out of the memfd, and
 * they are zeros again. A frame that was never touched costs nothing by it.
 */
static int chunk_clear(const struct segment *frames)
{
	void *memory = domain_pointer(frames->domain, frames->paddr);

	return madvise(memory, frames->nr_frames << PAGE_SHIFT, MADV_REMOVE) ? -errno : 0;
}

/* Shows in the window what the table says about a run. Lazy and shared memory will go through here. */
static int chunk_show(struct gpa_space *space, gpa_t gpa, const struct segment *frames,
		      uint32_t rights)
{
	return window_show(&space->window, gpa, frames->nr_frames << PAGE_SHIFT, space->pool->fd,
			   frames->paddr.value, rights);
}

/* Fresh frames for [gpa, gpa+len), as one contiguous run: table, then window. */
static int chunk_map(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights)
{
	struct segment frames;
	int error =
		segment_alloc(&space->pool->domain, len >> PAGE_SHIFT, len, FRAME_DATA, &frames);

	if (error)
		return error;
	error = chunk_clear(&frames);
	if (error == 0)
		error = space_map(&space->space, gpa_to_vaddr(gpa), frames.paddr, len, 0,
				  PROP(rights), true);
	if (error) {
		segment_put(&frames);
		return error;
	}
	error = chunk_show(space, gpa, &frames, rights);
	segment_into_raw(&frames); /* the leaves have its references */
	if (error)
		space_unmap(&space->space, gpa_to_vaddr(gpa), len, NULL);
	return error;
}

int gpa_space_map(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights)
{
	uint64_t done = 0;
	int error = rights & ~PROP_RIGHTS ? -EINVAL : check_run(space, gpa, len);

	while (error == 0 && done < len) {
		gpa_t at = GPA(gpa.value + done);
		uint64_t chunk = chunk_len(at, len - done);

		/* A fragmented pool has smaller runs. */
		do
			error = chunk_map(space, at, chunk, rights);
		while (error == -ENOMEM && (chunk /= 2) >= PAGE_SIZE);
		if (error == 0)
			done += chunk;
	}
	if (error && done > 0)
		gpa_space_unmap(space, gpa, done, NULL);
	return error;
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

int gpa_space_unmap(struct gpa_space *space, gpa_t gpa, uint64_t len, uint64_t *pages)
{
	int error = check_run(space, gpa, len);

	if (error == 0)
		error = window_carve(&space->window, gpa, len);
	return error ? error : space_unmap(&space->space, gpa_to_vaddr(gpa), len, pages);
}

int gpa_space_protect(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights,
		      uint64_t *pages)
{
	struct prop_change change = { .clear = PROP_RIGHTS, .set = rights };
	int error = rights & ~PROP_RIGHTS ? -EINVAL : check_run(space, gpa, len);

	if (error == 0)
		error = window_carve(&space->window, gpa, len);
	return error ? error : space_protect(&space->space, gpa_to_vaddr(gpa), len, change, pages);
}

int gpa_space_query(struct gpa_space *space, gpa_t gpa, struct pt_mapping *mapping)
{
	return space_query(&space->space, gpa_to_vaddr(gpa), mapping);
}

void *gpa_space_pointer(struct gpa_space *space, gpa_t gpa, uint64_t len, uint32_t rights)
{
	uint64_t done = 0;

	if (len == 0 || !ram_layout_contains(&space->ram, gpa, len))
		return NULL;
	while (done < len) {
		struct pt_mapping leaf;

		if (gpa_space_query(space, GPA(gpa.value + done), &leaf) || !leaf.present ||
		    rights & ~leaf.prop.bits)
			return NULL;
		done = leaf.start.value + leaf.len - gpa.value;
	}
	return space->window.memory + gpa.value;
}

int gpa_space_read(struct gpa_space *space, gpa_t gpa, void *to, uint64_t len)
{
	const void *from = gpa_space_pointer(space, gpa, len, PROP_READ);

	if (!from)
		return -EFAULT;
	memcpy(to, from, len);
	return 0;
}

int gpa_space_write(struct gpa_space *space, gpa_t gpa, const void *from, uint64_t len)
{
	void *to = gpa_space_pointer(space, gpa, len, PROP_WRITE);

	if (!to)
		return -EFAULT;
	memcpy(to, from, len);
	return 0;
}
