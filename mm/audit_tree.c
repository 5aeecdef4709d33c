/* SPDX-License-Identifier: MIT */
/*
 * The audit of trees, and of nodes that have left theirs.
 */
#include "mm/audit_private.h"

#include "mm/flush_queue.h"
#include "mm/frame.h"

static int audit_leaf(const struct audit *audit, const struct pt_format *format,
		      struct pt_node node, unsigned index)
{
	unsigned level = node_level(node);
	pte_t pte = node_read(node, index);
	paddr_t paddr = pte_leaf_paddr(format, pte, level);
	uint64_t first = paddr.value >> PAGE_SHIFT;
	int error = 0;

	audit->report->leaves++;
	if (!format_has_leaf(format, level))
		return audit_broken_entry(audit, "INV-T2", "a leaf is at a level that may hold one",
					  node, index);
	if (paddr.value != pte_paddr(format, pte).value)
		return audit_broken_entry(
			audit, "INV-T2", "a leaf's address is a multiple of its size", node, index);
	if (!pte_is_tracked(pte))
		return 0;
	if (!domain_contains(audit->domain, paddr, level_size(level)))
		return audit_broken_entry(audit, "INV-T2", "a tracked leaf lies in the domain",
					  node, index);
	for (uint64_t page = 0; page < level_pages(level) && error == 0; page++) {
		if (slot_kind(&audit->domain->slots[first + page]) == FRAME_NODE)
			return audit_broken_entry(audit, "INV-T7", "a tracked leaf maps no node",
						  node, index);
		error = audit_reference_found(audit, first + page);
	}
	return error;
}

static int audit_node(const struct audit *audit, const struct pt_format *format,
		      struct pt_node node, bool stray);

/* An entry points to something that is not a child of it: why? */
static int broken_child(const struct audit *audit, const struct pt_format *format,
			struct pt_node node, unsigned index)
{
	paddr_t paddr = pte_paddr(format, node_read(node, index));

	if (domain_contains(audit->domain, paddr, PAGE_SIZE) &&
	    slot_kind(domain_slot_at(audit->domain, paddr)) == FRAME_NODE &&
	    node_level(node_at(audit->domain, paddr)) == node_level(node) - 1)
		return audit_broken_entry(audit, "INV-T6", "a node has one parent, which it knows",
					  node, index);
	return audit_broken_entry(audit, "INV-T4", "a node entry points to a node one level down",
				  node, index);
}

/* node_child() lets no other entry lead to a node than its own, so no tree is walked twice. */
static int audit_child(const struct audit *audit, const struct pt_format *format,
		       struct pt_node node, unsigned index, bool stray)
{
	struct pt_node child;
	int error;

	if (node_child(audit->domain, format, node, index, node_read(node, index), &child))
		return broken_child(audit, format, node, index);
	error = audit_reference_found(audit, domain_slot_number(audit->domain, child.slot));
	return error ? error : audit_node(audit, format, child, stray);
}

/* An absent entry that says something. */
static int audit_status(const struct audit *audit, struct pt_node node, unsigned index)
{
	pte_t pte = node_read(node, index);

	if (pte.raw != pte_of_status(pte_status(pte)).raw)
		return audit_broken_entry(audit, "INV-T1",
					  "an absent entry has a status and nothing else", node,
					  index);
	if (!node.slot->marked)
		return audit_broken_entry(audit, "INV-T5", "a node knows that it has statuses",
					  node, index);
	return 0;
}

/*
 * Entries that count. A removed node that has no children by its count owns nothing, whatever its
 * entries still say to those who look at them without a lock: cursor_coalesce().
 */
static unsigned nr_entries(struct pt_node node, bool stray)
{
	return stray && node.slot->nr_children == 0 ? 0 : NODE_ENTRIES;
}

static int audit_lock(const struct audit *audit, uint32_t number, const lock_t *lock)
{
	uint32_t holders = atomic_load_explicit(&lock->holders, memory_order_relaxed);
	uint32_t queue = atomic_load_explicit(&lock->queue, memory_order_relaxed);
	int error = audit_expect(audit, holders == LOCK_FREE, "INV-X1",
				 "at rest no node is locked, nor shared by readers", number,
				 LOCK_FREE, holders);

	return error ? error :
		       audit_expect(audit, queue == LOCK_QUEUE_EMPTY, "INV-X1",
				    "at rest nobody waits for a node", number, LOCK_QUEUE_EMPTY,
				    queue);
}

