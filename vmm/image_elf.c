/* SPDX-License-Identifier: MIT */
/*
 * Reads ELF headers and PT_LOADs of both classes. Each structure is copied out of the file before a
 * field of it is used, for the file gives no alignment.
 */
#include "vmm/image_elf.h"

#include <inttypes.h>
#include <string.h>

#include "vmm/image_parser.h"

/* What a class of file must be. */
struct elf_class {
	const char *name;
	const char *machine_name;
	Elf64_Half machine;
	size_t header_len;
	size_t program_header_len;
};

static const struct elf_class elf_class32 = {
	.name = "ELF32",
	.machine_name = "i386",
	.machine = EM_386,
	.header_len = sizeof(Elf32_Ehdr),
	.program_header_len = sizeof(Elf32_Phdr),
};

static const struct elf_class elf_class64 = {
	.name = "ELF64",
	.machine_name = "x86-64",
	.machine = EM_X86_64,
	.header_len = sizeof(Elf64_Ehdr),
	.program_header_len = sizeof(Elf64_Phdr),
};

static const struct elf_class *class_of(unsigned char class)
{
	return class == ELFCLASS64 ? &elf_class64 : &elf_class32;
}

bool elf_magic_present(const void *file, size_t len)
{
	return len >= SELFMAG && memcmp(file, ELFMAG, SELFMAG) == 0;
}

static Elf64_Ehdr header_widen(const uint8_t *bytes)
{
	Elf64_Ehdr header;
	Elf32_Ehdr narrow;

	memcpy(&narrow, bytes, sizeof(narrow));
	header = (Elf64_Ehdr){
		.e_type = narrow.e_type,
		.e_machine = narrow.e_machine,
		.e_version = narrow.e_version,
		.e_entry = narrow.e_entry,
		.e_phoff = narrow.e_phoff,
		.e_phentsize = narrow.e_phentsize,
		.e_phnum = narrow.e_phnum,
	};
	memcpy(header.e_ident, narrow.e_ident, sizeof(header.e_ident));
	return header;
}

static Elf64_Phdr program_header_widen(const uint8_t *bytes)
{
	Elf32_Phdr narrow;

	memcpy(&narrow, bytes, sizeof(narrow));
	return (Elf64_Phdr){
		.p_type = narrow.p_type,
		.p_flags = narrow.p_flags,
		.p_offset = narrow.p_offset,
		.p_vaddr = narrow.p_vaddr,
		.p_paddr = narrow.p_paddr,
		.p_filesz = narrow.p_filesz,
		.p_memsz = narrow.p_memsz,
	};
}

/* The class is the first question: it says how long the header is. */
static int header_read(struct elf_file *elf, unsigned char class, struct image_error *error)
{
	const struct elf_class *wanted = class_of(class);

	if (!elf_magic_present(elf->bytes, elf->len))
		return image_refuse(error, "the file is not an ELF file");
	if (elf->len > EI_CLASS && elf->bytes[EI_CLASS] != class)
		return image_refuse(error, "the ELF file is of class %u; wanted is class %u (%s)",
				    elf->bytes[EI_CLASS], class, wanted->name);
	if (elf->len < wanted->header_len)
		return image_refuse(error,
				    "the file ends within its ELF header, after %zu of %zu bytes",
				    elf->len, wanted->header_len);

	if (class == ELFCLASS64)
		memcpy(&elf->header, elf->bytes, sizeof(elf->header));
	else
		elf->header = header_widen(elf->bytes);
	return 0;
}

/* For machine numbers that people meet; the number is printed besides. */
static const char *machine_name(Elf64_Half machine)
{
	switch (machine) {
	case EM_386:
		return "i386";
	case EM_ARM:
		return "Arm";
	case EM_X86_64:
		return "x86-64";
	case EM_AARCH64:
		return "AArch64";
	case EM_RISCV:
		return "RISC-V";
	default:
		return "another machine";
	}
}

/* What the file is made for. */
static int target_check(const Elf64_Ehdr *header, const struct elf_class *wanted,
			struct image_error *error)
{
	if (header->e_ident[EI_DATA] != ELFDATA2LSB)
		return image_refuse(error,
				    "the ELF file's data encoding is %u; wanted is %u (little "
				    "endian)",
				    header->e_ident[EI_DATA], ELFDATA2LSB);
	if (header->e_machine != wanted->machine)
		return image_refuse(error,
				    "the %s file is for machine %u (%s); wanted is machine %u (%s)",
				    wanted->name, header->e_machine,
				    machine_name(header->e_machine), wanted->machine,
				    wanted->machine_name);
	if (header->e_ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT)
		return image_refuse(error, "the ELF file is of version %u.%u; wanted is 1 in both",
				    header->e_ident[EI_VERSION], header->e_version);
	return 0;
}

static int type_check(const Elf64_Ehdr *header, struct image_error *error)
{
	switch (header->e_type) {
	case ET_EXEC:
		return 0;
	case ET_DYN:
		return image_refuse(error, "the ELF file is position-independent (ET_DYN); wanted "
					   "is ET_EXEC: link it with -no-pie");
	case ET_REL:
		return image_refuse(error, "the ELF file is an object file (ET_REL); wanted is "
					   "ET_EXEC: link it");
	case ET_CORE:
		return image_refuse(error, "the ELF file is a core dump (ET_CORE); wanted is an "
					   "executable (ET_EXEC)");
	default:
		return image_refuse(error,
				    "the ELF file is of type %u; wanted is an executable (%u, "
				    "ET_EXEC)",
				    header->e_type, ET_EXEC);
	}
}

