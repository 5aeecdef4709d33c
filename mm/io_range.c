/* SPDX-License-Identifier: MIT */
/* Ranges whose addresses have to be found piece by piece. */
#include "mm/io.h"
#include "mm/io_bytes.h"

static int direct_begin(void *context, uint64_t address, uint64_t len, enum io_direction direction,
			void **memory, uint64_t *reached)
{
	(void)context;
	(void)direction;
	*memory = (void *)(uintptr_t)address;
	*reached = len;
	return 0;
}

const struct io_access io_access_direct = { .begin = direct_begin };

int io_range_init(struct io_range *range, const struct io_access *access, void *context,
		  uint64_t address, uint64_t len)
{
	/* It may end with the last address there is. */
	if (len > 0 && len - 1 > UINT64_MAX - address)
		return -EOVERFLOW;
	*range = (struct io_range){ access, context, address, len };
	return 0;
}

static void range_move(struct io_range *range, uint64_t len)
{
	range->cursor += len;
	range->remain -= len;
}

int io_range_skip(struct io_range *range, uint64_t len)
{
	if (len > range->remain)
		return -EINVAL;
	range_move(range, len);
	return 0;
}

/* The first piece of the next `len` bytes, which is not 0; piece_end() is to follow on success. */
static int piece_begin(const struct io_range *range, uint64_t len, enum io_direction direction,
		       struct io_writer *piece)
{
	uint64_t reached = 0;
	void *memory;
	int error = range->access->begin(range->context, range->cursor, len, direction, &memory,
					 &reached);

	if (error == 0)
		*piece = io_writer_at(memory, reached < len ? reached : len);
	return error;
}

static void piece_end(const struct io_range *range)
{
	if (range->access->end)
		range->access->end(range->context);
}

/* One of the two sides beside a range; neither for zeros. */
struct transfer {
	struct io_writer *to;
	struct io_reader *from;
	uint64_t left;
};

static uint64_t piece_transfer(struct io_writer *piece, const struct transfer *transfer)
{
	struct io_reader source = io_reader_at(piece->cursor, piece->avail);

	if (transfer->to)
		return io_copy(transfer->to, &source);
	if (transfer->from)
		return io_copy(piece, transfer->from);
	return io_fill_zeros(piece, piece->avail);
}

static int range_transfer(struct io_range *range, struct transfer *transfer, uint64_t *done)
{
	uint64_t total = 0;
	int error = 0;

	if (transfer->left > range->remain)
		transfer->left = range->remain;
	while (transfer->left > 0 && error == 0) {
		struct io_writer piece;
		uint64_t len;

		error = piece_begin(range, transfer->left, transfer->to ? IO_READ : IO_WRITE,
				    &piece);
		if (error)
			break;
		len = piece_transfer(&piece, transfer);
		piece_end(range);
		range_move(range, len);
		transfer->left -= len;
		total += len;
		/* An access that reaches nothing would be asked for ever. */
		error = len > 0 ? 0 : -EFAULT;
	}
	if (done)
		*done = total;
	return error;
}

int io_range_read(struct io_range *from, struct io_writer *to, uint64_t *done)
{
	return range_transfer(from, &(struct transfer){ .to = to, .left = to->avail }, done);
}

int io_range_write(struct io_range *to, struct io_reader *from, uint64_t *done)
{
	return range_transfer(to, &(struct transfer){ .from = from, .left = from->remain }, done);
}

int io_range_fill_zeros(struct io_range *range, uint64_t len, uint64_t *done)
{
	return range_transfer(range, &(struct transfer){ .left = len }, done);
}

int io_range_read_val(struct io_range *range, void *value, uint64_t len)
{
	struct io_writer to = io_writer_at(value, len);
	struct io_range moved = *range;
	int error = len <= range->remain ? io_range_read(&moved, &to, NULL) : -EINVAL;

	if (error == 0)
		*range = moved;
	return error;
}

int io_range_write_val(struct io_range *range, const void *value, uint64_t len)
{
	struct io_reader from = io_reader_at(value, len);
	struct io_range moved = *range;
	int error = len <= range->remain ? io_range_write(&moved, &from, NULL) : -EINVAL;

	if (error == 0)
		*range = moved;
	return error;
}

/* The word of 4 bytes at the range's start; piece_end() is to follow on success. */
static int word_begin(const struct io_range *range, enum io_direction direction,
		      _Atomic uint32_t **word)
{
	struct io_writer piece;
	int error = range->remain >= sizeof(**word) && is_aligned(range->cursor, sizeof(**word)) ?
			    piece_begin(range, sizeof(**word), direction, &piece) :
			    -EINVAL;

	if (error)
		return error;
	if (piece.avail < sizeof(**word) || !is_aligned((uintptr_t)piece.cursor, sizeof(**word))) {
		piece_end(range);
		return -EFAULT;
	}
	*word = (_Atomic uint32_t *)(void *)piece.cursor;
	return 0;
}

int io_range_load(const struct io_range *range, uint32_t *value)
{
	_Atomic uint32_t *word;
	int error = word_begin(range, IO_READ, &word);

	if (error)
		return error;
	*value = atomic_load_explicit(word, memory_order_acquire);
	piece_end(range);
	return 0;
}

int io_range_compare_exchange(const struct io_range *range, uint32_t old, uint32_t new,
			      uint32_t *observed)
{
	_Atomic uint32_t *word;
	int exchanged = word_begin(range, IO_WRITE, &word);

	if (exchanged)
		return exchanged;
	exchanged = atomic_compare_exchange_strong_explicit(word, &old, new, memory_order_acq_rel,
							    memory_order_acquire);
	*observed = old;
	piece_end(range);
	return exchanged;
}
