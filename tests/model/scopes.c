/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/scopes.h"

static const uint32_t props_rw[] = { PROP_READ | PROP_WRITE, PROP_READ };

/* Tables: all that a transaction can do, over 3 levels. */
static const uint16_t ops_table[] = { OP_MapLeaf, OP_MapRun,   OP_Unmap,   OP_TakeNext,
				      OP_Replace, OP_Coalesce, OP_Reclaim, OP_QueryNext };
/* The same, and rights, which doubles what a page can be. */
static const uint16_t ops_rights[] = { OP_MapLeaf,  OP_MapRun,	    OP_Unmap,
				       OP_TakeNext, OP_Replace,	    OP_Coalesce,
				       OP_Reclaim,  OP_ProtectNext, OP_ProtectRange };
static const uint16_t ops_mark[] = { OP_MapLeaf, OP_MapRun, OP_Unmap,	OP_TakeNext,
				     OP_Replace, OP_Mark,   OP_Reclaim, OP_Coalesce };
/* Spaces that share a frame. */
static const uint16_t ops_share[] = { OP_SpaceMap, OP_SpaceUnmap, OP_SpaceProtect, OP_SpaceCopy };
/* Cursors side by side. */
static const uint16_t ops_cursors[] = { OP_OpenCursorMut, OP_OpenCursor,   OP_OpenCursorAgain,
					OP_DropCursor,	  OP_Jump,	   OP_MapLeaf,
					OP_TakeNext,	  OP_FragmentDrop, OP_Unmap,
					OP_FindNext,	  OP_Reclaim,	   OP_GracePeriod };
/* Observers and epochs. */
static const uint16_t ops_observed[] = { OP_SpaceMap, OP_SpaceUnmap, OP_SpaceProtect,
					 OP_Observe,  OP_Unobserve,  OP_Pass,
					 OP_Collect,  OP_Access,     OP_GracePeriod };
/* Frames and handles. */
static const uint16_t ops_frames[] = {
	OP_FrameFromUnused,   OP_FrameFromInUse, OP_FrameDrop,	      OP_FrameClone,
	OP_SegmentFromUnused, OP_SegmentDrop,	 OP_SegmentSplit,     OP_SegmentNext,
	OP_SegmentClone,      OP_SegmentSlice,	 OP_UniqueFromUnused, OP_UniqueDrop,
	OP_FromUnique,	      OP_TryFromShared,	 OP_SegmentFromFrame, OP_UniqueReset,
	OP_Repurpose,
};
static const uint16_t ops_lists[] = {
	OP_UniqueFromUnused, OP_UniqueDrop,	OP_ListPushFront,  OP_ListPushBack,
	OP_ListPopFront,     OP_ListPopBack,	OP_ListContains,   OP_ListClear,
	OP_ListCursorAt,     OP_ListCursorMove, OP_ListCursorTake, OP_ListCursorInsert,
	OP_FrameFromUnused,  OP_FrameDrop,
};

#define OPS_OF(array) .ops = (array), .nr_ops = NR(array)

#define NAME(scope) "*scope_find(\"" scope "\")->config" /* for a trace that is printed */

