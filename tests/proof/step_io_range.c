/* SPDX-License-Identifier: MIT */
/*
 * Shows: a range whose addresses are found piece by piece, and may lead nowhere, moves by the
 *   bytes that were copied; each of them is the one at its address; no piece is kept, and a
 *   value comes whole or the range has not moved
 * Rules: AX-19 IO-1 IO-2 INV-S9
 * Layer: steps
 * Assumes: the instruction that copies bytes on x86-64 does as the loop that stands for it
 *   elsewhere
 * Assumes: source and target do not overlap
 * Geometry: ranges of up to 4 bytes anywhere, found in pieces of any length, with any error at
 *   any piece; words of 4 bytes at any address
 * Cases: STEP init limit_and_skip read write fill read_val write_val load compare_exchange
 *   direct
 * Options: --slice-formula
 * Unwind: 6
 * Covers: io_range_init io_range_skip io_range_limit piece_begin piece_end piece_transfer
 *   range_transfer io_range_read io_range_write io_range_fill_zeros io_range_read_val
 *   io_range_write_val word_begin io_range_load io_range_compare_exchange direct_begin
 * Unreached: piece_begin int error = range->access->begin
 * Unreached: piece_end range->access->end(range->context);
 * Limit: 300
 *
 * The two lines that are not reached are, for the function that is called there: not for others,
 * which the prover has for candidates.
 */
#include "tests/proof/proof.h"
#undef __x86_64__ /* bytes one by one, where the machine has an instruction */
#include "mm/io.c"
#include "mm/io_range.c"

#define BYTES 4u

/* What is at the range's addresses, and the other side. */
static _Alignas(8) unsigned char there[BYTES], here[BYTES];
static unsigned char there_before[BYTES], here_before[BYTES];

static struct io_range range, range_before;
static uint64_t base; /* address of there[0] */
static unsigned pieces;
static int refusal; /* what begin() has returned, but for 0 */
static enum io_direction wanted;

/* As the header has it; but it may reach nothing, or say that it reaches more than was asked. */
static int any_begin(void *context, uint64_t address, uint64_t len, enum io_direction direction,
		     void **memory, uint64_t *reached)
{
	uint64_t offset = address - base;
	int error = -(int)nondet_u8();

	prove(context == &base && direction == wanted && pieces == 0);
	prove(len > 0 && offset < BYTES && len <= BYTES - offset);
	if (error) {
		refusal = error;
		return error;
	}
	pieces++;
	*memory = there + offset;
	*reached = nondet_u8();
	if (*reached == 0)
		refusal = -EFAULT;
	return 0;
}

static void any_end(void *context)
{
	prove(context == &base && pieces == 1);
	pieces--;
}

static const struct io_access with_end = { .begin = any_begin, .end = any_end };

static void begin(enum io_direction direction)
{
	uint64_t len = nondet_u8();

	any_of(there);
	any_of(here);
	for (unsigned i = 0; i < BYTES; i++) {
		there_before[i] = there[i];
		here_before[i] = here[i];
	}
	base = nondet_u64();
	wanted = direction;
	assume(base <= UINT64_MAX - BYTES && len <= BYTES);
	prove(io_range_init(&range, &with_end, &base, base, len) == 0);
	range_before = range;
}

/* The range has moved by `len` bytes, and nothing is in hand. */
static void prove_moved(uint64_t len)
{
	prove(range.cursor == range_before.cursor + len);
	prove(range.remain == range_before.remain - len);
	prove(range.access == &with_end && range.context == &base && pieces == 0);
}

