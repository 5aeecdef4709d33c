/* SPDX-License-Identifier: MIT */
/* Before a step: every shape, and all that it leaves open. */
#include "tests/proof/step_tree_private.h"

/* Do statuses have to be looked for where there is none? */
#ifndef MARKED
#define MARKED false
#endif

#define FORMAT (TABLE == EPT_HARDWARE ? PT_FORMAT_EPT_4 : PT_FORMAT_X86_64_4)

/* A bit for each level that the cursor's guard may be at; 0: see is_guard(). */
#ifndef GUARDS
#define GUARDS 0
#endif

/* Do shapes say which leaves are tracked, and whether their frames go on? */
#ifndef TREE_KNOWS_TRACKED
#define TREE_KNOWS_TRACKED false
#endif

/*
 * What of a leaf takes each value in turn, as a constant: a mask of bits of a kind, see
 * constant_leaf(). 0: all of it has any value.
 */
#ifndef LEAF_KINDS
#define LEAF_KINDS 0u
#endif

struct phys_domain domain;
struct slot slots[FRAMES];
struct page_table table;
struct cursor cursor;

const struct pt_format *format;
static struct pt_format small; /* with fewer levels */
enum shape shapes[ENTRIES];
enum known tracked[ENTRIES];
static unsigned kinds[ENTRIES]; /* of leaves, if LEAF_KINDS */
uint64_t entries[ENTRIES];
/* References of leaves on the frames from DATA on. */
static uint32_t owned[FRAMES - DATA];
uint32_t held[FRAMES - DATA];
uint32_t states_before[FRAMES - DATA];
struct page pages_before[PAGES];
uint32_t holders_before[PLACES];
static struct cursor_place place;
static unsigned first_page, nr_pages;
unsigned nodes_left, nodes_made;
static void (*step_of)(unsigned first, unsigned nr);

/* Places: the root's, two of level 2, four of level 1. */

static unsigned level_of(unsigned number)
{
	return number == ROOT ? 3 : number < 3 ? 2 : 1;
}

/* The entry that leads to the node at a place. */
static unsigned entry_to(unsigned number)
{
	return number < 3 ? number - 1 : NODE_ENTRIES + (number - 3);
}

/* The place below entry `entry`, which is above level 1. */
static unsigned place_below(unsigned entry)
{
	return entry < NODE_ENTRIES ? 1 + entry : 3 + (entry - NODE_ENTRIES);
}

static bool is_linked(unsigned number)
{
	return number == ROOT || (number < PLACES && shapes[entry_to(number)] == SHAPE_NODE);
}

/* The first page below an entry, and their number. */
static unsigned page_of(unsigned entry)
{
	return entry < 2 ? entry * 4 : entry < 6 ? (entry - 2) * 2 : entry - 6;
}

static unsigned pages_of(unsigned entry)
{
	return entry < 2 ? 4 : entry < 6 ? 2 : 1;
}

/* Of a kind, the bits say: accessed, dirty, may be written. */
static uint64_t constant_leaf(unsigned entry, unsigned level)
{
	unsigned kind = kinds[entry];
	bool is_tracked = entry % 2 == 0;
	uint32_t prop = PROP_READ | (kind & 1 ? PROP_ACCESSED : 0) | (kind & 2 ? PROP_DIRTY : 0) |
			(kind & 4 ? PROP_WRITE : 0);
	uint64_t number = is_tracked ? DATA + 2 : UINT64_C(1) << 28;
	uint64_t raw;

	assume((format_leaf_bits)(format, level, PROP(prop), is_tracked, &raw) == 0);
	return raw | number << PAGE_SHIFT;
}

static uint64_t any_leaf(unsigned entry, unsigned level)
{
	uint64_t number = nondet_u8() % 4, raw;
	bool is_tracked = tracked[entry] == UNKNOWN ? any_bool() : tracked[entry] == YES;

	if (LOWEST_SEEN > 1)
		return format->node | format->huge;
	assume((format_leaf_bits)(format, level, PROP(nondet_u32()), is_tracked, &raw) == 0);
	assume(number % level_pages(level) == 0);
	if (is_tracked)
		return raw | (DATA + number) << PAGE_SHIFT;
	return raw | (nondet_u64() & format->address & ~(level_size(level) - 1));
}

