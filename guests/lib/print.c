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

static void write_text(const char *text, const struct conversion *conversion)
{
	unsigned len = 0;

	while (text[len])
		len++;
	for (unsigned i = len; i < conversion->width; i++)
		console_write_byte(conversion->pad);
	while (*text)
		console_write_byte(*text++);
}

static void write_number(uint64_t value, unsigned base, const struct conversion *conversion)
{
	char text[DIGITS_MAX + 1];
	char *first = text + DIGITS_MAX;

	*first = '\0';
	do {
		*--first = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	write_text(first, conversion);
}

static void write_signed(int64_t value, const struct conversion *conversion)
{
	if (value < 0)
		console_write_byte('-');
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
	struct conversion conversion;

	while (*format) {
		if (*format != '%') {
			console_write_byte(*format++);
			continue;
		}
		format = conversion_read(format + 1, &conversion);
		switch (conversion.letter) {
		case 's':
			write_text(va_arg(arguments, const char *), &conversion);
			break;
		case 'c':
			console_write_byte((char)va_arg(arguments, int));
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
			console_write_byte(conversion.letter);
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
