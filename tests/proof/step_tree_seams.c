/* SPDX-License-Identifier: MIT */
/* During a step: what the seams of tests/proof/tree ask of the shape, and tell it. */
#include "tests/proof/step_tree_private.h"

enum shape shape_read, shape_written;
enum known tracked_read, tracked_written;

void *proof_frame(paddr_t paddr)
{
	return &entries[(paddr.value >> PAGE_SHIFT) * NODE_ENTRIES];
}

/* May the step look into the node? It may be one that the step has made. */
static bool is_locked(unsigned number)
{
	return slots[number].state == SLOT_BUSY || slots[number].lock.holders == THREAD;
}

static unsigned index_of(const volatile void *object)
{
	return (unsigned)((const volatile uint64_t *)object - entries);
}

void tree_loaded(const volatile void *object)
{
	if (!__CPROVER_same_object(object, entries))
		return;
	shape_read = shapes[index_of(object)];
	tracked_read = tracked[index_of(object)];
	/* Who opens goes down without locks. */
	prove(shape_read < SHAPE_HIDDEN &&
	      (LOWEST_SEEN > 1 || is_locked(index_of(object) / NODE_ENTRIES)));
}

/* What a new node is filled with before it is published: what it will stand for. */
static enum shape filled(unsigned entry)
{
	const struct slot *slot = &slots[entry / NODE_ENTRIES];
	unsigned parent_entry = slot->parent * NODE_ENTRIES + (slot->type >> SLOT_INDEX_SHIFT);
	enum shape shape = slot->type >> SLOT_INDEX_SHIFT < NODE_ENTRIES ? shapes[parent_entry] :
									   SHAPE_UNKNOWN;

	if (shape == SHAPE_STATUS)
		return shape;
	if (shape == SHAPE_LEAF || shape == SHAPE_FOLLOWS)
		return entry % NODE_ENTRIES ? SHAPE_FOLLOWS : SHAPE_LEAF;
	return SHAPE_UNKNOWN;
}

void tree_stored(const volatile void *object)
{
	unsigned entry;

	if (!__CPROVER_same_object(object, entries))
		return;
	entry = index_of(object);
	shape_read = shape_written = shapes[entry];
	tracked_read = tracked_written = tracked[entry];
	prove(shape_read < SHAPE_HIDDEN && is_locked(entry / NODE_ENTRIES));
	shapes[entry] = filled(entry);
	tracked[entry] = UNKNOWN;
}

unsigned shape_leaf_run(struct pt_node node, unsigned index, unsigned nr)
{
	return index == 0 && nr == 2 && shapes[index_of(node.entries) + 1] == SHAPE_FOLLOWS ? 2 : 1;
}

bool tree_is_same(const volatile void *object, bool same)
{
	return __CPROVER_same_object(object, entries) ? proved_as(true, same) : same;
}

#pragma CPROVER check pop
