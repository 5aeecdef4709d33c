/* SPDX-License-Identifier: MIT */
/*
 * Shows: a reader or writer moves by what was copied, the bytes copied are those that were
 *   there, and no other byte, slot or position changes; what is refused changes nothing
 * Rules: AX-19 INV-S9 IO-1 IO-2
 * Layer: steps
 * Assumes: the instruction that copies bytes on x86-64 does as the loop that stands for it
 *   elsewhere
 * Assumes: source and target do not overlap
 * Sources: mm/domain.c mm/slot.c mm/frame.c mm/untyped.c mm/segment.c tests/proof/step_slots.c
 * Geometry: memory of 8 bytes of any content, any part of it, any length; words of any place; in
 *   a segment any offset and length, of which 4 bytes at either end are copied
 * Cases: STEP limit skip copy fill read_val write_val read_once write_once of_frame of_segment
 *   window access_by_offset word_by_offset
 * Options: --slice-formula
 * Unwind: 9
 * Covers: io_reader_skip io_writer_skip io_copy io_fill_zeros io_read_val io_write_val
 *   io_read_once io_write_once is_word reader_move writer_move io_reader_of_frame
 *   io_writer_of_frame io_reader_of_segment io_writer_of_segment segment_bytes segment_window
 *   untyped_read untyped_write untyped_fill_zeros untyped_read_once untyped_write_once word_load
 *   word_store io_reader_limit io_writer_limit
 * Unreached: word_load }
 * Except: word_store narrows the low bytes are those that are stored
 * Limit: 200
 */
#include "tests/proof/proof.h"
#undef __x86_64__ /* bytes one by one, where the machine has an instruction */
#include "mm/io.c"
#include "tests/proof/step_slots.h"

#define BYTES 8u

/* What is read, what is written, and how that was before. A word may be anywhere in it. */
static _Alignas(8) unsigned char source[BYTES], target[BYTES];
static unsigned char target_before[BYTES];

static struct io_reader reader;
static struct io_writer writer;
static unsigned from, to; /* where they stand */

static void begin(void)
{
	any_of(source);
	any_of(target);
	for (unsigned i = 0; i < BYTES; i++)
		target_before[i] = target[i];
	from = nondet_u8();
	to = nondet_u8();
	assume(from <= BYTES && to <= BYTES);
	reader = io_reader_at(source + from, nondet_u8());
	writer = io_writer_at(target + to, nondet_u8());
	assume(reader.remain <= BYTES - from && writer.avail <= BYTES - to);
}

static void prove_reader(const struct io_reader *before, uint64_t len)
{
	prove(reader.cursor == before->cursor + len && reader.remain == before->remain - len);
}

static void prove_writer(const struct io_writer *before, uint64_t len)
{
	prove(writer.cursor == before->cursor + len && writer.avail == before->avail - len);
}

