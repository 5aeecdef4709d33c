/* SPDX-License-Identifier: MIT */
/*
 * The checks can fail: each rule is broken in the memory of a world in which everything is right,
 * and the check has to name it. Prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/config.h"

/* Frames by what the beginning makes of them, as arguments: 4 are the pool's. */
#define FRAME_PAIR 4   /* and the next: a large leaf of space 0 */
#define FRAME_SHARED 6 /* mapped by space 1, and removed from it */
#define FRAME_HANDLE 10
#define FRAME_SEGMENT 12
#define FRAME_LISTED 16
#define FRAME_LISTED_TOO 17
#define FRAME_UNIQUE 18
#define FRAME_SPARE 20
#define FRAME_GONE 22 /* in a node that waits for a grace period */

static const struct op beginning[] = {
	{ OP_NewVmSpace, { 0, 0, FLUSH_AT_ONCE, 1 } },
	{ OP_NewVmSpace, { 1, 1, FLUSH_OBSERVED, 0 } },
	{ OP_Observe, { 0, 1 } },
	{ OP_SpaceMap, { 0, 0, 2, FRAME_PAIR, 2, 0, 1 } },
	{ OP_SpaceMap, { 1, 0, 2, FRAME_SHARED, 1, 0, 1 } },
	{ OP_Access, { 0, 0, 0, 0 } },
	{ OP_Access, { 1, 0, 0, 0 } },
	{ OP_SpaceUnmap, { 1, 0, 1 } },
	{ OP_SpaceMap, { 0, 4, 1, FRAME_GONE, 1, 0, 1 } },
	{ OP_SpaceUnmap, { 0, 4, 2 } },
	{ OP_FrameFromUnused, { 0, FRAME_HANDLE, FRAME_GUEST } },
	{ OP_SegmentFromUnused, { 0, FRAME_SEGMENT, 2, FRAME_GUEST } },
	{ OP_UniqueFromUnused, { 0, FRAME_LISTED, FRAME_GUEST } },
	{ OP_UniqueFromUnused, { 1, FRAME_LISTED_TOO, FRAME_GUEST } },
	{ OP_UniqueFromUnused, { 2, FRAME_UNIQUE, FRAME_GUEST } },
	{ OP_ListPushBack, { 0, 0 } },
	{ OP_ListPushBack, { 1, 1 } },
	{ OP_NewKernelReader, { 0, 0 } },
	{ OP_OpenCursorMut, { 0, 0, 0, 4, 1 } },
	{ OP_OpenCursorMut, { 1, 1, 0, 2, 1 } },
};

static struct slot *slot_of(struct world *world, unsigned arg)
{
	return domain_slot_at(&world->domain, frame_value(world, arg));
}

static struct slot *root_of(struct world *world, unsigned space)
{
	return world->spaces[space].space.table.root.slot;
}

static _Atomic uint64_t *leaf_of(struct world *world, unsigned space, uint64_t page)
{
	unsigned level;

	return leaf_entry(world, &world->spaces[space], page, &level);
}

static void break_m1(struct world *world)
{
	slot_of(world, FRAME_SPARE)->list = 5;
}

static void break_m2(struct world *world)
{
	slot_set_type(slot_of(world, FRAME_UNIQUE), SLOT_TYPE(FRAME_NONE, 0, 0));
}

static void break_m3(struct world *world)
{
	slot_of(world, FRAME_HANDLE)->list = 5;
}

static void break_m4(struct world *world)
{
	slot_of(world, FRAME_HANDLE)->state = SLOT_UNIQUE - 1;
}

static void break_m5(struct world *world)
{
	slot_of(world, FRAME_HANDLE)->state = SLOT_BUSY;
}

static void break_r4(struct world *world)
{
	world->domain.nr_corrupt = 1;
}

static void break_s9(struct world *world)
{
	world->ios[0].reader.remain--;
}

static void break_s11(struct world *world)
{
	slot_set_type(slot_of(world, FRAME_SEGMENT), SLOT_TYPE(FRAME_DATA, 0, 0));
}

static void break_a1(struct world *world)
{
	slot_of(world, FRAME_SPARE)->state = SLOT_BUSY + 1;
}

static void break_a2(struct world *world)
{
	slot_of(world, FRAME_HANDLE)->state = SLOT_UNUSED;
}

static void break_a3(struct world *world)
{
	slot_of(world, FRAME_HANDLE)->state++;
}

static void break_qb(struct world *world)
{
	memset(world->may_wait, 0, world->config->nr_frames * sizeof(*world->may_wait));
}

static void break_t1(struct world *world)
{
	*leaf_of(world, 0, 0) ^= PTE_SOFT;
}

static void break_t2(struct world *world)
{
	*leaf_of(world, 0, 0) |= PAGE_SIZE;
}

static void break_t3(struct world *world)
{
	root_of(world, 0)->type ^= SLOT_TYPE(0, 1, 0);
}

