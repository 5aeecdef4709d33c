/* SPDX-License-Identifier: MIT */
/* Formatted output, with the few conversions that guest.h lists. */
#include "guests/lib/print.h"

#include "guests/lib/guest.h"

#include <stddef.h>

/* memory.c has them, for the compiler; and for us. */
void *memset(void *destination, int value, size_t len);
void *memcpy(void *restrict destination, const void *restrict source, size_t len);

#define DIGITS_MAX 20 /* of 2^64 - 1 in decimal */
#define LINE_MAX 128

/*
 * What is printed is put together here and written at once. Where KVM emulates ring 0 each
 * instruction costs a microsecond, so strings are handled by string instructions.
 */
struct line {
	unsigned len;
	char text[LINE_MAX];
};

static void line_flush(struct line *line)
{
	console_write(line->text, line->len);
	line->len = 0;
}

static void line_add(struct line *line, const char *text, unsigned len)
{
	while (len > LINE_MAX - line->len) {
		unsigned part = LINE_MAX - line->len;

		memcpy(line->text + line->len, text, part);
		line->len = LINE_MAX;
		line_flush(line);
		text += part;
		len -= part;
	}
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

/* One conversion of a format: what stands between % and its letter. */
struct conversion {
	unsigned width;
	char pad;
	bool is_long;
	char letter;
};

/* Bytes before the first `byte`, at most `len`. */
static unsigned text_until(const char *text, char byte, unsigned len)
{
	const char *end = text;
	unsigned long left = len;

	__asm__("repne scasb" : "+D"(end), "+c"(left) : "a"(byte) : "cc", "memory");
	return end > text && end[-1] == byte ? len - (unsigned)left - 1 : len;
}

static unsigned text_len(const char *text)
{
	return text_until(text, '\0', UINT32_MAX);
}

static void add_padded(struct line *line, const char *text, unsigned len,
		       const struct conversion *conversion)
{
	for (unsigned i = len; i < conversion->width; i++)
		line_add(line, &conversion->pad, 1);
	line_add(line, text, len);
}

/* A number's padding and digits together, where the width is that of a number. */
static void add_number(struct line *line, uint64_t value, unsigned base,
		       const struct conversion *conversion)
{
	char text[DIGITS_MAX];
	char *end = text + DIGITS_MAX;
	char *first = end;

	memset(text, conversion->pad, DIGITS_MAX);
	do {
		*--first = "0123456789abcdef"[base == 16 ? value & 15 : value % 10];
		value = base == 16 ? value >> 4 : value / 10;
	} while (value);
	if (conversion->width <= DIGITS_MAX && first > end - conversion->width)
		first = end - conversion->width;
	add_padded(line, first, (unsigned)(end - first), conversion);
}

static void add_signed(struct line *line, int64_t value, const struct conversion *conversion)
{
	if (value < 0)
		line_add(line, "-", 1);
	add_number(line, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, conversion);
}

/* Reads the conversion that begins after a percent sign; returns where the text goes on. */
static const char *conversion_read(const char *format, struct conversion *conversion)
{
	*conversion = (struct conversion){ .pad = *format == '0' ? '0' : ' ' };
	while (*format >= '0' && *format <= '9')
		conversion->width = conversion->width * 10 + (unsigned)(*format++ - '0');
	if (*format == 'l') {
		conversion->is_long = true;
		format++;
	}
	conversion->letter = *format;
	return *format ? format + 1 : format;
}

void print_arguments(const char *format, va_list arguments)
{
	const char *end = format + text_len(format);
	struct conversion conversion;
	struct line line;
	const char *text;
	char byte;

	line.len = 0;
	while (format < end) {
		unsigned literal = text_until(format, '%', (unsigned)(end - format));

		line_add(&line, format, literal);
		format += literal;
		if (format == end)
			break;
		format = conversion_read(format + 1, &conversion);
		switch (conversion.letter) {
		case 's':
			text = va_arg(arguments, const char *);
			add_padded(&line, text, text_len(text), &conversion);
			break;
		case 'c':
			byte = (char)va_arg(arguments, int);
			line_add(&line, &byte, 1);
			break;
		case 'd':
			add_signed(&line,
				   conversion.is_long ? va_arg(arguments, long) :
							va_arg(arguments, int),
				   &conversion);
			break;
		case 'u':
		case 'x':
			add_number(&line,
				   conversion.is_long ? va_arg(arguments, unsigned long) :
							va_arg(arguments, unsigned),
				   conversion.letter == 'x' ? 16 : 10, &conversion);
			break;
		default:
			line_add(&line, &conversion.letter, 1);
		}
	}
	line_flush(&line);
}

void print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_arguments(format, arguments);
	va_end(arguments);
}
