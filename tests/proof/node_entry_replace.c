/* SPDX-License-Identifier: MIT */
/*
 * Shows: whatever an entry holds, and whatever it is given in place of that, each reference is
 *   afterwards where it belongs, one to one: in the entry, or with the caller; what fails leaves
 *   both nodes as they were; while hardware sets bits in the entry, or a guest writes to it what
 *   it likes
 * Rules: P-2 P-4 P-7 P-8 P-9 P-11 INV-T4 INV-T5 INV-T8 INV-T9 INV-X7 BUG-9 GAP-5
 * Layer: nodes
 * Assumes: a node that is put in is linked nowhere: nobody else has its handle
 * Assumes: others write once while an operation runs: a loop that has to look again is where it
 *   was
 * Sources: mm/entry.c mm/format.c tests/proof/node_world.c
 * Hooks: nodes
 * Geometry: a node of 2 entries at level 1 to 4, the other entry any; contents any
 * Defines: MM_INDEX_BITS=1
 * Cases: FORMAT PT_FORMAT_X86_64_4 PT_FORMAT_EPT_4
 * Cases: GUEST false true
 * Cases: STEP replace_by_absent replace_by_node replace_by_leaf put_frame
 * Unwind: 18 entry_replace.0:3
 * Covers: entry_replace encode entry_store entry_to_ref leaf_to_ref node_replace_child
 *   node_replace_absent_with_frame node_link node_set_index node_child node_confirm
 *   node_count_children
 * Except: slot_state_is_shared wraps one comparison for both ends of the range
 * Limit: 300
 */
#include "tests/proof/node_world.h"

/* What was there is the caller's, what was his is there: no reference comes or goes (P-9). */
static void prove_replaced(const struct pt_child *new, const struct pt_child *old)
{
	uint64_t frame = nondet_u64();

	prove(nr_stores == 1);
	prove(stored.order == memory_order_release || stored.order == memory_order_acq_rel);
	prove(says(stored.old, old) && says(stored.new, new));
	prove(references_of(stored.old, frame) == references_of_child(old, frame));
	prove(references_of(stored.new, frame) == references_of_child(new, frame));
	prove(implies(new->kind != PTE_NODE, slot_is_same(ORPHAN)));
	prove(implies(old->kind == PTE_NODE, old->node.slot != &slots[ORPHAN]));
	prove(slots[PARENT].marked ==
	      (slots_before[PARENT].marked || (new->kind == PTE_ABSENT &&new->status != 0)));
}

static void replace(struct pt_child new)
{
	struct pt_child old = { 0 };
	int error = node_replace_child(&table, parent(), entry_index(), &new, &old);

	prove_node();
	prove(slots[SPARE].state == SLOT_UNUSED);
	if (error) {
		prove(error == -EINVAL || error == -ERANGE || error == -EOPNOTSUPP ||
		      (GUEST && error == -EUCLEAN));
		prove_unchanged();
		return;
	}
	prove_replaced(&new, &old);
}

static void replace_by_absent(void)
{
	struct pt_child new = { .kind = PTE_ABSENT, .status = nondet_u64() };

	replace(new);
	prove(implies(new.status > STATUS_MAX, nr_stores == 0));
}

static void replace_by_node(void)
{
	struct pt_child new = {
		.kind = PTE_NODE,
		.node = { &slots[ORPHAN], &entries[ORPHAN * NODE_ENTRIES] },
	};
	unsigned level = slot_level(&slots[ORPHAN]);

	replace(new);
	prove(implies(nr_stores == 0, slot_is_same(ORPHAN)));
	if (nr_stores == 0)
		return;
	prove(level == parent_level() - 1);
	prove(slots[ORPHAN].type == SLOT_NODE_TYPE(level, FORMAT, entry_index()));
	prove(slots[ORPHAN].parent == PARENT);
}

static struct pt_child any_leaf_child(void)
{
	return (struct pt_child){
		.kind = PTE_LEAF,
		.paddr = PADDR(nondet_u64()),
		.level = any_bool() ? parent_level() : nondet_unsigned(),
		.prop = PROP(nondet_u32()),
		.tracked = any_bool(),
	};
}

/* Only what can be said, and of frames that there are (P-2). */
static void prove_sayable(paddr_t paddr, bool tracked)
{
	uint64_t size = level_size(parent_level());

	prove(format_has_leaf(format, parent_level()));
	prove(is_aligned(paddr.value, size) && paddr.value >> 52 == 0);
	prove(implies(tracked, domain_contains(&domain, paddr, size)));
}

static void replace_by_leaf(void)
{
	struct pt_child new = any_leaf_child();

	replace(new);
	if (nr_stores) {
		prove(new.level == parent_level());
		prove_sayable(new.paddr, new.tracked);
	}
}

static void put_frame(void)
{
	struct pt_child new = any_leaf_child(), none = { .kind = PTE_ABSENT };
	pte_t before = PTE(*the_entry());
	int error = node_replace_absent_with_frame(&table, parent(), entry_index(), new.paddr,
						   new.prop, new.tracked);

	new.level = parent_level();
	prove_node();
	prove(slots[SPARE].state == SLOT_UNUSED);
	if (error) {
		prove(GUEST ||
		      (error == -EEXIST) == (pte_kind(format, before, new.level) != PTE_ABSENT));
		prove(error == -EINVAL || error == -ERANGE || error == -EOPNOTSUPP ||
		      error == -EEXIST || (GUEST && error == -EUCLEAN));
		prove_unchanged();
		return;
	}
	none.status = pte_status(PTE(stored.old));
	prove(pte_kind(format, PTE(stored.old), new.level) == PTE_ABSENT);
	prove_replaced(&new, &none);
	prove_sayable(new.paddr, new.tracked);
}

int main(void)
{
	node_world_run(STEP);
	return 0;
}
