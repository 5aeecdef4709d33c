/* SPDX-License-Identifier: MIT */
/*
 * What all sources of `vmm pt` share: see pt_source.h.
 */
#include "vmm/pt_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/ending.h"
#include "vmm/pt_file.h"
#include "vmm/refuse.h"

/* Makes room for one more element. */
static int grow(void **array, size_t nr, size_t size)
{
	size_t room = nr & (nr - 1) ? 0 : nr ? 2 * nr : 1; /* full at each power of two */
	void *larger;

	if (!room)
		return 0;
	larger = reallocarray(*array, room, size);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	return 0;
}

int pt_source_add_extent(struct pt_source *source, uint64_t gpa, uint64_t len,
			 const unsigned char *bytes)
{
	void *extents = source->extents;

	if (len == 0)
		return 0;
	if (grow(&extents, source->nr_extents, sizeof(*source->extents)))
		return -ENOMEM;
	source->extents = extents;
	source->extents[source->nr_extents++] = (struct pt_extent){ gpa, len, bytes };
	return 0;
}

int pt_source_add_mapping(struct pt_source *source, void *address, size_t len)
{
	void *mappings = source->mappings;

	if (grow(&mappings, source->nr_mappings, sizeof(*source->mappings)))
		return -ENOMEM;
	source->mappings = mappings;
	source->mappings[source->nr_mappings++] = (struct pt_file_mapping){ address, len };
	return 0;
}

int pt_source_add_vcpu(struct pt_source *source, const struct pt_vcpu *vcpu)
{
	void *vcpus = source->vcpus;

	if (grow(&vcpus, source->nr_vcpus, sizeof(*source->vcpus)))
		return -ENOMEM;
	source->vcpus = vcpus;
	source->vcpus[source->nr_vcpus++] = *vcpu;
	return 0;
}

static int by_gpa(const void *one, const void *other)
{
	const struct pt_extent *first = one;
	const struct pt_extent *second = other;

	if (first->gpa != second->gpa)
		return first->gpa < second->gpa ? -1 : 1;
	return first->len > second->len ? -1 : first->len < second->len;
}

void pt_source_settle(struct pt_source *source)
{
	struct pt_extent *kept = source->extents;

	if (source->nr_extents == 0)
		return;
	qsort(source->extents, source->nr_extents, sizeof(*source->extents), by_gpa);
	for (size_t i = 1; i < source->nr_extents; i++) {
		struct pt_extent next = source->extents[i];
		uint64_t last = kept->gpa + (kept->len - 1);

		if (next.gpa <= last) {
			uint64_t twice = last - next.gpa + 1;

			if (next.len <= twice)
				continue;
			next = (struct pt_extent){ next.gpa + twice, next.len - twice,
						   next.bytes + twice };
		}
		if (next.gpa - last == 1 && next.bytes == kept->bytes + kept->len)
			kept->len += next.len;
		else
			*++kept = next;
	}
	source->nr_extents = (size_t)(kept - source->extents) + 1;
	source->last = 0;
}

/* The extent that has this byte, or NULL. */
static const struct pt_extent *extent_find(const struct pt_source *source, uint64_t gpa)
{
	size_t low = 0, high = source->nr_extents;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct pt_extent *extent = &source->extents[middle];

		if (gpa < extent->gpa)
			high = middle;
		else if (gpa - extent->gpa >= extent->len)
			low = middle + 1;
		else
			return extent;
	}
	return NULL;
}

static const void *page(void *context, uint64_t address)
{
	struct pt_source *source = context;
	const struct pt_extent *extent = &source->extents[source->last];

	if (source->nr_extents == 0)
		return NULL;
	if (address < extent->gpa || address - extent->gpa >= extent->len) {
		extent = extent_find(source, address);
		if (!extent)
			return NULL;
		source->last = (size_t)(extent - source->extents);
	}
	if (extent->len - (address - extent->gpa) < PAGE_SIZE)
		return NULL;
	return extent->bytes + (address - extent->gpa);
}

struct foreign_memory pt_source_memory(struct pt_source *source)
{
	return (struct foreign_memory){ .page = page, .context = source };
}

