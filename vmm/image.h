/* SPDX-License-Identifier: MIT */
/*
 * Guest images: what is in the file, checked, before any of it goes to guest memory.
 *
 * The parsers are pure: bytes in, a struct image out, nothing allocated, nothing printed. The file
 * is hostile; every number of it is checked here and nowhere else. What a parser accepts holds for
 * everybody after it:
 *   - there is a segment, and each has memory_len > 0 and file_len <= memory_len;
 *   - each segment's [file_offset, file_offset + file_len) lies in the file;
 *   - each segment's GPA and GVA range ends at or below IMAGE_ADDRESS_END, so that neither its end
 *     nor its end rounded up to a page overflows; in protected mode below 4 GiB, in real mode below
 *     1 MiB;
 *   - no two segments overlap, neither by GPA nor by GVA; in long mode no two share a page;
 *   - the entry point lies in an executable segment.
 * And in long mode:
 *   - each segment's GVA range is canonical (48 bits) and in one half, its GVA and GPA have the
 *     same page offset, and neither begins in page 0, which stays absent;
 *   - each segment is readable, and in an ELF64 image none is both writable and executable.
 * Whether a segment lies in RAM, or where the VMM itself maps something, is the loader's question
 * (load.h), for only it knows the RAM.
 */
#ifndef VMM_IMAGE_H
#define VMM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "ept/address.h"
#include "mm/types.h"

enum image_kind {
	IMAGE_RAW,
	IMAGE_ELF64,
	IMAGE_MULTIBOOT, /* ELF32 with a Multiboot 1 header */
};

/* CPU mode at entry. ELF64 is long, multiboot is protected, raw is what --mode says. */
enum image_mode {
	IMAGE_MODE_LONG,
	IMAGE_MODE_PROTECTED,
	IMAGE_MODE_REAL,
};

#define IMAGE_SEGMENTS_MAX 32

/* Where the last page of the 64-bit address space begins: no segment reaches into it. */
#define IMAGE_ADDRESS_END (UINT64_MAX - PAGE_SIZE + 1)

#define SEGMENT_READ 0x1
#define SEGMENT_WRITE 0x2
#define SEGMENT_EXECUTE 0x4

struct image_segment {
	gpa_t gpa;
	gva_t gva;	      /* equal to gpa but in ELF64 images */
	uint64_t file_offset; /* bytes; at most the file's length even if file_len is 0 */
	uint64_t file_len;    /* bytes copied from the file */
	uint64_t memory_len;  /* bytes in memory, > 0; what the file does not give is zero */
	unsigned rights;      /* SEGMENT_*; all three but in ELF64 images */
	unsigned number;      /* of its program header, counted from 0; for messages */
};

struct image {
	enum image_kind kind;
	enum image_mode mode;
	uint64_t entry; /* GVA in long mode, GPA in protected and real mode */
	unsigned nr_segments;
	struct image_segment segments[IMAGE_SEGMENTS_MAX]; /* ascending by GPA */
};

/* What the command line says about a raw image. */
struct image_raw_options {
	enum image_mode mode;
	gpa_t load;	/* where the file goes */
	uint64_t entry; /* first instruction: GPA, and in long mode the equal GVA */
};

/*
 * Why an image was refused: one sentence without full stop, for the user, complete and with no byte
 * of the file in it.
 */
struct image_error {
	char text[160];
};

/*
 * Finds out what the file is by its content: ELF magic with class 64, or a Multiboot 1 header in
 * the first 8 KiB of an ELF32 file; anything else is raw. An ELF file that is neither is refused
 * (-ENOEXEC), never taken for raw. 0 says which parser is the right one, not that it will accept.
 */
int image_identify(const void *file, size_t len, enum image_kind *kind, struct image_error *error);

/*
 * The parsers. Each fills *image from the file's `len` bytes (`file` may be NULL if there are none;
 * it needs no alignment) and returns 0, or returns -ENOEXEC with *error saying what is wrong and
 * where; *image is then undefined. *error is untouched on success. *image refers to the file by
 * offsets only.
 */

/*
 * One segment with all rights, for nothing in the file tells code from data. load + len must not
 * exceed 2^47 in long mode (the GVA equals the GPA: the lower half), 4 GiB in protected mode, 1 MiB
 * in real mode; in long mode `load` is a multiple of PAGE_SIZE above 0.
 */
int image_parse_raw(const void *file, size_t len, const struct image_raw_options *options,
		    struct image *image, struct image_error *error);

/*
 * ELF, little endian, x86-64, ET_EXEC, statically linked. Each PT_LOAD with a memory size is a
 * segment: GVA p_vaddr, GPA p_paddr. Rights as in p_flags, but that a segment which is writable or
 * executable is readable too, for x86 tables know nothing else; one without any right is refused.
 * Headers of other types are ignored, but PT_INTERP and PT_DYNAMIC are refused.
 */
int image_parse_elf64(const void *file, size_t len, struct image *image, struct image_error *error);

/*
 * Multiboot Specification 0.6.96, on an ELF32 file for i386, ET_EXEC. The segments are its PT_LOADs
 * at p_paddr; paging is off, hence GVA is GPA and every right is there.
 *
 * Of the header's flags 0 to 15, which a loader must satisfy or refuse, 0 (modules on page
 * boundaries) and 1 (memory information) are accepted: the loader does both for every image. The
 * video mode (2) and the unknown ones are refused. Flag 16 is ignored, though 3.1.2 prefers its
 * load addresses: they exist for formats other than ELF, and only ELF files come here.
 *
 * An entry point within some segment's p_vaddr range is translated to that segment's GPA, as other
 * loaders do for kernels linked high and loaded low; otherwise it is a GPA itself.
 */
int image_parse_multiboot(const void *file, size_t len, struct image *image,
			  struct image_error *error);

#endif
