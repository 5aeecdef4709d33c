/* SPDX-License-Identifier: MIT */
/*
 * The accesses themselves: the point before each, the rules that it is checked against, and what it
 * means for the key of the run. What is not in the arena is a thread's own, and passes.
 */
#include <string.h>

#include "tests/sched/cell.h"
#include "tests/sched/trace.h"

#define SLOT_OF(cell) (((cell) - (uint32_t)offsetof(struct world, slots)) / sizeof(struct slot))

static struct cell cells[CELLS];
static bool found_shared;
static int busy_by[WORLD_FRAMES]; /* the thread that made the slot BUSY */

static struct thread *me(void)
{
	return &sched.threads[sched.current];
}

struct cell *cell_at(uint32_t number)
{
	struct cell *cell = &cells[number];

	if (cell->run != sched.number) {
		cell->run = sched.number;
		memset(cell->read, 0, offsetof(struct cell, history) - offsetof(struct cell, read));
		cell->history = NULL;
	}
	return cell;
}

void access_begin(void)
{
	history_begin();
	trace_begin();
	for (unsigned i = 0; i < WORLD_FRAMES; i++)
		busy_by[i] = NOBODY;
}

void access_forget(void)
{
	for (unsigned i = 0; i < CELLS; i++)
		cells[i].touched_by = cells[i].written_by = cells[i].shared = 0;
	found_shared = false;
}

bool access_found_shared(void)
{
	bool found = found_shared;

	found_shared = false;
	return found;
}

/* More than one thread, and one of them writes? */
static void note_user(struct cell *cell, bool writes)
{
	cell->touched_by |= (uint8_t)(1u << sched.current);
	cell->written_by |= (uint8_t)((unsigned)writes << sched.current);
	if (!cell->shared && cell->written_by && (cell->touched_by & (cell->touched_by - 1))) {
		cell->shared = true;
		found_shared = true;
	}
}

static uint64_t raw_read(uintptr_t address, unsigned size)
{
	switch (size) {
	case 1:
		return *(const volatile uint8_t *)address;
	case 2:
		return *(const volatile uint16_t *)address;
	case 4:
		return *(const volatile uint32_t *)address;
	default:
		return *(const volatile uint64_t *)address;
	}
}

static void raw_write(uintptr_t address, unsigned size, uint64_t value)
{
	switch (size) {
	case 1:
		*(volatile uint8_t *)address = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)address = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)address = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)address = value;
		break;
	}
}

/* The bytes of a frame: of one that is in use, or that this thread is making or tearing down. */
static void check_frame(const struct access *access)
{
	int frame = cell_frame(access->cell);
	const struct slot *slot;
	uint32_t state;

	if (frame < 0)
		return;
	slot = &world->slots[frame];
	state = (uint32_t)raw_read((uintptr_t)&slot->state, sizeof(state));
	if (state == SLOT_UNUSED || (state == SLOT_UNIQUE && slot_kind(slot) == FRAME_FREE) ||
	    (state == SLOT_BUSY && busy_by[frame] != sched.current)) {
		trace_add(access);
		sched_fail("use after free: frame %d is %s", frame,
			   state == SLOT_BUSY ? "being made or torn down by another thread" :
						"nobody's");
	}
	if (me()->sections > 0)
		me()->looked[frame / 64] |= UINT64_C(1) << frame % 64;
}

static bool is_state_of_slot(uint32_t cell)
{
	uint32_t offset = cell - (uint32_t)offsetof(struct world, slots);

	return offset < sizeof(world->slots) && offset % sizeof(struct slot) == 0;
}

/* A node's last reference has gone: nobody may be looking at it (3.3). */
static void check_teardown(unsigned frame)
{
	if (slot_kind(&world->slots[frame]) != FRAME_NODE)
		return;
	for (int i = 0; i < (int)sched.nr_threads; i++)
		if (i != sched.current && sched.threads[i].looked[frame / 64] >> frame % 64 & 1)
			sched_fail("early free: node %u is torn down while thread %c, in a read "
				   "section, has looked at it",
				   frame, 'a' + i);
}