static uint64_t following_leaf(unsigned entry, unsigned level)
{
	uint64_t raw = entries[entry - 1] + level_size(level);

	assume((raw & format->address) != 0);
	assume(!(raw & PTE_TRACKED) || pte_frame(raw) < FRAMES);
	return raw;
}

/*
 * A leaf behind another neither follows it nor joins it, if its shape does not say so. Whether it
 * joins it matters only where it is known what is tracked.
 */
static bool leaf_is_as_said(unsigned entry, unsigned level)
{
	uint64_t differs = entries[entry] ^ (entries[entry - 1] + level_size(level));
	bool goes_on = (differs & format->address) == 0;

	if (shapes[entry] == SHAPE_JOINS)
		return goes_on && differs != 0;
	return tracked[entry] == YES && tracked[entry - 1] == YES ? !goes_on : differs != 0;
}

static void put_node(unsigned number)
{
	struct slot *slot = &slots[number];
	unsigned entry = number == ROOT ? 0 : entry_to(number);

	slot->state = SLOT_BUSY + 1;
	slot->type = number == ROOT ? SLOT_NODE_TYPE(LEVELS, FORMAT, SLOT_UNLINKED) :
				      SLOT_NODE_TYPE(level_of(number), FORMAT, entry % 2);
	slot->parent = number == ROOT ? nondet_u32() : entry / 2;
	slot->lock.holders = HOLDER_BEFORE;
	slot->nr_children = 0;
	slot->marked = LOWEST_SEEN == 1 && any_bool();
}

/* What nobody looks at has any value; where nothing that is has one, a number of its own. */
static uint64_t any_hidden(unsigned entry)
{
	return LOWEST_SEEN > 1 ? ~(uint64_t)entry : nondet_u64();
}

static void put_entry(unsigned entry);

/* The root of a tree of another thread's, which is hidden. */
static void put_others(unsigned number)
{
	put_node(number);
	slots[number].lock.holders = OTHER;
	for (unsigned entry = 2 * number; entry < 2 * number + 2; entry++) {
		shapes[entry] = SHAPE_HIDDEN_CHILD;
		put_entry(entry);
	}
}

static void put_entry(unsigned entry)
{
	struct slot *slot = &slots[entry / NODE_ENTRIES];
	unsigned level = level_of(entry / NODE_ENTRIES);

	switch (shapes[entry]) {
	case SHAPE_EMPTY:
		return;
	case SHAPE_STATUS:
		entries[entry] = pte_of_status(1).raw;
		slot->marked = true;
		break;
	case SHAPE_LEAF:
	case SHAPE_JOINS:
		entries[entry] = LEAF_KINDS ? constant_leaf(entry, level) : any_leaf(entry, level);
		if (!LEAF_KINDS && entry % 2 == 1 && shapes[entry - 1] == SHAPE_LEAF)
			assume(leaf_is_as_said(entry, level));
		count_leaf(owned, entries[entry], level);
		break;
	case SHAPE_FOLLOWS:
		entries[entry] = following_leaf(entry, level);
		count_leaf(owned, entries[entry], level);
		break;
	case SHAPE_OTHERS:
	case SHAPE_NODE:
		if (shapes[entry] == SHAPE_NODE)
			put_node(place_below(entry));
		else
			put_others(place_below(entry));
		entries[entry] = pte_node(format, PADDR(page_address(place_below(entry)))).raw |
				 bits_of_walks();
		break;
	case SHAPE_HIDDEN_ANY:
		entries[entry] = nondet_u64();
		slot->nr_children += any_bool();
		return;
	case SHAPE_HIDDEN:
		entries[entry] = any_hidden(entry);
		return;
	default:
		entries[entry] = any_hidden(entry);
		break;
	}
	slot->nr_children++;
}

/* A frame that may be mapped, with references of others beside those of leaves. */
static void put_data(unsigned number)
{
	uint32_t count = owned[number - DATA];

	held[number - DATA] = LOWEST_SEEN > 1 ? 1 : nondet_u32();
	assume(held[number - DATA] <= SLOT_SHARED_MAX - 64);
	count += held[number - DATA];
	slots[number].state = count ? SLOT_BUSY + count : SLOT_UNUSED;
	states_before[number - DATA] = slots[number].state;
	slots[number].type = count ? (LOWEST_SEEN > 1 || any_bool() ? FRAME_DATA : FRAME_GUEST) :
				     FRAME_NONE;
}

