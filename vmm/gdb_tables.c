/* SPDX-License-Identifier: MIT */
/*
 * Monitor commands about page tables: `vmm pt`, with this VM as the source.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/command_pt.h"
#include "vmm/gdb_private.h"
#include "vmm/ram_runs.h"
#include "vmm/table_runs.h"
#include "vmm/vm_tables.h"

#define WORDS_MAX 32
#define TEXT_MAX (UINT64_C(16) << 20) /* of one command: a guest may map a page 2^36 times */

struct inside {
	struct pt_source *source;
	const unsigned char *pool;
};

static int extent_add(void *context, const struct ram_run *run)
{
	struct inside *inside = context;

	return pt_source_add_extent(inside->source, run->gpa.value, run->len,
				    inside->pool + run->frame.value);
}

static int range_add(void *context, const struct table_run *run)
{
	struct pt_source *source = context;
	void *ranges = reallocarray(source->host, source->nr_host + 1, sizeof(*source->host));

	if (!ranges)
		return -ENOMEM;
	source->host = ranges;
	source->host[source->nr_host++] = (struct core_vmm_range){
		.gpa = run->first.start.value,
		.len = run->len,
		.frame = run->first.paddr.value,
		.rights = run->first.prop.bits & PROP_RIGHTS,
		.level = run->first.level,
	};
	return 0;
}

static int vcpu_add(struct vm *vm, struct pt_source *source)
{
	struct vcpu_registers registers;
	int result = registers_get(vm->vcpu_fd, &registers);

	if (result)
		return result;
	return pt_source_add_registers(source, &registers);
}

/* As it is now, with what the frame's slot knows. */
static int host_walk(void *context, uint64_t gpa, struct pt_host_walk *walk)
{
	struct vm *vm = context;
	const struct foreign_memory host = vm_tables_host_memory(&vm->memory);
	struct foreign_paging paging;
	struct slot *slot;

	vm_tables_host_paging(&vm->memory, &paging);
	foreign_translate(&paging, &host, gpa, &walk->path);
	walk->mapped = walk->path.end == FOREIGN_MAPPED;
	if (!walk->mapped)
		return 0;
	walk->frame = walk->path.address;
	walk->level = walk->path.level;
	walk->rights = walk->path.rights;
	walk->has_slot = domain_slot(&vm->pool.domain, PADDR(align_down(walk->frame, PAGE_SIZE)),
				     &slot) == 0;
	if (walk->has_slot) {
		walk->references = slot_count(slot);
		walk->kind = frame_kind_name(slot_kind(slot));
	}
	return 0;
}

/* The VM of this process. */
static int source_open(struct vm *vm, struct pt_source *source)
{
	struct gpa_space *memory = &vm->memory;
	struct inside inside = { .source = source, .pool = vm->pool.memory };
	int result;

	*source = (struct pt_source){
		.name = "guest",
		.kind = "VM",
		.has_host = true,
		.host_walk = host_walk,
		.context = vm,
		.pool_len = vm->pool.len,
	};
	result = vcpu_add(vm, source);
	if (!result)
		result = ram_runs(memory, extent_add, &inside);
	if (!result)
		result = table_runs(&memory->space.table, VADDR(0), ram_layout_end(&memory->ram),
				    range_add, source);
	pt_source_settle(source);
	if (result)
		pt_source_close(source);
	return result;
}

/* A file of TEXT_MAX bytes, which cannot become longer: who writes on gets an error, and ends. */
static int text_open(void)
{
	int fd = memfd_create("vmm-text", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int result;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, TEXT_MAX) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0)
		return fd;
	result = -errno;
	close(fd);
	return result;
}

/* What was written to the file. */
static void text_copy(int fd, FILE *stream)
{
	off_t len = lseek(fd, 0, SEEK_CUR);
	char bytes[4096];

	for (off_t at = 0; at < len;) {
		ssize_t count = pread(fd, bytes, sizeof(bytes), at);

		if (count <= 0)
			break;
		if (count > len - at)
			count = len - at;
		fwrite(bytes, 1, (size_t)count, stream);
		at += count;
	}
	if (len + PT_OUT_LEN > (off_t)TEXT_MAX)
		fputs("... and more: narrow it, by --range or a filter\n", stream);
}

static void words_run(struct gdb *gdb, int nr, char **words, FILE *stream)
{
	struct pt_source source;
	struct image_error error = { .text = "" };
	int fd = text_open();
	int result = fd < 0 ? fd : source_open(gdb->vm, &source);

	if (result) {
		fprintf(stream, "pt: %s\n", strerror(-result));
	} else {
		result = pt_run_inside(nr, words, &source, fd, &error);
		text_copy(fd, stream);
		if (result < 0)
			fprintf(stream, "pt: %s\n", error.text);
	}
	if (fd >= 0)
		close(fd);
}

static void qemu_format(struct gdb *gdb, const char *name, FILE *stream)
{
	char dump[] = "dump", option[] = "--format", format[16];
	char *words[] = { dump, option, format, NULL };

	snprintf(format, sizeof(format), "%s", name);
	words_run(gdb, 3, words, stream);
}

void gdb_info_mem(struct gdb *gdb, const char *rest, FILE *stream)
{
	(void)rest;
	qemu_format(gdb, "qemu-mem", stream);
}

void gdb_info_tlb(struct gdb *gdb, const char *rest, FILE *stream)
{
	(void)rest;
	qemu_format(gdb, "qemu-tlb", stream);
}

void gdb_pt(struct gdb *gdb, const char *rest, FILE *stream)
{
	char *words[WORDS_MAX + 1] = { NULL }, *left = NULL;
	char *line = strdup(rest);
	int nr = 0;

	for (char *word = line ? strtok_r(line, " ", &left) : NULL; word && nr < WORDS_MAX;
	     word = strtok_r(NULL, " ", &left))
		words[nr++] = word;
	words_run(gdb, nr, words, stream);
	free(line);
}
