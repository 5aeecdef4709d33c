/* SPDX-License-Identifier: MIT */
/* Formatted output, with the few conversions that guest.h lists. */
#include "guests/lib/print.h"

#include "guests/lib/guest.h"

#define DIGITS_MAX 20 /* of 2^64 - 1 in decimal */

/* One conversion of a format: what stands between % and its letter. */
struct conversion {
	unsigned width;
	char pad;
	bool is_long;
	char letter;
};

/*
 * Bytes before the first `byte`, at most `len`. One instruction for all of them: where KVM emulates
 * ring 0 each instruction costs a microsecond, and this is what prints.
 */
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

static void write_padded(const char *text, unsigned len, const struct conversion *conversion)
{
	for (unsigned i = len; i < conversion->width; i++)
		console_write(&conversion->pad, 1);
	console_write(text, len);
}

static void write_number(uint64_t value, unsigned base, const struct conversion *conversion)
{
	char text[DIGITS_MAX];
	char *first = text + DIGITS_MAX;

	do {
		*--first = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	write_padded(first, (unsigned)(text + DIGITS_MAX - first), conversion);
}

static void write_signed(int64_t value, const struct conversion *conversion)
{
	if (value < 0)
		console_write("-", 1);
	write_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10, conversion);
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
	const char *text;
	char byte;

	while (format < end) {
		unsigned literal = text_until(format, '%', (unsigned)(end - format));

		console_write(format, literal);
		format += literal;
		if (format == end)
			break;
		format = conversion_read(format + 1, &conversion);
		switch (conversion.letter) {
		case 's':
			text = va_arg(arguments, const char *);
			write_padded(text, text_len(text), &conversion);
			break;
		case 'c':
			byte = (char)va_arg(arguments, int);
			console_write(&byte, 1);
			break;
		case 'd':
			write_signed(conversion.is_long ? va_arg(arguments, long) :
							  va_arg(arguments, int),
				     &conversion);
			break;
		case 'u':
		case 'x':
			write_number(conversion.is_long ? va_arg(arguments, unsigned long) :
							  va_arg(arguments, unsigned),
				     conversion.letter == 'x' ? 16 : 10, &conversion);
			break;
		default:
			console_write(&conversion.letter, 1);
		}
	}
}

void print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_arguments(format, arguments);
	va_end(arguments);
}
