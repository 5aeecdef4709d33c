/* SPDX-License-Identifier: MIT */
/*
 * The audit. Three passes: trees and the deferred queue count references into `scratch`, the free
 * lists mark their frames there, and the slots are compared with what was found.
 */
#include "mm/audit.h"

#include "mm/flush_queue.h"
#include "mm/frame.h"

#define FREE_FRAME UINT32_MAX /* in scratch: part of a free chunk */

struct audit {
	struct phys_domain *domain;
	uint32_t *scratch; /* references found, by frame number */
	audit_held_t held;
	void *context;
	struct audit_report *report;
};

static int violation(const struct audit *audit, const struct audit_violation *violation)
{
	audit->report->violation = *violation;
	return -EUCLEAN;
}

/* A rule about a whole frame or node. */
static int expect(const struct audit *audit, bool holds, const char *rule, const char *text,
		  uint64_t number, uint64_t expected, uint64_t found)
{
	const struct slot *slot = &audit->domain->slots[number];
	bool node = slot_kind(slot) == FRAME_NODE;

	if (holds)
		return 0;
	return violation(audit, &(struct audit_violation){
					.rule = rule,
					.text = text,
					.paddr = PADDR(number << PAGE_SHIFT),
					.level = node ? slot_level(slot) : 0,
					.index = NODE_ENTRIES,
					.expected = expected,
					.found = found,
				});
}

/* A rule about one entry. */
static int broken_entry(const struct audit *audit, const char *rule, const char *text,
			struct pt_node node, unsigned index)
{
	return violation(audit, &(struct audit_violation){
					.rule = rule,
					.text = text,
					.paddr = node_paddr(audit->domain, node),
					.level = node_level(node),
					.index = index,
					.found = node_read(node, index).raw,
				});
}

/*
 * One more reference to a frame has been found. That there are more than the frame counts ends the
 * audit, for hostile tables can have any number of them.
 */
static int reference_found(const struct audit *audit, uint64_t number)
{
	const struct slot *slot = &audit->domain->slots[number];
	uint32_t found = ++audit->scratch[number];
	const char *rule = "INV-A1";

	if (slot_state_is_shared(slot_state(slot)))
		rule = "INV-A3";
	else if (slot_state(slot) == SLOT_UNIQUE && slot_kind(slot) != FRAME_FREE)
		rule = "INV-M2";
	return expect(audit, found <= slot_count(slot), rule,
		      "nothing refers to a frame more often than it counts", number,
		      slot_count(slot), found);
}

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
		return broken_entry(audit, "INV-T2", "a leaf is at a level that may hold one", node,
				    index);
	if (paddr.value != pte_paddr(format, pte).value)
		return broken_entry(audit, "INV-T2", "a leaf's address is a multiple of its size",
				    node, index);
	if (!pte_is_tracked(pte))
		return 0;
	if (!domain_contains(audit->domain, paddr, level_size(level)))
		return broken_entry(audit, "INV-T2", "a tracked leaf lies in the domain", node,
				    index);
	for (uint64_t page = 0; page < level_pages(level) && error == 0; page++) {
		if (slot_kind(&audit->domain->slots[first + page]) == FRAME_NODE)
			return broken_entry(audit, "INV-T7", "a tracked leaf maps no node", node,
					    index);
		error = reference_found(audit, first + page);
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
		return broken_entry(audit, "INV-T6", "a node has one parent, which it knows", node,
				    index);
	return broken_entry(audit, "INV-T4", "a node entry points to a node one level down", node,
			    index);
}

/* node_child() lets no other entry lead to a node than its own, so no tree is walked twice. */
static int audit_child(const struct audit *audit, const struct pt_format *format,
		       struct pt_node node, unsigned index, bool stray)
{
	struct pt_node child;
	int error;

	if (node_child(audit->domain, format, node, index, node_read(node, index), &child))
		return broken_child(audit, format, node, index);
	error = reference_found(audit, domain_slot_number(audit->domain, child.slot));
	return error ? error : audit_node(audit, format, child, stray);
}

/* An absent entry that says something. */
static int audit_status(const struct audit *audit, struct pt_node node, unsigned index)
{
	pte_t pte = node_read(node, index);

	if (pte.raw != pte_of_status(pte_status(pte)).raw)
		return broken_entry(audit, "INV-T1",
				    "an absent entry has a status and nothing else", node, index);
	if (!node.slot->marked)
		return broken_entry(audit, "INV-T5", "a node knows that it has statuses", node,
				    index);
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
	int error = expect(audit, holders == LOCK_FREE, "INV-X1",
			   "at rest no node is locked, nor shared by readers", number, LOCK_FREE,
			   holders);

	return error ? error :
		       expect(audit, queue == LOCK_QUEUE_EMPTY, "INV-X1",
			      "at rest nobody waits for a node", number, LOCK_QUEUE_EMPTY, queue);
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
		error = expect(audit, node.slot->nr_children == children, "INV-T5",
			       "nr_children is the number of entries that are not absent", number,
			       node.slot->nr_children, children);
	if (error == 0)
		error = expect(audit, node.slot->stray == stray, "INV-X2",
			       "a node is stray if it is not linked", number, stray,
			       node.slot->stray);
	if (error == 0)
		error = audit_lock(audit, number, &node.slot->lock);
	return error;
}

