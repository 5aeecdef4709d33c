/* SPDX-License-Identifier: MIT */
/*
 * Shows: a cursor that is opened has the lowest node that covers its range, and each node below it
 *   that the range touches, once each, in the order of the tree, and no other; what it makes on
 *   the way stands for what was there; closing gives back what opening took, in reverse; what is
 *   refused has taken nothing
 * Rules: L-0 L-1 L-2 L-3 L-4 L-5 AX-2 AX-3 INV-X1 INV-C1 INV-C5 INV-T5 INV-T9 BUG-8 P-8
 * Layer: steps
 * Assumes: locks and the allocator are as their headers say
 * Assumes: whoever else has locks has none that is wanted: nobody waits; of those who must, and
 *   come too late, schedules of small scenarios
 * Assumes: no guest writes to the table; statuses are 1; leaves are one that is untracked
 * Sources: mm/cursor_lock.c mm/entry.c mm/format.c mm/node.c mm/slot.c
 *   tests/proof/port.c tests/proof/step_tree.c tests/proof/step_tree_after.c
 *   tests/proof/step_tree_seams.c tests/proof/step_tree_allocator.c
 * Hooks: tree
 * Geometry: 2 entries a node, 3 levels, EPT; one page, two pages in one node, in two nodes, and
 *   below two entries of the root, and all pages; any shape above the pages, but entries that cover
 *   a part of the range are a node or not; what the range does not touch is a node that another
 *   thread has; reading cursors have a list of 2 nodes
 * Options: --object-bits 14
 * Defines: MM_INDEX_BITS=1 OPENS MEMORY_RUNS_OUT=1 SHARED_NODES_MAX=2 PATH=PATH_ANY
 *   MARKED=true GUARDS=8 TABLE=EPT_HARDWARE
 * Cases: RANGE 3,1 2,2 1,2 3,2 0,8
 * Unwind: 26
 * Covers: cursor_close lock_range lock_both lock_guard lock_linked lock_node
 *   lowest_guard descend create prepare_nodes lock_below lock_subtree unlock_all unlock_chain
 *   unlock_shared
 * Unreached: descend if (number >= nr_frames ||
 * Unreached: lock_node if (cursor->shared ? lock_try_shared(
 * Unreached: lock_linked error = -EAGAIN;
 * Unreached: lock_guard return error;
 * Unreached: lock_guard } while (--rounds > 0);
 * Unreached: descend return node_read(*node, index).raw
 * Unreached: lock_node return wait_for_node(
 * Unreached: lock_linked unlock_node(cursor, node.slot);
 * Unreached: lock_guard unlock_node(cursor, node.slot);
 * Unreached: lock_guard return -EAGAIN;
 * Unreached: lock_range lowest++;
 * Unreached: lock_range else if (lowest < cursor->table->format->levels)
 * Except: lock_try_shared wraps readers are counted down from 2^32
 * Except: lock_release_shared wraps readers are counted down from 2^32
 * Limit: 300
 */
#include "mm/frame_cache.h"
#include "tests/proof/step_tree_private.h"

#define NODES (PLACES + 1)

/* What is asked for. */
static unsigned first, end, min_level;
static enum cursor_mode mode;

/* The nodes of which the thread has the locks, in the order of taking. */
static unsigned taken[NODES], nr_taken;

/* The nodes that the cursor has to have, in the order of the tree. */
static unsigned wanted[NODES], nr_wanted;
static bool is_open, is_shared;

static struct slot slots_before[FRAMES];
static uint64_t nr_prepared;

static unsigned node_of(const lock_t *lock)
{
	unsigned number = 0;

	while (number < NODES && lock != &slots[number].lock)
		number++;
	prove(number < NODES);
	return number;
}

void lock_is_taken(const lock_t *lock)
{
	taken[nr_taken++] = node_of(lock);
}

/* Whichever it is while a cursor is opened, the last one when it is closed. */
void lock_is_given(const lock_t *lock)
{
	unsigned number = node_of(lock), i = 0;

	while (i < nr_taken && taken[i] != number)
		i++;
	prove(i < nr_taken && (!is_open || i == nr_taken - 1));
	nr_taken--;
	for (; i < nr_taken; i++)
		taken[i] = taken[i + 1];
}

int lock_wait(lock_t *lock, uint32_t thread, enum lock_mode lock_mode)
{
	(void)lock;
	(void)thread;
	(void)lock_mode;
	prove(false);
	return -EDEADLK;
}

int lock_share_again(lock_t *lock)
{
	(void)lock;
	prove(false);
	return -EOVERFLOW;
}

void lock_wake(lock_t *lock)
{
	(void)lock;
	prove(false);
}

/* Before anything is locked, for whoever waits waits for that, too. */
void nodes_are_prepared(const struct phys_domain *of, uint32_t thread, uint64_t nr_frames)
{
	prove(of == &domain && thread == THREAD && nr_taken == 0);
	nr_prepared = nr_frames;
}

static bool is_wanted(unsigned number)
{
	bool is = false;

	for (unsigned i = 0; i < nr_wanted; i++)
		is |= wanted[i] == number;
	return is;
}

uint32_t holder_after(unsigned number)
{
	if (!is_open || !is_wanted(number))
		return slots_before[number].lock.holders;
	return is_shared ? UINT32_MAX : THREAD;
}

/* The node below an entry that the range touches; NODES if there is none. */
static unsigned node_below(unsigned number, unsigned index, unsigned level)
{
	pte_t pte = { entries[2 * number + index], shapes[2 * number + index] };

	prove(shapes[2 * number + index] < SHAPE_HIDDEN);
	return pte_kind(format, pte, level) == PTE_NODE ? (unsigned)pte_frame(pte.raw) : NODES;
}

