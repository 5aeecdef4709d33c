/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: the input is a file that somebody calls a core of a guest. It is opened, and
 * the tables of each vCPU that it claims are walked, as `vmm pt` does.
 */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <stdio.h>

#include "vmm/pt_view.h"

#define REVISITS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches what is behind each run. */
static int take(void *context, const struct foreign_run *run)
{
	struct pt_source *source = context;
	struct pt_host_walk walk;
	uint8_t byte;

	pt_source_read(source, run->address, &byte, sizeof(byte));
	pt_source_host_walk(source, run->address, &walk);
	return 0;
}

static bool seen(void *context, uint64_t table, unsigned level, uint64_t start)
{
	(void)context;
	(void)table;
	(void)level;
	(void)start;
	return true; /* each visit is charged */
}

static void look(struct pt_source *source)
{
	for (size_t vcpu = 0; vcpu < source->nr_vcpus && vcpu < 4; vcpu++) {
		const struct pt_choice choice = { .has_vcpu = true, .vcpu = vcpu };
		const struct foreign_visitor visitor = { .run = take,
							 .seen = seen,
							 .context = source,
							 .last = UINT64_MAX,
							 .revisits = REVISITS };
		struct image_error error;
		struct pt_view view;

		if (!pt_view_open(&view, source, &choice, &error))
			foreign_walk(&view.paging, &view.memory, &visitor, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("core", MFD_CLOEXEC);
	struct image_error error;
	struct pt_source source;
	char path[32];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!pt_source_core(&source, path, &error)) {
		look(&source);
		pt_source_close(&source);
	}
	close(fd);
	return 0;
}
