/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers: of a frame ("kernel"), and of a space's addresses ("user").
 */
#include <string.h>

#include "tests/model/model.h"

#define BYTES_MAX (3 * PAGE_SIZE)

static enum op_end new_user(struct world *world, const struct op *op, enum io_direction direction)
{
	struct model_io *io = &world->ios[op->arg[0]];
	struct model_space *space = &world->spaces[op->arg[1]];
	uint64_t offset = op->arg[4] * 300u;
	struct range range;
	uint32_t errors = 0;

	if (io->kind != IO_NONE || !space->exists || op->arg[3] > 3 ||
	    !range_value(world, space, op->arg[2], op->arg[3], &range))
		return OP_REFUSED;
	/* Any address will do here, and no length is none. */
	if (op->arg[3] > 0 && op->arg[2] >= world->config->nr[ARG_PAGE])
		return OP_REFUSED;
	if (range.errors & E(ERANGE))
		errors = E(ERANGE) | E(EOVERFLOW);
	range.len = range.len > offset ? range.len - offset : 0;
	expect_result(world, "space_io_range",
		      space_io_range(&io->io, &space->space, VADDR(range.va.value + offset),
				     range.len, &io->range),
		      range.len ? errors : 0);
	if (range.len && errors)
		return OP_DONE;
	io->kind = IO_USER;
	io->direction = direction;
	io->space = (uint8_t)op->arg[1];
	io->at = PAGES(op->arg[2]) + offset;
	io->left = range.len;
	return OP_DONE;
}

enum op_end op_new_reader(struct world *world, const struct op *op)
{
	return new_user(world, op, IO_READ);
}

enum op_end op_new_writer(struct world *world, const struct op *op)
{
	return new_user(world, op, IO_WRITE);
}

static enum op_end new_kernel(struct world *world, const struct op *op, enum io_direction direction)
{
	struct model_io *io = &world->ios[op->arg[0]];
	struct frame *handle = &world->handles[op->arg[1]];
	struct frame copy;
	bool untyped;

	if (io->kind != IO_NONE || !handle->domain)
		return OP_REFUSED;
	untyped = frame_kind_is_untyped(frame_kind_of(handle));
	world->touched[handle->paddr.value >> PAGE_SHIFT] = true;
	expect_result(world, "frame_clone", frame_clone(handle, &copy), 0);
	expect_result(world, "untyped_frame_from_frame",
		      untyped_frame_from_frame(&copy, &io->frame), untyped ? 0 : E(EINVAL));
	if (!untyped) {
		expect_result(world, "frame_put", frame_put(&copy), 0);
		return OP_DONE;
	}
	io->reader = io_reader_of_frame(&io->frame);
	io->writer = io_writer_of_frame(&io->frame);
	io->kind = IO_KERNEL;
	io->direction = direction;
	io->at = 0;
	io->left = PAGE_SIZE;
	return OP_DONE;
}

enum op_end op_new_kernel_reader(struct world *world, const struct op *op)
{
	return new_kernel(world, op, IO_READ);
}

enum op_end op_new_kernel_writer(struct world *world, const struct op *op)
{
	return new_kernel(world, op, IO_WRITE);
}

/* A reader or writer for this direction; NULL if there is none, or its space is being changed. */
static struct model_io *io_of(struct world *world, unsigned number, enum io_direction direction)
{
	struct model_io *io = &world->ios[number];

	if (io->kind == IO_NONE || io->direction != direction ||
	    (io->kind == IO_USER && space_has_cursor(world, io->space)))
		return NULL;
	return io;
}

static enum op_end drop(struct world *world, const struct op *op, enum io_direction direction)
{
	struct model_io *io = &world->ios[op->arg[0]];
	struct frame frame;

	if (io->kind == IO_NONE || io->direction != direction)
		return OP_REFUSED;
	if (io->kind == IO_KERNEL) {
		frame = frame_from_untyped(&io->frame);
		world->touched[frame.paddr.value >> PAGE_SHIFT] = true;
		expect_result(world, "frame_put", frame_put(&frame), 0);
	}
	io->kind = IO_NONE;
	return OP_DONE;
}

