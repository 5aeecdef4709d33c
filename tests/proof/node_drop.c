/* SPDX-License-Identifier: MIT */
/*
 * Shows: what a node's last reference leaves behind gives up one reference of each thing that an
 *   entry owned, and of nothing else, to children that are one level lower; whatever a guest
 *   writes there, only frames of the domain, and nodes linked by that very entry
 * Rules: P-10 P-11 BUG-7 INV-T3 INV-T5
 * Layer: nodes
 * Assumes: putting a reference (frame_put, run_put) is as mm/frame.h says; frame_handle proves it
 *   for one frame
 * Sources: mm/node.c mm/format.c
 * Hooks: nodes
 * Geometry: a node of 4 entries at level 1 to 4, each any; 32 frames
 * Defines: MM_INDEX_BITS=2
 * Cases: FORMAT PT_FORMAT_X86_64_4 PT_FORMAT_EPT_4
 * Cases: GUEST false true
 * Cases: LEVEL 1 2 3 4
 * Unwind: 33 node_drop_children.0:6 node_leaf_run.0:6
 * Covers: node_drop_children drop_child drop_frames node_leaf_run node_free node_child
 *   node_confirm domain_room frame_run_add frame_run_put
 * Except: slot_state_is_shared wraps one comparison for both ends of the range
 * Limit: 300
 */
#include "mm/frame_run.h"
#include "mm/node.h"
#include "tests/proof/any_leaf.h"
#include "tests/proof/proof.h"

#define FRAMES 32u
#define NODE 0u
#define CHILDREN 1u /* the first child: entry i, if it is a node, is number CHILDREN + i */

static struct phys_domain domain;
static struct slot slots[FRAMES];
static uint64_t entries[NODE_ENTRIES], entries_before[NODE_ENTRIES];
static const struct pt_format *format;

/* One frame, any, and the references of it that were put. */
static uint64_t watched;
static unsigned puts;

void *proof_frame(paddr_t paddr)
{
	return paddr.value >> PAGE_SHIFT == NODE ? entries : NULL;
}

/* A guest writes on while its node is torn down. */
void hardware_step(const volatile void *object)
{
	for (unsigned i = 0; GUEST && i < NODE_ENTRIES; i++)
		if (object == &entries[i])
			entries[i] = nondet_u64();
}

void entry_stored(const volatile void *object, uint64_t old, uint64_t new, int order)
{
	(void)old;
	(void)new;
	(void)order;
	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		prove(object != &entries[i]);
}

struct frame frame_from_raw(struct phys_domain *of, paddr_t paddr)
{
	return (struct frame){ of, paddr };
}

/* What is put is a child of this node, so that the way down is no longer than the levels. */
int frame_put(struct frame *frame)
{
	uint64_t number = frame->paddr.value >> PAGE_SHIFT;

	prove(frame->domain == &domain && number < FRAMES && frame->paddr.value % PAGE_SIZE == 0);
	prove((slots[number].type & 0xffff) == SLOT_TYPE(FRAME_NODE, LEVEL - 1, 0));
	prove(slots[number].parent == NODE && slot_state_is_shared(slots[number].state));
	puts += number == watched;
	if (GUEST && any_bool())
		return -EINVAL;
	*frame = (struct frame){ 0 };
	return 0;
}

int run_put(struct phys_domain *of, paddr_t paddr, uint64_t nr_frames)
{
	uint64_t first = paddr.value >> PAGE_SHIFT;

	prove(of == &domain && paddr.value % PAGE_SIZE == 0 && nr_frames > 0);
	prove(first < FRAMES && nr_frames <= FRAMES - first);
	puts += watched >= first && watched - first < nr_frames;
	return 0;
}

static uint64_t any_entry(unsigned index)
{
	if (GUEST)
		return nondet_u64();
	if (any_bool())
		return pte_of_status(nondet_u64() & STATUS_MAX).raw;
	if (LEVEL > 1 && any_bool())
		return pte_node(format, PADDR((uint64_t)(CHILDREN + index) << PAGE_SHIFT)).raw;
	return any_leaf(format, &domain, LEVEL);
}

/* References on the watched frame that the entry owns. */
static unsigned owned(uint64_t raw)
{
	pte_t pte = PTE(raw);
	uint64_t first = pte_leaf_paddr(format, pte, LEVEL).value >> PAGE_SHIFT;

	if (pte_kind(format, pte, LEVEL) == PTE_NODE)
		return pte_paddr(format, pte).value >> PAGE_SHIFT == watched;
	return pte_kind(format, pte, LEVEL) == PTE_LEAF && pte_is_tracked(pte) &&
	       watched >= first && watched - first < level_pages(LEVEL);
}

static void begin(void)
{
	unsigned nr_children = 0;

	for (unsigned i = 0; i < FRAMES; i++) {
		struct slot any;

		slots[i] = any;
	}
	domain.slots = slots;
	domain.nr_frames = FRAMES;
	format = pt_format_of(FORMAT);
	watched = nondet_u64();
	slots[NODE].type = SLOT_NODE_TYPE(LEVEL, FORMAT, SLOT_UNLINKED);
	slots[NODE].state = SLOT_BUSY;
	for (unsigned i = 0; i < NODE_ENTRIES; i++) {
		entries[i] = any_entry(i);
		entries_before[i] = entries[i];
		nr_children += pte_is_child(format, PTE(entries[i]));
		if (GUEST)
			continue;
		slots[CHILDREN + i].type = SLOT_NODE_TYPE(LEVEL - 1, FORMAT, i);
		slots[CHILDREN + i].parent = NODE;
		slots[CHILDREN + i].state = SLOT_BUSY + 1;
	}
	if (!GUEST)
		slots[NODE].nr_children = (uint16_t)nr_children;
	assume(slots[NODE].nr_children <= NODE_ENTRIES);
}

int main(void)
{
	unsigned wanted = 0;

	begin();
	node_drop_children(&domain, PADDR((uint64_t)NODE << PAGE_SHIFT));
	for (unsigned i = 0; i < NODE_ENTRIES; i++)
		wanted += owned(entries_before[i]);
	prove(slots[NODE].nr_children == 0 && slots[NODE].state == SLOT_BUSY);
	prove(GUEST || (puts == wanted && domain.nr_corrupt == 0));
	prove(puts <= NODE_ENTRIES && domain.nr_corrupt <= NODE_ENTRIES);
	return 0;
}