static void want(unsigned number, unsigned level, unsigned page)
{
	wanted[nr_wanted++] = number;
	for (unsigned index = 0; level > 1 && index < 2; index++) {
		unsigned below = page + (index << (level - 1));

		if (below < end && first < below + (1u << (level - 1)) &&
		    node_below(number, index, level) != NODES)
			want(node_below(number, index, level), level - 1, below);
	}
}

/* The node at a level on the way to the first page, by what the entries say. */
static unsigned node_at_level(unsigned level)
{
	unsigned number = ROOT;

	for (unsigned above = LEVELS; above > level; above--)
		number = node_below(number, first >> (above - 1) & 1, above);
	return number;
}

/* What opening has to come to, by the shape before it. */
struct outcome {
	int error;
	unsigned level; /* of the guard */
	unsigned nr_made;
	unsigned parent; /* that has one child more, NODES if none has */
};

static unsigned lowest_level(void)
{
	unsigned level = min_level;

	while (first >> level != (end - 1) >> level)
		level++;
	return level;
}

static struct outcome outcome_of(void)
{
	unsigned lowest = lowest_level(), level = LEVELS;
	unsigned entry = first / 4;
	struct outcome outcome = { .parent = NODES };

	while (level > lowest && shapes[entry] == SHAPE_NODE) {
		level--;
		entry = 2 + first / 2;
	}
	if (mode == CURSOR_MUTATE && level > lowest && shapes[entry] != SHAPE_LEAF) {
		outcome.nr_made = level - lowest;
		level = lowest;
	}
	if (outcome.nr_made > nodes_left) {
		outcome.nr_made = nodes_left;
		outcome.error = -ENOMEM;
	}
	if (outcome.nr_made > 0 && shapes[entry] == SHAPE_EMPTY)
		outcome.parent = entry / NODE_ENTRIES;
	outcome.level = level;
	return outcome;
}

/* A node that was there is what it was, but for a child that was made, and for its lock. */
static bool node_is_same(unsigned number, unsigned made)
{
	const struct slot *now = &slots[number], *before = &slots_before[number];

	return now->state == before->state && now->type == before->type &&
	       now->parent == before->parent && now->stray == before->stray &&
	       now->marked == before->marked && now->nr_children == before->nr_children + made;
}

/* The nodes that were there, of which `parent` has got a child that it had not had. */
static bool nodes_are_same(unsigned parent)
{
	bool same = true;

	for (unsigned number = 0; number < NODES; number++)
		if (slots_before[number].state != SLOT_UNUSED)
			same = node_is_same(number, number == parent) && same;
	return same;
}

static bool nothing_is_taken(void)
{
	const struct thread_cursors *cursors = port_cursors();
	bool none = nr_taken == 0 && !port_read_ongoing();

	for (unsigned i = 0; i < THREAD_CURSORS; i++)
		none = none && !cursors->places[i].table;
	return none;
}

static void prove_open(unsigned level)
{
	want(node_at_level(level), level, first >> level << level);
	is_shared = mode == CURSOR_READ && nr_wanted <= SHARED_NODES_MAX;
	prove(cursor.shared == is_shared);
	prove(cursor.guard_level == level && cursor.level == level);
	prove(cursor.path[level].slot == &slots[node_at_level(level)]);
	prove(cursor.path[level].entries == &entries[2 * node_at_level(level)]);
	prove(cursor.at == page_address(first) && cursor.start == cursor.at);
	prove(cursor.end == page_address(end) && cursor.mode == mode);
	prove(port_read_ongoing());
	prove(nr_taken == nr_wanted);
	for (unsigned i = 0; i < nr_wanted; i++)
		prove(taken[i] == wanted[i]);
}

/* Closing gives back the locks, and changes nothing else. */
static void prove_close(void)
{
	uint64_t entries_before[2 * NODES];

	for (unsigned entry = 0; entry < 2 * NODES; entry++)
		entries_before[entry] = entries[entry];
	cursor_close(&cursor);
	is_open = false;
	for (unsigned entry = 0; entry < 2 * NODES; entry++)
		prove(entries[entry] == entries_before[entry]);
	prove(tree_is_sound());
}

static void open(enum cursor_mode as)
{
	struct outcome outcome;
	int error;

	mode = as;
	outcome = outcome_of();
	for (unsigned number = 0; number < NODES; number++)
		slots_before[number] = slots[number];
	error = cursor_open(&cursor, &table, VADDR(page_address(first)), page_address(end - first),
			    mode, min_level);
	is_open = error == 0;
	if (is_open)
		prove_open(outcome.level);
	prove(tree_is_sound() && others_are_same(0, 0));
	prove(error == outcome.error && nodes_made == outcome.nr_made);
	prove(nodes_made <= nr_prepared && nodes_are_same(outcome.parent));
	if (error == 0)
		prove_close();
	prove(nothing_is_taken() && nodes_are_same(outcome.parent));
	assume(false);
}

static void open_as(unsigned from, unsigned nr)
{
	if (cursor.level < LEVELS)
		return;
	first = from;
	end = from + nr;
	for (min_level = 1; min_level <= LEVELS; min_level++) {
		/* The lowest level decides, whether it is the range that asks for it or not. */
		if (min_level > 1 && lowest_level() != min_level)
			continue;
		mode = CURSOR_MUTATE;
		if ((nodes_left == PLACES || outcome_of().nr_made > 0) && any_bool())
			open(CURSOR_MUTATE);
		if (nodes_left == PLACES && any_bool())
			open(CURSOR_READ);
	}
}

int main(void)
{
	tree_for_each_shape(RANGE, open_as);
	return 0;
}
