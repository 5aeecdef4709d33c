/* SPDX-License-Identifier: MIT */
/*
 * Loading: the image's segments into RAM, and then what the guest's kind wants beside them.
 */
#include "vmm/load.h"

#include <errno.h>
#include <string.h>

#include "vmm/clock.h"
#include "vmm/refuse.h"

int load_write(const struct load *load, gpa_t gpa, const void *from, uint64_t len)
{
	int result = len ? gpa_space_write(&load->vm->memory, gpa, from, len) : 0;

	if (result)
		return refuse(load->error, result,
			      "the host table maps no writable RAM at GPA 0x%llx",
			      (unsigned long long)gpa.value);
	return 0;
}

static int segment_refuse(const struct load *load, const struct image_segment *segment)
{
	const struct ram_layout *ram = &load->vm->memory.ram;
	unsigned long long start = segment->gpa.value;
	unsigned long long end = start + segment->memory_len;

	if (ram->high_len)
		return refuse(load->error, -ENOEXEC,
			      "segment %u is at GPA 0x%llx to 0x%llx, but RAM is at 0 to 0x%llx"
			      " and 0x%llx to 0x%llx: see --mem",
			      segment->number, start, end, (unsigned long long)ram->low_len,
			      (unsigned long long)RAM_HOLE_END,
			      (unsigned long long)ram_layout_end(ram));
	return refuse(load->error, -ENOEXEC,
		      "segment %u is at GPA 0x%llx to 0x%llx, but RAM ends at 0x%llx"
		      " (%llu MiB): see --mem",
		      segment->number, start, end, (unsigned long long)ram->low_len,
		      (unsigned long long)(ram->low_len / LOAD_MIB));
}

static int segments_copy(const struct load *load)
{
	const unsigned char *bytes = load->file;
	int result = 0;

	for (unsigned i = 0; i < load->image->nr_segments && !result; i++) {
		const struct image_segment *segment = &load->image->segments[i];

		if (!ram_layout_contains(&load->vm->memory.ram, segment->gpa, segment->memory_len))
			return segment_refuse(load, segment);
		if (segment->file_len)
			result = load_write(load, segment->gpa, bytes + segment->file_offset,
					    segment->file_len);
	}
	return result;
}

/* A raw image in protected or real mode is told nothing. */
static int load_plain(const struct load *load)
{
	if (load->initrd)
		return refuse(load->error, -EINVAL,
			      "a raw image in protected or real mode cannot be told of an "
			      "--initrd");
	return 0;
}

int vm_load(struct vm *vm, const struct image *image, const void *file, const char *command_line,
	    const void *initrd, size_t initrd_len, struct vm_start *start,
	    struct image_error *error)
{
	const struct load load = {
		.vm = vm,
		.image = image,
		.file = file,
		.command_line = command_line,
		.initrd = initrd_len ? initrd : NULL,
		.initrd_len = initrd_len,
		.start = start,
		.error = error,
	};
	uint64_t began = clock_now();
	int result = segments_copy(&load);

	*start = (struct vm_start){ .mode = image->mode, .rip = image->entry };
	if (!result && image->kind == IMAGE_MULTIBOOT)
		result = load_multiboot(&load);
	else if (!result && image->mode == IMAGE_MODE_LONG)
		result = load_long(&load);
	else if (!result)
		result = load_plain(&load);
	vm->statistics.ns_load = clock_now() - began;
	return result;
}
