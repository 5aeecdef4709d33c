/* SPDX-License-Identifier: MIT */
/*
 * Lines of text made fast: a buffer before a file descriptor, and numbers written without printf.
 *
 * Who writes a line asks for room once and then writes through a pointer; no function here checks
 * again.
 */
#ifndef VMM_PT_OUT_H
#define VMM_PT_OUT_H

#include <emmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PT_OUT_LEN 16384 /* stays in the fastest cache */
#define PT_OUT_LINE 1024 /* the longest piece that is asked room for */

struct pt_out {
	int fd;	   /* -1: nowhere; what is written is only counted */
	int error; /* 0, or the -E* for which writing ended: what follows vanishes */
	size_t used;
	uint64_t flushed; /* bytes that have left the buffer */
	char buffer[PT_OUT_LEN];
};

void pt_out_init(struct pt_out *out, int fd);

/* Writes out what is buffered. Returns out->error. */
int pt_out_flush(struct pt_out *out);

/* printf for what need not be fast. Cut at PT_OUT_LINE. */
__attribute__((format(printf, 2, 3))) void pt_out_print(struct pt_out *out, const char *format,
							...);

/*
 * A string of JSON, or of a script in a page. No byte of it may end the string, the script, or the
 * page: what is not plain is written as its number.
 */
void pt_out_string(struct pt_out *out, const char *text, size_t len);

/* Room for PT_OUT_LINE bytes; pt_out_end() says where they ended. */
static inline char *pt_out_begin(struct pt_out *out)
{
	if (out->used > PT_OUT_LEN - PT_OUT_LINE)
		pt_out_flush(out);
	return out->buffer + out->used;
}

static inline void pt_out_end(struct pt_out *out, const char *end)
{
	out->used = (size_t)(end - out->buffer);
}

/* All sixteen hexadecimal digits at once: nibbles into bytes, bytes into letters. */
static inline char *pt_put_hex16(char *to, uint64_t value)
{
	const __m128i low = _mm_set1_epi8(15);
	__m128i bytes = _mm_cvtsi64_si128((long long)__builtin_bswap64(value));
	__m128i digits = _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(bytes, 4), low),
					   _mm_and_si128(bytes, low));
	__m128i letters = _mm_and_si128(_mm_cmpgt_epi8(digits, _mm_set1_epi8(9)),
					_mm_set1_epi8('a' - '0' - 10));

	digits = _mm_add_epi8(_mm_add_epi8(digits, _mm_set1_epi8('0')), letters);
	_mm_storeu_si128((__m128i *)(void *)to, digits);
	return to + 16;
}

/* 0x and as few digits as there are. */
static inline char *pt_put_hex(char *to, uint64_t value)
{
	unsigned digits = value ? (67 - (unsigned)__builtin_clzll(value)) / 4 : 1;
	char all[16];

	pt_put_hex16(all, value);
	*to++ = '0';
	*to++ = 'x';
	memcpy(to, all + 16 - digits, digits);
	return to + digits;
}

static inline char *pt_put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

#define PT_PUT(to, literal) pt_put(to, literal, sizeof(literal) - 1)

static inline char *pt_put_text(char *to, const char *text)
{
	return pt_put(to, text, strlen(text));
}

/* Decimal. */
char *pt_put_number(char *to, uint64_t value);

/* As K, M, G, T, P or E if it is a multiple, or bytes: exact, and read by size_read(). */
char *pt_put_size(char *to, uint64_t size);

#endif