static void slot_moved(uint32_t cell, uint64_t from, uint64_t to)
{
	unsigned frame;

	if (to != SLOT_BUSY || !is_state_of_slot(cell))
		return;
	frame = (unsigned)SLOT_OF(cell);
	busy_by[frame] = sched.current;
	if (from == SLOT_BUSY + 1)
		check_teardown(frame);
}

static void mark_written(uintptr_t address)
{
	uintptr_t offset = address - (uintptr_t)&arena - offsetof(struct arena, memory);

	if (offset < sizeof(arena.memory))
		world_touch((unsigned)(offset >> PAGE_SHIFT));
}

/* What the value read, and who read the one before, mean for everything after. */
static void hash_load(struct cell *cell, uint64_t of_value)
{
	if (!cell->shared)
		return;
	me()->hash = run_mix(me()->hash, of_value);
	cell->loads += run_mix(me()->hash, 1);
}

static void hash_store(struct cell *cell)
{
	if (!cell->shared)
		return;
	me()->hash = run_mix(run_mix(me()->hash, cell->hash), cell->loads);
	cell->hash = me()->hash;
	cell->loads = 0;
}

/* The point before the access; others may have gone on when it returns. */
static struct cell *atomic_begin(struct access *access, bool writes)
{
	struct cell *cell;

	access->cell = cell_number(access->address);
	cell = cell_at(access->cell);
	note_user(cell, writes);
	run_point(cell->shared);
	check_frame(access);
	return cell;
}

static uint64_t atomic_read(struct cell *cell, const struct access *access, bool latest)
{
	return sched.scenario->weak ? history_load(cell, access, latest) :
				      raw_read(access->address, access->size);
}

static void atomic_write(struct cell *cell, const struct access *access, uint64_t from, uint64_t to)
{
	if (sched.scenario->weak)
		history_store(cell, access, to);
	raw_write(access->address, access->size, to);
	mark_written(access->address);
	order_release(cell->release, access);
	slot_moved(access->cell, from, to);
}

uint64_t access_load(const volatile void *address, unsigned size, int order, const void *place)
{
	struct access access = { ACCESS_LOAD, 0, (uintptr_t)address, size, order, place, 0, 0 };
	struct cell *cell;

	if (!in_arena(address) || sched.current == NOBODY)
		return raw_read(access.address, size);
	cell = atomic_begin(&access, false);
	if (!sched.scenario->weak)
		hash_load(cell, cell->hash);
	access.value = atomic_read(cell, &access, false);
	order_atomic(&access, cell);
	trace_add(&access);
	return access.value;
}

void access_store(volatile void *address, unsigned size, uint64_t value, int order,
		  const void *place)
{
	uintptr_t at = (uintptr_t)address;
	struct access access = { ACCESS_STORE, 0, at, size, order, place, value, 0 };
	struct cell *cell;

	if (!in_arena(address) || sched.current == NOBODY) {
		raw_write(access.address, size, value);
		if (in_arena(address))
			mark_written(access.address);
		return;
	}
	cell = atomic_begin(&access, true);
	trace_add(&access);
	hash_store(cell);
	order_atomic(&access, cell);
	atomic_write(cell, &access, raw_read(access.address, size), value);
}

static uint64_t changed(enum change change, uint64_t value, uint64_t operand)
{
	switch (change) {
	case CHANGE_EXCHANGE:
		return operand;
	case CHANGE_ADD:
		return value + operand;
	case CHANGE_SUB:
		return value - operand;
	case CHANGE_AND:
		return value & operand;
	default:
		return value | operand;
	}
}

