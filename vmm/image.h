/* SPDX-License-Identifier: MIT */
/*
 * Guest images: what is in the file, checked, before any of it goes to guest memory.
 *
 * The parsers are pure: bytes in, a struct image out, nothing allocated, nothing printed. The file is hostile; every
 * number of it is checked here and nowhere else. What a parser accepts holds for everybody after it:
 *   - each segment's [file_offset, file_offset + file_len) lies in the file, file_len <= memory_len;
 *   - each segment's GPA and GVA range neither wraps nor overlaps another segment's;
 *   - the entry point lies in an executable segment (raw: inside the image).
 * Whether a segment lies in RAM is the loader's question (load.h), for only it knows the RAM.
 */
#ifndef VMM_IMAGE_H
#define VMM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "ept/address.h"

enum image_kind {
	IMAGE_RAW,
	IMAGE_ELF64,
	IMAGE_MULTIBOOT, /* ELF32 with a Multiboot 1 header */
};

/* CPU mode at entry. ELF64 is long, multiboot is protected, raw is what --mode says. */
enum image_mode { IMAGE_MODE_LONG, IMAGE_MODE_PROTECTED, IMAGE_MODE_REAL };

#define IMAGE_SEGMENTS_MAX 32

#define SEGMENT_READ 0x1
#define SEGMENT_WRITE 0x2
#define SEGMENT_EXECUTE 0x4

struct image_segment {
	gpa_t gpa;
	gva_t gva;	      /* page offset equal to gpa's; meaningful in long mode only */
	uint64_t file_offset; /* bytes */
	uint64_t file_len;    /* bytes copied from the file */
	uint64_t memory_len;  /* bytes in memory, > 0; what the file does not give is zero */
	unsigned rights;      /* SEGMENT_* */
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
	uint64_t entry; /* first instruction */
};

/* Why an image was refused: one sentence without full stop, for the user. */
struct image_error {
	char text[160];
};

/*
 * Finds out what the file is by its content: ELF magic with class 64, or a Multiboot 1 header in the first 8 KiB of an
 * ELF32 file; anything else is raw. An ELF file that is neither is refused (-ENOEXEC), never taken for raw.
 */
int image_identify(const void *file, size_t len, enum image_kind *kind, struct image_error *error);

/*
 * Fills *image from the file's bytes. 0, or -ENOEXEC with *error saying what is wrong and where; *image is then undefined.
 */
int image_parse_raw(const void *file, size_t len, const struct image_raw_options *options, struct image *image,
		    struct image_error *error);
int image_parse_elf64(const void *file, size_t len, struct image *image, struct image_error *error);
int image_parse_multiboot(const void *file, size_t len, struct image *image, struct image_error *error);

#endif
