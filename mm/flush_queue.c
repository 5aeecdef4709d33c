/* SPDX-License-Identifier: MIT */
/*
 * The queue of what has left a table and waits for its observers.
 */
#include "mm/flush_queue.h"

static void lock(struct flush_queue *queue)
{
	lock_acquire(&queue->lock, port_thread());
}

static uint32_t latest(const struct flush_queue *queue)
{
	return atomic_load_explicit(&queue->epoch, memory_order_relaxed);
}

void flush_queue_open(struct flush_queue *queue, struct phys_domain *domain)
{
	*queue = (struct flush_queue){
		.domain = domain,
		.first = SLOT_NONE,
		.last = SLOT_NONE,
	};
	lock_acquire(&domain->lock, port_thread());
	queue->next = domain->queues;
	domain->queues = queue;
	lock_release(&domain->lock);
}

/* Takes the nodes off whose epoch lies `lag` or more back; under the lock. The first of them. */
static uint32_t take(struct flush_queue *queue, uint32_t lag)
{
	struct slot *slots = queue->domain->slots;
	uint32_t first = queue->first;
	struct slot *last = NULL;

	while (queue->first != SLOT_NONE &&
	       latest(queue) - slot_epoch(&slots[queue->first]) >= lag) {
		last = &slots[queue->first];
		queue->first = last->next;
		atomic_fetch_sub_explicit(&queue->nr_waiting, 1, memory_order_relaxed);
	}
	if (!last)
		return SLOT_NONE;
	last->next = SLOT_NONE;
	return first;
}

static void defer_all(struct phys_domain *domain, uint32_t number)
{
	while (number != SLOT_NONE) {
		struct slot *slot = &domain->slots[number];

		number = slot->next;
		node_defer(domain, node_at(domain, domain_slot_paddr(domain, slot)));
	}
}

void flush_queue_close(struct flush_queue *queue)
{
	struct phys_domain *domain = queue->domain;
	struct flush_queue **link = &domain->queues;

	for (struct observer *observer = queue->observers; observer; observer = observer->next)
		observer->queue = NULL;
	queue->observers = NULL;
	lock_acquire(&domain->lock, port_thread());
	while (*link != queue)
		link = &(*link)->next;
	*link = queue->next;
	lock_release(&domain->lock);
	defer_all(domain, take(queue, 0));
}

void observer_join(struct observer *observer, struct flush_queue *queue)
{
	observer->queue = queue;
	lock(queue);
	atomic_store_explicit(&observer->passed, latest(queue), memory_order_relaxed);
	observer->next = queue->observers;
	queue->observers = observer;
	lock_release(&queue->lock);
}

void observer_leave(struct observer *observer)
{
	struct flush_queue *queue = observer->queue;
	struct observer **link = &queue->observers;

	lock(queue);
	while (*link != observer)
		link = &(*link)->next;
	*link = observer->next;
	lock_release(&queue->lock);
	observer->queue = NULL;
}

void flush_queue_add(struct flush_queue *queue, const struct retired *retired)
{
	struct slot *slots = queue->domain->slots;
	uint32_t epoch;

	lock(queue);
	epoch = latest(queue) + 1;
	/*
	 * Release: a walker may take it for the number of a parent that is not the one it looks
	 * for, and must then see that the entry has changed, see node_confirm().
	 */
	for (uint32_t number = retired->first; number != SLOT_NONE; number = slots[number].next)
		atomic_store_explicit(&slots[number].epoch, epoch, memory_order_release);
	if (retired->first != SLOT_NONE) {
		if (queue->first == SLOT_NONE)
			queue->first = retired->first;
		else
			slots[queue->last].next = retired->first;
		queue->last = retired->last;
	}
	atomic_fetch_add_explicit(&queue->nr_waiting, retired->nr_nodes, memory_order_relaxed);
	/* Release: who reads this epoch sees the entries as they are now (T-3). */
	atomic_store_explicit(&queue->epoch, epoch, memory_order_release);
	lock_release(&queue->lock);
}

/* How many epochs the last observer has yet to pass; under the lock. */
static uint32_t greatest_lag(const struct flush_queue *queue)
{
	uint32_t greatest = 0;

	for (const struct observer *observer = queue->observers; observer;
	     observer = observer->next) {
		/* Acquire: its accesses are over. */
		uint32_t lag = latest(queue) -
			       atomic_load_explicit(&observer->passed, memory_order_acquire);

		if (lag > greatest)
			greatest = lag;
	}
	return greatest;
}

uint32_t flush_queue_collect(struct flush_queue *queue)
{
	struct phys_domain *domain = queue->domain;
	uint32_t passed;

	lock(queue);
	passed = take(queue, greatest_lag(queue));
	lock_release(&queue->lock);
	defer_all(domain, passed);
	domain_limit_deferred(domain);
	return atomic_load_explicit(&queue->nr_waiting, memory_order_relaxed);
}

static uint32_t lag_now(struct flush_queue *queue)
{
	uint32_t lag;

	lock(queue);
	lag = greatest_lag(queue);
	lock_release(&queue->lock);
	return lag;
}

bool flush_queue_is_quiet(struct flush_queue *queue)
{
	return lag_now(queue) == 0;
}

bool flush_queue_is_full(struct flush_queue *queue, uint32_t max)
{
	if (atomic_load_explicit(&queue->nr_waiting, memory_order_relaxed) >= max &&
	    flush_queue_collect(queue) >= max)
		return true;
	return lag_now(queue) >= EPOCH_LAG_MAX;
}
