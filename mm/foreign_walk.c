/* SPDX-License-Identifier: MIT */
/*
 * The walk of a whole foreign table: see foreign_walk.h.
 */
#include "mm/foreign_walk.h"

#include "mm/foreign_entry.h"

struct walker {
	const struct foreign_paging *paging;
	const struct foreign_memory *memory;
	const struct foreign_visitor *visitor;
	uint64_t revisits;
	uint64_t key[LEVELS_MAX + 1]; /* bits in which the leaves of a run agree, by level */
	bool open;		      /* is there a run? */
	uint64_t next;		      /* where it ends, as an offset into what is translated */
	uint64_t next_address;	      /* of the next leaf, if it goes on */
	struct foreign_run run;
};

/* What is being looked at: the entries of one table. */
struct place {
	unsigned level;
	uint32_t rights;      /* what the levels above grant */
	uint64_t table;	      /* its physical address */
	uint64_t offset;      /* of the first address that it translates */
	uint64_t first, last; /* offsets to be visited, within the table */
};

static int run_end(struct walker *walker)
{
	if (!walker->open)
		return 0;
	walker->open = false;
	return walker->visitor->run(walker->visitor->context, &walker->run);
}

/* Adds `len` bytes with this entry to the run. */
static inline void run_extend(struct walker *walker, uint64_t raw, uint64_t len)
{
	walker->run.len += len;
	walker->run.nr++;
	walker->run.raw_any |= raw;
	walker->run.raw_all &= raw;
	walker->next += len;
	walker->next_address += walker->run.step;
}

/* Begins a run, after the present one has been handed over. */
static int run_begin(struct walker *walker, const struct place *place, unsigned index, uint64_t raw,
		     enum foreign_end end)
{
	const struct foreign_level *level = &walker->paging->level[place->level];
	uint64_t offset = place->offset + ((uint64_t)index << level->shift);
	int error = run_end(walker);

	walker->open = true;
	walker->run = (struct foreign_run){
		.end = end,
		.level = place->level,
		.rights = place->rights,
		.start = foreign_canonical(walker->paging, offset),
		.len = UINT64_C(1) << level->shift,
		.nr = 1,
		.entry = place->table + index * walker->paging->entry_len,
		.raw = raw,
		.raw_any = raw,
		.raw_all = raw,
	};
	walker->next = offset + walker->run.len;
	return error;
}

/* Where the addresses jump to the upper half, no run goes on. */
static inline bool is_half(const struct walker *walker, uint64_t offset)
{
	return walker->paging->sign_extended &&
	       offset == UINT64_C(1) << (walker->paging->address_bits - 1);
}

static inline bool run_meets(const struct walker *walker, uint64_t offset, enum foreign_end end,
			     unsigned level)
{
	return walker->open && walker->next == offset && walker->run.end == end &&
	       walker->run.level == level && !is_half(walker, offset);
}

/* A second leaf decides whether the addresses go on or stay. */
static inline bool leaf_goes_on(struct walker *walker, uint64_t address)
{
	if (address == walker->next_address)
		return true;
	if (walker->run.nr > 1 || address != walker->run.address)
		return false;
	walker->run.step = 0;
	walker->next_address = address;
	return true;
}

static int visit_leaf(struct walker *walker, const struct place *place, unsigned index,
		      uint64_t raw)
{
	const struct foreign_level *level = &walker->paging->level[place->level];
	uint64_t offset = place->offset + ((uint64_t)index << level->shift);
	uint32_t leaf_rights = foreign_granted(walker->paging, level, raw);
	uint32_t rights = place->rights & leaf_rights;
	uint64_t address = foreign_leaf_address(level, raw);
	int error;

	if (run_meets(walker, offset, FOREIGN_MAPPED, place->level) &&
	    walker->run.rights == rights &&
	    !((raw ^ walker->run.raw) & walker->key[place->level]) && !walker->visitor->single &&
	    leaf_goes_on(walker, address)) {
		run_extend(walker, raw, UINT64_C(1) << level->shift);
		return 0;
	}
	error = run_begin(walker, place, index, raw, FOREIGN_MAPPED);
	walker->run.rights = rights;
	walker->run.leaf_rights = leaf_rights;
	walker->run.address = address;
	walker->run.step = walker->run.len;
	walker->next_address = address + walker->run.step;
	return error;
}

