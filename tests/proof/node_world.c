/* SPDX-License-Identifier: MIT */
/* A node, what hardware or a guest does to it, and what the engine may do. */
#include "tests/proof/node_world.h"

#include "tests/proof/any_leaf.h"

/* How often others write: a loop that has to look again is where it was. */
#define STEPS_OF_OTHERS 1u

struct phys_domain domain;
struct slot slots[FRAMES], slots_before[FRAMES];
uint64_t entries[NODES * NODE_ENTRIES], entries_before[NODES * NODE_ENTRIES];
struct page_table table;
const struct pt_format *format;
unsigned nr_stores;
struct stored stored;

static unsigned level, index_of_entry;
static unsigned steps_left;

void *proof_frame(paddr_t paddr)
{
	return &entries[(paddr.value >> PAGE_SHIFT) * NODE_ENTRIES];
}

struct pt_node parent(void)
{
	return (struct pt_node){ &slots[PARENT], &entries[PARENT * NODE_ENTRIES] };
}

unsigned parent_level(void)
{
	return level;
}

unsigned entry_index(void)
{
	return index_of_entry;
}

uint64_t *the_entry(void)
{
	return &entries[PARENT * NODE_ENTRIES + index_of_entry];
}

uint64_t entry_before(void)
{
	return entries_before[PARENT * NODE_ENTRIES + index_of_entry];
}

/* Accessed and dirty, which hardware sets in a leaf (SDM 3 tables 4-20 and 28-7). */
static uint64_t hardware_bits(void)
{
	return FORMAT == PT_FORMAT_EPT_4 ? UINT64_C(3) << 8 : UINT64_C(3) << 5;
}

void hardware_step(const volatile void *object)
{
	if (object != the_entry() || steps_left == 0 || table.walker != TABLE_WALKED_BY_HARDWARE ||
	    any_bool())
		return;
	steps_left--;
	if (GUEST)
		*the_entry() = nondet_u64();
	else if (pte_kind(format, PTE(*the_entry()), level) == PTE_LEAF)
		*the_entry() |= nondet_u64() & hardware_bits();
}

void entry_stored(const volatile void *object, uint64_t old, uint64_t new, int order)
{
	if (object != the_entry())
		return;
	nr_stores++;
	stored.old = old;
	stored.new = new;
	stored.order = order;
	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		stored.entries[i] = entries[SPARE * NODE_ENTRIES + i];
	stored.slot = slots[SPARE];
}

/* What mm/node.c is to these operations, as its header has it; node_life proves the like of it. */

int node_alloc(struct phys_domain *of, const struct pt_format *with, unsigned at,
	       struct pt_node *node)
{
	if (any_bool())
		return -ENOMEM;
	prove(of == &domain);
	slots[SPARE].type = SLOT_NODE_TYPE(at, with->id, SLOT_UNLINKED);
	slots[SPARE].state = SLOT_BUSY + 1;
	slots[SPARE].nr_children = 0;
	slots[SPARE].stray = slots[SPARE].marked = false;
	slots[SPARE].lock = (lock_t){ 0 };
	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		entries[SPARE * NODE_ENTRIES + i] = 0;
	*node = (struct pt_node){ &slots[SPARE], &entries[SPARE * NODE_ENTRIES] };
	return 0;
}

/* Given up: it owns nothing, no entry leads there, and who waits for its lock sees that. */
void node_defer(struct phys_domain *of, struct pt_node node)
{
	prove(of == &domain && node.slot == &slots[SPARE] && nr_stores == 0);
	prove(slots[SPARE].state == SLOT_BUSY + 1 && slots[SPARE].nr_children == 0);
	prove(slots[SPARE].stray && lock_is_free(&slots[SPARE].lock));
	prove(slots[SPARE].type >> SLOT_INDEX_SHIFT == SLOT_UNLINKED);
	slots[SPARE].state = SLOT_UNUSED;
}

pte_t pte_of_frame(unsigned number)
{
	return pte_node(format, PADDR((uint64_t)number << PAGE_SHIFT));
}

