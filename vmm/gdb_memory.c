/* SPDX-License-Identifier: MIT */
/*
 * Guest memory for gdb: by the guest's own tables, then by the host table, but whatever the rights
 * in both are. None of them changes.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/gdb_private.h"
#include "vmm/vm_tables.h"

bool gdb_frame_at(struct gdb *gdb, gpa_t gpa, paddr_t *frame)
{
	struct gpa_space *memory = &gdb->vm->memory;
	struct pt_mapping mapping;

	if (!ram_layout_contains(&memory->ram, gpa, 1) || gpa_space_query(memory, gpa, &mapping) ||
	    !mapping.present)
		return false;
	*frame = PADDR(mapping.paddr.value + (gpa.value - mapping.start.value));
	return true;
}

static char *frame_pointer(struct gdb *gdb, paddr_t frame)
{
	return (char *)gdb->vm->pool.memory + frame.value;
}

static const void *table_page(void *context, uint64_t address)
{
	struct gdb *gdb = context;
	paddr_t frame;

	return gdb_frame_at(gdb, GPA(address), &frame) ? frame_pointer(gdb, frame) : NULL;
}

static bool walk(struct gdb *gdb, uint64_t address, struct foreign_path *path)
{
	const struct foreign_memory memory = { .page = table_page, .context = gdb };
	struct foreign_paging paging;
	struct kvm_sregs special;

	if (ioctl(gdb->vm->vcpu_fd, KVM_GET_SREGS, &special))
		return false;
	vm_tables_paging(gdb->vm, &special, &paging);
	foreign_translate(&paging, &memory, address, path);
	return path->end == FOREIGN_MAPPED;
}

bool gdb_translate(struct gdb *gdb, uint64_t address, gpa_t *gpa)
{
	struct foreign_path path;

	if (!walk(gdb, address, &path))
		return false;
	*gpa = GPA(path.address);
	return true;
}

bool gdb_is_user(struct gdb *gdb, uint64_t address)
{
	struct foreign_path path;

	return walk(gdb, address, &path) && path.level > 0 && path.rights & PROP_USER;
}

/* The bytes from `address` to the end of its page: at most *len, which becomes how many. */
static char *page_part(struct gdb *gdb, uint64_t address, uint64_t *len)
{
	uint64_t left = PAGE_SIZE - address % PAGE_SIZE;
	gpa_t gpa = GPA(address);
	paddr_t frame;

	if (!gdb->physical && !gdb_translate(gdb, address, &gpa))
		return NULL;
	if (!gdb_frame_at(gdb, gpa, &frame))
		return NULL;
	if (*len > left)
		*len = left;
	return frame_pointer(gdb, frame);
}

int gdb_memory_read(struct gdb *gdb, uint64_t address, void *to, uint64_t len)
{
	char *into = to;

	while (len > 0) {
		uint64_t part = len;
		const char *bytes = page_part(gdb, address, &part);

		if (!bytes)
			return -EFAULT;
		memcpy(into, bytes, part);
		into += part;
		address += part;
		len -= part;
	}
	return 0;
}

/* All or nothing. */
int gdb_memory_write(struct gdb *gdb, uint64_t address, const void *from, uint64_t len)
{
	const char *bytes = from;
	uint64_t part;

	for (uint64_t done = 0; done < len; done += part) {
		part = len - done;
		if (!page_part(gdb, address + done, &part))
			return -EFAULT;
	}
	for (uint64_t done = 0; done < len; done += part) {
		part = len - done;
		memcpy(page_part(gdb, address + done, &part), bytes + done, part);
	}
	return 0;
}
