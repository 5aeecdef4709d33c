/* SPDX-License-Identifier: MIT */
/*
 * What gdb asks and sets in packets with names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/gdb_private.h"

#define MONITOR_COMMAND_MAX 1024
#define PACKET_SIZE GDB_DATA_MAX

static void supported(struct gdb *gdb, const char *rest)
{
	(void)rest;
	gdb_reply_format(&gdb->reply,
			 "PacketSize=%x;qXfer:features:read+;vContSupported+;QStartNoAckMode+;"
			 "swbreak+;hwbreak+",
			 PACKET_SIZE);
}

static void no_ack(struct gdb *gdb, const char *rest)
{
	(void)rest;
	gdb->no_ack = true;
	gdb_reply_text(&gdb->reply, "OK");
}

/* "target.xml:OFFSET,LENGTH": a part of it, after 'm', or 'l' if it is the last. */
static void target_read(struct gdb *gdb, const char *rest)
{
	uint64_t offset, len;
	char *text = NULL;
	size_t text_len = 0;
	FILE *stream;

	if (!gdb_take_text(&rest, "target.xml:") || !gdb_take_number(&rest, &offset) ||
	    !gdb_take_text(&rest, ",") || !gdb_take_number(&rest, &len)) {
		gdb_reply_text(&gdb->reply, "E00");
		return;
	}
	stream = open_memstream(&text, &text_len);
	if (stream) {
		gdb_target_print(stream);
		fclose(stream);
	}
	if (offset > text_len)
		offset = text_len;
	if (len > GDB_DATA_MAX / 2 - 1)
		len = GDB_DATA_MAX / 2 - 1;
	if (len > text_len - offset)
		len = text_len - offset;
	gdb_reply_text(&gdb->reply, offset + len == text_len ? "l" : "m");
	if (len)
		gdb_reply_binary(&gdb->reply, text + offset, len);
	free(text);
}

static void threads_first(struct gdb *gdb, const char *rest)
{
	(void)rest;
	gdb_reply_text(&gdb->reply, "m01");
}

static void threads_next(struct gdb *gdb, const char *rest)
{
	(void)rest;
	gdb_reply_text(&gdb->reply, "l");
}

static void thread_text(struct gdb *gdb, const char *rest)
{
	static const char text[] = "vCPU 0";

	(void)rest;
	gdb_reply_hex(&gdb->reply, text, sizeof(text) - 1);
}

static void thread_current(struct gdb *gdb, const char *rest)
{
	(void)rest;
	gdb_reply_text(&gdb->reply, "QC01");
}

/* gdb then detaches at its end, and does not kill. */
static void attached(struct gdb *gdb, const char *rest)
{
	(void)rest;
	gdb_reply_text(&gdb->reply, "1");
}

static void cont_supported(struct gdb *gdb, const char *rest)
{
	(void)rest;
	gdb_reply_text(&gdb->reply, "vCont;c;C;s;S");
}

static void monitor(struct gdb *gdb, const char *rest)
{
	char command[MONITOR_COMMAND_MAX + 1], *text = NULL;
	size_t digits = strlen(rest), text_len = 0;
	FILE *stream;

	if (digits / 2 > MONITOR_COMMAND_MAX || digits % 2 ||
	    !gdb_take_bytes(&rest, command, digits / 2)) {
		gdb_reply_text(&gdb->reply, "E16");
		return;
	}
	command[digits / 2] = '\0';
	stream = open_memstream(&text, &text_len);
	if (stream) {
		gdb_monitor(gdb, command, stream);
		fclose(stream);
	}
	gdb_say(gdb, text, text_len);
	free(text);
	gdb->reply.len = 0;
	gdb_reply_text(&gdb->reply, "OK");
}

static void physical_get(struct gdb *gdb, const char *rest)
{
	(void)rest;
	gdb_reply_text(&gdb->reply, gdb->physical ? "1" : "0");
}

static void physical_set(struct gdb *gdb, const char *rest)
{
	if (strcmp(rest, "0") && strcmp(rest, "1")) {
		gdb_reply_text(&gdb->reply, "E16");
		return;
	}
	gdb->physical = rest[0] == '1';
	gdb_reply_text(&gdb->reply, "OK");
}

static void step_bits(struct gdb *gdb, const char *rest)
{
	(void)rest;
	gdb_reply_text(&gdb->reply, "ENABLE=1,NOIRQ=2,NOTIMER=4");
}

static void step_get(struct gdb *gdb, const char *rest)
{
	(void)rest;
	gdb_reply_format(&gdb->reply, "0x%x", gdb->step_flags);
}

static void step_set(struct gdb *gdb, const char *rest)
{
	uint64_t flags;

	gdb_take_text(&rest, "0x");
	if (!gdb_take_number(&rest, &flags) || *rest || flags > 7) {
		gdb_reply_text(&gdb->reply, "E16");
		return;
	}
	gdb->step_flags = (unsigned)flags;
	gdb_reply_text(&gdb->reply, "OK");
}

/* A name that does not end with a separator is whole, or what follows begins with ':'. */
static const struct {
	const char *name;
	void (*run)(struct gdb *gdb, const char *rest);
} queries[] = {
	{ "qSupported", supported },
	{ "QStartNoAckMode", no_ack },
	{ "qXfer:features:read:", target_read },
	{ "qfThreadInfo", threads_first },
	{ "qsThreadInfo", threads_next },
	{ "qThreadExtraInfo,", thread_text },
	{ "qC", thread_current },
	{ "qAttached", attached },
	{ "vCont?", cont_supported },
	{ "qRcmd,", monitor },
	{ "qqemu.PhyMemMode", physical_get },
	{ "Qqemu.PhyMemMode:", physical_set },
	{ "qqemu.sstepbits", step_bits },
	{ "Qqemu.sstepbits", step_bits }, /* as pwndbg asks, and QEMU answers */
	{ "qqemu.sstep", step_get },
	{ "Qqemu.sstep=", step_set },
};

static bool is_whole(const char *name, const char *rest)
{
	return strchr(",:=", name[strlen(name) - 1]) || !*rest || *rest == ':';
}

bool gdb_query(struct gdb *gdb, const char *data)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		const char *rest = data;

		if (!gdb_take_text(&rest, queries[i].name) || !is_whole(queries[i].name, rest))
			continue;
		queries[i].run(gdb, rest);
		return true;
	}
	return false;
}
