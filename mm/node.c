/* SPDX-License-Identifier: MIT */
/*
 * Nodes: made, confirmed, torn down, and put off until nobody can be looking at them.
 */
#include "mm/node.h"

#include "mm/frame_cache.h"
#include "mm/frame_run.h"

int node_alloc(struct phys_domain *domain, const struct pt_format *format, unsigned level,
	       struct pt_node *node)
{
	struct slot *slot;

	if (frame_cache_take_zeroed(domain, &slot))
		return -ENOMEM;
	slot->nr_children = 0;
	slot->stray = false;
	slot->marked = false;
	slot->locked_next = SLOT_NONE;
	lock_init(&slot->lock);
	slot_set_type(slot, SLOT_NODE_TYPE(level, format->id, SLOT_UNLINKED));
	slot_publish_shared(slot);
	*node = node_at(domain, domain_slot_paddr(domain, slot));
	return 0;
}

void node_free(struct phys_domain *domain, struct pt_node node)
{
	struct frame frame = frame_from_raw(domain, node_paddr(domain, node));

	if (frame_put(&frame))
		atomic_fetch_add_explicit(&domain->nr_corrupt, 1, memory_order_relaxed);
}

static void drop_frames(struct phys_domain *domain, struct frame_run *run, paddr_t paddr,
			uint64_t nr_frames)
{
	/*
	 * A guest made it up: it must not spoil the run, which is put only if it is in the domain.
	 */
	if (!domain_contains(domain, paddr, nr_frames << PAGE_SHIFT)) {
		atomic_fetch_add_explicit(&domain->nr_corrupt, 1, memory_order_relaxed);
		return;
	}
	if (frame_run_add(run, paddr, nr_frames))
		return;
	frame_run_put(domain, run);
	frame_run_add(run, paddr, nr_frames);
}

static void drop_child(struct phys_domain *domain, const struct pt_format *format,
		       struct pt_node node, unsigned index, pte_t pte)
{
	struct pt_node child;

	if (node_child(domain, format, node, index, pte, &child) == 0)
		node_free(domain, child);
	else
		atomic_fetch_add_explicit(&domain->nr_corrupt, 1, memory_order_relaxed);
}

/*
 * The depth of the recursion through frame_put() is bounded by the level, which every child's slot
 * confirms to be one less; the width by nr_children, which no guest can write.
 */
void node_drop_children(struct phys_domain *domain, paddr_t paddr)
{
	struct pt_node node = node_at(domain, paddr);
	const struct pt_format *format = pt_format_of((enum pt_format_id)slot_format(node.slot));
	unsigned level = node_level(node);
	unsigned left = node.slot->nr_children;
	struct frame_run run = { .nr_frames = 0 };

	for (unsigned index = 0, nr; index < NODE_ENTRIES && left > 0; index += nr) {
		pte_t pte = node_read(node, index);
		enum pte_kind kind = pte_kind(format, pte, level);

		nr = NODE_ENTRIES - index < left ? NODE_ENTRIES - index : left;
		nr = kind == PTE_LEAF ? node_leaf_run(domain, format, node, index, nr, pte) : 1;
		if (kind == PTE_NODE)
			drop_child(domain, format, node, index, pte);
		else if (kind == PTE_LEAF && pte_is_tracked(pte))
			drop_frames(domain, &run, pte_leaf_paddr(format, pte, level),
				    nr * level_pages(level));
		left -= pte_is_child(format, pte) ? nr : 0;
	}
	frame_run_put(domain, &run);
	node.slot->nr_children = 0;
}

void node_defer(struct phys_domain *domain, struct pt_node node)
{
	lock_acquire(&domain->lock, port_thread());
	node.slot->next = domain->deferred;
	domain->deferred = domain_slot_number(domain, node.slot);
	atomic_fetch_add_explicit(&domain->nr_deferred, 1, memory_order_relaxed);
	lock_release(&domain->lock);
}

static uint32_t take_deferred(struct phys_domain *domain)
{
	uint32_t first;

	lock_acquire(&domain->lock, port_thread());
	first = domain->deferred;
	domain->deferred = SLOT_NONE;
	atomic_store_explicit(&domain->nr_deferred, 0, memory_order_relaxed);
	lock_release(&domain->lock);
	return first;
}

void domain_reclaim(struct phys_domain *domain)
{
	uint32_t number = take_deferred(domain);

	if (number == SLOT_NONE)
		return;
	port_synchronize();
	while (number != SLOT_NONE) {
		struct slot *slot = &domain->slots[number];

		number = slot->next;
		node_free(domain, node_at(domain, domain_slot_paddr(domain, slot)));
	}
}
