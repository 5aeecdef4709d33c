/* SPDX-License-Identifier: MIT */
/*
 * A node: a frame of kind FRAME_NODE whose bytes are entries, and whose slot has its level, its
 * lock, the number of entries that are not absent, and whether it is still linked (section 2.4).
 *
 * The memory of a node may belong to a guest, which may write anything there at any time. So
 * nothing read from an entry is followed before the slot of the frame that it names confirms it:
 * node_child() is the only way down.
 */
#ifndef MM_NODE_H
#define MM_NODE_H

#include <stdatomic.h>

#include "mm/domain.h"
#include "mm/format.h"

struct pt_node {
	struct slot *slot;
	_Atomic uint64_t *entries; /* NODE_ENTRIES of them */
};

/*
 * Reads an entry of a node that the caller has locked, or whose entries nobody but hardware changes
 * (P-8).
 */
static inline pte_t node_read(struct pt_node node, unsigned index)
{
	return PTE(atomic_load_explicit(&node.entries[index], memory_order_relaxed));
}

/* Reads an entry without the node's lock: what the entry points to can be read after it (P-8). */
static inline pte_t node_read_acquire(struct pt_node node, unsigned index)
{
	return PTE(atomic_load_explicit(&node.entries[index], memory_order_acquire));
}

/* Writes an entry; what it points to is filled before (P-8). */
static inline void node_write(struct pt_node node, unsigned index, pte_t pte)
{
	atomic_store_explicit(&node.entries[index], pte.raw, memory_order_release);
}

static inline unsigned node_level(struct pt_node node)
{
	return slot_level(node.slot);
}

/*
 * Entries have become present (difference > 0) or absent. A guest that adds entries of its own, or
 * takes ours away, can make us remove more than we put in, or the reverse: the count stops at both
 * ends.
 */
static inline void node_count_children(struct pt_node node, int difference)
{
	int children = node.slot->nr_children + difference;

	if (children < 0)
		children = 0;
	if (children > (int)NODE_ENTRIES)
		children = (int)NODE_ENTRIES;
	node.slot->nr_children = (uint16_t)children;
}

/* node_count_children(node, 1) */
static inline void node_count_child(struct pt_node node)
{
	if (node.slot->nr_children < NODE_ENTRIES)
		node.slot->nr_children++;
}

static inline struct pt_node node_at(const struct phys_domain *domain, paddr_t paddr)
{
	return (struct pt_node){ domain_slot_at(domain, paddr), domain_pointer(domain, paddr) };
}

static inline paddr_t node_paddr(const struct phys_domain *domain, struct pt_node node)
{
	return domain_slot_paddr(domain, node.slot);
}

/*
 * A new node with all entries absent and one reference, the caller's: the parent entry's to be
 * (P-7). Unlocked.
 * -ENOMEM.
 */
int node_alloc(struct phys_domain *domain, const struct pt_format *format, unsigned level,
	       struct pt_node *node);

/*
 * Gives a node back that was never linked, or that nobody can reach any more. Drops what its
 * entries own (P-10).
 */
void node_free(struct phys_domain *domain, struct pt_node node);

static inline void node_set_index(struct pt_node node, unsigned index)
{
	atomic_store_explicit(&node.slot->type,
			      SLOT_NODE_TYPE(node_level(node), slot_format(node.slot), index),
			      memory_order_release);
}

/* Before an entry is made to point to `child`: its slot says so first, of one entry only (P-11). */
static inline void node_link(const struct phys_domain *domain, struct pt_node parent,
			     unsigned index, struct pt_node child)
{
	atomic_store_explicit(&child.slot->parent, domain_slot_number(domain, parent.slot),
			      memory_order_relaxed);
	node_set_index(child, index);
}

/* After the entry that pointed to `node` has been changed: no entry leads to it any more. */
static inline void node_unlink(struct pt_node node)
{
	node_set_index(node, SLOT_UNLINKED);
}

/*
 * Does the slot say that it is a node of this SLOT_NODE_TYPE(), linked by the parent? Acquire,
 * both: if not, for it was unlinked after the entry was read, then the entry is read as changed
 * after this.
 */
static inline bool node_confirm(const struct slot *slot, uint32_t type, uint32_t parent)
{
	return atomic_load_explicit(&slot->type, memory_order_acquire) == type &&
	       atomic_load_explicit(&slot->parent, memory_order_acquire) == parent &&
	       slot_state_is_shared(slot_state(slot));
}

/*
 * The node that `pte`, entry `index` of `parent`, points to. -EUCLEAN unless it lies in the domain
 * and its slot says that it is a node of this format, one level down, and linked by this entry.
 * Without the parent's lock that can also be because it was unlinked after the entry was read: the
 * entry has then changed (Acquire).
 */
static inline int node_child(const struct phys_domain *domain, const struct pt_format *format,
			     struct pt_node parent, unsigned index, pte_t pte,
			     struct pt_node *child)
{
	paddr_t paddr = pte_paddr(format, pte);

	if (paddr.value >> PAGE_SHIFT >= domain->nr_frames ||
	    !node_confirm(domain_slot_at(domain, paddr),
			  SLOT_NODE_TYPE(node_level(parent) - 1, format->id, index),
			  domain_slot_number(domain, parent.slot)))
		return -EUCLEAN;
	*child = node_at(domain, paddr);
	return 0;
}

/*
 * How many of the `nr` entries from `index` on are `pte`, the first of them, a leaf, again and
 * again, each mapping what follows the one before? 1 at least. Of tracked leaves only as many as
 * are in the domain: after those comes what a guest made up.
 */
static inline unsigned node_leaf_run(const struct phys_domain *domain,
				     const struct pt_format *format, struct pt_node node,
				     unsigned index, unsigned nr, pte_t pte)
{
	unsigned level = node_level(node);
	uint64_t size = level_size(level);
	unsigned run = 1;

	if (pte_is_tracked(pte)) {
		paddr_t paddr = pte_leaf_paddr(format, pte, level);
		uint64_t room = domain_room(domain, paddr) >> level_shift(level);

		nr = room < nr ? (unsigned)room : nr;
	}
	while (run < nr && node_read(node, index + run).raw == pte.raw + run * size)
		run++;
	return run;
}

/*
 * What frame_put() calls for a node whose last reference is gone, while its slot is BUSY: drops one
 * reference of each child node and of each frame that a tracked leaf maps (P-10). Children go down
 * with it if theirs was the last.
 */
void node_drop_children(struct phys_domain *domain, paddr_t node);

/*
 * A node that was unlinked: its one reference waits until a grace period has passed, for threads
 * may be looking at it without a lock (3.3). The caller may be in a read section.
 */
void node_defer(struct phys_domain *domain, struct pt_node node);

/*
 * Waits for a grace period and frees the nodes that were deferred before, with all that hangs under
 * them. Never inside a read section. Called by the engine itself when more than NODE_DEFERRED_MAX
 * wait, and before a table is destroyed.
 */
void domain_reclaim(struct phys_domain *domain);

#define NODE_DEFERRED_MAX 64

/* domain_reclaim() if more than NODE_DEFERRED_MAX wait and the caller is in no read section. */
static inline void domain_limit_deferred(struct phys_domain *domain)
{
	if (atomic_load_explicit(&domain->nr_deferred, memory_order_relaxed) > NODE_DEFERRED_MAX &&
	    !port_read_ongoing())
		domain_reclaim(domain);
}

#endif