enum op_end op_drop_reader(struct world *world, const struct op *op)
{
	return drop(world, op, IO_READ);
}

enum op_end op_drop_writer(struct world *world, const struct op *op)
{
	return drop(world, op, IO_WRITE);
}

/* The byte of the domain that the next one but `ahead` is; UINT64_MAX if it cannot be reached. */
static uint64_t byte_at(const struct world *world, const struct model_io *io, uint64_t ahead)
{
	uint64_t at = io->at + ahead;
	uint32_t right = io->direction == IO_READ ? PROP_READ : PROP_WRITE;
	const struct page *page;
	const struct slot *slot;

	if (io->kind == IO_KERNEL)
		return io->frame.frame.paddr.value + at;
	page = &world->spaces[io->space].pages[at >> PAGE_SHIFT];
	if (!page->mapped || !page->tracked || !(page->prop & right))
		return UINT64_MAX;
	slot = &world->slots[page->paddr >> PAGE_SHIFT];
	if (!slot_count(slot) || !frame_kind_is_untyped(slot_kind(slot)))
		return UINT64_MAX;
	return page->paddr + at % PAGE_SIZE;
}

/* Of the next `len` bytes, at most those that are left, how many can be reached in one go. */
static uint64_t reachable(const struct world *world, const struct model_io *io, uint64_t len)
{
	uint64_t reached = 0;

	len = len < io->left ? len : io->left;
	while (reached < len && byte_at(world, io, reached) != UINT64_MAX)
		reached++;
	return reached;
}

static void advance(struct model_io *io, uint64_t len)
{
	io->at += len;
	io->left -= len;
}

static void expect_place(struct world *world, const struct model_io *io)
{
	uint64_t left = io->direction == IO_READ ? io->reader.remain : io->writer.avail;

	if (io->kind == IO_USER)
		left = io->range.remain;
	EXPECT(world, RULE_S9, left == io->left, "%llu bytes are left, not %llu",
	       (unsigned long long)left, (unsigned long long)io->left);
}

/* The frames of what was touched hold what the model has in them. */
static void expect_bytes(struct world *world, const struct model_io *io, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++) {
		uint64_t byte = byte_at(world, io, i);

		EXPECT(world, RULE_BYTES, world->memory[byte] == world->bytes[byte],
		       "byte %llx is %x, not %x", (unsigned long long)byte, world->memory[byte],
		       world->bytes[byte]);
	}
}

/* Sizes of values, and of what is skipped. */
static uint64_t small_size(unsigned arg)
{
	static const uint64_t sizes[] = { 1, 2, 4, 8, 0, 100, 4096, 5000 };

	return sizes[arg % NR(sizes)];
}

/* What an exact transfer of `size` bytes returns. */
static uint32_t val_errors(const struct world *world, const struct model_io *io, uint64_t size)
{
	if (size > io->left)
		return E(EINVAL);
	return reachable(world, io, size) == size ? 0 : E(EFAULT);
}

enum op_end op_reader_read_val(struct world *world, const struct op *op)
{
	struct model_io *io = io_of(world, op->arg[0], IO_READ);
	uint64_t size = small_size(op->arg[1]);
	unsigned char value[5000];
	uint32_t errors;
	int error;

	if (!io)
		return OP_REFUSED;
	errors = val_errors(world, io, size);
	error = io->kind == IO_KERNEL ? io_read_val(&io->reader, value, size) :
					io_range_read_val(&io->range, value, size);
	expect_result(world, "read_val", error, errors);
	for (uint64_t i = 0; !error && i < size; i++)
		EXPECT(world, RULE_BYTES, value[i] == world->bytes[byte_at(world, io, i)],
		       "byte %llu of a value is %x", (unsigned long long)i, value[i]);
	if (!error)
		advance(io, size);
	expect_place(world, io);
	return OP_DONE;
}

enum op_end op_reader_collect(struct world *world, const struct op *op)
{
	struct model_io *io = io_of(world, op->arg[0], IO_READ);
	static unsigned char bytes[BYTES_MAX];
	struct io_writer writer = io_writer_at(bytes, sizeof(bytes));
	uint64_t done, expected;
	int error = 0;