/* `len` bytes of the target, from where the writer stood, are what they should be. */
static void prove_target(const unsigned char *should_be, uint64_t len)
{
	for (unsigned i = 0; i < BYTES; i++)
		prove(target[i] ==
		      (i >= to && i - to < len ? should_be[i - to] : target_before[i]));
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void limit(void)
{
	uint64_t len = nondet_u64();

	begin();
	const struct io_reader old = reader;
	const struct io_writer before = writer;

	io_reader_limit(&reader, len);
	io_writer_limit(&writer, len);
	prove(reader.cursor == old.cursor && reader.remain == least(old.remain, len));
	prove(writer.cursor == before.cursor && writer.avail == least(before.avail, len));
	prove_target(source, 0);
}

static void skip(void)
{
	uint64_t len = nondet_u64();

	begin();
	const struct io_reader old = reader;
	const struct io_writer before = writer;
	int error = io_reader_skip(&reader, len);

	prove(error == (len > old.remain ? -EINVAL : 0));
	prove_reader(&old, error ? 0 : len);
	error = io_writer_skip(&writer, len);
	prove(error == (len > before.avail ? -EINVAL : 0));
	prove_writer(&before, error ? 0 : len);
	prove_target(source, 0);
}

static void copy(void)
{
	begin();
	const struct io_reader old = reader;
	const struct io_writer before = writer;
	uint64_t len = io_copy(&writer, &reader);

	prove(len == least(old.remain, before.avail));
	prove_reader(&old, len);
	prove_writer(&before, len);
	prove_target(source + from, len);
}

static void fill(void)
{
	static const unsigned char zeros[BYTES];
	uint64_t wanted = nondet_u64();

	begin();
	const struct io_writer before = writer;
	uint64_t len = io_fill_zeros(&writer, wanted);

	prove(len == least(wanted, before.avail));
	prove_writer(&before, len);
	prove_target(zeros, len);
}

/* To and from a value of the caller's. */
static void read_val(void)
{
	uint64_t len = nondet_u64();

	begin();
	const struct io_reader old = reader;

	assume(len <= BYTES - to || len > BYTES);
	int error = io_read_val(&reader, target + to, len);

	prove(error == (len > old.remain ? -EINVAL : 0));
	prove_reader(&old, error ? 0 : len);
	prove_target(source + from, error ? 0 : len);
}

static void write_val(void)
{
	uint64_t len = nondet_u64();

	begin();
	const struct io_writer before = writer;

	assume(len <= BYTES - from || len > BYTES);
	int error = io_write_val(&writer, source + from, len);

	prove(error == (len > before.avail ? -EINVAL : 0));
	prove_writer(&before, error ? 0 : len);
	prove_target(source + from, error ? 0 : len);
}

/* A word of this size is where a word may be. */
static bool is_word_at(unsigned at, unsigned size, uint64_t left)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && size <= left && at % size == 0;
}

static void read_once(void)
{
	uint64_t value = 0;
	unsigned size = nondet_unsigned();

	begin();
	const struct io_reader old = reader;
	bool word = is_word_at(from, size, old.remain);
	int error = io_read_once(&reader, size, &value);

	prove(error == (word ? 0 : -EINVAL));
	prove_reader(&old, error ? 0 : size);
	for (unsigned i = 0; i < BYTES; i++)
		prove((value >> 8 * i & 0xff) == (word && i < size ? source[from + i] : 0));
	prove_target(source, 0);
}

static void write_once(void)
{
	uint64_t value = nondet_u64();
	unsigned size = nondet_unsigned();
	unsigned char bytes[BYTES];

	begin();
	for (unsigned i = 0; i < BYTES; i++)
		bytes[i] = (unsigned char)(value >> 8 * i & 0xff);
	const struct io_writer before = writer;
	int error = io_write_once(&writer, size, value);

	prove(error == (is_word_at(to, size, before.avail) ? 0 : -EINVAL));
	prove_writer(&before, error ? 0 : size);
	prove_target(bytes, error ? 0 : size);
}

/* Two frames of memory, of which a few bytes are looked at. */
static _Alignas(8) unsigned char memory[2 * PAGE_SIZE];

static void begin_memory(void)
{
	any_of(memory);
	slots_begin();
	domain.memory = memory;
	slots_remember();
}

/* A reader or writer has the bytes of its frames: all, in order, and no others. */
static void of_frame(void)
{
	struct untyped_frame empty = { { 0 } };
	struct untyped_frame frame = { { &domain, frame_at(1) } };

	begin_memory();
	reader = io_reader_of_frame(&frame);
	writer = io_writer_of_frame(&frame);
	prove(reader.cursor == memory + PAGE_SIZE && reader.remain == PAGE_SIZE);
	prove(writer.cursor == memory + PAGE_SIZE && writer.avail == PAGE_SIZE);
	prove(io_reader_of_frame(&empty).remain == 0 && io_writer_of_frame(&empty).avail == 0);
	prove_unchanged();
}