uint64_t pt_source_read(struct pt_source *source, uint64_t gpa, void *to, uint64_t len)
{
	uint64_t done = 0;

	while (done < len && gpa + done >= gpa) {
		const struct pt_extent *extent = extent_find(source, gpa + done);
		uint64_t offset, part;

		if (!extent)
			break;
		offset = gpa + done - extent->gpa;
		part = extent->len - offset < len - done ? extent->len - offset : len - done;
		memcpy((unsigned char *)to + done, extent->bytes + offset, part);
		done += part;
	}
	return done;
}

static const struct core_vmm_range *host_range(const struct pt_source *source, uint64_t gpa)
{
	for (size_t i = 0; i < source->nr_host; i++)
		if (gpa >= source->host[i].gpa && gpa - source->host[i].gpa < source->host[i].len)
			return &source->host[i];
	return NULL;
}

int pt_source_host_walk(struct pt_source *source, uint64_t gpa, struct pt_host_walk *walk)
{
	const struct core_vmm_range *range;

	*walk = (struct pt_host_walk){ .mapped = false };
	if (source->host_walk)
		return source->host_walk(source->context, gpa, walk);
	if (!source->has_host)
		return -ENOENT;
	range = host_range(source, gpa);
	if (range)
		*walk = (struct pt_host_walk){
			.mapped = true,
			.frame = range->frame + (gpa - range->gpa),
			.level = range->level,
			.rights = range->rights,
		};
	return 0;
}

/* A file that was mapped has become shorter: nobody can say what was there. */
static void on_bus_error(int number)
{
	static const char text[] = "vmm pt: the file became shorter while it was read\n";
	ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)number;
	(void)written;
	_exit(EXIT_HOST_FAILURE);
}

/* The length of a regular file that memory can hold. */
static int file_len(int fd, const char *path, uint64_t *len, struct image_error *error)
{
	struct stat status;

	if (fstat(fd, &status))
		return refuse(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return refuse(error, -EINVAL, "%s is not a regular file", path);
	if (status.st_size == 0)
		return refuse(error, -EINVAL, "%s is empty", path);
	*len = (uint64_t)status.st_size;
	return 0;
}

int pt_file_map(struct pt_source *source, const char *path, const unsigned char **bytes,
		uint64_t *len, struct image_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *address;
	int result;

	if (fd < 0)
		return refuse(error, -errno, "%s: %s", path, strerror(errno));
	result = file_len(fd, path, len, error);
	if (result) {
		close(fd);
		return result;
	}
	address = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
	result = address == MAP_FAILED ? -errno : 0;
	close(fd);
	if (result)
		return refuse(error, result, "%s: %s", path, strerror(-result));
	if (pt_source_add_mapping(source, address, *len)) {
		munmap(address, *len);
		return refuse(error, -ENOMEM, "no memory");
	}
	signal(SIGBUS, on_bus_error);
	*bytes = address;
	return 0;
}

void pt_source_raw(struct pt_source *source, const char *name)
{
	*source = (struct pt_source){ .name = name, .kind = "raw memory" };
}

int pt_source_add_file(struct pt_source *source, const char *path, uint64_t gpa,
		       struct image_error *error)
{
	const unsigned char *bytes;
	uint64_t len;
	int result = pt_file_map(source, path, &bytes, &len, error);

	if (result)
		return result;
	if (len - 1 > UINT64_MAX - gpa)
		return refuse(error, -ERANGE, "%s at 0x%" PRIx64 " reaches beyond 2^64", path, gpa);
	for (size_t i = 0; i < source->nr_extents; i++) {
		const struct pt_extent *extent = &source->extents[i];

		if (gpa <= extent->gpa + (extent->len - 1) && extent->gpa <= gpa + (len - 1))
			return refuse(error, -EEXIST,
				      "%s at 0x%" PRIx64 " overlaps memory at 0x%" PRIx64, path,
				      gpa, extent->gpa);
	}
	if (pt_source_add_extent(source, gpa, len, bytes))
		return refuse(error, -ENOMEM, "no memory");
	return 0;
}

void pt_source_close(struct pt_source *source)
{
	if (source->close)
		source->close(source->context);
	for (size_t i = 0; i < source->nr_mappings; i++)
		munmap(source->mappings[i].address, source->mappings[i].len);
	free(source->mappings);
	free(source->extents);
	free(source->vcpus);
	free(source->host);
	*source = (struct pt_source){ .name = source->name };
}
