/* SPDX-License-Identifier: MIT */
/*
 * ELF cores of guests: memory from the PT_LOADs by p_paddr, registers from the notes
 * (vmm/core_format.h). Nothing in the file is believed before it is checked.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/pt_file.h"
#include "vmm/refuse.h"

#define CR0_PG (UINT64_C(1) << 31)
#define CR4_PAE (UINT64_C(1) << 5)
#define EFER_LME (UINT64_C(1) << 8)
#define EFER_LMA (UINT64_C(1) << 10)
#define EFER_NXE (UINT64_C(1) << 11)
#define SEGMENT_LONG (UINT32_C(1) << 21) /* L, SDM 3 3.4.5 */
#define NOTE_ALIGN 4

struct core {
	struct pt_source *source;
	const char *path;
	const unsigned char *bytes;
	uint64_t len;
	bool wide;	   /* ELF64 */
	bool machine_long; /* the machine says that the first vCPU is in long mode */
	uint64_t headers;  /* offset of the program headers */
	uint64_t nr_headers;
	size_t header_len;
};

static bool within(const struct core *core, uint64_t offset, uint64_t len)
{
	return offset <= core->len && len <= core->len - offset;
}

static int header_read(struct core *core, Elf64_Ehdr *header, struct image_error *error)
{
	Elf32_Ehdr narrow;

	core->wide = core->len > EI_CLASS && core->bytes[EI_CLASS] == ELFCLASS64;
	if (!within(core, 0, core->wide ? sizeof(*header) : sizeof(narrow)) ||
	    memcmp(core->bytes, ELFMAG, SELFMAG))
		return refuse(error, -ENOEXEC, "%s is no ELF core file", core->path);
	*header = (Elf64_Ehdr){ .e_type = ET_NONE };
	if (core->wide) {
		memcpy(header, core->bytes, sizeof(*header));
		return 0;
	}
	memcpy(&narrow, core->bytes, sizeof(narrow));
	header->e_type = narrow.e_type;
	header->e_machine = narrow.e_machine;
	header->e_phoff = narrow.e_phoff;
	header->e_shoff = narrow.e_shoff;
	header->e_phentsize = narrow.e_phentsize;
	header->e_phnum = narrow.e_phnum;
	return 0;
}

/* With more program headers than e_phnum can say, the first section header says how many. */
static bool headers_count(struct core *core, const Elf64_Ehdr *header)
{
	Elf64_Shdr wide;
	Elf32_Shdr narrow;

	core->nr_headers = header->e_phnum;
	if (header->e_phnum != PN_XNUM)
		return true;
	if (core->wide && within(core, header->e_shoff, sizeof(wide))) {
		memcpy(&wide, core->bytes + header->e_shoff, sizeof(wide));
		core->nr_headers = wide.sh_info;
		return true;
	}
	if (!core->wide && within(core, header->e_shoff, sizeof(narrow))) {
		memcpy(&narrow, core->bytes + header->e_shoff, sizeof(narrow));
		core->nr_headers = narrow.sh_info;
		return true;
	}
	return false;
}

static int core_open(struct core *core, struct image_error *error)
{
	Elf64_Ehdr header = { .e_type = ET_NONE };
	int result;

	if (core->len >= 8 && !memcmp(core->bytes, "KDUMP   ", 8))
		return refuse(error, -ENOEXEC,
			      "%s is a compressed dump: make it without -z, -l, -s and -w",
			      core->path);
	result = header_read(core, &header, error);
	if (result)
		return result;
	core->header_len = core->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	core->headers = header.e_phoff;
	if (header.e_type != ET_CORE || core->bytes[EI_DATA] != ELFDATA2LSB ||
	    (header.e_machine != EM_X86_64 && header.e_machine != EM_386))
		return refuse(error, -ENOEXEC, "%s is an ELF file, but no core of an x86 guest",
			      core->path);
	core->machine_long = header.e_machine == EM_X86_64;
	if (header.e_phentsize != core->header_len || !headers_count(core, &header) ||
	    !within(core, core->headers, core->nr_headers * core->header_len))
		return refuse(error, -ENOEXEC, "%s: the program headers are not in the file",
			      core->path);
	return 0;
}