static void break_t5(struct world *world)
{
	root_of(world, 0)->nr_children++;
}

static void break_t6(struct world *world)
{
	root_of(world, 0)->state++;
}

static void break_t7(struct world *world)
{
	slot_set_type(slot_of(world, FRAME_PAIR), SLOT_TYPE(FRAME_RESERVED, 0, 0));
}

static void break_t13(struct world *world)
{
	world->spaces[0].pages[1].paddr += PAGE_SIZE;
}

static void break_c1(struct world *world)
{
	world->cursors[0].cursor.level = world->cursors[0].cursor.guard_level + 1;
}

static void break_c2(struct world *world)
{
	world->cursors[0].cursor.at += PAGE_SIZE;
}

static void break_c3(struct world *world)
{
	struct cursor *cursor = &world->cursors[0].cursor;

	cursor->path[cursor->guard_level].slot = root_of(world, 1);
}

static void break_l1(struct world *world)
{
	struct cursor *cursor = &world->cursors[0].cursor;

	cursor->path[cursor->guard_level].slot->lock.holders = LOCK_FREE;
}

/* Nobody keeps a third cursor out, where the first one is. */
static void break_l0(struct world *world)
{
	for (uint32_t frame = 0; frame < world->config->nr_frames; frame++)
		if (slot_kind(&world->slots[frame]) == FRAME_NODE)
			world->slots[frame].lock.holders = LOCK_FREE;
}

/* The root, which no cursor has, is somebody's. */
static void break_l3(struct world *world)
{
	root_of(world, 0)->lock.holders = 77;
}

static void break_l5(struct world *world)
{
	world->read_depth[0] = 1;
}

static void break_x2(struct world *world)
{
	root_of(world, 0)->stray = true;
}

static void break_x5(struct world *world)
{
	slot_set_type(slot_of(world, FRAME_HANDLE), SLOT_NODE_TYPE(1, 0, SLOT_UNLINKED));
}

static void break_gap10(struct world *world)
{
	world->slots[world->spaces[1].space.queue.first].epoch++;
}

static void break_g1(struct world *world)
{
	world->spaces[0].cached[0].rights |= PROP_EXECUTE;
}

static void break_g3(struct world *world)
{
	world->observers[0].cached[0].paddr = frame_value(world, FRAME_SPARE).value;
}

static void break_ll1(struct world *world)
{
	slot_of(world, FRAME_LISTED)->next = 3;
}

static void break_ll2(struct world *world)
{
	slot_of(world, FRAME_UNIQUE)->list = 9;
}

static void break_ll3(struct world *world)
{
	world->lists[1].list.id = world->lists[0].list.id;
	slot_of(world, FRAME_LISTED_TOO)->list = world->lists[0].list.id;
}

static void break_ll5(struct world *world)
{
	slot_of(world, FRAME_LISTED)->list++;
}

static void break_result(struct world *world)
{
	world->spaces[0].pages[1].prop ^= PROP_SOFT;
}

static void break_bytes(struct world *world)
{
	world->memory[frame_value(world, FRAME_HANDLE).value] ^= 1;
}

/* The space's owner does not hear of flushes. */
static void break_flushed(struct world *world)
{
	static const struct space_operations deaf;

	world->spaces[0].space.operations = &deaf;
}

static void break_audit(struct world *world)
{
	world->domain.allocator.nr_free++;
}

struct breach {
	enum rule rule;
	void (*breach)(struct world *world);
	struct op op; /* after which the rule is found broken */
};

#define AFTER_A_LOOK         \
	{                    \
		OP_VirtAddr, \
		{            \
			0    \
		}            \
	}