	if (!io)
		return OP_REFUSED;
	expected = reachable(world, io, io->left);
	if (io->kind == IO_KERNEL)
		done = io_copy(&writer, &io->reader);
	else
		error = io_range_read(&io->range, &writer, &done);
	expect_result(world, "collect", error, expected < io->left ? E(EFAULT) : 0);
	EXPECT(world, RULE_RESULT, done == expected, "%llu bytes are collected, not %llu",
	       (unsigned long long)done, (unsigned long long)expected);
	for (uint64_t i = 0; i < done; i++)
		EXPECT(world, RULE_BYTES, bytes[i] == world->bytes[byte_at(world, io, i)],
		       "byte %llu is %x", (unsigned long long)i, bytes[i]);
	advance(io, done);
	expect_place(world, io);
	return OP_DONE;
}

static enum op_end limit(struct world *world, const struct op *op, enum io_direction direction)
{
	struct model_io *io = io_of(world, op->arg[0], direction);
	uint64_t size = small_size(op->arg[1]);

	if (!io)
		return OP_REFUSED;
	if (io->kind == IO_USER)
		io_range_limit(&io->range, size);
	else if (direction == IO_READ)
		io_reader_limit(&io->reader, size);
	else
		io_writer_limit(&io->writer, size);
	io->left = size < io->left ? size : io->left;
	expect_place(world, io);
	return OP_DONE;
}

enum op_end op_reader_limit(struct world *world, const struct op *op)
{
	return limit(world, op, IO_READ);
}

enum op_end op_writer_limit(struct world *world, const struct op *op)
{
	return limit(world, op, IO_WRITE);
}

static int engine_skip(struct model_io *io, uint64_t size)
{
	if (io->kind == IO_USER)
		return io_range_skip(&io->range, size);
	if (io->direction == IO_READ)
		return io_reader_skip(&io->reader, size);
	return io_writer_skip(&io->writer, size);
}

static enum op_end skip(struct world *world, const struct op *op, enum io_direction direction)
{
	struct model_io *io = io_of(world, op->arg[0], direction);
	uint64_t size = small_size(op->arg[1]);
	uint32_t errors;

	if (!io)
		return OP_REFUSED;
	errors = size > io->left ? E(EINVAL) : 0;
	expect_result(world, "skip", engine_skip(io, size), errors);
	if (!errors)
		advance(io, size);
	expect_place(world, io);
	return OP_DONE;
}

enum op_end op_reader_skip(struct world *world, const struct op *op)
{
	return skip(world, op, IO_READ);
}

enum op_end op_writer_skip(struct world *world, const struct op *op)
{
	return skip(world, op, IO_WRITE);
}

static enum op_end query(struct world *world, const struct op *op, enum io_direction direction)
{
	struct model_io *io = io_of(world, op->arg[0], direction);

	if (!io)
		return OP_REFUSED;
	expect_place(world, io);
	if (io->kind == IO_KERNEL)
		EXPECT(world, RULE_S9,
		       (direction == IO_READ ? io->reader.cursor : io->writer.cursor) ==
			       world->memory + byte_at(world, io, 0),
		       "a reader or writer is elsewhere than at %llx",
		       (unsigned long long)byte_at(world, io, 0));
	return OP_DONE;
}

enum op_end op_reader_query(struct world *world, const struct op *op)
{
	return query(world, op, IO_READ);
}

enum op_end op_writer_query(struct world *world, const struct op *op)
{
	return query(world, op, IO_WRITE);
}

enum op_end op_writer_write_val(struct world *world, const struct op *op)
{
	struct model_io *io = io_of(world, op->arg[0], IO_WRITE);
	uint64_t size = small_size(op->arg[1]);
	unsigned char value[5000];
	uint32_t errors;
	uint64_t written;
	int error;

	if (!io)
		return OP_REFUSED;
	for (uint64_t i = 0; i < size; i++)
		value[i] = (unsigned char)(world->nr_steps * 31 + i);
	errors = val_errors(world, io, size);
	/* What cannot be written to its end may be written in part. */
	written = errors == E(EINVAL) ? 0 : reachable(world, io, size);
	error = io->kind == IO_KERNEL ? io_write_val(&io->writer, value, size) :
					io_range_write_val(&io->range, value, size);
	expect_result(world, "write_val", error, errors);
	for (uint64_t i = 0; i < written; i++)
		world->bytes[byte_at(world, io, i)] = value[i];
	expect_bytes(world, io, written);
	if (!error)
		advance(io, size);
	expect_place(world, io);
	return OP_DONE;
}

