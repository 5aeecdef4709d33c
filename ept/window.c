/* SPDX-License-Identifier: MIT */
/*
 * The window: see window.h. KVM follows by itself: the kernel tells it of every host mapping that
 * goes or loses rights, and waits until the vCPUs have let go of it (MMU notifiers).
 */
#include "ept/window.h"

#include <errno.h>
#include <sys/mman.h>

#include "ept/host_memory.h"

int window_create(struct window *window, uint64_t len)
{
	window->memory = host_memory_reserve(len);
	window->len = len;
	return window->memory ? 0 : -errno;
}

void window_destroy(struct window *window)
{
	host_memory_release(window->memory, window->len);
}

/* What a mistake here would hit is any other memory of the process. */
static int range_check(const struct window *window, gpa_t gpa, uint64_t len)
{
	if (len == 0 || !is_aligned(gpa.value | len, PAGE_SIZE))
		return -EINVAL;
	return gpa.value <= window->len && len <= window->len - gpa.value ? 0 : -ERANGE;
}

static int protection_of(uint32_t rights)
{
	return (rights & PROP_READ ? PROT_READ : 0) | (rights & PROP_WRITE ? PROT_WRITE : 0);
}

int window_show(struct window *window, gpa_t gpa, uint64_t len, int fd, uint64_t offset,
		uint32_t rights)
{
	int error = range_check(window, gpa, len);

	if (error)
		return error;
	return mmap(window->memory + gpa.value, len, protection_of(rights),
		    MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, (off_t)offset) == MAP_FAILED ?
		       -errno :
		       0;
}

int window_protect(struct window *window, gpa_t gpa, uint64_t len, uint32_t rights)
{
	int error = range_check(window, gpa, len);

	if (error)
		return error;
	return mprotect(window->memory + gpa.value, len, protection_of(rights)) ? -errno : 0;
}

/*
 * Where the process has one mapping too many already, the kernel refuses every mmap(), but not to
 * take the rights of mappings that need not be cut. The pages are as good as gone then: the next
 * window_show() replaces them, and nobody gives rights to a range that the table does not map.
 */
int window_hide(struct window *window, gpa_t gpa, uint64_t len)
{
	int error = range_check(window, gpa, len);

	if (error)
		return error;
	if (mmap(window->memory + gpa.value, len, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED)
		return 0;
	return window_protect(window, gpa, len, 0);
}