/* Any entry that a node of this level may have; one that is for a node has CHILD. */
static uint64_t any_entry(void)
{
	uint64_t status = nondet_u64() & STATUS_MAX;

	if (GUEST)
		return nondet_u64();
	if (any_bool())
		return pte_of_status(status).raw;
	if (level > 1 && any_bool())
		return pte_of_frame(CHILD).raw;
	return any_leaf(format, &domain, level);
}

unsigned children_of(unsigned number)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		nr += pte_is_child(format, PTE(entries[number * NODE_ENTRIES + i]));
	return nr;
}

static void nodes_begin(void)
{
	slots[PARENT].type = SLOT_NODE_TYPE(level, FORMAT, nondet_unsigned() & 1);
	slots[SPARE].state = SLOT_UNUSED;
	slots[SPARE].type = 0;
	slots[ORPHAN].type =
		SLOT_NODE_TYPE(1 + nondet_unsigned() % LEVELS_MAX, FORMAT, SLOT_UNLINKED);
	slots[ORPHAN].state = SLOT_BUSY + 1;
	if (GUEST) {
		assume(slots[PARENT].nr_children <= NODE_ENTRIES);
		return;
	}
	slots[PARENT].nr_children = (uint16_t)children_of(PARENT);
	slots[CHILD].type = SLOT_NODE_TYPE(level - 1, FORMAT, index_of_entry);
	slots[CHILD].parent = PARENT;
	slots[CHILD].state = SLOT_BUSY + 1;
	assume(implies(pte_has_status(PTE(*the_entry())), slots[PARENT].marked));
}

void node_world_begin(unsigned at, unsigned index)
{
	level = at;
	index_of_entry = index;
	for (unsigned i = 0; i < FRAMES; i++) {
		struct slot any;

		slots[i] = any;
	}
	domain.slots = slots;
	domain.nr_frames = FRAMES;
	format = pt_format_of(FORMAT);
	table = (struct page_table){ .domain = &domain, .format = format };
	table.walker = any_bool() ? TABLE_WALKED_BY_HARDWARE : TABLE_WALKED_BY_SOFTWARE;
	steps_left = STEPS_OF_OTHERS;
	*the_entry() = any_entry();
	entries[PARENT * NODE_ENTRIES + !index] = nondet_u64();
	nodes_begin();
	for (unsigned i = 0; i < FRAMES; i++)
		slots_before[i] = slots[i];
	for (unsigned i = 0; i < NODES * NODE_ENTRIES; i++)
		entries_before[i] = entries[i];
}

void node_world_run(void (*operation)(void))
{
	/* Each a path of its own, in which the level is known. */
	static const unsigned places[][2] = { { 1, 0 }, { 2, 1 }, { 3, 1 }, { 4, 0 } };
	unsigned choice = nondet_unsigned();

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (choice == i) {
			node_world_begin(places[i][0], places[i][1]);
			operation();
			assume(false);
		}
}

bool slot_is_same(unsigned number)
{
	const struct slot *a = &slots[number], *b = &slots_before[number];

	/* The parent of what is linked nowhere is nobody's. */
	return a->state == b->state && a->type == b->type &&
	       (a->parent == b->parent || a->type >> SLOT_INDEX_SHIFT == SLOT_UNLINKED) &&
	       a->lock.holders == b->lock.holders && a->lock.queue == b->lock.queue &&
	       a->nr_children == b->nr_children && a->stray == b->stray && a->marked == b->marked &&
	       a->next == b->next && a->home == b->home;
}

/* A count that stops at both ends. */
static int clamped(int children)
{
	if (children < 0)
		return 0;
	return children > (int)NODE_ENTRIES ? (int)NODE_ENTRIES : children;
}

/*
 * INV-T5; where a guest writes, the count changes as the operation changes the entry, and stays
 * within a node.
 */