/* The table of program headers. 65535 headers at most: the product cannot overflow. */
static int table_check(const struct elf_file *elf, const struct elf_class *wanted,
		       struct image_error *error)
{
	const Elf64_Ehdr *header = &elf->header;
	uint64_t table_len = (uint64_t)header->e_phnum * wanted->program_header_len;

	if (header->e_phnum == 0)
		return image_refuse(error, "the ELF file has no program headers, hence nothing to "
					   "load: link it");
	if (header->e_phnum == PN_XNUM)
		return image_refuse(error, "the ELF file has 65535 program headers or more");
	if (header->e_phentsize != wanted->program_header_len)
		return image_refuse(error,
				    "the ELF file's program headers are %u bytes long (e_phentsize)"
				    "; wanted is %zu",
				    header->e_phentsize, wanted->program_header_len);
	if (!range_within(header->e_phoff, table_len, 0, elf->len))
		return image_refuse(error,
				    "the %u program headers at offset 0x%" PRIx64
				    " reach beyond the file's %zu bytes",
				    header->e_phnum, header->e_phoff, elf->len);
	return 0;
}

int elf_open(struct elf_file *elf, unsigned char class, const void *file, size_t len,
	     struct image_error *error)
{
	const struct elf_class *wanted = class_of(class);
	int result;

	elf->bytes = file;
	elf->len = len;
	result = header_read(elf, class, error);
	if (!result)
		result = target_check(&elf->header, wanted, error);
	if (!result)
		result = type_check(&elf->header, error);
	if (!result)
		result = table_check(elf, wanted, error);
	return result;
}

/* The caller has opened the file and number < e_phnum: the header lies in the file. */
static Elf64_Phdr program_header_read(const struct elf_file *elf, unsigned number)
{
	const uint8_t *table = elf->bytes + elf->header.e_phoff;
	Elf64_Phdr header;

	if (elf->header.e_ident[EI_CLASS] != ELFCLASS64)
		return program_header_widen(table + number * sizeof(Elf32_Phdr));
	memcpy(&header, table + number * sizeof(header), sizeof(header));
	return header;
}

static unsigned rights_of(Elf64_Word flags)
{
	return (flags & PF_R ? SEGMENT_READ : 0) | (flags & PF_W ? SEGMENT_WRITE : 0) |
	       (flags & PF_X ? SEGMENT_EXECUTE : 0);
}

/* Linkers put anything into p_offset where p_filesz is 0. */
static struct image_segment segment_of(const Elf64_Phdr *header, unsigned number)
{
	return (struct image_segment){
		.gpa = GPA(header->p_paddr),
		.gva = GVA(header->p_vaddr),
		.file_offset = header->p_filesz ? header->p_offset : 0,
		.file_len = header->p_filesz,
		.memory_len = header->p_memsz,
		.rights = rights_of(header->p_flags),
		.number = number,
	};
}

static int load_take(const struct elf_file *elf, const Elf64_Phdr *header, unsigned number,
		     struct image *image, struct image_error *error)
{
	struct image_segment segment = segment_of(header, number);

	if (segment.file_len > segment.memory_len)
		return image_refuse(error,
				    "segment %u has 0x%" PRIx64 " bytes in the file, but 0x%" PRIx64
				    " in memory: the file is damaged",
				    number, segment.file_len, segment.memory_len);
	if (!range_within(segment.file_offset, segment.file_len, 0, elf->len))
		return image_refuse(error,
				    "segment %u, 0x%" PRIx64 " bytes at offset 0x%" PRIx64
				    ", reaches beyond the file's %zu bytes: the file is cut off",
				    number, segment.file_len, segment.file_offset, elf->len);
	if (segment.memory_len == 0)
		return 0;
	if (image->nr_segments == IMAGE_SEGMENTS_MAX)
		return image_refuse(error,
				    "segment %u is one too many: at most %u can be loaded; merge "
				    "some in the linker script",
				    number, IMAGE_SEGMENTS_MAX);
	image->segments[image->nr_segments++] = segment;
	return 0;
}

static int program_header_take(const struct elf_file *elf, unsigned number, struct image *image,
			       struct image_error *error)
{
	Elf64_Phdr header = program_header_read(elf, number);

	switch (header.p_type) {
	case PT_LOAD:
		return load_take(elf, &header, number, image, error);
	case PT_INTERP:
		return image_refuse(error,
				    "segment %u asks for an interpreter (PT_INTERP): link with "
				    "-static -no-pie",
				    number);
	case PT_DYNAMIC:
		return image_refuse(error,
				    "segment %u is for a dynamic linker (PT_DYNAMIC): link with "
				    "-static -no-pie",
				    number);
	default:
		return 0;
	}
}

int elf_read_segments(const struct elf_file *elf, struct image *image, struct image_error *error)
{
	image->nr_segments = 0;
	for (unsigned number = 0; number < elf->header.e_phnum; number++) {
		int result = program_header_take(elf, number, image, error);

		if (result)
			return result;
	}
	if (image->nr_segments == 0)
		return image_refuse(error, "the ELF file has nothing to load: no PT_LOAD with a "
					   "memory size");
	return 0;
}
