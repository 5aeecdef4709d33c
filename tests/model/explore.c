/* SPDX-License-Identifier: MIT */
/*
 * Small scopes, exhaustively:  explore [NAME...]
 *
 * Visits, breadth first, every state that the moves of a scope lead to, and checks everything in
 * each. A scope is closed when no move leads to a state that has not been visited. Prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/model/canonical.h"
#include "tests/model/scopes.h"

/* A visited state, and how it was reached. */
struct visit {
	struct fingerprint print;
	uint32_t parent;
	uint32_t move;
	uint32_t depth;
};

struct search {
	const struct scope *scope;
	struct world *world;
	struct move *moves;
	uint32_t nr_moves;
	struct visit *visits;
	uint32_t nr_visits, visits_max;
	uint32_t *table; /* open addressing: visit + 1 */
	uint32_t table_mask;
	unsigned char **snapshots; /* of states whose moves are still to be tried */
	uint64_t nr_transitions;
	uint64_t nr_blocked;
	uint32_t deepest;
	bool cut_off;
};

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory) {
		fprintf(stderr, "tests/model: no memory\n");
		exit(1);
	}
	return memory;
}

static uint32_t *table_find(const struct search *search, struct fingerprint print)
{
	uint32_t at = (uint32_t)print.low & search->table_mask;

	for (; search->table[at]; at = (at + 1) & search->table_mask) {
		const struct visit *visit = &search->visits[search->table[at] - 1];

		if (visit->print.low == print.low && visit->print.high == print.high)
			break;
	}
	return &search->table[at];
}

/*
 * Notes the state that the world is in, unless it has been seen. False if the audit, which what it
 * says of a state it says of all that are like it, finds something in a new one.
 */
static bool visit(struct search *search, uint32_t parent, uint32_t move, uint32_t depth)
{
	struct fingerprint print = world_fingerprint(search->world);
	uint32_t *place = table_find(search, print);

	if (*place)
		return true;
	if (search->nr_visits == search->visits_max) {
		search->cut_off = true;
		return true;
	}
	search->visits[search->nr_visits] = (struct visit){ print, parent, move, depth };
	if (depth < search->scope->depth) {
		unsigned char *snapshot = allocate(1, world_size(search->world));

		world_save(search->world, snapshot);
		search->snapshots[search->nr_visits] = snapshot;
	} else {
		search->cut_off = true;
	}
	search->deepest = depth;
	*place = ++search->nr_visits;
	return step_audit(search->world) == OP_DONE;
}

/* One move: false if something does not hold after it. */
static bool make_move(struct search *search, const struct move *move)
{
	bool done = false;

	for (unsigned i = 0; i < move->nr_ops; i++) {
		enum op_end end = step(search->world, &move->ops[i]);

		if (end == OP_FAILED)
			return false;
		search->nr_blocked += end == OP_BLOCKED;
		done |= end != OP_REFUSED;
		/* Nobody is there to do the rest. */
		if (i == 0 && end != OP_DONE)
			break;
	}
	search->nr_transitions += done;
	return true;
}

static void show_failure(const struct search *search, uint32_t at, uint32_t move)
{
	static struct op ops[4096];
	uint32_t path[512];
	unsigned nr_moves = 0, nr_ops = 0;

	for (; nr_ops < search->scope->nr_first; nr_ops++)
		ops[nr_ops] = search->scope->first[nr_ops];
	path[nr_moves++] = move;
	for (; at != 0 && nr_moves < NR(path); at = search->visits[at].parent)
		path[nr_moves++] = search->visits[at].move;
	while (nr_moves > 0) {
		const struct move *next = &search->moves[path[--nr_moves]];

		for (unsigned i = 0; i < next->nr_ops && nr_ops < NR(ops); i++)
			ops[nr_ops++] = next->ops[i];
	}
	trace_print(search->scope->config, ops, nr_ops, &search->world->failure);
}

static bool explore(struct search *search)
{
	(void)visit(search, 0, 0, 0);
	for (uint32_t at = 0; at < search->nr_visits; at++) {
		unsigned char *snapshot = search->snapshots[at];

		if (!snapshot)
			continue;
		for (uint32_t move = 0; move < search->nr_moves; move++) {
			world_restore(search->world, snapshot);
			if (!make_move(search, &search->moves[move]) ||
			    !visit(search, at, move, search->visits[at].depth + 1)) {
				show_failure(search, at, move);
				return false;
			}
		}
		free(snapshot);
		search->snapshots[at] = NULL;
	}
	return true;
}

static bool run(const struct scope *scope, unsigned number)
{
	struct search search = {
		.scope = scope,
		.world = world_open(scope->config),
		.visits_max = scope->states_max,
		.table_mask = 1,
	};
	bool sound, closed;

	while (search.table_mask < 2 * search.visits_max)
		search.table_mask = search.table_mask * 2 + 1;
	search.visits = allocate(search.visits_max, sizeof(*search.visits));
	search.table = allocate(search.table_mask + 1ul, sizeof(*search.table));
	search.snapshots = allocate(search.visits_max, sizeof(*search.snapshots));
	search.moves = scope_moves(scope, &search.nr_moves);
	for (unsigned i = 0; i < scope->nr_first; i++)
		if (step(search.world, &scope->first[i]) != OP_DONE)
			exit(1);
	sound = explore(&search);
	closed = sound && !search.cut_off;
	printf("%sok %u - %s: %u states, %llu transitions of %u moves, %s at depth %u\n",
	       sound && (closed || scope->depth < DEPTH_CLOSED) ? "" : "not ", number, scope->name,
	       search.nr_visits, (unsigned long long)search.nr_transitions, search.nr_moves,
	       closed ? "closed" : "cut off", search.deepest);
	fflush(stdout);
	for (uint32_t i = 0; i < search.nr_visits; i++)
		free(search.snapshots[i]);
	free(search.snapshots);
	free(search.visits);
	free(search.table);
	free(search.moves);
	world_close(search.world);
	return sound;
}

int main(int argc, char **argv)
{
	unsigned number = 0;
	bool sound = true;

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		const struct scope *scope = scope_find(argv[i]);

		if (!scope) {
			printf("Bail out! no such scope: %s\n", argv[i]);
			return 2;
		}
		sound &= run(scope, ++number);
	}
	return !sound;
}