static const struct breach breaches[] = {
	{ RULE_M1, break_m1, AFTER_A_LOOK },
	{ RULE_M2, break_m2, AFTER_A_LOOK },
	{ RULE_M3, break_m3, AFTER_A_LOOK },
	{ RULE_M4, break_m4, AFTER_A_LOOK },
	{ RULE_M5, break_m5, AFTER_A_LOOK },
	{ RULE_R4, break_r4, AFTER_A_LOOK },
	{ RULE_S9, break_s9, { OP_ReaderQuery, { 0 } } },
	{ RULE_S11, break_s11, AFTER_A_LOOK },
	{ RULE_A1, break_a1, AFTER_A_LOOK },
	{ RULE_A2, break_a2, AFTER_A_LOOK },
	{ RULE_A3, break_a3, AFTER_A_LOOK },
	{ RULE_QB, break_qb, AFTER_A_LOOK },
	{ RULE_T1, break_t1, AFTER_A_LOOK },
	{ RULE_T2, break_t2, AFTER_A_LOOK },
	{ RULE_T3, break_t3, AFTER_A_LOOK },
	{ RULE_T5, break_t5, AFTER_A_LOOK },
	{ RULE_T6, break_t6, AFTER_A_LOOK },
	{ RULE_T7, break_t7, AFTER_A_LOOK },
	{ RULE_T13, break_t13, AFTER_A_LOOK },
	{ RULE_C1, break_c1, AFTER_A_LOOK },
	{ RULE_C2, break_c2, { OP_Query, { 1 } } },
	{ RULE_C3, break_c3, AFTER_A_LOOK },
	{ RULE_L1, break_l1, AFTER_A_LOOK },
	{ RULE_L0, break_l0, { OP_OpenCursorMut, { 2, 0, 0, 4, 1 } } },
	{ RULE_L3, break_l3, { OP_OpenCursorMut, { 2, 0, 4, 4, 4 } } },
	{ RULE_L5, break_l5, AFTER_A_LOOK },
	{ RULE_DEAD, break_l3, { OP_OpenCursorAgain, { 0, 4, 4, 4, 1 } } },
	{ RULE_X2, break_x2, AFTER_A_LOOK },
	{ RULE_X5, break_x5, AFTER_A_LOOK },
	{ RULE_GAP10, break_gap10, AFTER_A_LOOK },
	{ RULE_G1, break_g1, AFTER_A_LOOK },
	{ RULE_G3, break_g3, AFTER_A_LOOK },
	{ RULE_LL1, break_ll1, AFTER_A_LOOK },
	{ RULE_LL2, break_ll2, AFTER_A_LOOK },
	{ RULE_LL3, break_ll3, AFTER_A_LOOK },
	{ RULE_LL5, break_ll5, AFTER_A_LOOK },
	{ RULE_RESULT, break_result, { OP_Walk, { 0, 1 } } },
	{ RULE_BYTES, break_bytes, { OP_ReaderReadVal, { 0, 3 } } },
};

/* Found when no cursor is open. */
static const struct breach breaches_at_rest[] = {
	{ RULE_FLUSHED, break_flushed, { OP_SpaceUnmap, { 0, 0, 2 } } },
	{ RULE_AUDIT, break_audit, { OP_Walk, { 0, 1 } } },
};

static bool is_named(struct world *world, enum rule rule, const char *how)
{
	bool named = world->failure.rule == rule;

	if (!named)
		printf("# %s: %s, called %s: %s\n", how, rule_table[rule].id,
		       rule_table[world->failure.rule].id, world->failure.text);
	return named;
}

static bool run_breach(struct world *world, const struct breach *breach)
{
	world->failure.rule = RULES - 1;
	world->failure.text[0] = '\0';
	breach->breach(world);
	return step(world, &breach->op) == OP_FAILED && is_named(world, breach->rule, "broken");
}

/* AX-*: a frame that no operation has touched counts one more. */
static bool run_axiom(struct world *world, enum rule axiom)
{
	world->failure.rule = RULES - 1;
	if (setjmp(world->failed))
		return is_named(world, axiom, "broken");
	memcpy(world->before, world->slots, world->config->nr_frames * sizeof(struct slot));
	memset(world->touched, 0, world->config->nr_frames * sizeof(*world->touched));
	slot_of(world, FRAME_HANDLE)->state++;
	check_axiom(world, axiom);
	return false;
}

static void make_step(struct world *world, struct op op)
{
	if (step(world, &op) == OP_DONE)
		return;
	printf("Bail out! %s: %s\n", op_table[op.kind].name, world->failure.text);
	exit(1);
}

static unsigned number;

static void report(bool ok, enum rule rule)
{
	printf("%sok %u - %s can be seen broken\n", ok ? "" : "not ", ++number,
	       rule_table[rule].id);
}

int main(void)
{
	struct config config = config_thorough(&config_random);
	struct world *world = world_open(&config);
	unsigned char *snapshot = malloc(world_size(world));

	printf("1..%zu\n", NR(breaches) + NR(breaches_at_rest) + AX_19 - AX_1 + 1);
	for (unsigned i = 0; i < NR(beginning); i++)
		make_step(world, beginning[i]);
	if (!snapshot)
		return 1;
	world_save(world, snapshot);
	for (unsigned i = 0; i < NR(breaches); i++) {
		report(run_breach(world, &breaches[i]), breaches[i].rule);
		world_restore(world, snapshot);
	}
	for (enum rule axiom = AX_1; axiom <= AX_19; axiom++) {
		report(run_axiom(world, axiom), axiom);
		world_restore(world, snapshot);
	}
	make_step(world, (struct op){ OP_DropCursor, { 0 } });
	make_step(world, (struct op){ OP_DropCursor, { 1 } });
	world_save(world, snapshot);
	for (unsigned i = 0; i < NR(breaches_at_rest); i++) {
		report(run_breach(world, &breaches_at_rest[i]), breaches_at_rest[i].rule);
		world_restore(world, snapshot);
	}
	free(snapshot);
	world_close(world);
	return 0;
}
