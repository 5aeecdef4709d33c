/* SPDX-License-Identifier: MIT */
/* The bytes behind a space's addresses. */
#include "mm/space_io.h"

/* No piece is longer: others may be waiting for what the cursor has locked. */
#define PIECE_MAX (UINT64_C(64) << 10)

/* Bytes from paddr on, at most `len`, that lie in frames which are in use and plain bytes. */
static uint64_t plain_bytes(const struct phys_domain *domain, paddr_t paddr, uint64_t len)
{
	uint64_t reached = 0;

	while (reached < len) {
		paddr_t at = PADDR(paddr.value + reached);
		const struct slot *slot = domain_slot_at(domain, at);

		if (!slot_state_is_shared(slot_state(slot)) ||
		    !frame_kind_is_untyped(slot_kind(slot)))
			break;
		reached += PAGE_SIZE - (at.value & (PAGE_SIZE - 1));
	}
	return reached < len ? reached : len;
}

/* What of a leaf can be reached at `address`, which lies in it. */
static int leaf_piece(const struct phys_domain *domain, const struct pt_mapping *leaf,
		      uint64_t address, uint32_t right, void **memory, uint64_t *len)
{
	uint64_t offset = address - leaf->start.value;
	paddr_t paddr = PADDR(leaf->paddr.value + offset);

	if (!leaf->present || !leaf->tracked || !(leaf->prop.bits & right))
		return -EFAULT;
	if (*len > leaf->len - offset)
		*len = leaf->len - offset;
	if (*len > PIECE_MAX)
		*len = PIECE_MAX;
	*len = plain_bytes(domain, paddr, *len);
	*memory = domain_pointer(domain, paddr);
	return *len > 0 ? 0 : -EFAULT;
}

static int begin(void *context, uint64_t address, uint64_t len, enum io_direction direction,
		 void **memory, uint64_t *reached)
{
	struct space_io *io = context;
	struct page_table *table = &io->space->table;
	struct pt_mapping leaf;
	int error = cursor_open(&io->cursor, table, VADDR(align_down(address, PAGE_SIZE)),
				PAGE_SIZE, CURSOR_READ, 1);

	if (error)
		return error == -EDEADLK ? error : -EFAULT;
	*reached = len;
	if (cursor_query(&io->cursor, &leaf) == 0 &&
	    leaf_piece(table->domain, &leaf, address,
		       direction == IO_WRITE ? PROP_WRITE : PROP_READ, memory, reached) == 0)
		return 0;
	cursor_close(&io->cursor);
	return -EFAULT;
}

static void end(void *context)
{
	struct space_io *io = context;

	cursor_close(&io->cursor);
}

int space_io_range(struct space_io *io, struct vm_space *space, vaddr_t va, uint64_t len,
		   struct io_range *range)
{
	static const struct io_access access = { .begin = begin, .end = end };
	struct io_range whole;
	int error = io_range_init(&whole, &access, io, va.value, len);

	if (error)
		return error;
	if (len > 0 && !format_contains(space->table.format, va, len))
		return -ERANGE;
	io->space = space;
	*range = whole;
	return 0;
}

static int refuse(int error, uint64_t *done)
{
	if (done)
		*done = 0;
	return error;
}

int space_read(struct vm_space *space, vaddr_t va, void *to, uint64_t len, uint64_t *done)
{
	struct io_writer writer = io_writer_at(to, len);
	struct io_range range;
	struct space_io io;
	int error = space_io_range(&io, space, va, len, &range);

	return error ? refuse(error, done) : io_range_read(&range, &writer, done);
}

int space_write(struct vm_space *space, vaddr_t va, const void *from, uint64_t len, uint64_t *done)
{
	struct io_reader reader = io_reader_at(from, len);
	struct io_range range;
	struct space_io io;
	int error = space_io_range(&io, space, va, len, &range);

	return error ? refuse(error, done) : io_range_write(&range, &reader, done);
}

int space_fill_zeros(struct vm_space *space, vaddr_t va, uint64_t len, uint64_t *done)
{
	struct io_range range;
	struct space_io io;
	int error = space_io_range(&io, space, va, len, &range);

	return error ? refuse(error, done) : io_range_fill_zeros(&range, len, done);
}