uint64_t access_change(volatile void *address, unsigned size, enum change how, uint64_t operand,
		       int order, const void *place)
{
	struct access access = { ACCESS_CHANGE, 0, (uintptr_t)address, size, order, place, 0, 0 };
	struct cell *cell;

	if (!in_arena(address) || sched.current == NOBODY) {
		access.value = raw_read(access.address, size);
		raw_write(access.address, size, changed(how, access.value, operand));
		if (in_arena(address))
			mark_written(access.address);
		return access.value;
	}
	cell = atomic_begin(&access, true);
	access.value = atomic_read(cell, &access, true);
	access.written = changed(how, access.value, operand);
	trace_add(&access);
	hash_store(cell);
	order_atomic(&access, cell);
	atomic_write(cell, &access, access.value, access.written);
	return access.value;
}

/* On failure it is a load. */
bool access_compare_exchange(volatile void *address, unsigned size, uint64_t *expected,
			     uint64_t desired, int order, int order_failed, const void *place)
{
	struct access access = { ACCESS_CHANGE, 0, (uintptr_t)address, size, order, place, 0, 0 };
	struct cell *cell;
	bool same;

	if (!in_arena(address) || sched.current == NOBODY) {
		access.value = raw_read(access.address, size);
		if (access.value == *expected)
			raw_write(access.address, size, desired);
		if (in_arena(address))
			mark_written(access.address);
		same = access.value == *expected;
		*expected = access.value;
		return same;
	}
	cell = atomic_begin(&access, true);
	same = raw_read(access.address, size) == *expected;
	if (!same) {
		access.kind = ACCESS_LOAD;
		access.order = order_failed;
		if (!sched.scenario->weak)
			hash_load(cell, cell->hash);
		access.value = atomic_read(cell, &access, false);
		/* An old value that is the expected one cannot be changed any more. */
		if (access.value == *expected)
			access.value = raw_read(access.address, size);
		order_atomic(&access, cell);
		trace_add(&access);
		*expected = access.value;
		return false;
	}
	access.value = atomic_read(cell, &access, true);
	access.written = desired;
	trace_add(&access);
	hash_store(cell);
	order_atomic(&access, cell);
	atomic_write(cell, &access, access.value, desired);
	return true;
}

/* Each byte is a cell of struct world, each 8 bytes are one of a frame. */
void access_plain(const volatile void *address, unsigned size, bool writes, const void *place)
{
	struct access access = { writes ? ACCESS_WRITE : ACCESS_READ,
				 0,
				 (uintptr_t)address,
				 size,
				 __ATOMIC_RELAXED,
				 place,
				 0,
				 0 };

	if (writes)
		mark_written(access.address);
	if (sched.current == NOBODY)
		return;
	access.cell = cell_number(access.address);
	check_frame(&access);
	trace_add(&access);
	for (unsigned done = 0; done < size;) {
		order_plain(&access);
		done += access.cell < CELLS_OF_WORLD ? 1 : 8;
		access.cell++;
	}
}

void access_section(enum access_kind kind)
{
	struct access access = {
		kind, CELL_OF_SECTIONS, 0, 0, __ATOMIC_RELAXED, __builtin_return_address(0), 0, 0
	};
	struct cell *cell;

	if (sched.current == NOBODY)
		return;
	cell = cell_at(CELL_OF_SECTIONS);
	note_user(cell, kind == ACCESS_GRACE);
	run_point(cell->shared);
	if (kind == ACCESS_GRACE)
		hash_store(cell);
	else
		hash_load(cell, cell->hash);
	trace_add(&access);
}

bool access_sleep(const volatile void *word, uint32_t value, const void *place)
{
	struct access access = {
		ACCESS_SLEEP, 0, (uintptr_t)word, sizeof(value), __ATOMIC_RELAXED, place, 0, 0
	};
	struct cell *cell = atomic_begin(&access, false);

	hash_load(cell, cell->hash);
	access.value = raw_read(access.address, access.size);
	trace_add(&access);
	me()->sleeps_on = access.cell;
	return access.value == value;
}

void access_wake(const volatile void *word, uint32_t who, const void *place)
{
	struct access access = {
		ACCESS_WAKE, 0, (uintptr_t)word, sizeof(who), __ATOMIC_RELAXED, place, 0, 0
	};

	access.value = who;
	hash_store(atomic_begin(&access, true));
	trace_add(&access);
	run_wake(access.cell, who);
}