/* So many bytes of the one side are those of the other, and no others have changed. */
static void prove_bytes(const unsigned char *changed, const unsigned char *before,
			const unsigned char *source, uint64_t len)
{
	for (unsigned i = 0; i < BYTES; i++)
		prove(changed[i] == (i < len ? source[i] : before[i]));
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* All that was asked for, or what begin() said. */
static void prove_done(int error, uint64_t done, uint64_t asked)
{
	prove(error == refusal);
	prove(error ? done < asked : done == asked);
}

static void init(void)
{
	uint64_t address = nondet_u64(), len = nondet_u64();
	bool wraps = len > 0 && address > UINT64_MAX - (len - 1);

	range.remain = 7;
	int error = io_range_init(&range, &with_end, &base, address, len);

	prove(error == (wraps ? -EOVERFLOW : 0));
	prove(error ? range.remain == 7 :
		      range.remain == len && range.cursor == address && range.access == &with_end &&
			      range.context == &base);
}

static void limit_and_skip(void)
{
	uint64_t len = nondet_u64();

	begin(IO_READ);
	int error = io_range_skip(&range, len);

	prove(error == (len > range_before.remain ? -EINVAL : 0));
	prove_moved(error ? 0 : len);
	uint64_t left = range.remain;

	io_range_limit(&range, len);
	prove(range.remain == least(left, len));
}

static void read(void)
{
	uint64_t room = nondet_u8(), done;

	begin(IO_READ);
	assume(room <= BYTES);
	struct io_writer writer = io_writer_at(here, room);
	int error = io_range_read(&range, &writer, &done);

	prove_done(error, done, least(range_before.remain, room));
	prove_moved(done);
	prove(writer.cursor == here + done && writer.avail == room - done);
	prove_bytes(here, here_before, there, done);
	prove_bytes(there, there_before, there, 0);
}

static void write(void)
{
	uint64_t len = nondet_u8(), done;

	begin(IO_WRITE);
	assume(len <= BYTES);
	struct io_reader reader = io_reader_at(here, len);
	int error = io_range_write(&range, &reader, &done);

	prove_done(error, done, least(range_before.remain, len));
	prove_moved(done);
	prove(reader.cursor == here + done && reader.remain == len - done);
	prove_bytes(there, there_before, here, done);
	prove_bytes(here, here_before, here, 0);
}

static void fill(void)
{
	static const unsigned char zeros[BYTES];
	uint64_t len = nondet_u64(), done;

	begin(IO_WRITE);
	int error = io_range_fill_zeros(&range, len, &done);

	prove_done(error, done, least(range_before.remain, len));
	prove_moved(done);
	prove_bytes(there, there_before, zeros, done);
}

static void read_val(void)
{
	uint64_t len = nondet_u64();

	begin(IO_READ);
	assume(len <= BYTES || len > range.remain);
	int error = io_range_read_val(&range, here, len);

	prove(error == (len > range_before.remain ? -EINVAL : refusal));
	prove_moved(error ? 0 : len);
	if (error == 0)
		prove_bytes(here, here_before, there, len);
	prove_bytes(there, there_before, there, 0);
}

static void write_val(void)
{
	uint64_t len = nondet_u64();

	begin(IO_WRITE);
	assume(len <= BYTES || len > range.remain);
	int error = io_range_write_val(&range, here, len);

	prove(error == (len > range_before.remain ? -EINVAL : refusal));
	prove_moved(error ? 0 : len);
	if (error == 0)
		prove_bytes(there, there_before, here, len);
	else if (len > range_before.remain)
		prove_bytes(there, there_before, here, 0);
}

static uint32_t word_there(void)
{
	return (uint32_t)there_before[0] | (uint32_t)there_before[1] << 8 |
	       (uint32_t)there_before[2] << 16 | (uint32_t)there_before[3] << 24;
}

/* Why the word is not there; 0 if it is, or what else begin() made of it. */
static bool word_is_refused(int error)
{
	if (range_before.remain < 4 || !is_aligned(base, 4))
		return error == -EINVAL;
	return error == refusal || error == -EFAULT;
}

static void load(void)
{
	uint32_t value = 0;

	begin(IO_READ);
	int error = io_range_load(&range, &value);

	prove(error ? word_is_refused(error) && value == 0 : value == word_there());
	prove(error == 0 || error < 0);
	prove_moved(0);
	prove_bytes(there, there_before, there, 0);
}

static void compare_exchange(void)
{
	uint32_t old = nondet_u32(), new = nondet_u32(), observed = 0;
	unsigned char bytes[BYTES];

	begin(IO_WRITE);
	for (unsigned i = 0; i < BYTES; i++)
		bytes[i] = (unsigned char)(new >> 8 * i & 0xff);
	int done = io_range_compare_exchange(&range, old, new, &observed);

	if (done < 0)
		prove(word_is_refused(done) && observed == 0);
	else
		prove(observed == word_there() && done == (old == observed));
	prove_moved(0);
	prove_bytes(there, there_before, bytes, done == 1 ? BYTES : 0);
}

/* Pointers of the caller's: nothing has to be found, and nothing is refused. */
static void direct(void)
{
	uint64_t done;

	any_of(there);
	struct io_writer writer = io_writer_at(here, BYTES);
	prove(io_range_init(&range, &io_access_direct, NULL, (uintptr_t)there, BYTES) == 0);
	prove(io_range_read(&range, &writer, &done) == 0 && done == BYTES && range.remain == 0);
	prove_bytes(here, here_before, there, BYTES);
}

int main(void)
{
	STEP();
	return 0;
}
