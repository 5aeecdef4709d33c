/* SPDX-License-Identifier: MIT */
/*
 * Shows: of a file of any content, the first Multiboot header that is one is found, and none is
 *   found where there is none; nothing is read behind the file or behind what is searched
 * Rules: BUG-3
 * Layer: input
 * Assumes: writing the sentence of a refusal (vsnprintf) is not part of it
 * Sources: vmm/image_multiboot.c
 * Geometry: files of up to 80 bytes of any content, of which the first 64 are searched, not 8192
 * Defines: HEADER_SEARCH=64
 * Unwind: 21
 * Covers: multiboot_header_find
 * Except: multiboot_header_find wraps the checksum is a sum in 32 bits
 * Limit: 60
 * Quick: yes
 */
#include "tests/proof/image_input.h"

#define WORDS 20

static uint32_t words[WORDS];
static size_t len;
static unsigned last; /* word that was copied from */

/* A header, from words of the file. */
void *memcpy(void *to, const void *from, size_t nr)
{
	struct multiboot_header *header = to;
	size_t at = __CPROVER_POINTER_OFFSET(from);

	prove(__CPROVER_POINTER_OBJECT(from) == __CPROVER_POINTER_OBJECT(words));
	prove(at % 4 == 0 && at + nr <= len && at + nr <= HEADER_SEARCH && nr == sizeof(*header));
	last = at / 4;
	header->magic = words[last];
	header->flags = words[last + 1];
	header->checksum = words[last + 2];
	return to;
}

static bool is_header(unsigned word)
{
	uint64_t sum = (uint64_t)words[word] + words[word + 1] + words[word + 2];

	return words[word] == 0x1badb002 && (sum & UINT32_MAX) == 0;
}

int main(void)
{
	struct multiboot_header header;
	struct image_error error;
	unsigned any;

	any_of(words);
	len = nondet_u64();
	assume(len <= sizeof(words));
	int err = multiboot_header_find(words, len, &header, &error);

	prove(err == 0 || err == -ENOEXEC);
	assume(any < WORDS - 2 && 4 * any + 12 <= len && 4 * any + 12 <= HEADER_SEARCH);
	if (err) {
		prove(!is_header(any));
		return 0;
	}
	prove(is_header(last) && header.magic == words[last]);
	prove(header.flags == words[last + 1] && header.checksum == words[last + 2]);
	prove(implies(any < last, !is_header(any)));
	return 0;
}
