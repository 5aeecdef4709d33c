/* SPDX-License-Identifier: MIT */
/*
 * Shows: whatever a table says, a piece of a space's bytes lies in tracked leaves with the right
 *   for the direction, over frames in use that hold plain bytes; it is at its address; a cursor
 *   is on it until it is done with, and no slot changes
 * Rules: AX-10 AX-11 AX-19 INV-S9 V-4 IO-2 BUG-10
 * Layer: steps
 * Assumes: cursors are as their header says: a tracked leaf lies in the domain
 * Sources: mm/domain.c mm/slot.c mm/frame.c tests/proof/step_slots.c
 * Defines: MM_INDEX_BITS=1
 * Geometry: 6 frames in any states, a leaf of 1 or 2 pages; any address, length and direction
 * Cases: STEP piece make refused
 * Options: --slice-formula
 * Unwind: 7 plain_bytes.0:4
 * Covers: begin end leaf_piece plain_bytes space_io_range refuse
 * Unreached: leaf_piece *len = PIECE_MAX;
 * Except: slot_state_is_shared wraps one comparison for both ends of the range
 * Limit: 200
 */
#include "mm/space_io.c"
#include "tests/proof/step_slots.h"

static struct vm_space space;
static unsigned char memory[FRAMES * PAGE_SIZE];
static unsigned open;		/* cursors that are open */
static uint64_t page;		/* the one that it is on */
static struct pt_mapping there; /* what is at that page */

int cursor_open(struct cursor *cursor, struct page_table *table, vaddr_t va, uint64_t len,
		enum cursor_mode mode, unsigned min_level)
{
	int error = -(int)nondet_u8();

	(void)cursor;
	prove(table == &space.table && mode == CURSOR_READ && min_level == 1);
	prove(is_aligned(va.value, PAGE_SIZE) && len == PAGE_SIZE && open == 0);
	if (error)
		return error;
	open++;
	page = va.value;
	return 0;
}

void cursor_close(struct cursor *cursor)
{
	(void)cursor;
	prove(open == 1);
	open--;
}

/* Any entry that covers the page. */
int cursor_query(struct cursor *cursor, struct pt_mapping *mapping)
{
	(void)cursor;
	prove(open == 1);
	if (any_bool())
		return -EUCLEAN;
	there.level = any_bool() ? 1 : 2;
	there.len = level_size(there.level);
	there.start = VADDR(align_down(page, there.len));
	there.present = any_bool();
	there.tracked = any_bool();
	there.prop.bits = nondet_u32();
	there.paddr = PADDR(nondet_u64());
	assume(is_aligned(there.paddr.value, there.len));
	assume(!there.present || !there.tracked ||
	       domain_contains(&domain, there.paddr, there.len));
	*mapping = there;
	return 0;
}

int io_range_init(struct io_range *range, const struct io_access *access, void *context,
		  uint64_t address, uint64_t len)
{
	if (len > 0 && len - 1 > UINT64_MAX - address)
		return -EOVERFLOW;
	*range = (struct io_range){ access, context, address, len };
	return 0;
}

/* What is refused is not begun. */
static int not_begun(void)
{
	prove(false);
	return 0;
}

int io_range_read(struct io_range *from, struct io_writer *to, uint64_t *done)
{
	(void)from;
	(void)to;
	(void)done;
	return not_begun();
}

int io_range_write(struct io_range *to, struct io_reader *from, uint64_t *done)
{
	(void)from;
	(void)to;
	(void)done;
	return not_begun();
}

int io_range_fill_zeros(struct io_range *range, uint64_t len, uint64_t *done)
{
	(void)range;
	(void)len;
	(void)done;
	return not_begun();
}

static void begin_space(void)
{
	static struct pt_format format;

	slots_begin();
	domain.memory = memory;
	slots_remember();
	space.table.domain = &domain;
	space.table.format = &format;
	format.levels = 3;
	format.sign_extended = any_bool();
}

/* Is each frame of these bytes in use, and of plain bytes? */
static bool are_plain(uint64_t paddr, uint64_t len)
{
	bool are = true;

	for (unsigned i = 0; i < FRAMES; i++) {
		bool touched = paddr < frame_at(i + 1).value && paddr + len > frame_at(i).value;

		are = are && implies(touched, slot_count(&slots[i]) > 0 &&
						      frame_kind_is_untyped(slot_kind(&slots[i])));
	}
	return are;
}

static void piece(void)
{
	uint64_t address = nondet_u64(), len = nondet_u64(), reached = 0;
	bool writes = any_bool();
	struct space_io io = { .space = &space };
	void *place = NULL;

	begin_space();
	assume(len > 0 && len - 1 <= UINT64_MAX - address);
	int error = begin(&io, address, len, writes ? IO_WRITE : IO_READ, &place, &reached);

	if (error) {
		prove((error == -EFAULT || error == -EDEADLK) && open == 0);
		prove_unchanged();
		return;
	}
	uint64_t paddr = there.paddr.value + (address - there.start.value);

	prove(open == 1 && page == align_down(address, PAGE_SIZE));
	prove(there.present && there.tracked);
	prove(there.prop.bits & (writes ? PROP_WRITE : PROP_READ));
	prove(reached > 0 && reached <= len);
	prove(reached <= there.len - (address - there.start.value));
	prove(are_plain(paddr, reached));
	prove(place == memory + paddr);
	end(&io);
	prove(open == 0);
	prove_unchanged();
}

static bool is_in_space(uint64_t va, uint64_t len)
{
	return format_contains(space.table.format, VADDR(va), len);
}

static void make(void)
{
	uint64_t va = nondet_u64(), len = nondet_u64();
	struct io_range range = { .remain = 7 };
	struct space_io io;

	begin_space();
	int error = space_io_range(&io, &space, VADDR(va), len, &range);

	if (len > 0 && len - 1 > UINT64_MAX - va)
		prove(error == -EOVERFLOW);
	else
		prove(error == (len == 0 || is_in_space(va, len) ? 0 : -ERANGE));
	if (error)
		prove(range.remain == 7 && range.access == NULL);
	else
		prove(range.remain == len && range.cursor == va && range.context == &io &&
		      io.space == &space);
	prove(open == 0);
	prove_unchanged();
}

static void refused(void)
{
	uint64_t va = nondet_u64(), len = nondet_u64(), done = 5;
	unsigned char byte;

	begin_space();
	assume(len > 0);
	bool wraps = len - 1 > UINT64_MAX - va;
	int refusal = wraps ? -EOVERFLOW : -ERANGE;

	assume(wraps || !is_in_space(va, len));
	prove(space_read(&space, VADDR(va), &byte, len, &done) == refusal && done == 0);
	prove(space_write(&space, VADDR(va), &byte, len, NULL) == refusal);
	prove(space_fill_zeros(&space, VADDR(va), len, &done) == refusal && done == 0);
	prove_unchanged();
}

int main(void)
{
	STEP();
	return 0;
}
