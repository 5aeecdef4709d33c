/* SPDX-License-Identifier: MIT */
/*
 * Packets of the GDB remote protocol, from peers who mean well and others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/gdb_packet.h"

static struct gdb_reader reader;
static struct gdb_reply reply;

static int begin(void **state)
{
	(void)state;
	memset(&reader, 0, sizeof(reader));
	memset(&reply, 0, sizeof(reply));
	return 0;
}

/* Takes all bytes; what the last of them that was anything was. */
static enum gdb_event take(const char *bytes, size_t len)
{
	enum gdb_event event = GDB_NOTHING;

	for (size_t i = 0; i < len; i++) {
		enum gdb_event next = gdb_reader_take(&reader, (uint8_t)bytes[i]);

		if (next != GDB_NOTHING)
			event = next;
	}
	return event;
}

static enum gdb_event take_text(const char *text)
{
	return take(text, strlen(text));
}

static void test_a_packet_is_taken(void **state)
{
	(void)state;
	assert_int_equal(take_text("$OK#9a"), GDB_PACKET);
	assert_int_equal(reader.len, 2);
	assert_string_equal(reader.data, "OK");
	assert_int_equal(take_text("$#00"), GDB_PACKET);
	assert_int_equal(reader.len, 0);
	assert_string_equal(reader.data, "");
	assert_int_equal(take_text("+$OK#9A"), GDB_PACKET);
}

static void test_what_is_between_packets_is_not_one(void **state)
{
	(void)state;
	assert_int_equal(take_text("++OK#9a\n"), GDB_NOTHING);
	assert_int_equal(take_text("-"), GDB_REPEAT);
	assert_int_equal(take_text("\x03"), GDB_INTERRUPT);
}

static void test_an_interrupt_in_a_packet_is_data(void **state)
{
	(void)state;
	assert_int_equal(take_text("$\x03#03"), GDB_PACKET);
	assert_string_equal(reader.data, "\x03");
}

static void test_escapes_are_taken_out(void **state)
{
	(void)state;
	/* 0x7d + 0x03 + 0x7d + 0x5d = 0x15a */
	assert_int_equal(take_text("$}\x03}]#5a"), GDB_PACKET);
	assert_int_equal(reader.len, 2);
	assert_memory_equal(reader.data, "#}", 2);
}

static void test_wrong_sums_are_bad(void **state)
{
	static const char *const bad[] = { "$OK#9b", "$OK#8a", "$OK#g0", "$OK#0g", "$OK#  " };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(take_text(bad[i]), GDB_BAD);
		assert_int_equal(take_text("$OK#9a"), GDB_PACKET);
	}
}

static void test_a_packet_that_begins_anew_is_another(void **state)
{
	(void)state;
	assert_int_equal(take_text("$lost$OK#9a"), GDB_PACKET);
	assert_string_equal(reader.data, "OK");
}

static void test_a_packet_of_full_length_is_taken_and_a_longer_one_is_not(void **state)
{
	static char bytes[GDB_DATA_MAX + 8];
	unsigned sum = 0;
	char end[4];

	(void)state;
	for (size_t extra = 0; extra < 3; extra++) {
		size_t len = GDB_DATA_MAX + extra;

		memset(bytes, 'a', len);
		sum = (unsigned)(len * 'a') & 255;
		snprintf(end, sizeof(end), "#%02x", sum);
		assert_int_equal(take_text("$"), GDB_NOTHING);
		assert_int_equal(take(bytes, len), GDB_NOTHING);
		assert_int_equal(take_text(end), extra ? GDB_TOO_LONG : GDB_PACKET);
	}
	assert_int_equal(take_text("$OK#9a"), GDB_PACKET);
}

static void test_random_bytes_do_no_harm(void **state)
{
	(void)state;
	srand(1);
	for (unsigned i = 0; i < 1000000; i++) {
		static const char likely[] = "$#}+-\x03";
		uint8_t byte = rand() % 4 ? (uint8_t)rand() : (uint8_t)likely[rand() % 6];

		if (gdb_reader_take(&reader, byte) == GDB_PACKET)
			assert_true(reader.len <= GDB_DATA_MAX && !reader.data[reader.len]);
	}
}

static void test_a_reply_is_framed(void **state)
{
	char frame[GDB_FRAME_MAX];
	size_t len;

	(void)state;
	gdb_reply_text(&reply, "T05");
	gdb_reply_format(&reply, "%x;", 0x1fu);
	gdb_reply_hex(&reply, "\x01\xff", 2);
	gdb_reply_binary(&reply, "#*}$", 4);
	len = gdb_frame(&reply, frame);
	assert_memory_equal(frame, "$T051f;01ff}\x03}\n}]}\x04#", 20);
	for (size_t i = 0; i < len; i++)
		if (gdb_reader_take(&reader, (uint8_t)frame[i]) == GDB_PACKET)
			assert_int_equal(i, len - 1);
	assert_memory_equal(reader.data, "T051f;01ff#*}$", 14);
	assert_int_equal(reader.len, 14);
}

static void test_a_reply_that_is_too_long_is_known(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GDB_DATA_MAX; i++)
		gdb_reply_text(&reply, "a");
	assert_false(reply.full);
	gdb_reply_text(&reply, "a");
	assert_true(reply.full);
	assert_int_equal(reply.len, GDB_DATA_MAX);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
		const char *rest;
	} rows[] = {
		{ "0", true, 0, "" },
		{ "1f,2", true, 0x1f, ",2" },
		{ "FFFFFFFFffffffff", true, UINT64_MAX, "" },
		{ "0ffffffffffffffff", false, 0, "0ffffffffffffffff" },
		{ "10000000000000000", false, 0, "10000000000000000" },
		{ "", false, 0, "" },
		{ "-1", false, 0, "-1" },
		{ "g", false, 0, "g" },
		{ "0x10", true, 0, "x10" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = rows[i].text;
		uint64_t value = 0;

		assert_int_equal(gdb_take_number(&at, &value), rows[i].good);
		assert_string_equal(at, rows[i].rest);
		if (rows[i].good)
			assert_true(value == rows[i].value);
	}
}

static void test_bytes(void **state)
{
	const char *at = "01fFg0";
	uint8_t bytes[3];

	(void)state;
	assert_true(gdb_take_bytes(&at, bytes, 2));
	assert_int_equal(bytes[0], 1);
	assert_int_equal(bytes[1], 255);
	assert_string_equal(at, "g0");
	assert_false(gdb_take_bytes(&at, bytes, 1));
	at = "012";
	assert_false(gdb_take_bytes(&at, bytes, 2));
	assert_string_equal(at, "012");
}

#define PACKET_TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACKET_TEST(test_a_packet_is_taken),
		PACKET_TEST(test_what_is_between_packets_is_not_one),
		PACKET_TEST(test_an_interrupt_in_a_packet_is_data),
		PACKET_TEST(test_escapes_are_taken_out),
		PACKET_TEST(test_wrong_sums_are_bad),
		PACKET_TEST(test_a_packet_that_begins_anew_is_another),
		PACKET_TEST(test_a_packet_of_full_length_is_taken_and_a_longer_one_is_not),
		PACKET_TEST(test_random_bytes_do_no_harm),
		PACKET_TEST(test_a_reply_is_framed),
		PACKET_TEST(test_a_reply_that_is_too_long_is_known),
		PACKET_TEST(test_numbers),
		PACKET_TEST(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