/* One space, and 2 frames that make one large leaf. */
#define TABLE(scope, id, pages, prop_rows, operations)                                      \
	&(const struct config)                                                              \
	{                                                                                   \
		.name = NAME(scope), .nr = { [ARG_SPACE] = 1,                               \
					     [ARG_CURSOR] = 1,                              \
					     [ARG_FRAGMENT] = 1,                            \
					     [ARG_FORMAT] = 1,                              \
					     [ARG_FLUSH] = 2,                               \
					     [ARG_PAGE] = (pages),                          \
					     [ARG_LEN] = (pages) + 1,                       \
					     [ARG_FRAME] = 2,                               \
					     [ARG_LEVEL] = 3,                               \
					     [ARG_PROP] = (prop_rows),                      \
					     [ARG_CHANGE] = (prop_rows),                    \
					     [ARG_STATUS] = 2,                              \
					     [ARG_BOOL] = 2 },                              \
		.formats = { PT_FORMAT_##id }, .levels = 3, .nr_pool = 12, .nr_frames = 14, \
		.props = props_rw, OPS_OF(operations),                                      \
	}

/* Two spaces of two formats, and 1 frame. */
#define SHARE(scope, pages)                                                                     \
	&(const struct config)                                                                  \
	{                                                                                       \
		.name = NAME(scope),                                                            \
		.nr = { [ARG_SPACE] = 2,      [ARG_FORMAT] = 2,	       [ARG_FLUSH] = 1,         \
			[ARG_PAGE] = (pages), [ARG_LEN] = (pages) + 1, [ARG_FRAME] = 1,         \
			[ARG_LEVEL] = 2,      [ARG_PROP] = 2,	       [ARG_CHANGE] = 2,        \
			[ARG_COPY] = 1,	      [ARG_BOOL] = 2 },                                 \
		.formats = { PT_FORMAT_X86_64_4, PT_FORMAT_EPT_4 }, .levels = 3, .nr_pool = 20, \
		.nr_frames = 21, .props = props_rw, OPS_OF(ops_share),                          \
	}

/* Two threads' cursors in one table, 1 frame, and nodes that wait for their grace period. */
#define CURSORS(scope, pages, pool)                                                              \
	&(const struct config)                                                                   \
	{                                                                                        \
		.name = NAME(scope),                                                             \
		.nr = { [ARG_SPACE] = 1, [ARG_LEN] = 3,	 [ARG_CURSOR] = 2, [ARG_PAGE] = (pages), \
			[ARG_FRAME] = 1, [ARG_PROP] = 1, [ARG_FORMAT] = 1, [ARG_FRAGMENT] = 1,   \
			[ARG_LEVEL] = 3, [ARG_BOOL] = 2, [ARG_FLUSH] = 1 },                      \
		.formats = { PT_FORMAT_EPT_4 }, .levels = 3, .nr_pool = (pool),                  \
		.nr_frames = (pool) + 1, .props = props_rw, OPS_OF(ops_cursors),                 \
	}

/* One observed space of 2 pages, which share a node under the root. */
#define OBSERVED(scope, observers, pool)                                                     \
	&(const struct config)                                                               \
	{                                                                                    \
		.name = NAME(scope), .nr = { [ARG_SPACE] = 1,  [ARG_OBSERVER] = (observers), \
					     [ARG_FORMAT] = 1, [ARG_FLUSH] = FLUSH_KINDS,    \
					     [ARG_PAGE] = 2,   [ARG_LEN] = 3,                \
					     [ARG_FRAME] = 1,  [ARG_LEVEL] = 2,              \
					     [ARG_PROP] = 1,   [ARG_CHANGE] = 1,             \
					     [ARG_BOOL] = 2 },                               \
		.formats = { PT_FORMAT_EPT_4 }, .levels = 2, .nr_pool = (pool),              \
		.nr_frames = (pool) + 1, .props = props_rw, OPS_OF(ops_observed),            \
	}

/* No tables: 3 frames, of which none is the allocator's. */
static const struct config config_frames = {
	.name = NAME("frames"),
	.nr = { [ARG_HANDLE] = 2,
		[ARG_SEGMENT] = 1,
		[ARG_UNIQUE] = 1,
		[ARG_FRAME] = 3,
		[ARG_LEN] = 4,
		[ARG_PAGE] = 1,
		[ARG_KIND] = FRAME_KINDS,
		[ARG_BOOL] = 2 },
	.hostile = true,
	.nr_frames = 3,
	OPS_OF(ops_frames),
};

static const struct config config_segments = {
	.name = NAME("segments"),
	.nr = { [ARG_HANDLE] = 2,
		[ARG_SEGMENT] = 2,
		[ARG_UNIQUE] = 2,
		[ARG_FRAME] = 3,
		[ARG_LEN] = 4,
		[ARG_PAGE] = 1,
		[ARG_KIND] = FRAME_KINDS,
		[ARG_BOOL] = 2 },
	.hostile = true,
	.nr_frames = 3,
	OPS_OF(ops_frames),
};

static const struct config config_lists = {
	.name = NAME("lists"),
	.nr = { [ARG_HANDLE] = 1,
		[ARG_UNIQUE] = 2,
		[ARG_LIST] = 2,
		[ARG_FRAME] = 4,
		[ARG_PAGE] = 1,
		[ARG_LEN] = 1,
		[ARG_KIND] = 2,
		[ARG_BOOL] = 2 },
	.nr_frames = 4,
	OPS_OF(ops_lists),
};

/* Four entries a node: two level-1 nodes, and a frame for each page of a large leaf. */
static const struct config config_depth = {
	.name = NAME("depth-3"),
	.nr = { [ARG_SPACE] = 1,
		[ARG_CURSOR] = 1,
		[ARG_FRAGMENT] = 1,
		[ARG_FORMAT] = 1,
		[ARG_FLUSH] = 2,
		[ARG_PAGE] = 8,
		[ARG_LEN] = 9,
		[ARG_FRAME] = 4,
		[ARG_LEVEL] = 3,
		[ARG_PROP] = 1,
		[ARG_CHANGE] = 1,
		[ARG_STATUS] = 2,
		[ARG_BOOL] = 2 },
	.formats = { PT_FORMAT_X86_64_4 },
	.nr_pool = 40,
	.nr_frames = 44,
	.props = props_rw,
	OPS_OF(ops_table),
};

static const struct op first_table[] = { { OP_NewVmSpace, { 0, 0, FLUSH_AT_ONCE, 1 } } };
static const struct op first_share[] = { { OP_NewVmSpace, { 0, 0, FLUSH_AT_ONCE, 1 } },
					 { OP_NewVmSpace, { 1, 1, FLUSH_AT_ONCE, 0 } } };
static const struct op first_observed[] = { { OP_NewVmSpace, { 0, 0, FLUSH_OBSERVED, 0 } } };

#define FIRST_OF(array) .first = (array), .nr_first = NR(array)
#define TRANSACTIONS(scope, configuration)                                              \
	{                                                                               \
		scope, configuration, SCOPE_TRANSACTIONS, FIRST_OF(first_table),        \
			.only_true = true, .depth = DEPTH_CLOSED, .states_max = 1 << 20 \
	}
#define STEPS(scope, configuration, beginning, how_deep)                                      \
	{                                                                                     \
		scope, configuration, SCOPE_STEPS, FIRST_OF(beginning), .depth = (how_deep),  \
									.states_max = 1 << 19 \
	}
#define FRAMES(scope, configuration)                                                            \
	{                                                                                       \
		scope, configuration, SCOPE_STEPS, .depth = DEPTH_CLOSED, .states_max = 1 << 20 \
	}

static const struct scope scopes[] = {
	TRANSACTIONS("table-x86-64", TABLE("table-x86-64", X86_64_4, 6, 1, ops_table)),
	TRANSACTIONS("table-ept", TABLE("table-ept", EPT_4, 6, 1, ops_table)),
	TRANSACTIONS("table-npt", TABLE("table-npt", NPT_4, 6, 1, ops_table)),
	TRANSACTIONS("table-8-x86-64", TABLE("table-8-x86-64", X86_64_4, 8, 1, ops_table)),
	TRANSACTIONS("table-8-ept", TABLE("table-8-ept", EPT_4, 8, 1, ops_table)),
	TRANSACTIONS("mark-ept", TABLE("mark-ept", EPT_4, 4, 1, ops_mark)),
	TRANSACTIONS("mark-6-x86-64", TABLE("mark-6-x86-64", X86_64_4, 6, 1, ops_mark)),
	TRANSACTIONS("rights-x86-64", TABLE("rights-x86-64", X86_64_4, 4, 2, ops_rights)),
	TRANSACTIONS("rights-6-ept", TABLE("rights-6-ept", EPT_4, 6, 2, ops_rights)),
	{ "share", SHARE("share", 3), SCOPE_TRANSACTIONS, FIRST_OF(first_share), .only_true = true,
	  .depth = DEPTH_CLOSED, .states_max = 1 << 20 },
	{ "share-4", SHARE("share-4", 4), SCOPE_TRANSACTIONS, FIRST_OF(first_share),
	  .only_true = true, .depth = DEPTH_CLOSED, .states_max = 1 << 20 },
	STEPS("cursors", CURSORS("cursors", 2, 3), first_table, DEPTH_CLOSED),
	STEPS("cursors-3", CURSORS("cursors-3", 3, 4), first_table, 8),
	STEPS("cursors-4", CURSORS("cursors-4", 4, 4), first_table, 7),
	STEPS("observed", OBSERVED("observed", 1, 4), first_observed, DEPTH_CLOSED),
	STEPS("observed-2", OBSERVED("observed-2", 2, 4), first_observed, 10),
	FRAMES("frames", &config_frames),
	FRAMES("segments", &config_segments),
	FRAMES("lists", &config_lists),
	{ "depth-3", &config_depth, SCOPE_TRANSACTIONS, FIRST_OF(first_table), .only_true = true,
	  .depth = 3, .states_max = 1 << 22 },
};

const struct scope *scope_find(const char *name)
{
	for (unsigned i = 0; i < NR(scopes); i++)
		if (strcmp(scopes[i].name, name) == 0)
			return &scopes[i];
	return NULL;
}

/* Moves as they are made. */
struct moves {
	const struct scope *scope;
	struct move *moves;
	uint32_t nr, room;
};

static void add_move(struct moves *moves, const struct move *move)
{
	if (moves->nr == moves->room) {
		moves->room = moves->room ? 2 * moves->room : 1024;
		moves->moves = realloc(moves->moves, moves->room * sizeof(*move));
		if (!moves->moves)
			exit(1);
	}
	moves->moves[moves->nr++] = *move;
}

static void add_op(struct move *move, struct op op)
{
	move->ops[move->nr_ops++] = op;
}

/* The operation in a cursor of its own on `nr` pages from `page` on. */
static void add_transaction(struct moves *moves, const struct op *op, unsigned page, unsigned nr,
			    unsigned min_level)
{
	struct move move = { 0 };

	add_op(&move, (struct op){ OP_OpenCursorMut,
				   { 0, 0, (uint16_t)page, (uint16_t)nr, (uint16_t)min_level } });
	add_op(&move, *op);
	add_op(&move, (struct op){ OP_DropCursor, { 0 } });
	if (op->kind == OP_TakeNext || op->kind == OP_Replace)
		add_op(&move, (struct op){ OP_FragmentDrop, { 0 } });
	add_op(&move, (struct op){ OP_GracePeriod, { 0 } });
	add_move(moves, &move);
}

/* On every range; where the operation has a length, that is the range's. */
static void add_transactions(struct moves *moves, const struct op *op)
{
	const struct op_info *info = &op_table[op->kind];
	unsigned nr_pages = moves->scope->config->nr[ARG_PAGE];
	unsigned level = op->kind == OP_Reclaim ? moves->scope->config->levels : 1;
	unsigned len_at = OP_ARGS;

	for (unsigned i = 0; i < OP_ARGS; i++) {
		if (info->args[i] == ARG_LEN)
			len_at = i;
		if (info->args[i] == ARG_LEVEL && op->arg[i] > level)
			level = op->arg[i];
	}
	/* A length by itself would only be a shorter range. */
	if (len_at < OP_ARGS && op->arg[len_at] != 0)
		return;
	for (unsigned page = 0; page < nr_pages; page++)
		for (unsigned nr = 1; page + nr <= nr_pages; nr++) {
			struct op sized = *op;

			if (len_at < OP_ARGS)
				sized.arg[len_at] = (uint16_t)nr;
			add_transaction(moves, &sized, page, nr, 1);
			if (level > 1)
				add_transaction(moves, &sized, page, nr, level);
		}
}

static void add_moves(struct moves *moves, const struct op *op)
{
	struct move move = { 1, { *op } };

	if (moves->scope->kind == SCOPE_STEPS) {
		add_move(moves, &move);
	} else if (op_table[op->kind].args[0] == ARG_CURSOR) {
		add_transactions(moves, op);
	} else {
		add_op(&move, (struct op){ OP_GracePeriod, { 0 } });
		add_move(moves, &move);
	}
}

/* Levels from 1 on; and leaves are tracked, or cursors change, where half of it is enough. */
static unsigned first_value(const struct scope *scope, unsigned argument)
{
	return argument == ARG_LEVEL || (argument == ARG_BOOL && scope->only_true);
}

/* All arguments from `at` on, one after another. */
static void expand(struct moves *moves, struct op *op, unsigned at)
{
	const struct op_info *info = &op_table[op->kind];
	unsigned limit;

	if (at == OP_ARGS || info->args[at] == ARG_NONE) {
		add_moves(moves, op);
		return;
	}
	limit = argument_limit(moves->scope->config, (enum argument)info->args[at]);
	for (unsigned value = first_value(moves->scope, info->args[at]); value < limit; value++) {
		op->arg[at] = (uint16_t)value;
		expand(moves, op, at + 1);
	}
	op->arg[at] = 0;
}

struct move *scope_moves(const struct scope *scope, uint32_t *nr_moves)
{
	struct moves moves = { .scope = scope };

	for (unsigned i = 0; i < scope->config->nr_ops; i++) {
		struct op op = { .kind = scope->config->ops[i] };

		expand(&moves, &op, 0);
	}
	*nr_moves = moves.nr;
	return moves.moves;
}