static Elf64_Phdr program_header(const struct core *core, uint64_t index)
{
	const unsigned char *bytes = core->bytes + core->headers + index * core->header_len;
	Elf64_Phdr header;
	Elf32_Phdr narrow;

	if (core->wide) {
		memcpy(&header, bytes, sizeof(header));
		return header;
	}
	memcpy(&narrow, bytes, sizeof(narrow));
	return (Elf64_Phdr){
		.p_type = narrow.p_type,
		.p_offset = narrow.p_offset,
		.p_paddr = narrow.p_paddr,
		.p_filesz = narrow.p_filesz,
	};
}

/* What is not in the file is not there, whatever p_memsz says: QEMU filters so. */
static int load_take(struct core *core, const Elf64_Phdr *header, struct image_error *error)
{
	if (header->p_filesz == 0)
		return 0;
	if (!within(core, header->p_offset, header->p_filesz))
		return refuse(error, -ENOEXEC,
			      "%s: the memory at GPA 0x%" PRIx64
			      " is not wholly in the file: it was cut off",
			      core->path, header->p_paddr);
	if (header->p_filesz - 1 > UINT64_MAX - header->p_paddr)
		return refuse(error, -ENOEXEC,
			      "%s: the memory at GPA 0x%" PRIx64 " reaches beyond 2^64", core->path,
			      header->p_paddr);
	if (pt_source_add_extent(core->source, header->p_paddr, header->p_filesz,
				 core->bytes + header->p_offset))
		return refuse(error, -ENOMEM, "no memory");
	return 0;
}

/*
 * QEMU writes no EFER. Long mode shows in CS, and for the first vCPU in the machine of the file;
 * the others are then taken for in long mode, too, unless their paging is another.
 */
static uint64_t efer_guess(const struct core *core, const struct core_cpu *cpu)
{
	bool paging = cpu->cr[0] & CR0_PG && cpu->cr[4] & CR4_PAE;

	if (paging && (core->machine_long || cpu->cs.flags & SEGMENT_LONG))
		return EFER_LME | EFER_LMA | EFER_NXE;
	return EFER_NXE;
}

static int cpu_take(struct core *core, const unsigned char *note, uint64_t len,
		    struct image_error *error)
{
	struct core_cpu cpu = { .version = 0 };
	struct pt_vcpu vcpu;

	memcpy(&cpu, note, len < sizeof(cpu) ? len : sizeof(cpu));
	if (len < offsetof(struct core_cpu, kernel_gs_base) || cpu.version != CORE_CPU_VERSION)
		return refuse(error, -ENOEXEC,
			      "%s: a note with registers of version %" PRIu32 " and %" PRIu64
			      " bytes is not known",
			      core->path, cpu.version, len);
	vcpu = (struct pt_vcpu){
		.rip = cpu.rip,
		.rsp = cpu.rsp,
		.cr0 = cpu.cr[0],
		.cr2 = cpu.cr[2],
		.cr3 = cpu.cr[3],
		.cr4 = cpu.cr[4],
		.efer = efer_guess(core, &cpu),
	};
	if (pt_source_add_vcpu(core->source, &vcpu))
		return refuse(error, -ENOMEM, "no memory");
	return 0;
}

/* Is the host table in the note, ascending and within its pool? */
static bool host_is_sound(const struct core_vmm_range *ranges, uint64_t nr, uint64_t pool_len)
{
	uint64_t next = 0;

	for (uint64_t i = 0; i < nr; i++) {
		if (ranges[i].gpa < next || ranges[i].len == 0 || ranges[i].level < 1 ||
		    ranges[i].level > 3 || ranges[i].len > UINT64_MAX - ranges[i].gpa ||
		    ranges[i].frame > pool_len || ranges[i].len > pool_len - ranges[i].frame)
			return false;
		next = ranges[i].gpa + ranges[i].len;
	}
	return true;
}

/* Of our own cores: after the vCPUs' notes, so that EFER is put where it belongs. */
static int vmm_take(struct core *core, const unsigned char *note, uint64_t len,
		    struct image_error *error)
{
	struct pt_source *source = core->source;
	struct core_vmm vmm;
	uint64_t vcpus, ranges;