static int audit_tables(const struct audit *audit)
{
	int error = 0;

	for (struct page_table *table = audit->domain->tables; table && error == 0;
	     table = table->next) {
		audit->scratch[domain_slot_number(audit->domain, table->root.slot)]++;
		error = expect(audit, node_level(table->root) == table->format->levels, "INV-T3",
			       "a root is at the top level",
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

		error = expect(audit, slot_kind(slot) == FRAME_NODE, "INV-X2",
			       "what waits after it was removed is a node", number, FRAME_NODE,
			       slot_kind(slot));
		if (error == 0)
			error = reference_found(audit, number);
		if (error == 0)
			error = audit_node(audit,
					   pt_format_of((enum pt_format_id)slot_format(slot)), node,
					   true);
		number = slot->next;
	}
	if (error == 0)
		error = expect(audit, waiting == 0 && number == SLOT_NONE, "INV-X2",
			       "a queue of removed nodes is as long as its count", 0, 0, waiting);
	return error;
}

static int audit_deferred(const struct audit *audit)
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

		error = expect(audit, age <= oldest, "GAP-10",
			       "removed nodes wait in the order of their epochs", number, oldest,
			       age);
		oldest = age;
	}
	return error;
}

static int audit_queues(const struct audit *audit)
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

/*
 * Somebody has claimed the frame by its address while it was the allocator's (M-6): it is his, and
 * the chunk or the shelf that has it will find out. Not so if the allocator has given it out.
 */
static bool frame_was_claimed(const struct slot *slot)
{
	uint32_t state = slot_state(slot);

	return (slot_state_is_shared(state) || state == SLOT_UNIQUE) &&
	       slot_kind(slot) != FRAME_NONE && slot_kind(slot) != FRAME_FREE &&
	       slot->home != HOME_TAKEN;
}

static int audit_chunk(const struct audit *audit, uint64_t head, unsigned order)
{
	struct phys_domain *domain = audit->domain;
	uint64_t nr_frames = UINT64_C(1) << order;
	uint32_t type = slot_type(&domain->slots[head]);
	int error;

	audit->report->chunks++;
	if (!is_aligned(head, nr_frames) || nr_frames > domain->nr_frames - head)
		return expect(audit, false, "GAP-9", "a free chunk is aligned and in the domain",
			      head, order, 0);
	error = expect(audit, type == SLOT_TYPE(FRAME_FREE, order, 0), "GAP-9",
		       "a free chunk's head says its order", head, SLOT_TYPE(FRAME_FREE, order, 0),
		       type);
	for (uint64_t number = head; number < head + nr_frames && error == 0; number++) {
		uint32_t state = slot_state(&domain->slots[number]);
		uint32_t wanted = number == head ? SLOT_UNIQUE : SLOT_UNUSED;

		if (number != head && frame_was_claimed(&domain->slots[number]))
			continue;
		error = expect(audit, state == wanted, "GAP-9",
			       "a free frame is unused, its chunk's head unique", number, wanted,
			       state);
		if (error == 0)
			error = expect(audit, audit->scratch[number] == 0, "INV-A1",
				       "a free frame is in one chunk, and nothing refers to it",
				       number, 0, audit->scratch[number]);
		audit->scratch[number] = FREE_FRAME;
	}
	return error;
}

static int audit_free_lists(const struct audit *audit)
{
	const struct frame_allocator *allocator = &audit->domain->allocator;
	uint64_t total = 0;
	int error = 0;

	for (unsigned order = 0; order < ALLOCATOR_ORDERS && error == 0; order++) {
		uint32_t head = allocator->free[order].head;
		uint32_t left = allocator->free[order].nr_chunks;

		for (; head < audit->domain->nr_frames && left > 0 && error == 0; left--) {
			error = audit_chunk(audit, head, order);
			total += UINT64_C(1) << order;
			head = audit->domain->slots[head].next;
		}
		if (error == 0)
			error = expect(audit, left == 0 && head == SLOT_NONE, "GAP-9",
				       "a free list is as long as its count", 0, 0, left);
	}
	if (error == 0)
		error = expect(audit, total == allocator->nr_free, "INV-X5",
			       "the free lists hold as many frames as the allocator counts", 0,
			       allocator->nr_free, total);
	return error;
}

static bool frame_is_zero(const struct phys_domain *domain, uint32_t number)
{
	const uint64_t *words = domain_pointer(domain, PADDR((uint64_t)number << PAGE_SHIFT));
	uint64_t bits = 0;

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		bits |= words[i];
	return bits == 0;
}

