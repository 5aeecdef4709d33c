/* SPDX-License-Identifier: MIT */
/*
 * Shows: looking at an entry, protecting, splitting it and making a node under it do what they
 *   say to any node, while hardware sets bits in it; what is published is filled and locked
 *   before; what fails leaves both nodes as they were
 * Rules: P-3 P-4 P-7 P-8 P-12 E-4 L-1 INV-T4 INV-T5 INV-T9 INV-X6 INV-X7 BUG-9 GAP-3 GAP-5
 *   C-11
 * Layer: nodes
 * Assumes: the allocator gives a free frame whose bytes are 0, or none
 * Assumes: entries are what the engine or hardware wrote; test_cursor_hostile tries what guests
 *   write
 * Assumes: hardware sets bits once while an operation runs: a loop that has to look
 *   again is where it was
 * Sources: mm/entry.c mm/format.c
 * Hooks: nodes
 * Geometry: a node of 2 entries at level 1, 2 and 4, the other entry any; contents any
 * Defines: MM_INDEX_BITS=1
 * Cases: FORMAT PT_FORMAT_X86_64_4 PT_FORMAT_EPT_4
 * Cases: STEP to_ref protect alloc_if_none split
 * Unwind: 18 entry_protect.0:3 entry_split_if_mapped_huge.0:3
 * Covers: entry_to_ref leaf_to_ref entry_protect entry_store entry_alloc_if_none alloc_locked
 *   fill_status entry_split_if_mapped_huge fill_split node_protect_child node_alloc_absent_child
 * Unreached: leaf_to_ref if (!format_has_leaf(table->format, level))
 * Unreached: leaf_to_ref if (child->tracked && !domain_contains(
 * Unreached: entry_protect return error;
 * Unreached: entry_alloc_if_none if (!entry_store(entry, entry_to_node(entry, node))) {
 * Unreached: entry_alloc_if_none discard(entry->table, node);
 * Unreached: entry_alloc_if_none return -EEXIST;
 * Unreached: entry_split_if_mapped_huge ? leaf_to_ref(entry, &leaf) : -ENOENT;
 * Unreached: entry_split_if_mapped_huge discard(table, node);
 * Unreached: entry_split_if_mapped_huge return error;
 * Unreached: fill_split return error;
 * Limit: 300
 */
#include "mm/entry.h"
#include "tests/proof/proof.h"

#define FRAMES 16u
#define NODES 4u /* frames that have entries here */
#define PARENT 0u
#define CHILD 1u
#define SPARE 2u /* the one that the allocator gives */
#define THREAD 7u
#define HARDWARE_STEPS 1u

static struct phys_domain domain;
static struct slot slots[FRAMES], slots_before[FRAMES];
static uint64_t entries[NODES * NODE_ENTRIES];
static struct page_table table;
static const struct pt_format *format;
static unsigned level, entry_index;
static unsigned hardware_left;
static uint64_t entries_before[NODES * NODE_ENTRIES];

/* The last store to the entry under proof: what it was at that moment, and the spare node. */
static unsigned nr_stores;
static uint64_t stored_over;
static struct {
	uint64_t entries[NODE_ENTRIES];
	struct slot slot;
	int order;
} published;

void *proof_frame(paddr_t paddr)
{
	return &entries[(paddr.value >> PAGE_SHIFT) * NODE_ENTRIES];
}

static uint64_t *the_entry(void)
{
	return &entries[PARENT * NODE_ENTRIES + entry_index];
}

/* Accessed and dirty, which hardware sets in a leaf (SDM 3 tables 4-20 and 28-7). */
static uint64_t hardware_bits(void)
{
	return FORMAT == PT_FORMAT_EPT_4 ? UINT64_C(3) << 8 : UINT64_C(3) << 5;
}

void hardware_step(const volatile void *object)
{
	if (object != the_entry() || hardware_left == 0 ||
	    table.walker != TABLE_WALKED_BY_HARDWARE || any_bool())
		return;
	hardware_left--;
	if (pte_kind(format, PTE(*the_entry()), level) == PTE_LEAF)
		*the_entry() |= nondet_u64() & hardware_bits();
}

void entry_stored(const volatile void *object, uint64_t old, uint64_t new, int order)
{
	(void)new;
	if (object != the_entry())
		return;
	nr_stores++;
	stored_over = old;
	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		published.entries[i] = entries[SPARE * NODE_ENTRIES + i];
	published.slot = slots[SPARE];
	published.order = order;
}

/* What mm/node.c and mm/frame.c are to these operations, as their headers have it. */

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
	entries[SPARE * NODE_ENTRIES] = entries[SPARE * NODE_ENTRIES + 1] = 0;
	*node = (struct pt_node){ &slots[SPARE], &entries[SPARE * NODE_ENTRIES] };
	return 0;
}

/* Only a node that owns nothing and was never published is given back. */
void node_free(struct phys_domain *of, struct pt_node node)
{
	prove(of == &domain && node.slot == &slots[SPARE] && nr_stores == 0);
	prove(slots[SPARE].state == SLOT_BUSY + 1 && slots[SPARE].nr_children == 0);
	slots[SPARE].state = SLOT_UNUSED;
}