/*
 * What is no leaf and is not entered: a hole, malformed entries, tables outside memory; or the same
 * table again and again.
 */
static int visit_end(struct walker *walker, const struct place *place, unsigned index, uint64_t raw,
		     enum foreign_end end)
{
	const struct foreign_level *level = &walker->paging->level[place->level];
	uint64_t offset = place->offset + ((uint64_t)index << level->shift);
	uint64_t table = raw & walker->paging->address_node;
	uint32_t rights = place->rights;
	int error;

	if (end == FOREIGN_REPEATED)
		rights &= foreign_granted(walker->paging, level, raw);
	if (run_meets(walker, offset, end, place->level) && walker->run.rights == rights &&
	    (end != FOREIGN_REPEATED || walker->run.address == table)) {
		run_extend(walker, raw, UINT64_C(1) << level->shift);
		return 0;
	}
	error = run_begin(walker, place, index, raw, end);
	walker->run.rights = rights;
	if (end == FOREIGN_REPEATED || end == FOREIGN_OUTSIDE)
		walker->run.address = table;
	return error;
}

/* May a table be entered? Asks who remembers, and charges for what was visited before. */
static bool table_is_open(struct walker *walker, const struct place *place)
{
	const struct foreign_visitor *visitor = walker->visitor;
	uint64_t start = foreign_canonical(walker->paging, place->offset);

	if (visitor->seen && !visitor->seen(visitor->context, place->table, place->level, start))
		return true;
	if (walker->revisits == 0)
		return false;
	walker->revisits--;
	return true;
}

static int visit_table(struct walker *walker, const struct place *place,
		       const unsigned char *bytes);

/* The table that the entry points to. */
static int visit_node(struct walker *walker, const struct place *place, unsigned index,
		      uint64_t raw)
{
	const struct foreign_level *level = &walker->paging->level[place->level];
	uint64_t offset = place->offset + ((uint64_t)index << level->shift);
	uint64_t last = offset + ((UINT64_C(1) << level->shift) - 1);
	struct place below = {
		.level = place->level - 1,
		.rights = place->rights & foreign_granted(walker->paging, level, raw),
		.table = raw & walker->paging->address_node,
		.offset = offset,
		.first = place->first > offset ? place->first : offset,
		.last = place->last < last ? place->last : last,
	};
	const unsigned char *bytes;

	if (walker->visitor->rights & ~below.rights)
		return 0;
	bytes = foreign_table(walker->memory, below.table);
	if (!bytes)
		return visit_end(walker, place, index, raw, FOREIGN_OUTSIDE);
	if (!table_is_open(walker, &below))
		return visit_end(walker, place, index, raw, FOREIGN_REPEATED);
	return visit_table(walker, &below, bytes);
}

static int visit_entry(struct walker *walker, const struct place *place, unsigned index,
		       uint64_t raw)
{
	const struct foreign_level *level = &walker->paging->level[place->level];

	switch (foreign_entry_kind(walker->paging, level, raw)) {
	case FOREIGN_ABSENT:
		if (!walker->visitor->holes)
			return 0;
		return visit_end(walker, place, index, raw, FOREIGN_NOT_PRESENT);
	case FOREIGN_RESERVED:
		return visit_end(walker, place, index, raw, FOREIGN_MALFORMED);
	case FOREIGN_LEAF:
		return visit_leaf(walker, place, index, raw);
	case FOREIGN_NODE:
		break;
	}
	return visit_node(walker, place, index, raw);
}

