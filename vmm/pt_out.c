/* SPDX-License-Identifier: MIT */
/*
 * Lines of text made fast: see pt_out.h.
 */
#include "vmm/pt_out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void pt_out_init(struct pt_out *out, int fd)
{
	out->fd = fd;
	out->error = 0;
	out->used = 0;
	out->flushed = 0;
}

int pt_out_flush(struct pt_out *out)
{
	size_t done = 0;

	while (out->fd >= 0 && !out->error && done < out->used) {
		ssize_t written = write(out->fd, out->buffer + done, out->used - done);

		if (written >= 0)
			done += (size_t)written;
		else if (errno != EINTR)
			out->error = -errno;
	}
	out->flushed += out->used;
	out->used = 0;
	return out->error;
}

void pt_out_print(struct pt_out *out, const char *format, ...)
{
	char *line = pt_out_begin(out);
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(line, PT_OUT_LINE, format, arguments);
	va_end(arguments);
	if (len >= PT_OUT_LINE)
		len = PT_OUT_LINE - 1;
	if (len > 0)
		pt_out_end(out, line + len);
}

void pt_out_string(struct pt_out *out, const char *text, size_t len)
{
	pt_out_print(out, "\"");
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\' || byte == '<' ||
		    byte == '&')
			pt_out_print(out, "\\u%04x", byte);
		else
			pt_out_print(out, "%c", byte);
	}
	pt_out_print(out, "\"");
}

char *pt_put_number(char *to, uint64_t value)
{
	char digits[20];
	size_t nr = 0;

	do
		digits[sizeof(digits) - ++nr] = (char)('0' + value % 10);
	while (value /= 10);
	return pt_put(to, digits + sizeof(digits) - nr, nr);
}

char *pt_put_size(char *to, uint64_t size)
{
	static const char units[] = "BKMGTPE";
	unsigned unit = size ? (unsigned)__builtin_ctzll(size) / 10 : 0;

	to = pt_put_number(to, size >> (10 * unit));
	if (unit)
		*to++ = units[unit];
	return to;
}
