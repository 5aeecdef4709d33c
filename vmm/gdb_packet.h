/* SPDX-License-Identifier: MIT */
/*
 * Packets of the GDB remote serial protocol ("Overview" in GDB's manual, appendix E), and the
 * numbers in them: only bytes in memory, no connection.
 *
 * A packet is $DATA#CC, where CC is the sum of DATA's bytes; in DATA, '}' and a byte stand for that
 * byte xor 0x20. All that is read here comes from a peer.
 */
#ifndef VMM_GDB_PACKET_H
#define VMM_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_DATA_MAX 16384 /* bytes of DATA, after the escapes are taken out */

enum gdb_event {
	GDB_NOTHING,   /* the byte is part of something, or of nothing */
	GDB_PACKET,    /* reader->data has reader->len bytes, and a NUL behind them */
	GDB_BAD,       /* a packet with a wrong sum, or no sum */
	GDB_TOO_LONG,  /* a packet that is longer than GDB_DATA_MAX; it has ended */
	GDB_INTERRUPT, /* 0x03 between packets: stop the guest */
	GDB_REPEAT,    /* '-': the peer did not get the last packet */
};

struct gdb_reader {
	enum { GDB_OUTSIDE, GDB_INSIDE, GDB_ESCAPED, GDB_SUM_FIRST, GDB_SUM_SECOND } state;
	uint8_t sum; /* of what came */
	uint8_t high;
	bool bad;
	size_t len; /* may be more than there is room for */
	char data[GDB_DATA_MAX + 1];
};

/* Takes the next byte that came. All zero is the beginning. */
enum gdb_event gdb_reader_take(struct gdb_reader *reader, uint8_t byte);

/* DATA of a reply that is being made. What does not fit sets `full` and is left out. */
struct gdb_reply {
	bool full;
	size_t len;
	char data[GDB_DATA_MAX];
};

void gdb_reply_text(struct gdb_reply *reply, const char *text);
__attribute__((format(printf, 2, 3))) void gdb_reply_format(struct gdb_reply *reply,
							    const char *format, ...);
/* Two digits a byte. */
void gdb_reply_hex(struct gdb_reply *reply, const void *bytes, size_t len);
/* The bytes as they are, escaped where they must be. */
void gdb_reply_binary(struct gdb_reply *reply, const void *bytes, size_t len);

/* Bytes that gdb_frame() makes at most. */
#define GDB_FRAME_MAX (GDB_DATA_MAX + 4)

/* The packet for a reply into `to`, of GDB_FRAME_MAX bytes; how many bytes it has. */
size_t gdb_frame(const struct gdb_reply *reply, char *to);

/*
 * Reading a packet's data: each steps *at over what it reads, or returns false and leaves it. A
 * number is 1 to 16 hexadecimal digits.
 */
bool gdb_take_number(const char **at, uint64_t *value);
bool gdb_take_text(const char **at, const char *text);
/* `len` bytes of two digits each. */
bool gdb_take_bytes(const char **at, void *bytes, size_t len);

#endif
