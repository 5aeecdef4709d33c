/* SPDX-License-Identifier: MIT */
/*
 * Writing a core file: headers and notes as one block, then the memory, page by touched page.
 */
#include "vmm/snapshot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/core_notes.h"
#include "vmm/ram_runs.h"
#include "vmm/refuse.h"

#define PATH_LEN_MAX 4096
#define LOADS_MAX (PN_XNUM - 2) /* what e_phnum can say, beside the notes */

struct writer {
	struct vm *vm;
	int fd;
	Elf64_Phdr *loads; /* PT_LOADs, by GPA */
	size_t nr_loads;
	size_t room;
	uint64_t next; /* where in the file the next byte of memory goes */
	struct snapshot_figures *figures;
};

static int pwrite_all(int fd, const void *bytes, uint64_t len, uint64_t offset)
{
	const char *from = bytes;

	while (len > 0) {
		ssize_t written = pwrite(fd, from, len, (off_t)offset);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			from += written;
			len -= (uint64_t)written;
			offset += (uint64_t)written;
		}
	}
	return 0;
}

/* Memory that goes on by GPA goes on in the file, wherever in the pool it is. */
static int load_add(void *context, const struct ram_run *run)
{
	struct writer *writer = context;
	Elf64_Phdr *last = writer->nr_loads ? &writer->loads[writer->nr_loads - 1] : NULL;

	writer->figures->memory += run->len;
	if (last && last->p_paddr + last->p_memsz == run->gpa.value) {
		last->p_memsz += run->len;
		last->p_filesz += run->len;
		return 0;
	}
	if (writer->nr_loads == LOADS_MAX)
		return -EFBIG;
	if (writer->nr_loads == writer->room) {
		size_t room = writer->room ? 2 * writer->room : 16;
		Elf64_Phdr *loads = realloc(writer->loads, room * sizeof(*loads));

		if (!loads)
			return -ENOMEM;
		writer->loads = loads;
		writer->room = room;
	}
	writer->loads[writer->nr_loads++] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W | PF_X,
		.p_vaddr = run->gpa.value,
		.p_paddr = run->gpa.value,
		.p_filesz = run->len,
		.p_memsz = run->len,
		.p_align = PAGE_SIZE,
	};
	return 0;
}

static void header_write(const struct writer *writer, FILE *stream)
{
	const Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT, ELFOSABI_NONE },
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)(writer->nr_loads + 1),
	};

	fwrite(&header, sizeof(header), 1, stream);
}

/* Everything before the memory; the places of memory in the file follow from its length. */
static int head_write(struct writer *writer, const char *notes, size_t notes_len, FILE *stream)
{
	uint64_t offset = sizeof(Elf64_Ehdr) + (writer->nr_loads + 1) * sizeof(Elf64_Phdr);
	const Elf64_Phdr note = {
		.p_type = PT_NOTE,
		.p_offset = offset,
		.p_filesz = notes_len,
		.p_memsz = notes_len,
		.p_align = 4,
	};

	offset = align_down(offset + notes_len + PAGE_SIZE - 1, PAGE_SIZE);
	writer->next = offset;
	for (size_t i = 0; i < writer->nr_loads; i++) {
		writer->loads[i].p_offset = offset;
		offset += writer->loads[i].p_filesz;
	}
	header_write(writer, stream);
	fwrite(&note, sizeof(note), 1, stream);
	if (writer->nr_loads)
		fwrite(writer->loads, sizeof(*writer->loads), writer->nr_loads, stream);
	fwrite(notes, 1, notes_len, stream);
	return ferror(stream) ? -EIO : 0;
}

/*
 * Writes what the pool's file has of [frame, frame+len), and leaves holes where it has none: what
 * nobody has touched reads as zeros either way.
 */
static int memory_write(void *context, const struct ram_run *run)
{
	struct writer *writer = context;
	const struct host_pool *pool = &writer->vm->pool;
	uint64_t at = run->frame.value, end = at + run->len;
	int result = 0;

	while (!result && at < end) {
		off_t data = lseek(pool->fd, (off_t)at, SEEK_DATA);
		off_t hole = data < 0 ? -1 : lseek(pool->fd, data, SEEK_HOLE);
		uint64_t until;

		if (data < 0 && errno != ENXIO)
			return -errno;
		if (data < 0 || (uint64_t)data >= end)
			break;
		until = hole < 0 || (uint64_t)hole > end ? end : (uint64_t)hole;
		result = pwrite_all(writer->fd, (const char *)pool->memory + data,
				    until - (uint64_t)data,
				    writer->next + ((uint64_t)data - run->frame.value));
		writer->figures->written += until - (uint64_t)data;
		at = until;
	}
	writer->next += run->len;
	return result;
}

static int notes_make(struct vm *vm, char **notes, size_t *len)
{
	FILE *stream = open_memstream(notes, len);
	int result;

	if (!stream)
		return -ENOMEM;
	result = core_notes_write(vm, stream);
	if (fclose(stream) && !result)
		result = -ENOMEM;
	return result;
}

static int head_make(struct writer *writer, char **head, size_t *len)
{
	char *notes = NULL;
	size_t notes_len = 0;
	int result = notes_make(writer->vm, &notes, &notes_len);
	FILE *stream = NULL;

	if (!result) {
		stream = open_memstream(head, len);
		result = stream ? head_write(writer, notes, notes_len, stream) : -ENOMEM;
	}
	if (stream && fclose(stream) && !result)
		result = -ENOMEM;
	free(notes);
	return result;
}

static int file_write(struct writer *writer)
{
	struct gpa_space *memory = &writer->vm->memory;
	char *head = NULL;
	size_t head_len = 0;
	int result = ram_runs(memory, load_add, writer);

	if (!result)
		result = head_make(writer, &head, &head_len);
	if (!result)
		result = pwrite_all(writer->fd, head, head_len, 0);
	if (!result)
		result = ram_runs(memory, memory_write, writer);
	/* The last hole counts, too. */
	if (!result && ftruncate(writer->fd, (off_t)writer->next))
		result = -errno;
	writer->figures->ranges = writer->nr_loads;
	free(head);
	free(writer->loads);
	return result;
}

/* A file of our own that is nobody's yet, in the folder of `path`; *name is to be removed. */
static int temporary_open(const char *path, char name[PATH_LEN_MAX])
{
	int len = snprintf(name, PATH_LEN_MAX, "%s.XXXXXX", path);
	int fd;

	if (len < 0 || len >= PATH_LEN_MAX)
		return -ENAMETOOLONG;
	fd = mkostemp(name, O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int snapshot_write(struct vm *vm, const char *path, struct snapshot_figures *figures,
		   struct image_error *error)
{
	struct writer writer = { .vm = vm, .figures = figures };
	char name[PATH_LEN_MAX];
	int result;

	*figures = (struct snapshot_figures){ .ranges = 0 };
	writer.fd = temporary_open(path, name);
	if (writer.fd < 0)
		return refuse(error, writer.fd, "%s: %s", path, strerror(-writer.fd));
	result = file_write(&writer);
	if (close(writer.fd) && !result)
		result = -errno;
	if (!result && rename(name, path))
		result = -errno;
	if (!result)
		return 0;
	unlink(name);
	return refuse(error, result, "%s: %s", path, strerror(-result));
}
