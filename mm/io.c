/* SPDX-License-Identifier: MIT */
/* Readers and writers of memory that is there. */
#include "mm/io.h"
#include "mm/io_bytes.h"

static unsigned char *segment_bytes(const struct segment *segment)
{
	return segment->domain ? domain_pointer(segment->domain, segment->paddr) : NULL;
}

struct io_reader io_reader_of_frame(const struct untyped_frame *frame)
{
	struct io_writer writer = io_writer_of_frame(frame);

	return io_reader_at(writer.cursor, writer.avail);
}

struct io_writer io_writer_of_frame(const struct untyped_frame *frame)
{
	struct phys_domain *domain = frame->frame.domain;

	return domain ? io_writer_at(domain_pointer(domain, frame->frame.paddr), PAGE_SIZE) :
			io_writer_at(NULL, 0);
}

struct io_reader io_reader_of_segment(const struct untyped_segment *segment)
{
	return io_reader_at(segment_bytes(&segment->segment), segment_size(&segment->segment));
}

struct io_writer io_writer_of_segment(const struct untyped_segment *segment)
{
	return io_writer_at(segment_bytes(&segment->segment), segment_size(&segment->segment));
}

static void reader_move(struct io_reader *reader, uint64_t len)
{
	reader->cursor += len;
	reader->remain -= len;
}

static void writer_move(struct io_writer *writer, uint64_t len)
{
	writer->cursor += len;
	writer->avail -= len;
}

int io_reader_skip(struct io_reader *reader, uint64_t len)
{
	if (len > reader->remain)
		return -EINVAL;
	if (len > 0)
		reader_move(reader, len);
	return 0;
}

int io_writer_skip(struct io_writer *writer, uint64_t len)
{
	if (len > writer->avail)
		return -EINVAL;
	if (len > 0)
		writer_move(writer, len);
	return 0;
}

uint64_t io_copy(struct io_writer *to, struct io_reader *from)
{
	uint64_t len = from->remain < to->avail ? from->remain : to->avail;

	if (len == 0)
		return 0;
	bytes_copy(to->cursor, from->cursor, len);
	reader_move(from, len);
	writer_move(to, len);
	return len;
}

uint64_t io_fill_zeros(struct io_writer *writer, uint64_t len)
{
	if (len > writer->avail)
		len = writer->avail;
	if (len == 0)
		return 0;
	bytes_zero(writer->cursor, len);
	writer_move(writer, len);
	return len;
}

int io_read_val(struct io_reader *reader, void *value, uint64_t len)
{
	struct io_writer to = io_writer_at(value, len);

	if (len > reader->remain)
		return -EINVAL;
	(void)io_copy(&to, reader);
	return 0;
}

int io_write_val(struct io_writer *writer, const void *value, uint64_t len)
{
	struct io_reader from = io_reader_at(value, len);

	if (len > writer->avail)
		return -EINVAL;
	(void)io_copy(writer, &from);
	return 0;
}

/* Can a word of this size be accessed at once here, with so many bytes left? */
static bool is_word(const void *place, unsigned size, uint64_t left)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && size <= left &&
	       is_aligned((uintptr_t)place, size);
}

int io_read_once(struct io_reader *reader, unsigned size, uint64_t *value)
{
	if (!is_word(reader->cursor, size, reader->remain))
		return -EINVAL;
	*value = word_load(reader->cursor, size);
	reader_move(reader, size);
	return 0;
}

int io_write_once(struct io_writer *writer, unsigned size, uint64_t value)
{
	if (!is_word(writer->cursor, size, writer->avail))
		return -EINVAL;
	word_store(writer->cursor, size, value);
	writer_move(writer, size);
	return 0;
}

/* [offset, offset + len) of a segment (IO-2). */
static int segment_window(const struct untyped_segment *untyped, uint64_t offset, uint64_t len,
			  struct io_writer *window)
{
	if (len > UINT64_MAX - offset)
		return -EOVERFLOW;
	*window = io_writer_of_segment(untyped);
	if (io_writer_skip(window, offset) || len > window->avail)
		return -EINVAL;
	io_writer_limit(window, len);
	return 0;
}

int untyped_read(const struct untyped_segment *segment, uint64_t offset, void *to, uint64_t len)
{
	struct io_writer window, target = io_writer_at(to, len);
	struct io_reader from;
	int error = segment_window(segment, offset, len, &window);

	if (error)
		return error;
	from = io_reader_at(window.cursor, window.avail);
	(void)io_copy(&target, &from);
	return 0;
}

int untyped_write(const struct untyped_segment *segment, uint64_t offset, const void *from,
		  uint64_t len)
{
	struct io_reader source = io_reader_at(from, len);
	struct io_writer window;
	int error = segment_window(segment, offset, len, &window);

	if (error)
		return error;
	(void)io_copy(&window, &source);
	return 0;
}

int untyped_fill_zeros(const struct untyped_segment *segment, uint64_t offset, uint64_t len)
{
	struct io_writer window;
	int error = segment_window(segment, offset, len, &window);

	if (error)
		return error;
	(void)io_fill_zeros(&window, len);
	return 0;
}

int untyped_read_once(const struct untyped_segment *segment, uint64_t offset, unsigned size,
		      uint64_t *value)
{
	struct io_writer window;
	struct io_reader from;
	int error = segment_window(segment, offset, size, &window);

	if (error)
		return error;
	from = io_reader_at(window.cursor, window.avail);
	return io_read_once(&from, size, value);
}

int untyped_write_once(const struct untyped_segment *segment, uint64_t offset, unsigned size,
		       uint64_t value)
{
	struct io_writer window;
	int error = segment_window(segment, offset, size, &window);

	return error ? error : io_write_once(&window, size, value);
}