static void begin_domain(void)
{
	small = *pt_format_of(FORMAT);
	small.levels = LEVELS;
	format = &small;
	domain.slots = slots;
	domain.nr_frames = FRAMES;
	domain.deferred = SLOT_NONE;
	domain.tables = &table;
	table.domain = &domain;
	table.format = format;
	table.root = (struct pt_node){ &slots[ROOT], &entries[ROOT] };
	table.walker = TABLE == EPT_HARDWARE ? TABLE_WALKED_BY_HARDWARE : TABLE_WALKED_BY_SOFTWARE;
	table.marked = MARKED || PATH == PATH_STATUS || PATH == PATH_NODE_STATUS ||
		       PATH == PATH_PAGE_STATUS;
	put_node(ROOT);
}

/* The nodes above the guard may be anybody's: others have their cursors there. */
static void begin_locks(unsigned page)
{
	for (unsigned level = LEVELS; level > cursor.guard_level; level--) {
		uint32_t *holders = &slots[place_at(page, level)].lock.holders;

		*holders = nondet_u32();
		assume(*holders != THREAD);
	}
	for (unsigned number = 0; number < PLACES; number++)
		holders_before[number] = is_linked(number) ? slots[number].lock.holders : THREAD;
}

static void begin_cursor(unsigned page, unsigned level, unsigned guard)
{
	uint64_t len = level_size(guard + 1);

	cursor.table = &table;
	cursor.place = &place;
	cursor.mode = CURSOR_MUTATE;
	cursor.shared = false;
	cursor.thread = THREAD;
	cursor.locked = SLOT_NONE;
	cursor.base = VADDR(0);
	cursor.at = page_address(page);
	cursor.start = align_down(cursor.at, len);
	cursor.end = cursor.start + len;
	cursor.guard_level = (uint8_t)guard;
	cursor.level = (uint8_t)level;
	for (unsigned i = level; i <= guard; i++)
		cursor.path[i] = (struct pt_node){ &slots[place_at(page, i)],
						   &entries[2 * place_at(page, i)] };
	cursor.encoded.level = 0;
	cursor.decoded.address = format->address;
	cursor.decoded.bits = CURSOR_NOTHING;
	cursor.changed.level = 0;
	begin_locks(page);
}

/* With as many nodes as may be wanted; and where some are, with none, and with one. */
static void run_from(unsigned level, unsigned guard)
{
	for (unsigned nodes = MEMORY_RUNS_OUT && PATH >> 8 == 0 ? 0 : 2; nodes <= 2; nodes++)
		if (any_bool()) {
			nodes_left = nodes < 2 ? nodes : PLACES;
			nodes_made = 0;
			begin_cursor(first_page, level, guard);
			step_of(first_page, nr_pages);
			assume(false);
		}
}

static bool has_node(unsigned level)
{
	return is_linked(place_at(first_page, level)) &&
	       place_at(first_page, level) == place_at(first_page + nr_pages - 1, level);
}

/* The guards that a table is tried with: see step_shape.h. */
static bool is_guard(unsigned level)
{
	if (GUARDS)
		return GUARDS >> level & 1 && has_node(level);
	if (TABLE == EPT_HARDWARE)
		return level == (has_node(2) ? 2 : LEVELS);
	return level != 2 && has_node(level);
}

/* The shape is chosen: from each node that the cursor may be in. */
static void run(void)
{
	for (unsigned number = DATA; number < FRAMES; number++)
		put_data(number);
	for (unsigned page = 0; page < PAGES; page++)
		pages_before[page] = page_now(page);
	for (unsigned guard = LEVELS; guard >= 1; guard--)
		for (unsigned level = guard; level >= 1 && is_guard(guard); level--)
			if (is_linked(place_at(first_page, level)))
				run_from(level, guard);
	assume(false);
}

