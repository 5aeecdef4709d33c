/* SPDX-License-Identifier: MIT */
/*
 * The window: mmap() and mprotect() on a reserved range.
 */
#include "ept/window.h"

#include <errno.h>
#include <sys/mman.h>

#define ALIGN (UINT64_C(1) << 30)

#define NOTHING (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

int window_create(struct window *window, uint64_t len)
{
	uint64_t reserved = len + ALIGN;
	void *memory;

	if (len == 0 || !is_aligned(len, PAGE_SIZE) || reserved < len)
		return -EINVAL;
	memory = mmap(NULL, reserved, PROT_NONE, NOTHING, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	*window = (struct window){
		.memory = (unsigned char *)align_down((uintptr_t)memory + ALIGN - 1, ALIGN),
		.len = len,
		.reservation = memory,
		.reservation_len = reserved,
	};
	return 0;
}

void window_destroy(struct window *window)
{
	munmap(window->reservation, window->reservation_len);
}

/* Is [gpa, gpa+len) a range of pages in the window? */
static bool window_contains(const struct window *window, gpa_t gpa, uint64_t len)
{
	return is_aligned(gpa.value | len, PAGE_SIZE) && len > 0 && gpa.value <= window->len &&
	       len <= window->len - gpa.value;
}

static int protection(uint32_t rights)
{
	return (rights & PROP_READ ? PROT_READ : 0) | (rights & PROP_WRITE ? PROT_WRITE : 0);
}

int window_show(struct window *window, gpa_t gpa, uint64_t len, int fd, uint64_t offset,
		uint32_t rights)
{
	if (!window_contains(window, gpa, len))
		return -EINVAL;
	if (mmap(window->memory + gpa.value, len, protection(rights), MAP_SHARED | MAP_FIXED, fd,
		 (off_t)offset) == MAP_FAILED)
		return -errno;
	return 0;
}

/*
 * The kernel splits a host mapping when only a part of it changes, and may refuse to (there is a
 * limit, vm.max_map_count). A harmless difference in advice makes it split now.
 */
int window_carve(struct window *window, gpa_t gpa, uint64_t len)
{
	if (!window_contains(window, gpa, len))
		return -EINVAL;
	return madvise(window->memory + gpa.value, len, MADV_DONTDUMP) ? -errno : 0;
}

int window_protect(struct window *window, gpa_t gpa, uint64_t len, uint32_t rights)
{
	if (!window_contains(window, gpa, len))
		return -EINVAL;
	return mprotect(window->memory + gpa.value, len, protection(rights)) ? -errno : 0;
}

int window_hide(struct window *window, gpa_t gpa, uint64_t len)
{
	if (!window_contains(window, gpa, len))
		return -EINVAL;
	if (mmap(window->memory + gpa.value, len, PROT_NONE, NOTHING | MAP_FIXED, -1, 0) ==
	    MAP_FAILED)
		return -errno;
	return 0;
}
