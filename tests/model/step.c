/* SPDX-License-Identifier: MIT */
/*
 * One step: an operation on both, and then everything that should hold.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/model/model.h"

unsigned long rule_evaluated[RULES];

const struct op_info op_table[OPS] = {
#define OP(name, function, weight, axiom, ...) { #name, function, weight, axiom, { __VA_ARGS__ } },
#include "tests/model/ops.def"
#undef OP
};

static const int errors[] = {
	EINVAL, ERANGE,	   ENOENT, EEXIST,     EFAULT,	EBUSY,
	EAGAIN, EOVERFLOW, ENOMEM, EOPNOTSUPP, EDEADLK, EUCLEAN,
};

unsigned error_number(int error)
{
	unsigned number = 0;

	while (number < NR(errors) && errors[number] != error)
		number++;
	return number;
}

void fail(struct world *world, enum rule rule, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	world->failure.rule = rule;
	vsnprintf(world->failure.text, sizeof(world->failure.text), format, arguments);
	va_end(arguments);
	longjmp(world->failed, 1);
}

/* Nodes that a table of the whole window has, on the way to it and in it; twice, for two tables. */
bool memory_is_short(const struct world *world)
{
	uint64_t nr_nodes = 2 * (LEVELS_MAX + 1);

	for (unsigned level = 1; level <= LEVELS_MAX; level++)
		nr_nodes += 2 * (world->config->nr[ARG_PAGE] / level_pages(level + 1));
	return world->ran_short || allocator_free_frames(&world->domain) < nr_nodes;
}

void expect_result(struct world *world, const char *what, int result, uint32_t mask)
{
	if (result == -ENOMEM && !(mask & E(ENOMEM)))
		EXPECT(world, RULE_RESULT, memory_is_short(world),
		       "%s says that memory is out, with %llu frames free", what,
		       (unsigned long long)allocator_free_frames(&world->domain));
	else if (mask)
		EXPECT(world, RULE_RESULT, result < 0 && mask & E(-result),
		       "%s returns %d, the model refuses it with errors %x", what, result, mask);
	else
		EXPECT(world, RULE_RESULT, result >= 0, "%s returns %d, the model allows it", what,
		       result);
}

bool any_cursor_open(const struct world *world)
{
	bool any = false;

	for (unsigned i = 0; i < MAX_CURSORS; i++)
		any |= world->cursors[i].open;
	return any;
}

bool space_has_cursor(const struct world *world, unsigned space)
{
	bool any = false;

	for (unsigned i = 0; i < MAX_CURSORS; i++)
		any |= world->cursors[i].open && world->cursors[i].space == space;
	return any;
}

/* The thread that runs has no node any more, and waits for none. */
static void unlock_nodes(struct world *world)
{
	struct thread_cursors *cursors = port_cursors();

	for (uint32_t frame = 0; frame < world->config->nr_frames; frame++) {
		lock_t *lock = &world->slots[frame].lock;

		if (slot_kind(&world->slots[frame]) != FRAME_NODE)
			continue;
		atomic_store(&lock->queue, LOCK_QUEUE_EMPTY);
		if (lock_owner(lock) == cursors->thread)
			lock_release(lock);
	}
	for (unsigned i = 0; i < THREAD_CURSORS; i++) {
		struct cursor_place *place = &cursors->places[i];

		while (place->nr_nodes > 0)
			lock_release_shared(&world->slots[place->nodes[--place->nr_nodes]].lock);
		place->table = NULL;
	}
}

/*
 * The operation would have waited for a lock, in its search for its range: it gives back those
 * that it has, and was never there. Nodes that it made on its way may stay, empty.
 */
static void undo_blocked(struct world *world)
{
	struct segment run;

	unlock_nodes(world);
	while (port_read_ongoing())
		port_read_unlock();
	if (world->held.nr_frames > 0) {
		run = segment_from_raw(&world->domain, PADDR(PAGES(world->held.first)),
				       world->held.nr_frames);
		(void)segment_put(&run);
	}
}

static enum op_end run(struct world *world, const struct op *op)
{
	enum op_end end;

	world->may_block = false;
	if (setjmp(world->blocked) == 0) {
		end = op_table[op->kind].run(world, op);
	} else {
		undo_blocked(world);
		end = OP_BLOCKED;
	}
	thread_switch(world, 0);
	return end;
}

/* What opens a cursor may leave nodes that it made before it had to wait. */
static enum rule axiom_of(const struct op *op, enum op_end end)
{
	return end == OP_BLOCKED && op_table[op->kind].axiom != AX_8 ? AX_2 :
								       op_table[op->kind].axiom;
}

/* AX-20: cursors that the operation is not about are where they were. */
struct place {
	uint64_t at;
	uint32_t locked;
	uint8_t level;
};

static void remember(const struct world *world, struct place *places)
{
	for (unsigned i = 0; i < MAX_CURSORS; i++)
		places[i] = (struct place){ world->cursors[i].cursor.at,
					    world->cursors[i].cursor.locked,
					    world->cursors[i].cursor.level };
}

static void check_others(struct world *world, const struct op *op, const struct place *places)
{
	for (unsigned i = 0; i < MAX_CURSORS; i++) {
		const struct cursor *cursor = &world->cursors[i].cursor;
		bool is_about = false;

		for (unsigned k = 0; k < OP_ARGS; k++)
			is_about |= op_table[op->kind].args[k] == ARG_CURSOR && op->arg[k] == i;
		EXPECT(world, AX_20,
		       is_about ||
			       (places[i].at == cursor->at && places[i].locked == cursor->locked &&
				places[i].level == cursor->level),
		       "cursor %u has moved", i);
	}
}

enum op_end step_audit(struct world *world)
{
	if (setjmp(world->failed))
		return OP_FAILED;
	look_at_tables(world);
	if (!any_cursor_open(world))
		check_audit(world);
	return OP_DONE;
}

enum op_end step(struct world *world, const struct op *op)
{
	struct place places[MAX_CURSORS];
	enum op_end end;

	if (setjmp(world->failed))
		return OP_FAILED;
	memcpy(world->before, world->slots, world->config->nr_frames * sizeof(struct slot));
	memset(world->touched, 0, world->config->nr_frames * sizeof(*world->touched));
	world->held = (struct held_run){ 0, 0 };
	world->flush.flushed = NULL;
	world->ran_short = false;
	world->ran_short = memory_is_short(world);
	remember(world, places);
	world->nr_steps++;
	end = run(world, op);
	if (end == OP_REFUSED)
		return end;
	check_axiom(world, axiom_of(op, end));
	check_others(world, op, places);
	check_world(world);
	return end;
}
