/* SPDX-License-Identifier: MIT */
/*
 * AX-*: what an operation may have changed, slot by slot, against a copy from before it.
 *
 * How much each count changed is INV-A3's to say; this says that nothing else did.
 */
#include "tests/model/model.h"

enum use { USE_FREE, USE_NODE, USE_FRAME };

static enum use use_of(const struct slot *slot)
{
	if (slot_kind(slot) == FRAME_NONE || slot_kind(slot) == FRAME_FREE)
		return USE_FREE;
	return slot_kind(slot) == FRAME_NODE ? USE_NODE : USE_FRAME;
}

/* What an operation may do to nodes, and to frames that it touches. */
struct allowance {
	bool nodes_made;
	bool nodes_freed;
	bool frames;
};

static struct allowance allowance_of(enum rule axiom)
{
	switch (axiom) {
	case AX_1:
	case AX_2:
	case AX_6:
		return (struct allowance){ .nodes_made = true };
	case AX_7:
		return (struct allowance){ .nodes_made = true, .frames = true };
	case AX_8:
		return (struct allowance){ true, true, true };
	case AX_3:
	case AX_4:
	case AX_5:
	case AX_14:
	case AX_15:
	case AX_19:
		return (struct allowance){ 0 };
	default:
		return (struct allowance){ .frames = true };
	}
}

static void check_node_change(struct world *world, enum rule axiom, uint32_t frame,
			      struct allowance allowed)
{
	const struct slot *before = &world->before[frame];
	const struct slot *after = &world->slots[frame];
	enum use was = use_of(before), is = use_of(after);

	EXPECT(world, axiom, was == USE_NODE || allowed.nodes_made, "frame %u became a node",
	       frame);
	EXPECT(world, axiom, is == USE_NODE || allowed.nodes_freed, "node %u was freed", frame);
	if (was == USE_NODE && is == USE_NODE && !allowed.nodes_freed && axiom != AX_5)
		EXPECT(world, axiom, before->state == after->state && before->type == after->type,
		       "node %u changed from %x, %x to %x, %x", frame, before->state, before->type,
		       after->state, after->type);
}

static void check_frame_change(struct world *world, enum rule axiom, uint32_t frame,
			       struct allowance allowed)
{
	const struct slot *before = &world->before[frame];
	const struct slot *after = &world->slots[frame];
	bool same = before->state == after->state && before->type == after->type &&
		    before->list == after->list;

	EXPECT(world, axiom, same || (allowed.frames && world->touched[frame]),
	       "frame %u changed from state %x, type %x to %x, %x", frame, before->state,
	       before->type, after->state, after->type);
	if (axiom == AX_7 && use_of(before) == USE_FRAME)
		EXPECT(world, axiom, use_of(after) == USE_FRAME, "frame %u became unused", frame);
	if (axiom == AX_8 && use_of(before) == USE_FRAME && use_of(after) == USE_FRAME)
		EXPECT(world, axiom,
		       before->type == after->type && before->list == after->list &&
			       (slot_state(after) != SLOT_UNIQUE || same),
		       "frame %u of type %x became %x", frame, before->type, after->type);
}

void check_axiom(struct world *world, enum rule axiom)
{
	struct allowance allowed = allowance_of(axiom);

	for (uint32_t frame = 0; frame < world->config->nr_frames; frame++) {
		enum use was = use_of(&world->before[frame]);
		enum use is = use_of(&world->slots[frame]);

		if (was == USE_FRAME || is == USE_FRAME)
			check_frame_change(world, axiom, frame, allowed);
		else if (was == USE_NODE || is == USE_NODE)
			check_node_change(world, axiom, frame, allowed);
		else
			rule_evaluated[axiom]++;
	}
}