/* Frames at hand: unused, in one place only, and zero where they are said to be. */
static int audit_shelf(const struct audit *audit, const struct frame_shelf *shelf, bool zeroed)
{
	struct phys_domain *domain = audit->domain;
	int error = 0;

	for (uint32_t place = 0, nr = shelf_nr(shelf); place < nr && error == 0; place++) {
		uint32_t number = shelf_read(shelf, place) - 1;
		uint32_t state;

		if (number == SLOT_NONE || frame_was_claimed(&domain->slots[number]))
			continue;
		state = slot_state(&domain->slots[number]);
		error = expect(audit, state == SLOT_UNUSED, "GAP-9", "a frame at hand is unused",
			       number, SLOT_UNUSED, state);
		if (error == 0)
			error = expect(audit, audit->scratch[number] == 0, "INV-A1",
				       "a free frame is in one place, and nothing refers to it",
				       number, 0, audit->scratch[number]);
		if (error == 0 && zeroed)
			error = expect(audit, frame_is_zero(domain, number), "P-7",
				       "a frame at hand for nodes is all 0", number, 0, 1);
		audit->scratch[number] = FREE_FRAME;
	}
	return error;
}

static int audit_shelves(const struct audit *audit)
{
	const struct frame_cache *caches = audit->domain->allocator.caches;
	int error = 0;

	for (unsigned i = 0; i < FRAME_CACHES && error == 0; i++) {
		error = audit_shelf(audit, &caches[i].plain, false);
		if (error == 0)
			error = audit_shelf(audit, &caches[i].zeroed, true);
	}
	return error;
}

static int audit_shared(const struct audit *audit, uint64_t number, uint32_t found, uint32_t held)
{
	const struct slot *slot = &audit->domain->slots[number];
	bool reserved = slot_kind(slot) == FRAME_RESERVED;
	int error;

	error = expect(
		audit,
		slot_kind(slot) != FRAME_NONE && slot_kind(slot) != FRAME_FREE && slot->list == 0,
		"INV-M3", "a shared frame has a kind and is on no list", number, 0, slot->list);
	if (error == 0)
		error = expect(
			audit,
			slot_count(slot) == found + held || (reserved && slot_count(slot) > found),
			"INV-A3",
			"references are handles, segments, leaves, parents, queues and roots",
			number, found + held, slot_count(slot));
	return error;
}

static int audit_slot(const struct audit *audit, uint64_t number)
{
	const struct slot *slot = &audit->domain->slots[number];
	uint32_t state = slot_state(slot);
	uint32_t found = audit->scratch[number];
	uint32_t held = audit->held ? audit->held(audit->context, PADDR(number << PAGE_SHIFT)) : 0;

	audit->report->frames++;
	if (found == FREE_FRAME && held == 0)
		return 0;
	if (slot_state_is_shared(state))
		return audit_shared(audit, number, found, held);
	if (state == SLOT_UNUSED || found == FREE_FRAME)
		return expect(
			audit,
			found == 0 && held == 0 && slot_kind(slot) == FRAME_NONE && slot->list == 0,
			"INV-A1", "an unused frame has no kind, no list, and nothing refers to it",
			number, 0, found + held);
	if (state == SLOT_UNIQUE)
		return expect(
			audit,
			found == 0 && slot_kind(slot) != FRAME_NONE &&
				slot_kind(slot) != FRAME_FREE,
			"INV-M2",
			"a unique frame has a kind, no leaf, and is on its list if it is free",
			number, 0, found);
	if (state == SLOT_BUSY)
		return expect(audit, false, "INV-M5", "at rest no frame is under construction",
			      number, 0, state);
	return expect(audit, false, "INV-M4", "no count lies in the forbidden band", number, 0,
		      state);
}

int mm_audit(struct phys_domain *domain, uint32_t *scratch, audit_held_t held, void *context,
	     struct audit_report *report)
{
	const struct audit audit = { domain, scratch, held, context, report };
	uint64_t corrupt = atomic_load_explicit(&domain->nr_corrupt, memory_order_relaxed);
	int error;

	*report = (struct audit_report){ .frames = 0 };
	for (uint64_t number = 0; number < domain->nr_frames; number++)
		scratch[number] = 0;
	error = audit_tables(&audit);
	if (error == 0)
		error = audit_deferred(&audit);
	if (error == 0)
		error = audit_queues(&audit);
	if (error == 0)
		error = audit_free_lists(&audit);
	if (error == 0)
		error = audit_shelves(&audit);
	for (uint64_t number = 0; number < domain->nr_frames && error == 0; number++)
		error = audit_slot(&audit, number);
	if (error == 0)
		error = expect(&audit, corrupt == 0, "INV-R4",
			       "no table claimed a reference that its frame did not have", 0, 0,
			       corrupt);
	return error;
}
