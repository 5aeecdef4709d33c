/* SPDX-License-Identifier: MIT */
/*
 * Shows: of any address and length, a cursor is opened on exactly the range that they name, or
 *   refused; its guard is the lowest node that covers the range; each move puts it where it says,
 *   in a node that covers that place, and never out of its range or its guard
 * Rules: V-2 C-1 C-5 C-9 L-1 BUG-1 BUG-2 BUG-4 BUG-8 GAP-6
 * Layer: laws
 * Assumes: finding and locking the nodes is not part of it: the step that opens ends there
 * Assumes: a cursor that is open is on a range as opening leaves it, in a node that covers its
 *   place
 * Sources: mm/cursor_move.c mm/format.c
 * Geometry: every address, length, level; formats of 4 and 5 levels, with addresses that are
 *   sign-extended and that are not
 * Cases: FORMAT PT_FORMAT_X86_64_4 PT_FORMAT_X86_64_5 PT_FORMAT_EPT_4 PT_FORMAT_EPT_5
 * Cases: STEP open guard jump place forward skip entries check
 * Unwind: 9
 * Covers: cursor_open lowest_guard cursor_jump cursor_place cursor_virt_addr cursor_forward
 *   cursor_leave_node cursor_skip cursor_entries_until cursor_check_len place_take
 * Unreached: cursor_open error = lock_range(cursor, min_level);
 * Unreached: cursor_open if (error) {
 * Unreached: cursor_open cursor->place->table = NULL;
 * Unreached: cursor_open return error;
 * Except: cursor_jump wraps what lies before the range is further than the range is long
 * Except: cursor_open wraps no level is below the first
 * Except: format_contains wraps see format_range
 * Except: pte_index narrows the mask takes low bits only
 * Limit: 200
 */
#include "mm/cursor_lock.c"
#include "mm/format.h"
#include "tests/proof/proof.h"

static struct phys_domain domain;
static struct slot slot;
static struct page_table table, other_table;
static struct thread_cursors cursors;
static struct cursor cursor;
static const struct pt_format *format;

struct thread_cursors *port_cursors(void)
{
	return &cursors;
}

static void tables_begin(void)
{
	format = pt_format_of(FORMAT);
	domain.slots = &slot;
	domain.nr_frames = 1;
	table = (struct page_table){ .domain = &domain, .format = format };
	table.root.slot = &slot;
}

/* Bytes of addresses that the format translates. */
static unsigned __int128 space_size(void)
{
	return (unsigned __int128)1 << format_address_bits(format);
}

/* Does the format translate the `len` bytes from `va` on, all in one half (exact arithmetic)? */
static bool translates(uint64_t va, uint64_t len)
{
	unsigned __int128 end = (unsigned __int128)va + len, top = (unsigned __int128)1 << 64;

	if (!format->sign_extended)
		return end <= space_size();
	return end <= space_size() / 2 || (va >= top - space_size() / 2 && end <= top);
}

/* What opening was asked for. */
static uint64_t va, len;
static unsigned min_level, full;

/* Places are taken in order, and given back in any. */
static bool has_place(void)
{
	return full != (1 << THREAD_CURSORS) - 1;
}

static bool is_sensible(void)
{
	return len > 0 && va % PAGE_SIZE == 0 && len % PAGE_SIZE == 0 && min_level > 0 &&
	       min_level <= format->levels;
}

/* The range is known, and the walk begins, which is not part of this. */
void port_read_lock(void)
{
	prove(is_sensible() && translates(va, len) && has_place());
	prove(cursor.base.value + (unsigned __int128)cursor.start == va);
	prove(cursor.at == cursor.start && cursor_virt_addr(&cursor).value == va);
	prove(cursor.end > cursor.start && cursor.end - cursor.start == len);
	prove(cursor.end <= space_size() && cursor.thread == cursors.thread);
	prove(cursor.table == &table && cursor.place->table == &table);
	for (unsigned i = 0; i < THREAD_CURSORS; i++)
		prove(implies(full >> i & 1, cursor.place != &cursors.places[i]));
	assume(false);
}

static void open(void)
{
	enum cursor_mode mode = any_bool() ? CURSOR_READ : CURSOR_MUTATE;

	tables_begin();
	va = nondet_u64();
	len = nondet_u64();
	min_level = nondet_unsigned();
	full = nondet_u8();
	cursors.thread = nondet_u32();
	for (unsigned i = 0; i < THREAD_CURSORS; i++)
		cursors.places[i].table = full >> i & 1 ? &other_table : NULL;
	int error = cursor_open(&cursor, &table, VADDR(va), len, mode, min_level);

	prove(error == (!is_sensible() ? -EINVAL : !translates(va, len) ? -ERANGE : -EMFILE));
	prove(error != -EMFILE || !has_place());
	for (unsigned i = 0; i < THREAD_CURSORS; i++)
		prove(cursors.places[i].table == (full >> i & 1 ? &other_table : NULL));
}