	if (len < sizeof(vmm) || source->host)
		return refuse(error, -ENOEXEC, "%s: the note \"VMM\" makes no sense", core->path);
	memcpy(&vmm, note, sizeof(vmm));
	vcpus = (uint64_t)vmm.nr_vcpus * sizeof(struct core_vmm_cpu);
	if (vmm.version != CORE_VMM_VERSION || vcpus > len - sizeof(vmm) ||
	    vmm.nr_ranges > (len - sizeof(vmm) - vcpus) / sizeof(*source->host))
		return refuse(error, -ENOEXEC, "%s: the note \"VMM\" makes no sense", core->path);
	for (size_t i = 0; i < vmm.nr_vcpus && i < source->nr_vcpus; i++) {
		struct core_vmm_cpu cpu;

		memcpy(&cpu, note + sizeof(vmm) + i * sizeof(cpu), sizeof(cpu));
		source->vcpus[i].efer = cpu.efer;
		source->vcpus[i].efer_known = true;
	}
	ranges = vmm.nr_ranges * sizeof(*source->host);
	source->host = malloc(ranges + 1);
	if (!source->host)
		return refuse(error, -ENOMEM, "no memory");
	memcpy(source->host, note + sizeof(vmm) + vcpus, ranges);
	if (!host_is_sound(source->host, vmm.nr_ranges, vmm.pool_len))
		return refuse(error, -ENOEXEC,
			      "%s: the host table in the note \"VMM\" makes no sense", core->path);
	source->nr_host = vmm.nr_ranges;
	source->pool_len = vmm.pool_len;
	source->has_host = true;
	return 0;
}

static bool note_is(const Elf64_Nhdr *note, const unsigned char *name, const char *wanted,
		    uint32_t type)
{
	return note->n_type == type && note->n_namesz == strlen(wanted) + 1 &&
	       !memcmp(name, wanted, note->n_namesz);
}

static int note_take(struct core *core, const Elf64_Nhdr *note, const unsigned char *name,
		     const unsigned char *content, struct image_error *error)
{
	if (note_is(note, name, "QEMU", 0))
		return cpu_take(core, content, note->n_descsz, error);
	if (note_is(note, name, "VMM", CORE_VMM_TYPE))
		return vmm_take(core, content, note->n_descsz, error);
	return 0;
}

/* Elf32_Nhdr is the same. */
static int notes_take(struct core *core, const Elf64_Phdr *header, struct image_error *error)
{
	uint64_t at = 0;

	if (!within(core, header->p_offset, header->p_filesz))
		return refuse(error, -ENOEXEC, "%s: the notes are not in the file", core->path);
	while (header->p_filesz - at >= sizeof(Elf64_Nhdr)) {
		const unsigned char *bytes = core->bytes + header->p_offset + at;
		uint64_t name_len, len;
		Elf64_Nhdr note;
		int result;

		memcpy(&note, bytes, sizeof(note));
		name_len = ((uint64_t)note.n_namesz + NOTE_ALIGN - 1) & -(uint64_t)NOTE_ALIGN;
		len = sizeof(note) + name_len + note.n_descsz;
		if (len > header->p_filesz - at)
			return refuse(error, -ENOEXEC, "%s: a note is cut off", core->path);
		result = note_take(core, &note, bytes + sizeof(note),
				   bytes + sizeof(note) + name_len, error);
		if (result)
			return result;
		len = (len + NOTE_ALIGN - 1) & -(uint64_t)NOTE_ALIGN;
		if (len > header->p_filesz - at)
			break;
		at += len;
	}
	return 0;
}

static int core_take(struct core *core, struct image_error *error)
{
	int result = core_open(core, error);

	for (uint64_t i = 0; !result && i < core->nr_headers; i++) {
		Elf64_Phdr header = program_header(core, i);

		if (header.p_type == PT_LOAD)
			result = load_take(core, &header, error);
		else if (header.p_type == PT_NOTE)
			result = notes_take(core, &header, error);
	}
	return result;
}

int pt_source_core(struct pt_source *source, const char *path, struct image_error *error)
{
	struct core core = { .source = source, .path = path };
	int result;

	*source = (struct pt_source){ .name = path, .kind = "core" };
	result = pt_file_map(source, path, &core.bytes, &core.len, error);
	if (!result)
		result = core_take(&core, error);
	if (result)
		pt_source_close(source);
	else
		pt_source_settle(source);
	return result;
}
