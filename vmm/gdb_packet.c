/* SPDX-License-Identifier: MIT */
/*
 * Packets of the GDB remote serial protocol: see gdb_packet.h.
 */
#include "vmm/gdb_packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ESCAPE '}'
#define ESCAPE_XOR 0x20
#define INTERRUPT 0x03

static int digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

static void data_add(struct gdb_reader *reader, uint8_t byte)
{
	if (reader->len < GDB_DATA_MAX)
		reader->data[reader->len] = (char)byte;
	/* Stays one beyond the end: a packet has no end that could wrap this. */
	if (reader->len <= GDB_DATA_MAX)
		reader->len++;
}

static enum gdb_event outside(struct gdb_reader *reader, uint8_t byte)
{
	if (byte == '$') {
		reader->state = GDB_INSIDE;
		reader->sum = 0;
		reader->len = 0;
		reader->bad = false;
	}
	return byte == INTERRUPT ? GDB_INTERRUPT : byte == '-' ? GDB_REPEAT : GDB_NOTHING;
}

static void inside(struct gdb_reader *reader, uint8_t byte)
{
	if (byte == '#') {
		reader->state = GDB_SUM_FIRST;
		return;
	}
	if (byte == '$') { /* never in data: the rest of the last one was lost */
		outside(reader, byte);
		return;
	}
	reader->sum = (uint8_t)(reader->sum + byte);
	if (byte == ESCAPE)
		reader->state = GDB_ESCAPED;
	else
		data_add(reader, byte);
}

static void escaped(struct gdb_reader *reader, uint8_t byte)
{
	reader->sum = (uint8_t)(reader->sum + byte);
	reader->state = GDB_INSIDE;
	data_add(reader, byte ^ ESCAPE_XOR);
}

static enum gdb_event packet_end(struct gdb_reader *reader, uint8_t byte)
{
	int low = digit_value((char)byte);

	reader->state = GDB_OUTSIDE;
	if (reader->bad || low < 0 || reader->sum != (reader->high << 4 | low))
		return GDB_BAD;
	if (reader->len > GDB_DATA_MAX)
		return GDB_TOO_LONG;
	reader->data[reader->len] = '\0';
	return GDB_PACKET;
}

enum gdb_event gdb_reader_take(struct gdb_reader *reader, uint8_t byte)
{
	int high;

	switch (reader->state) {
	case GDB_OUTSIDE:
		return outside(reader, byte);
	case GDB_INSIDE:
		inside(reader, byte);
		break;
	case GDB_ESCAPED:
		escaped(reader, byte);
		break;
	case GDB_SUM_FIRST:
		high = digit_value((char)byte);
		reader->bad = high < 0;
		reader->high = (uint8_t)(high & 15);
		reader->state = GDB_SUM_SECOND;
		break;
	case GDB_SUM_SECOND:
		return packet_end(reader, byte);
	}
	return GDB_NOTHING;
}

static void reply_byte(struct gdb_reply *reply, char byte)
{
	if (reply->len < sizeof(reply->data))
		reply->data[reply->len++] = byte;
	else
		reply->full = true;
}

void gdb_reply_text(struct gdb_reply *reply, const char *text)
{
	while (*text)
		reply_byte(reply, *text++);
}

void gdb_reply_format(struct gdb_reply *reply, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	gdb_reply_text(reply, text);
}

void gdb_reply_hex(struct gdb_reply *reply, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = bytes;

	for (size_t i = 0; i < len; i++) {
		reply_byte(reply, digits[from[i] >> 4]);
		reply_byte(reply, digits[from[i] & 15]);
	}
}

/* '*' would begin a run-length code in a reply. */
void gdb_reply_binary(struct gdb_reply *reply, const void *bytes, size_t len)
{
	const char *from = bytes;

	for (size_t i = 0; i < len; i++) {
		if (from[i] == '$' || from[i] == '#' || from[i] == ESCAPE || from[i] == '*') {
			reply_byte(reply, ESCAPE);
			reply_byte(reply, (char)(from[i] ^ ESCAPE_XOR));
		} else {
			reply_byte(reply, from[i]);
		}
	}
}

size_t gdb_frame(const struct gdb_reply *reply, char *to)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum = 0;
	char *at = to;

	*at++ = '$';
	for (size_t i = 0; i < reply->len; i++)
		sum = (uint8_t)(sum + (uint8_t)reply->data[i]);
	memcpy(at, reply->data, reply->len);
	at += reply->len;
	*at++ = '#';
	*at++ = digits[sum >> 4];
	*at++ = digits[sum & 15];
	return (size_t)(at - to);
}

bool gdb_take_number(const char **at, uint64_t *value)
{
	const char *digit = *at;
	uint64_t number = 0;

	for (; digit_value(*digit) >= 0; digit++) {
		if (digit - *at == 16)
			return false;
		number = number << 4 | (uint64_t)digit_value(*digit);
	}
	if (digit == *at)
		return false;
	*at = digit;
	*value = number;
	return true;
}

bool gdb_take_text(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len))
		return false;
	*at += len;
	return true;
}

bool gdb_take_bytes(const char **at, void *bytes, size_t len)
{
	const char *digit = *at;
	uint8_t *to = bytes;

	for (size_t i = 0; i < len; i++, digit += 2) {
		int high = digit_value(digit[0]);
		int low = high < 0 ? -1 : digit_value(digit[1]);

		if (low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	*at = digit;
	return true;
}
