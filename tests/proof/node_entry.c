/* SPDX-License-Identifier: MIT */
/*
 * Shows: looking at an entry, protecting, splitting it and making a node under it do what they
 *   say to any node, while hardware sets bits in it, or a guest writes to it what it likes; what
 *   is published is filled and locked before; what fails leaves both nodes as they were
 * Rules: P-3 P-4 P-7 P-8 P-12 E-4 L-1 INV-T4 INV-T5 INV-T9 INV-X6 INV-X7 BUG-9 GAP-3 GAP-5
 *   C-11
 * Layer: nodes
 * Assumes: the allocator gives a free frame whose bytes are 0, or none
 * Assumes: others write once while an operation runs: a loop that has to look again is where it
 *   was
 * Sources: mm/entry.c mm/format.c tests/proof/node_world.c
 * Hooks: nodes
 * Geometry: a node of 2 entries at level 1 to 4, the other entry any; contents any
 * Defines: MM_INDEX_BITS=1
 * Cases: FORMAT PT_FORMAT_X86_64_4 PT_FORMAT_EPT_4
 * Cases: GUEST false true
 * Cases: STEP to_ref protect alloc_if_none split
 * Unwind: 18 entry_protect.0:3 entry_split_if_mapped_huge.0:3
 * Covers: entry_to_ref leaf_to_ref entry_protect entry_store entry_alloc_if_none alloc_locked
 *   fill_status entry_split_if_mapped_huge fill_split discard node_protect_child
 *   node_alloc_absent_child
 * Except: slot_state_is_shared wraps one comparison for both ends of the range
 * Limit: 300
 */
#include "tests/proof/node_world.h"

static void to_ref(void)
{
	struct pt_entry entry = entry_at(&table, parent(), entry_index());
	struct pt_child child = { 0 };
	int error = entry_to_ref(&entry, &child);

	prove(error == 0 || (GUEST && error == -EUCLEAN));
	prove(implies(error == 0, says(entry.pte.raw, &child)));
	prove_unchanged();
	prove_node();
}

static void protect(void)
{
	struct prop_change change = { nondet_u32(), nondet_u32() };
	prop_t old = PROP(0);
	int error = node_protect_child(&table, parent(), entry_index(), change, &old);
	pte_t now = PTE(nr_stores ? stored.new : *the_entry());
	uint32_t new = (old.bits & ~change.clear) | change.set;
	unsigned level = parent_level();

	prove_node();
	if (error) {
		prove(error == -EINVAL || error == -ENOENT || error == -EOPNOTSUPP ||
		      (GUEST && error == -EUCLEAN));
		prove_unchanged();
		return;
	}
	prove(((change.clear | change.set) & ~PROP_CHANGEABLE) == 0);
	prove(nr_stores == (new != old.bits));
	prove(slot_is_same(PARENT) && slot_is_same(ORPHAN) && slots[SPARE].state == SLOT_UNUSED);
	if (nr_stores) {
		/* At the moment of the store, and by it nothing but the change. */
		prove(pte_prop(format, PTE(stored.old)).bits == old.bits);
		prove(pte_prop(format, now).bits == new);
		prove(pte_kind(format, now, level) == PTE_LEAF);
		prove(pte_leaf_paddr(format, PTE(stored.old), level).value ==
		      pte_leaf_paddr(format, now, level).value);
		prove(pte_is_tracked(now) == pte_is_tracked(PTE(stored.old)));
	}
}

static void alloc_if_none(void)
{
	pte_t before = PTE(*the_entry());
	struct pt_node child = { 0 };
	int error = node_alloc_absent_child(&table, parent(), entry_index(), THREAD, &child);

	prove_node();
	if (error) {
		prove(GUEST ||
		      error == (parent_level() == 1				       ? -EINVAL :
				pte_kind(format, before, parent_level()) != PTE_ABSENT ? -EEXIST :
											 -ENOMEM));
		prove(error == -EINVAL || error == -EEXIST || error == -ENOMEM);
		prove_unchanged();
		return;
	}
	prove(child.slot == &slots[SPARE]);
	prove(slot_is_same(ORPHAN));
	prove_published();
	/* All of the node's entries have the status that the entry had. */
	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		prove(stored.entries[i] == (pte_has_status(PTE(stored.old)) ? stored.old : 0));
	prove(implies(pte_has_status(PTE(stored.old)), stored.slot.marked));
}

static void split(void)
{
	struct pt_entry entry = entry_at(&table, parent(), entry_index());
	pte_t before = PTE(entry_before());
	struct pt_node child = { 0 };
	unsigned level = parent_level();
	int error = entry_split_if_mapped_huge(&entry, THREAD, &child);

	prove_node();
	if (error) {
		prove(GUEST || error == (pte_kind(format, before, level) != PTE_LEAF || level == 1 ?
						 -ENOENT :
						 -ENOMEM));
		prove_unchanged();
		return;
	}
	prove(slot_is_same(PARENT) && slot_is_same(ORPHAN));
	prove_published();
	/* The leaf as it was at that moment, in smaller ones (P-4, INV-X6). */
	for (unsigned i = 0; i < NODE_ENTRIES; i++) {
		pte_t small = PTE(stored.entries[i]), large = PTE(stored.old);

		prove(pte_kind(format, small, level - 1) == PTE_LEAF);
		prove(pte_leaf_paddr(format, small, level - 1).value ==
		      pte_leaf_paddr(format, large, level).value + i * level_size(level - 1));
		prove(pte_prop(format, small).bits == pte_prop(format, large).bits);
		prove(pte_is_tracked(small) == pte_is_tracked(large));
	}
}

int main(void)
{
	node_world_run(STEP);
	return 0;
}