static bool is_touched(unsigned entry)
{
	unsigned page = page_of(entry);

	return page < first_page + nr_pages && first_page < page + pages_of(entry);
}

/* All of the pages. */
static bool covers(unsigned entry)
{
	return page_of(entry) <= first_page &&
	       first_page + nr_pages <= page_of(entry) + pages_of(entry);
}

/* An entry that leads to the first page is what the case says. */
static bool is_on_path(unsigned entry, enum shape shape)
{
	if (entry == first_page / 4)
		return shape == (PATH & 0xf);
	if (entry == 2 + first_page / 2)
		return shape == (PATH >> 4 & 0xf);
	return entry != 6 + first_page || shape == PATH >> 8;
}

static void choose(unsigned entry);

static void choose_as(unsigned entry, enum shape shape)
{
	if (PATH != PATH_ANY && !is_on_path(entry, shape))
		return;
	if (shape == SHAPE_STATUS && !table.marked)
		return;
	if (any_bool()) {
		shapes[entry] = shape;
		put_entry(entry);
		choose(entry + 1);
		assume(false);
	}
}

/* With TREE_KNOWS_TRACKED, as one that is tracked, and as one that is not. */
static void choose_leaf(unsigned entry)
{
	bool is_next = entry % 2 == 1 && shapes[entry - 1] == SHAPE_LEAF;

	for (unsigned i = 0; i < (TREE_KNOWS_TRACKED ? 2 : 1); i++) {
		enum known is = TREE_KNOWS_TRACKED ? (enum known)(NO + i) : UNKNOWN;

		tracked[entry] = is;
		choose_as(entry, SHAPE_LEAF);
		if (is_next && tracked[entry - 1] == is)
			choose_as(entry, SHAPE_FOLLOWS);
		if (is_next && tracked[entry - 1] == is && is == YES)
			choose_as(entry, SHAPE_JOINS);
	}
	tracked[entry] = UNKNOWN;
}

/* With LEAF_KINDS, as each of them. */
static void choose_constant_leaf(unsigned entry)
{
	for (unsigned kind = 0; kind < 8; kind++)
		if ((kind & ~LEAF_KINDS) == 0) {
			kinds[entry] = kind;
			choose_as(entry, SHAPE_LEAF);
		}
}

/* Of a node that is no lower, nobody asks whether it has children. */
static unsigned highest_guard(void)
{
	unsigned level = LEVELS;

	while (GUARDS && !(GUARDS >> level & 1))
		level--;
	return level;
}

static void choose(unsigned entry)
{
	while (entry < PLACES * NODE_ENTRIES && !is_linked(entry / 2))
		entry += NODE_ENTRIES;
	if (entry == PLACES * NODE_ENTRIES) {
		run();
	} else if (level_of(entry / 2) < LOWEST_SEEN) {
		choose_as(entry, SHAPE_HIDDEN_CHILD);
	} else if (!is_touched(entry) && LOWEST_SEEN > 1) {
		choose_as(entry, SHAPE_OTHERS);
	} else if (!covers(entry) && LOWEST_SEEN > 1) {
		choose_as(entry, entry % 2 ? SHAPE_LEAF : SHAPE_EMPTY);
		choose_as(entry, SHAPE_NODE);
	} else if (!is_touched(entry) && level_of(entry / 2) >= highest_guard()) {
		choose_as(entry, SHAPE_HIDDEN_ANY);
	} else if (!is_touched(entry)) {
		choose_as(entry, SHAPE_HIDDEN);
		choose_as(entry, SHAPE_HIDDEN_CHILD);
	} else {
		choose_as(entry, SHAPE_EMPTY);
		choose_as(entry, SHAPE_STATUS);
		if (LOWEST_SEEN > 1)
			choose_as(entry, SHAPE_LEAF);
		else if (LEAF_KINDS)
			choose_constant_leaf(entry);
		else
			choose_leaf(entry);
		if (entry < 6)
			choose_as(entry, SHAPE_NODE);
	}
	assume(false);
}

void tree_for_each_shape(unsigned first, unsigned nr, void (*step)(unsigned first, unsigned nr))
{
	begin_domain();
	first_page = first;
	nr_pages = nr;
	step_of = step;
	choose(0);
}

#pragma CPROVER check pop
