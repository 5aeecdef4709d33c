/* SPDX-License-Identifier: MIT */
/*
 * For the image parsers: a file of any content, and what holds of every image that is accepted, in
 * the order of vmm/image.h.
 */
#ifndef PROOF_IMAGE_INPUT_H
#define PROOF_IMAGE_INPUT_H

#include <errno.h>

#include "tests/proof/proof.h"
#include "vmm/image.h"
#include "vmm/image_parser.h"

typedef unsigned __int128 exact_t;

#ifdef FILE_LEN
#define FILE_MAX FILE_LEN
#endif
#ifndef FILE_MAX
#define FILE_MAX 1
#endif

/*
 * A file of up to FILE_MAX bytes, or of FILE_LEN, which ends where its object ends: no read behind
 * it passes.
 */
static inline const void *any_file(size_t *len)
{
	static unsigned char file[FILE_MAX];
#ifdef FILE_LEN
	const size_t any = FILE_LEN;
#else
	size_t any = nondet_u64();

	assume(any <= FILE_MAX);
#endif
	any_of(file);
	*len = any;
	return file + (FILE_MAX - any);
}

#ifndef IMAGE_REFUSE_IS_LINKED
/* The sentence is not what is proved here. */
int image_refuse(struct image_error *error, const char *format, ...)
{
	prove(format != NULL);
	error->text[0] = 1;
	return -ENOEXEC;
}
#endif

static inline exact_t address_end(enum image_mode mode)
{
	return mode == IMAGE_MODE_PROTECTED ? (exact_t)1 << 32 :
	       mode == IMAGE_MODE_REAL	    ? (exact_t)1 << 20 :
					      IMAGE_ADDRESS_END;
}

static inline void segment_holds(const struct image *image, const struct image_segment *segment,
				 size_t len)
{
	exact_t half = (exact_t)1 << 47, all = (exact_t)1 << 64;
	exact_t gpa_end = (exact_t)segment->gpa.value + segment->memory_len;
	exact_t gva_end = (exact_t)segment->gva.value + segment->memory_len;

	prove(segment->memory_len > 0 && segment->file_len <= segment->memory_len);
	prove((exact_t)segment->file_offset + segment->file_len <= len);
	prove(gpa_end <= address_end(image->mode) && gva_end <= address_end(image->mode));
	prove((segment->rights & ~7u) == 0);
	if (image->kind != IMAGE_ELF64)
		prove(segment->gva.value == segment->gpa.value && segment->rights == 7);
	if (image->mode != IMAGE_MODE_LONG)
		return;
	prove(gva_end <= half || segment->gva.value >= all - half);
	prove(is_aligned(segment->gva.value ^ segment->gpa.value, PAGE_SIZE));
	prove(segment->gva.value >= PAGE_SIZE && segment->gpa.value >= PAGE_SIZE);
	prove(segment->rights & SEGMENT_READ);
	prove(image->kind != IMAGE_ELF64 || (segment->rights & (SEGMENT_WRITE | SEGMENT_EXECUTE)) !=
						    (SEGMENT_WRITE | SEGMENT_EXECUTE));
}

/* Do two ranges, made larger to whole pages in long mode, have nothing in common? */
static inline bool apart(const struct image *image, uint64_t a, uint64_t a_len, uint64_t b,
			 uint64_t b_len)
{
	unsigned shift = image->mode == IMAGE_MODE_LONG ? PAGE_SHIFT : 0;

	return (a + (a_len - 1)) >> shift < b >> shift || (b + (b_len - 1)) >> shift < a >> shift;
}

static inline void image_holds(const struct image *image, size_t len)
{
	unsigned i, j;
	bool entered = false;

	prove(image->nr_segments > 0 && image->nr_segments <= IMAGE_SEGMENTS_MAX);
	assume(i < image->nr_segments && j < image->nr_segments);
	const struct image_segment *a = &image->segments[i], *b = &image->segments[j];

	segment_holds(image, a, len);
	if (i < j) {
		prove(a->gpa.value < b->gpa.value);
		prove(apart(image, a->gpa.value, a->memory_len, b->gpa.value, b->memory_len));
		prove(apart(image, a->gva.value, a->memory_len, b->gva.value, b->memory_len));
	}
	for (unsigned k = 0; k < image->nr_segments; k++) {
		const struct image_segment *segment = &image->segments[k];

		entered |= (segment->rights & SEGMENT_EXECUTE) &&
			   image->entry >= segment->gva.value &&
			   image->entry - segment->gva.value < segment->memory_len;
	}
	prove(entered);
}

#endif