/*
 * The entries of a table, one after the other. Each is read once: what may change between two looks
 * could keep who takes the second one looking for ever.
 */
struct entries {
	const unsigned char *bytes;
	unsigned index, last;
	uint64_t raw; /* entry `index`, if that is not behind the last one */
};

static inline void entries_next(struct entries *entries, unsigned entry_len)
{
	if (++entries->index <= entries->last)
		entries->raw = foreign_load(entries->bytes, entries->index, entry_len);
}

/* The leaves that only continue the run, which is what most of a large table is. */
static inline void continue_run(struct walker *walker, const struct foreign_level *level,
				uint64_t key, struct entries *entries)
{
	const uint64_t said = walker->run.raw;
	const uint64_t step = walker->run.step;
	const unsigned begin = entries->index;
	uint64_t address = walker->next_address;
	uint64_t any = 0, all = UINT64_MAX;

	while (entries->index <= entries->last && !((entries->raw ^ said) & key) &&
	       (entries->raw & level->address_leaf) == address) {
		any |= entries->raw;
		all &= entries->raw;
		address += step;
		entries_next(entries, sizeof(entries->raw));
	}
	walker->run.nr += entries->index - begin;
	walker->run.len += (uint64_t)(entries->index - begin) << level->shift;
	walker->run.raw_any |= any;
	walker->run.raw_all &= all;
	walker->next += (uint64_t)(entries->index - begin) << level->shift;
	walker->next_address = address;
}

/* A leaf right after the run, alike in all but its address: a run of the same kind begins. */
static inline void run_again(struct walker *walker, uint64_t size, uint64_t entry, uint64_t raw,
			     uint64_t address)
{
	struct foreign_run *run = &walker->run;

	run->start += run->len;
	if (run->nr != 1) {
		run->len = size;
		run->nr = 1;
		run->step = size;
	}
	run->address = address;
	run->entry = entry;
	run->raw = raw;
	run->raw_any = raw;
	run->raw_all = raw;
	walker->next += size;
	walker->next_address = address + size;
}

/*
 * The leaves of a table that come right after the run, as long as they agree with it in the key:
 * what does is the same kind of leaf, without another look.
 */
static int visit_alike(struct walker *walker, const struct place *place, struct entries *entries)
{
	const struct foreign_level *level = &walker->paging->level[place->level];
	const struct foreign_visitor *visitor = walker->visitor;
	const uint64_t key = walker->key[place->level];
	const uint64_t mask = level->address_leaf;
	const uint64_t size = UINT64_C(1) << level->shift;
	const uint64_t table = place->table;
	const bool single = visitor->single;
	int error = 0;

	while (entries->index <= entries->last && !error) {
		uint64_t raw = entries->raw;
		uint64_t address = raw & mask;

		if ((raw ^ walker->run.raw) & key)
			break;
		if (address == walker->next_address && !single) {
			continue_run(walker, level, key, entries);
			continue;
		}
		if (address == walker->run.address && !single && leaf_goes_on(walker, address)) {
			run_extend(walker, raw, size);
		} else {
			error = visitor->run(visitor->context, &walker->run);
			run_again(walker, size, table + entries->index * sizeof(raw), raw, address);
		}
		entries_next(entries, sizeof(raw));
	}
	return error;
}

/* Is there a run, of this table's level, that ends with this entry, a leaf of 8 bytes? */
static inline bool run_ends_here(const struct walker *walker, const struct place *place,
				 unsigned index)
{
	const struct foreign_level *level = &walker->paging->level[place->level];

	return walker->open && walker->run.end == FOREIGN_MAPPED &&
	       walker->run.level == place->level && walker->paging->entry_len == 8 &&
	       walker->next == place->offset + ((uint64_t)(index + 1) << level->shift);
}