static int audit_node(const struct audit *audit, const struct pt_format *format,
		      struct pt_node node, bool stray)
{
	uint32_t number = domain_slot_number(audit->domain, node.slot);
	unsigned end = nr_entries(node, stray);
	unsigned children = 0;
	int error = 0;

	audit->report->nodes++;
	for (unsigned index = 0; index < end && error == 0; index++) {
		pte_t pte = node_read(node, index);
		enum pte_kind kind = pte_kind(format, pte, node_level(node));

		children += pte_is_child(format, pte);
		if (kind == PTE_ABSENT && pte_has_status(pte))
			error = audit_status(audit, node, index);
		else if (kind == PTE_LEAF)
			error = audit_leaf(audit, format, node, index);
		else if (kind == PTE_NODE)
			error = audit_child(audit, format, node, index, stray);
	}
	if (error == 0)
		error = audit_expect(audit, node.slot->nr_children == children, "INV-T5",
				     "nr_children is the number of entries that are not absent",
				     number, node.slot->nr_children, children);
	if (error == 0)
		error = audit_expect(audit, node.slot->stray == stray, "INV-X2",
				     "a node is stray if it is not linked", number, stray,
				     node.slot->stray);
	if (error == 0)
		error = audit_lock(audit, number, &node.slot->lock);
	return error;
}

int audit_tables(const struct audit *audit)
{
	int error = 0;

	for (struct page_table *table = audit->domain->tables; table && error == 0;
	     table = table->next) {
		audit->scratch[domain_slot_number(audit->domain, table->root.slot)]++;
		error = audit_expect(audit, node_level(table->root) == table->format->levels,
				     "INV-T3", "a root is at the top level",
				     domain_slot_number(audit->domain, table->root.slot),
				     table->format->levels, node_level(table->root));
		if (error == 0)
			error = audit_node(audit, table->format, table->root, false);
	}
	return error;
}

/* Removed nodes from `number` on, by slot.next; there shall be `waiting` of them. */
static int audit_removed(const struct audit *audit, uint32_t number, uint64_t waiting)
{
	struct phys_domain *domain = audit->domain;
	int error = 0;

	for (; number < domain->nr_frames && waiting > 0 && error == 0; waiting--) {
		struct slot *slot = &domain->slots[number];
		struct pt_node node = node_at(domain, domain_slot_paddr(domain, slot));

		error = audit_expect(audit, slot_kind(slot) == FRAME_NODE, "INV-X2",
				     "what waits after it was removed is a node", number,
				     FRAME_NODE, slot_kind(slot));
		if (error == 0)
			error = audit_reference_found(audit, number);
		if (error == 0)
			error = audit_node(audit,
					   pt_format_of((enum pt_format_id)slot_format(slot)), node,
					   true);
		number = slot->next;
	}
	if (error == 0)
		error = audit_expect(audit, waiting == 0 && number == SLOT_NONE, "INV-X2",
				     "a queue of removed nodes is as long as its count", 0, 0,
				     waiting);
	return error;
}

int audit_deferred(const struct audit *audit)
{
	const struct phys_domain *domain = audit->domain;

	return audit_removed(audit, domain->deferred,
			     atomic_load_explicit(&domain->nr_deferred, memory_order_relaxed));
}

/* Of a queue that has been found to be sound otherwise: the oldest come first, none from later. */
static int audit_epochs(const struct audit *audit, const struct flush_queue *queue)
{
	uint32_t epoch = atomic_load_explicit(&queue->epoch, memory_order_relaxed);
	uint32_t oldest = EPOCH_LAG_MAX * 2;
	int error = 0;

	for (uint32_t number = queue->first; number != SLOT_NONE && error == 0;
	     number = audit->domain->slots[number].next) {
		uint32_t age = epoch - slot_epoch(&audit->domain->slots[number]);

		error = audit_expect(audit, age <= oldest, "GAP-10",
				     "removed nodes wait in the order of their epochs", number,
				     oldest, age);
		oldest = age;
	}
	return error;
}

int audit_queues(const struct audit *audit)
{
	int error = 0;

	for (const struct flush_queue *queue = audit->domain->queues; queue && error == 0;
	     queue = queue->next) {
		error = audit_removed(audit, queue->first,
				      atomic_load_explicit(&queue->nr_waiting,
							   memory_order_relaxed));
		if (error == 0)
			error = audit_epochs(audit, queue);
	}
	return error;
}