static uint64_t any_leaf(void)
{
	uint64_t address = nondet_u64(), bits = 0;
	bool tracked = any_bool();

	assume(format_leaf_bits(format, level, PROP(nondet_u32()), tracked, &bits) == 0);
	assume((address & ~format->address) == 0 && is_aligned(address, level_size(level)));
	if (tracked)
		assume(domain_contains(&domain, PADDR(address), level_size(level)));
	return address | bits;
}

static pte_t child_pte(unsigned number)
{
	return pte_node(format, PADDR((uint64_t)number << PAGE_SHIFT));
}

/* Any entry that a node of this level may have; one that is a node has CHILD. */
static uint64_t any_entry(void)
{
	uint64_t status = nondet_u64() & STATUS_MAX;

	if (any_bool())
		return pte_of_status(status).raw;
	if (level > 1 && any_bool())
		return child_pte(CHILD).raw;
	assume(format_has_leaf(format, level));
	return any_leaf();
}

static unsigned children_of(unsigned number)
{
	return pte_is_child(format, PTE(entries[number * NODE_ENTRIES])) +
	       pte_is_child(format, PTE(entries[number * NODE_ENTRIES + 1]));
}

static bool is_node_entry(void)
{
	return pte_kind(format, PTE(*the_entry()), level) == PTE_NODE;
}

/* The node of the entry, with an entry of any kind, and INV-T4, T5, T8 and T9. */
static void begin(void)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		struct slot any;

		slots[i] = any;
	}
	domain.slots = slots;
	domain.nr_frames = FRAMES;
	format = pt_format_of(FORMAT);
	table = (struct page_table){ .domain = &domain, .format = format };
	table.walker = any_bool() ? TABLE_WALKED_BY_HARDWARE : TABLE_WALKED_BY_SOFTWARE;
	hardware_left = HARDWARE_STEPS;
	slots[PARENT].type = SLOT_NODE_TYPE(level, FORMAT, nondet_unsigned() & 1);
	*the_entry() = any_entry();
	entries[PARENT * NODE_ENTRIES + !entry_index] = nondet_u64();
	slots[PARENT].nr_children = (uint16_t)children_of(PARENT);
	slots[CHILD].type = SLOT_NODE_TYPE(level - 1, FORMAT, entry_index);
	slots[CHILD].parent = PARENT;
	slots[CHILD].state = SLOT_BUSY + 1;
	slots[SPARE].state = SLOT_UNUSED;
	slots[SPARE].type = 0;
	if (pte_has_status(PTE(*the_entry())))
		assume(slots[PARENT].marked || pte_is_present(format, PTE(*the_entry())));
	for (unsigned i = 0; i < FRAMES; i++)
		slots_before[i] = slots[i];
	for (unsigned i = 0; i < NODES * NODE_ENTRIES; i++)
		entries_before[i] = entries[i];
}

static bool slot_is_same(unsigned number)
{
	const struct slot *a = &slots[number], *b = &slots_before[number];

	return a->state == b->state && a->type == b->type && a->parent == b->parent &&
	       a->lock.holders == b->lock.holders && a->nr_children == b->nr_children &&
	       a->stray == b->stray && a->marked == b->marked && a->next == b->next;
}

/* Every step: the counts are exact, and the other entry and the child are as they were. */
static void prove_node(void)
{
	prove(slots[PARENT].nr_children == children_of(PARENT));
	prove(entries[PARENT * NODE_ENTRIES + !entry_index] ==
	      entries_before[PARENT * NODE_ENTRIES + !entry_index]);
	prove(slots[PARENT].state == slots_before[PARENT].state &&
	      slots[PARENT].type == slots_before[PARENT].type);
	prove(slot_is_same(CHILD));
	for (unsigned i = SPARE + 2; i < FRAMES; i++)
		prove(slots[i].state == slots_before[i].state);
}

/* What failed, or only looked: but for what hardware did, all is as it was. */
static void prove_unchanged(void)
{
	prove(nr_stores == 0);
	prove((*the_entry() & ~hardware_bits()) ==
	      (entries_before[PARENT * NODE_ENTRIES + entry_index] & ~hardware_bits()));
	prove((entries_before[PARENT * NODE_ENTRIES + entry_index] & ~*the_entry()) == 0);
	prove(slot_is_same(PARENT));
	prove(slots[SPARE].state == SLOT_UNUSED);
}

static struct pt_node parent(void)
{
	return (struct pt_node){ &slots[PARENT], &entries[PARENT * NODE_ENTRIES] };
}

/* Does the entry say what `child` says? */
static bool says(uint64_t raw, const struct pt_child *child)
{
	pte_t pte = PTE(raw);

	if (child->kind != pte_kind(format, pte, level))
		return false;
	if (child->kind == PTE_ABSENT)
		return raw == pte_of_status(child->status).raw;
	if (child->kind == PTE_NODE)
		return pte_paddr(format, pte).value >> PAGE_SHIFT ==
		       (uint64_t)(child->node.slot - slots);
	return pte_leaf_paddr(format, pte, level).value == child->paddr.value &&
	       pte_prop(format, pte).bits == child->prop.bits &&
	       pte_is_tracked(pte) == child->tracked && child->level == level;
}