static int visit_table(struct walker *walker, const struct place *place, const unsigned char *bytes)
{
	const struct foreign_level *level = &walker->paging->level[place->level];
	const unsigned entry_len = walker->paging->entry_len;
	struct entries entries = {
		.bytes = bytes,
		.index = (unsigned)((place->first - place->offset) >> level->shift),
		.last = (unsigned)((place->last - place->offset) >> level->shift),
	};

	entries.raw = foreign_load(bytes, entries.index, entry_len);
	while (entries.index <= entries.last) {
		unsigned index = entries.index;
		uint64_t raw = entries.raw;
		int error = 0;

		if (raw != 0 || walker->visitor->holes)
			error = visit_entry(walker, place, index, raw);
		if (error)
			return error;
		entries_next(&entries, entry_len);
		if (raw != 0 && run_ends_here(walker, place, index))
			error = visit_alike(walker, place, &entries);
		if (error)
			return error;
	}
	return 0;
}

/*
 * What two leaves of a level must agree in: more than rights, since what agrees with a good leaf is
 * taken for one without another look.
 */
static uint64_t key_of(const struct foreign_paging *paging, unsigned level, uint64_t distinct)
{
	uint64_t key = distinct | paging->present | paging->read | paging->write | paging->user |
		       paging->execute | paging->level[level].reserved_leaf;

	if (level > 1)
		key |= paging->level[level].huge;
	if (paging->type_reserved)
		key |= UINT64_C(7) << 3;
	return key;
}

/* Without paging the address space is one leaf. */
static int walk_off(const struct foreign_paging *paging, const struct foreign_visitor *visitor)
{
	uint64_t len = UINT64_C(1) << paging->address_bits;
	const struct foreign_run run = {
		.end = FOREIGN_MAPPED,
		.rights = FOREIGN_RIGHTS,
		.leaf_rights = FOREIGN_RIGHTS,
		.len = len,
		.nr = 1,
		.step = len,
	};

	return visitor->first < len ? visitor->run(visitor->context, &run) : 0;
}

/* The first (up) or last canonical address on this side of `va`, as an offset. */
static uint64_t offset_of(const struct foreign_paging *paging, uint64_t va, bool up)
{
	uint64_t end = UINT64_C(1) << paging->address_bits;
	uint64_t half = end / 2;

	if (foreign_is_canonical(paging, va))
		return va & (end - 1);
	if (paging->sign_extended)
		return up ? half : half - 1;
	return up ? end : end - 1;
}

static int walk_top(struct walker *walker, const struct place *top)
{
	const unsigned char *bytes = foreign_table(walker->memory, top->table);
	int error;

	if (!bytes) {
		walker->open = true;
		walker->run = (struct foreign_run){
			.end = FOREIGN_OUTSIDE,
			.level = top->level + 1,
			.rights = FOREIGN_RIGHTS,
			.len = UINT64_C(1) << walker->paging->address_bits,
			.nr = 1,
			.address = top->table,
		};
		return run_end(walker);
	}
	table_is_open(walker, top); /* in any case */
	error = visit_table(walker, top, bytes);
	return error ? error : run_end(walker);
}

int foreign_walk(const struct foreign_paging *paging, const struct foreign_memory *memory,
		 const struct foreign_visitor *visitor, uint64_t *revisits)
{
	struct walker walker = {
		.paging = paging,
		.memory = memory,
		.visitor = visitor,
		.revisits = visitor->revisits,
	};
	const struct place top = {
		.level = paging->levels,
		.rights = FOREIGN_RIGHTS,
		.table = paging->root,
		.first = offset_of(paging, visitor->first, true),
		.last = offset_of(paging, visitor->last, false),
	};
	int error = 0;

	for (unsigned level = 1; level <= paging->levels; level++)
		walker.key[level] = key_of(paging, level, visitor->distinct);
	if (paging->levels == 0)
		error = walk_off(paging, visitor);
	else if (top.first <= top.last)
		error = walk_top(&walker, &top);
	if (revisits)
		*revisits = walker.revisits;
	return error;
}