enum op_end op_writer_fill_zeros(struct world *world, const struct op *op)
{
	struct model_io *io = io_of(world, op->arg[0], IO_WRITE);
	uint64_t size = small_size(op->arg[1]);
	uint64_t done = 0, expected, wanted;
	int error = 0;

	if (!io)
		return OP_REFUSED;
	wanted = size < io->left ? size : io->left;
	expected = reachable(world, io, size);
	if (io->kind == IO_KERNEL)
		done = io_fill_zeros(&io->writer, size);
	else
		error = io_range_fill_zeros(&io->range, size, &done);
	expect_result(world, "fill_zeros", error, expected < wanted ? E(EFAULT) : 0);
	EXPECT(world, RULE_RESULT, done == expected, "%llu zeros, not %llu",
	       (unsigned long long)done, (unsigned long long)expected);
	for (uint64_t i = 0; i < done; i++)
		world->bytes[byte_at(world, io, i)] = 0;
	expect_bytes(world, io, done);
	advance(io, done);
	expect_place(world, io);
	return OP_DONE;
}

/* Bytes from the one `ahead` on to the end of its page. */
static uint64_t to_page_end(const struct model_io *io, uint64_t ahead)
{
	return PAGE_SIZE - (io->at + ahead) % PAGE_SIZE;
}

static bool has_frame(const struct world *world, const struct model_io *io, uint64_t frame)
{
	for (uint64_t i = 0; i < io->left; i += to_page_end(io, i))
		if (byte_at(world, io, i) >> PAGE_SHIFT == frame)
			return true;
	return false;
}

/* Do the two share a frame? Then what is copied may be anything (IO-1). */
static bool share_frames(const struct world *world, const struct model_io *a,
			 const struct model_io *b)
{
	for (uint64_t i = 0; i < a->left; i += to_page_end(a, i))
		if (has_frame(world, b, byte_at(world, a, i) >> PAGE_SHIFT))
			return true;
	return false;
}

/* From a reader to a writer, of which one at least is a kernel's. */
static enum op_end transfer(struct world *world, struct model_io *from, struct model_io *to)
{
	uint64_t wanted, expected, done = 0, room;
	int error = 0;

	if (!from || !to || from->left == 0 || to->left == 0 ||
	    (from->kind == IO_USER && to->kind == IO_USER) || share_frames(world, from, to))
		return OP_REFUSED;
	wanted = from->left < to->left ? from->left : to->left;
	expected = reachable(world, from, wanted);
	room = reachable(world, to, wanted);
	expected = expected < room ? expected : room;
	if (from->kind == IO_USER)
		error = io_range_read(&from->range, &to->writer, &done);
	else if (to->kind == IO_USER)
		error = io_range_write(&to->range, &from->reader, &done);
	else
		done = io_copy(&to->writer, &from->reader);
	expect_result(world, "transfer", error, expected < wanted ? E(EFAULT) : 0);
	EXPECT(world, RULE_RESULT, done == expected, "%llu bytes, not %llu",
	       (unsigned long long)done, (unsigned long long)expected);
	for (uint64_t i = 0; i < done; i++)
		world->bytes[byte_at(world, to, i)] = world->bytes[byte_at(world, from, i)];
	expect_bytes(world, to, done);
	advance(from, done);
	advance(to, done);
	expect_place(world, from);
	expect_place(world, to);
	return OP_DONE;
}

enum op_end op_io_read(struct world *world, const struct op *op)
{
	return transfer(world, io_of(world, op->arg[0], IO_READ),
			io_of(world, op->arg[1], IO_WRITE));
}

enum op_end op_io_write(struct world *world, const struct op *op)
{
	return transfer(world, io_of(world, op->arg[1], IO_READ),
			io_of(world, op->arg[0], IO_WRITE));
}