static void to_ref(void)
{
	struct pt_entry entry = entry_at(&table, parent(), entry_index);
	struct pt_child child = { 0 };

	prove(entry_to_ref(&entry, &child) == 0 && says(entry.pte.raw, &child));
	prove_unchanged();
	prove_node();
}

static void protect(void)
{
	struct prop_change change = { nondet_u32(), nondet_u32() };
	prop_t old = PROP(0);
	int error = node_protect_child(&table, parent(), entry_index, change, &old);
	pte_t now = PTE(*the_entry());
	uint32_t new = (old.bits & ~change.clear) | change.set;

	prove_node();
	if (error) {
		prove(error == -EINVAL || error == -ENOENT || error == -EOPNOTSUPP);
		prove_unchanged();
		return;
	}
	prove(((change.clear | change.set) & ~PROP_CHANGEABLE) == 0);
	prove(nr_stores == (new != old.bits));
	if (nr_stores) {
		/* At the moment of the store, and by it nothing but the change. */
		prove(pte_prop(format, PTE(stored_over)).bits == old.bits);
		prove(pte_leaf_paddr(format, PTE(stored_over), level).value ==
		      pte_leaf_paddr(format, now, level).value);
	}
	prove(pte_kind(format, now, level) == PTE_LEAF);
	prove(pte_is_tracked(now) ==
	      pte_is_tracked(PTE(entries_before[PARENT * NODE_ENTRIES + entry_index])));
	/* Hardware may have added to it since. */
	prove(((pte_prop(format, now).bits ^ new) & ~(PROP_ACCESSED | PROP_DIRTY)) == 0);
	prove((new & ~pte_prop(format, now).bits) == 0);
	prove(slot_is_same(PARENT) && slots[SPARE].state == SLOT_UNUSED);
}

/* At the moment of its publication the new node was complete, locked, and linked by this entry. */
static void prove_published(void)
{
	const struct slot *slot = &published.slot;

	prove(nr_stores == 1);
	prove(*the_entry() == child_pte(SPARE).raw);
	prove(published.order == memory_order_release || published.order == memory_order_acq_rel);
	prove(slot->type == SLOT_NODE_TYPE(level - 1, FORMAT, entry_index));
	prove(slot->parent == PARENT && slot->state == SLOT_BUSY + 1 && !slot->stray);
	prove(lock_owner(&slot->lock) == THREAD);
	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		prove(entries[SPARE * NODE_ENTRIES + i] == published.entries[i]);
	prove(slots[SPARE].nr_children == slot->nr_children &&
	      slot->nr_children == children_of(SPARE));
}

static void alloc_if_none(void)
{
	pte_t before = PTE(*the_entry());
	struct pt_node child = { 0 };
	int error = node_alloc_absent_child(&table, parent(), entry_index, THREAD, &child);

	prove_node();
	if (error) {
		prove(error == (level == 1				      ? -EINVAL :
				pte_kind(format, before, level) != PTE_ABSENT ? -EEXIST :
										-ENOMEM));
		prove_unchanged();
		return;
	}
	prove(child.slot == &slots[SPARE]);
	prove_published();
	/* All of the node's entries have the status that the entry had. */
	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		prove(published.entries[i] == before.raw);
	prove(implies(pte_has_status(before), published.slot.marked));
}

static void split(void)
{
	struct pt_entry entry = entry_at(&table, parent(), entry_index);
	pte_t before = PTE(entries_before[PARENT * NODE_ENTRIES + entry_index]);
	struct pt_node child = { 0 };
	int error = entry_split_if_mapped_huge(&entry, THREAD, &child);

	prove_node();
	if (error) {
		prove(error == (pte_kind(format, before, level) != PTE_LEAF || level == 1 ?
					-ENOENT :
					-ENOMEM));
		prove_unchanged();
		return;
	}
	prove_published();
	/* The leaf as it was at that moment, in smaller ones (P-4, INV-X6). */
	for (unsigned i = 0; i < NODE_ENTRIES; i++) {
		pte_t small = PTE(published.entries[i]), large = PTE(stored_over);

		prove(pte_kind(format, small, level - 1) == PTE_LEAF);
		prove(pte_leaf_paddr(format, small, level - 1).value ==
		      pte_leaf_paddr(format, large, level).value + i * level_size(level - 1));
		prove(pte_prop(format, small).bits == pte_prop(format, large).bits);
		prove(pte_is_tracked(small) == pte_is_tracked(large));
	}
	prove(slot_is_same(PARENT));
}

int main(void)
{
	/* The lowest level, one that can have anything, and one without leaves: each a path. */
	static const unsigned places[][2] = { { 1, 0 }, { 2, 1 }, { 4, 0 } };
	unsigned choice = nondet_unsigned();

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (choice == i) {
			level = places[i][0];
			entry_index = places[i][1];
			begin();
			STEP();
			assume(false);
		}
	return 0;
}