/* An open cursor: on any range of any table, at any place of it, or at its end. */
static void cursor_begin_any(void)
{
	tables_begin();
	any_of(&cursor);
	cursor.table = &table;
	assume(cursor.start < cursor.end && cursor.end <= space_size());
	assume(is_aligned(cursor.start | cursor.end | cursor.at, PAGE_SIZE));
	assume(cursor.start <= cursor.at && cursor.at <= cursor.end);
	cursor.base.value = 0;
	if (format->sign_extended && cursor.start >= space_size() / 2)
		cursor.base.value = (uint64_t)(((unsigned __int128)1 << 64) - space_size());
	else
		assume(!format->sign_extended || cursor.end <= space_size() / 2);
}

/* Are two offsets in one node of this level? */
static bool share_node(uint64_t one, uint64_t other, unsigned level)
{
	return one >> level_shift(level + 1) == other >> level_shift(level + 1);
}

static void guard(void)
{
	unsigned min_level = nondet_unsigned(), level;

	cursor_begin_any();
	assume(min_level > 0 && min_level <= format->levels);
	level = lowest_guard(&cursor, min_level);
	prove(level >= min_level && level <= format->levels);
	prove(share_node(cursor.start, cursor.end - 1, level));
	prove(level == min_level || !share_node(cursor.start, cursor.end - 1, level - 1));
}

static void guarded_begin(void)
{
	cursor_begin_any();
	assume(cursor.guard_level > 0 && cursor.guard_level <= format->levels);
	assume(cursor.level > 0 && cursor.level <= cursor.guard_level);
	assume(share_node(cursor.start, cursor.end - 1, cursor.guard_level));
}

/* The cursor went from `from`, in a node of level `level`, to `at`, and up as far as it had to. */
static void prove_moved(uint64_t from, unsigned level, uint64_t at)
{
	prove(cursor.at == at && cursor.level >= level && cursor.level <= cursor.guard_level);
	/* The path above the first level has the nodes that cover where it was. */
	prove(at == cursor.end || from == cursor.end || share_node(from, at, cursor.level));
}

static void jump(void)
{
	uint64_t va = nondet_u64(), at, len;
	unsigned level;
	int error;

	guarded_begin();
	at = cursor.at;
	level = cursor.level;
	len = cursor.end - cursor.start;
	uint64_t first = cursor.base.value + cursor.start;
	bool inside = va >= first && va - first < len;

	error = cursor_jump(&cursor, VADDR(va));
	prove(error == (va % PAGE_SIZE ? -EINVAL : inside ? 0 : -ERANGE));
	if (error) {
		prove(cursor.at == at && cursor.level == level);
		return;
	}
	prove(cursor_virt_addr(&cursor).value == va);
	prove_moved(at, level, va - cursor.base.value);
}

static void place(void)
{
	uint64_t offset = nondet_u64(), at;
	unsigned level;

	guarded_begin();
	assume(offset >= cursor.start && offset <= cursor.end);
	at = cursor.at;
	level = cursor.level;
	cursor_place(&cursor, offset);
	prove_moved(at, level, offset);
	/* From the end, where the path says nothing, it goes to the guard. */
	prove(at < cursor.end || cursor.level == cursor.guard_level);
	prove(cursor.level == level || at == cursor.end || !share_node(at, offset, level));
}

static void prove_forward(uint64_t from, unsigned level, uint64_t at)
{
	prove(cursor.at == at && cursor.level >= level && cursor.level <= cursor.guard_level);
	prove(at >= cursor.end || share_node(from, at, cursor.level));
}

static void forward(void)
{
	uint64_t at;
	unsigned level;

	guarded_begin();
	assume(cursor.at < cursor.end);
	at = cursor.at;
	level = cursor.level;
	cursor_forward(&cursor);
	prove(cursor.at > at && cursor.at - at <= level_size(level));
	prove_forward(at, level, ((at >> level_shift(level)) + 1) << level_shift(level));
}

static void skip(void)
{
	unsigned nr = nondet_unsigned(), level, index;
	uint64_t at;

	guarded_begin();
	assume(cursor.at < cursor.end);
	at = cursor.at;
	level = cursor.level;
	index = pte_index(at, level);
	assume(nr > 0 && nr <= NODE_ENTRIES - index);
	cursor_skip(&cursor, nr);
	prove_forward(at, level, ((at >> level_shift(level)) + nr) << level_shift(level));
}

static void entries(void)
{
	unsigned nr, level, index;
	uint64_t end = nondet_u64();

	guarded_begin();
	level = cursor.level;
	assume(end >= cursor.at && end <= cursor.end);
	assume(cursor.at < cursor.end && is_aligned(cursor.at, level_size(level)));
	index = pte_index(cursor.at, level);
	nr = cursor_entries_until(&cursor, end);
	prove(nr <= NODE_ENTRIES - index && nr * level_size(level) <= end - cursor.at);
	prove(nr == NODE_ENTRIES - index || (nr + 1) * level_size(level) > end - cursor.at);
}

static void check(void)
{
	uint64_t len = nondet_u64();
	int error;

	cursor_begin_any();
	error = cursor_check_len(&cursor, len);
	prove(error == (len % PAGE_SIZE ? -EINVAL : len > cursor.end - cursor.at ? -ERANGE : 0));
}

int main(void)
{
	STEP();
	return 0;
}