static void prove_count(void)
{
	int difference =
		pte_is_child(format, PTE(stored.new)) - pte_is_child(format, PTE(stored.old));

	if (!GUEST)
		prove(slots[PARENT].nr_children == children_of(PARENT));
	else if (nr_stores == 0)
		prove(slots[PARENT].nr_children == slots_before[PARENT].nr_children);
	else
		prove(slots[PARENT].nr_children ==
		      clamped(slots_before[PARENT].nr_children + difference));
}

void prove_node(void)
{
	prove_count();
	prove(nr_stores <= 1);
	prove(entries[PARENT * NODE_ENTRIES + !index_of_entry] ==
	      entries_before[PARENT * NODE_ENTRIES + !index_of_entry]);
	prove(slots[PARENT].state == slots_before[PARENT].state &&
	      slots[PARENT].type == slots_before[PARENT].type &&
	      slots[PARENT].lock.holders == slots_before[PARENT].lock.holders &&
	      slots[PARENT].stray == slots_before[PARENT].stray);
	prove(slot_is_same(CHILD));
	prove(slots[ORPHAN].state == slots_before[ORPHAN].state);
	for (unsigned i = NODES; i < FRAMES; i++)
		prove(slots[i].state == slots_before[i].state);
}

void prove_unchanged(void)
{
	prove(nr_stores == 0);
	prove(slot_is_same(PARENT) && slot_is_same(ORPHAN));
	prove(slots[SPARE].state == SLOT_UNUSED);
	if (GUEST)
		return;
	prove((*the_entry() & ~hardware_bits()) == (entry_before() & ~hardware_bits()));
	prove((entry_before() & ~*the_entry()) == 0);
}

bool says(uint64_t raw, const struct pt_child *child)
{
	pte_t pte = PTE(raw);

	if (child->kind != pte_kind(format, pte, level))
		return false;
	if (child->kind == PTE_ABSENT)
		return GUEST ? pte_status(pte) == child->status :
			       raw == pte_of_status(child->status).raw;
	if (child->kind == PTE_NODE)
		return pte_paddr(format, pte).value >> PAGE_SHIFT ==
		       (uint64_t)(child->node.slot - slots);
	return pte_leaf_paddr(format, pte, level).value == child->paddr.value &&
	       pte_prop(format, pte).bits == child->prop.bits &&
	       pte_is_tracked(pte) == child->tracked && child->level == level;
}

static unsigned is_in_leaf(paddr_t paddr, uint64_t frame)
{
	return frame >= paddr.value >> PAGE_SHIFT &&
	       frame - (paddr.value >> PAGE_SHIFT) < level_pages(level);
}

unsigned references_of(uint64_t raw, uint64_t frame)
{
	pte_t pte = PTE(raw);

	switch (pte_kind(format, pte, level)) {
	case PTE_NODE:
		return pte_paddr(format, pte).value >> PAGE_SHIFT == frame;
	case PTE_LEAF:
		return pte_is_tracked(pte) && is_in_leaf(pte_leaf_paddr(format, pte, level), frame);
	default:
		return 0;
	}
}

unsigned references_of_child(const struct pt_child *child, uint64_t frame)
{
	if (child->kind == PTE_NODE)
		return (uint64_t)(child->node.slot - slots) == frame;
	return child->kind == PTE_LEAF && child->tracked && is_in_leaf(child->paddr, frame);
}

void prove_published(void)
{
	const struct slot *slot = &stored.slot;

	prove(nr_stores == 1);
	prove(stored.new == pte_of_frame(SPARE).raw &&*the_entry() == stored.new);
	prove(stored.order == memory_order_release || stored.order == memory_order_acq_rel);
	prove(slot->type == SLOT_NODE_TYPE(level - 1, FORMAT, index_of_entry));
	prove(slot->parent == PARENT && slot->state == SLOT_BUSY + 1 && !slot->stray);
	prove(lock_owner(&slot->lock) == THREAD);
	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		prove(entries[SPARE * NODE_ENTRIES + i] == stored.entries[i]);
	prove(slots[SPARE].nr_children == slot->nr_children &&
	      slot->nr_children == children_of(SPARE));
}