static void of_segment(void)
{
	struct untyped_segment empty = { { 0 } };
	struct untyped_segment segment = { { &domain, frame_at(0), 2 } };

	begin_memory();
	reader = io_reader_of_segment(&segment);
	writer = io_writer_of_segment(&segment);
	prove(reader.cursor == memory && reader.remain == 2 * PAGE_SIZE);
	prove(writer.cursor == memory && writer.avail == 2 * PAGE_SIZE);
	prove(io_reader_of_segment(&empty).remain == 0 && io_writer_of_segment(&empty).avail == 0);
	prove_unchanged();
}

/* The second of the two frames, by offset. */
static const struct untyped_segment second = { { &domain, { PAGE_SIZE }, 1 } };

/* What untyped_*() copy to or from: exactly these bytes of the segment, or nothing. */
static void window(void)
{
	uint64_t offset = nondet_u64(), len = nondet_u64();

	begin_memory();
	int error = segment_window(&second, offset, len, &writer);

	if (len > UINT64_MAX - offset)
		prove(error == -EOVERFLOW);
	else
		prove(error == (offset + len > PAGE_SIZE ? -EINVAL : 0));
	prove(error || (writer.cursor == memory + PAGE_SIZE + offset && writer.avail == len));
	prove_unchanged();
}

/* Up to 4 bytes from here on, which may be the last. */
static void access_at(uint64_t offset)
{
	uint64_t len = nondet_u8();
	unsigned char bytes[4], back[4] = { 0 };
	unsigned char *place = memory + PAGE_SIZE + offset;

	assume(len <= 4);
	prove(untyped_write(&second, offset, bytes, len) == 0);
	for (unsigned i = 0; i < 4; i++)
		prove(implies(i < len, place[i] == bytes[i]));
	prove(untyped_read(&second, offset, back, len) == 0);
	for (unsigned i = 0; i < 4; i++)
		prove(back[i] == (i < len ? bytes[i] : 0));
	prove(untyped_fill_zeros(&second, offset, len) == 0);
	for (unsigned i = 0; i < 4; i++)
		prove(implies(i < len, place[i] == 0));
	assume(false);
}

/* There are no short transfers. */
static void access_is_refused(uint64_t offset, uint64_t len, int error)
{
	uint64_t value = 5;

	prove(untyped_read(&second, offset, &value, len) == error && value == 5);
	prove(untyped_write(&second, offset, &value, len) == error);
	prove(untyped_fill_zeros(&second, offset, len) == error);
}

static void access_by_offset(void)
{
	begin_memory();
	if (any_bool())
		access_at(0);
	if (any_bool())
		access_at(PAGE_SIZE - 4);
	access_is_refused(PAGE_SIZE - 1, 2, -EINVAL);
	access_is_refused(PAGE_SIZE, 1, -EINVAL);
	access_is_refused(1, UINT64_MAX, -EOVERFLOW);
	prove_unchanged();
}

static void word_at(uint64_t offset, unsigned size, int error)
{
	uint64_t value = nondet_u64(), back = value;

	prove(untyped_write_once(&second, offset, size, value) == error);
	prove(untyped_read_once(&second, offset, size, &back) == error);
	prove(error ? back == value : back == (value & UINT64_MAX >> (64 - 8 * size)));
}

static void word_by_offset(void)
{
	begin_memory();
	word_at(0, 1, 0);
	word_at(PAGE_SIZE - 2, 2, 0);
	word_at(4, 4, 0);
	word_at(PAGE_SIZE - 8, 8, 0);
	word_at(4, 8, -EINVAL);
	word_at(PAGE_SIZE - 2, 4, -EINVAL);
	word_at(0, 3, -EINVAL);
	word_at(UINT64_MAX, 1, -EOVERFLOW);
	prove_unchanged();
}

int main(void)
{
	STEP();
	return 0;
}
