/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers: the way to the bytes of untyped memory (4.3). They know how much is left, so
 * no copy goes beyond it, and they hold no reference: they are valid while the memory is.
 *
 *   io_reader, io_writer  memory that is there: frames of a domain, the caller's own. Never fails.
 *   io_range              addresses that have to be found piece by piece, and may lead nowhere: it
 *                         can fail half way, and then says how far it came.
 *
 * Others may write to the same memory meanwhile, a guest for one (IO-1): a copy then has bytes of
 * before or after, each as it was at some moment, and nothing worse. Only the *_once(), load and
 * compare_exchange functions access their word in one piece. If source and target overlap, the
 * bytes copied are unspecified.
 */
#ifndef MM_IO_H
#define MM_IO_H

#include "mm/untyped.h"

struct io_reader {
	const unsigned char *cursor; /* the next byte */
	uint64_t remain;	     /* bytes left */
};

struct io_writer {
	unsigned char *cursor;
	uint64_t avail;
};

/* Memory of the caller's: `len` bytes. */
static inline struct io_reader io_reader_at(const void *memory, uint64_t len)
{
	return (struct io_reader){ memory, len };
}

static inline struct io_writer io_writer_at(void *memory, uint64_t len)
{
	return (struct io_writer){ memory, len };
}

/* All bytes of a frame, or of a segment. Nothing remains if the handle is empty. */
struct io_reader io_reader_of_frame(const struct untyped_frame *frame);
struct io_writer io_writer_of_frame(const struct untyped_frame *frame);
struct io_reader io_reader_of_segment(const struct untyped_segment *segment);
struct io_writer io_writer_of_segment(const struct untyped_segment *segment);

/* No more than `len` bytes from here on. */
static inline void io_reader_limit(struct io_reader *reader, uint64_t len)
{
	reader->remain = len < reader->remain ? len : reader->remain;
}

static inline void io_writer_limit(struct io_writer *writer, uint64_t len)
{
	writer->avail = len < writer->avail ? len : writer->avail;
}

/* Steps over `len` bytes. -EINVAL if fewer are left; nothing has moved then. */
int io_reader_skip(struct io_reader *reader, uint64_t len);
int io_writer_skip(struct io_writer *writer, uint64_t len);

/* Copies as much as one has and the other has room for, and says how much. Both move. */
uint64_t io_copy(struct io_writer *to, struct io_reader *from);

/* Writes up to `len` zeros, and says how many. */
uint64_t io_fill_zeros(struct io_writer *writer, uint64_t len);

/* Exactly `len` bytes, or -EINVAL if fewer are left; nothing has moved then. */
int io_read_val(struct io_reader *reader, void *value, uint64_t len);
int io_write_val(struct io_writer *writer, const void *value, uint64_t len);

/*
 * A word of 1, 2, 4 or 8 bytes in one access that does not tear (IO-1). -EINVAL for another size,
 * where the place is not a multiple of it, or if fewer bytes are left; nothing has moved then.
 */
int io_read_once(struct io_reader *reader, unsigned size, uint64_t *value);
int io_write_once(struct io_writer *writer, unsigned size, uint64_t value);

/*
 * By offset, all or nothing (IO-2): -EOVERFLOW if offset + len wraps, -EINVAL if it is beyond the
 * segment, and no byte has been touched; there are no short transfers. The *_once() as above.
 */
int untyped_read(const struct untyped_segment *segment, uint64_t offset, void *to, uint64_t len);
int untyped_write(const struct untyped_segment *segment, uint64_t offset, const void *from,
		  uint64_t len);
int untyped_fill_zeros(const struct untyped_segment *segment, uint64_t offset, uint64_t len);
int untyped_read_once(const struct untyped_segment *segment, uint64_t offset, unsigned size,
		      uint64_t *value);
int untyped_write_once(const struct untyped_segment *segment, uint64_t offset, unsigned size,
		       uint64_t value);

enum io_direction { IO_READ, IO_WRITE };

/*
 * How addresses are found.
 *
 * begin() finds up to `len` bytes, at least one, from `address` on that lie together: *memory is
 * where, *reached how many. They stay where they are until end(), which follows each begin() that
 * returned 0, in the same thread and before the next. -EFAULT, or another negative errno, if
 * nothing can be reached there in this direction. end() may be NULL.
 */
struct io_access {
	int (*begin)(void *context, uint64_t address, uint64_t len, enum io_direction direction,
		     void **memory, uint64_t *reached);
	void (*end)(void *context);
};

/* The addresses are pointers of the caller's, and all is there: what is infallible as a range. */
extern const struct io_access io_access_direct;

struct io_range {
	const struct io_access *access;
	void *context;
	uint64_t cursor; /* the next address */
	uint64_t remain; /* bytes left */
};

/* The addresses [address, address + len). -EOVERFLOW if that wraps. Nothing is looked at yet. */
int io_range_init(struct io_range *range, const struct io_access *access, void *context,
		  uint64_t address, uint64_t len);

static inline void io_range_limit(struct io_range *range, uint64_t len)
{
	range->remain = len < range->remain ? len : range->remain;
}

/* -EINVAL if fewer are left; nothing has moved then. */
int io_range_skip(struct io_range *range, uint64_t len);

/*
 * As io_copy() and io_fill_zeros(), out of and into a range. *done (may be NULL) counts the bytes,
 * also on error, and both sides have moved by as many. What begin() returned otherwise.
 */
int io_range_read(struct io_range *from, struct io_writer *to, uint64_t *done);
int io_range_write(struct io_range *to, struct io_reader *from, uint64_t *done);
int io_range_fill_zeros(struct io_range *range, uint64_t len, uint64_t *done);

/*
 * Exactly `len` bytes: -EINVAL if fewer are left. On any error the range has not moved; some of the
 * bytes may have been copied if it is begin()'s.
 */
int io_range_read_val(struct io_range *range, void *value, uint64_t len);
int io_range_write_val(struct io_range *range, const void *value, uint64_t len);

/*
 * The word of 4 bytes here, atomically; the range does not move. Acquire. -EINVAL misaligned or
 * fewer bytes left, or what begin() returned.
 */
int io_range_load(const struct io_range *range, uint32_t *value);

/*
 * Replaces the word of 4 bytes here by `new` if it is `old`, atomically; the range does not move.
 * *observed is what stood there. 1 replaced (acquire and release), 0 not; errors as
 * io_range_load().
 */
int io_range_compare_exchange(const struct io_range *range, uint32_t old, uint32_t new,
			      uint32_t *observed);

#endif
