/* SPDX-License-Identifier: MIT */
/*
 * Observers, epochs, and what waits for them (T-3, T-5, T-6, GAP-10).
 *
 * An observer is somebody who may keep translations of a table: a vCPU, a KVM mapping, a thread
 * that reads by addresses which it looked up. What leaves the table waits here, references and all,
 * with the number of the epoch that its leaving began. An observer reads the epoch, forgets all its
 * translations, and then says that it has passed that epoch. What every observer has passed may go.
 *
 *   who removes                         who observes
 *     stores to entries                   epoch = observer_epoch()
 *     flush_queue_add(): epoch + 1        forgets its translations
 *     flush_queue_collect()               observer_pass(epoch)
 *
 * Why that is enough. An observer that reads the new epoch sees the stores that came before it
 * (release, acquire): what it looks up later is not what was removed. One that reads the old epoch
 * passes the old one only, and is waited for. One that joins does it by the queue's lock, which the
 * remover takes after its stores, too: it joins before, and is waited for, or after, and sees the
 * stores. Its joining and the remover's look at who is there are read-modify-writes of one word, as
 * T-3 asks; two plain accesses could miss each other.
 *
 * An observer that keeps no translations for a while, a vCPU that is not running, may stay and be
 * waited for (T-6: too many flushes are allowed, too few are not), pass at any time, or leave.
 */
#ifndef MM_FLUSH_QUEUE_H
#define MM_FLUSH_QUEUE_H

#include "mm/cursor_retire.h"

struct flush_queue;

/* The observer's memory is its owner's, and stays in place while it observes. */
struct observer {
	struct flush_queue *queue; /* NULL: observes nothing */
	struct observer *next;	   /* of the queue's, under its lock */
	_Atomic uint32_t passed;
};

/*
 * Epochs wrap. Their differences do not as long as nobody falls behind by EPOCH_LAG_MAX, which
 * flush_queue_is_full() prevents.
 */
#define EPOCH_LAG_MAX (UINT32_C(1) << 30)

struct flush_queue {
	struct phys_domain *domain;
	struct flush_queue *next; /* of the domain's, under its lock: for the audit */
	lock_t lock;		  /* of what follows; `epoch` changes under it only */
	_Atomic uint32_t epoch;	  /* the latest */
	struct observer *observers;
	uint32_t first; /* nodes that wait, oldest first, by slot.next; slot.epoch is since when */
	uint32_t last;
	_Atomic uint32_t nr_waiting;
};

static inline uint32_t slot_epoch(const struct slot *slot)
{
	return atomic_load_explicit(&slot->epoch, memory_order_relaxed);
}

/* An empty queue that the domain knows: it must not move in memory. */
void flush_queue_open(struct flush_queue *queue, struct phys_domain *domain);

/*
 * Drops what waits, after a grace period, and lets go of observers that are left: nobody may be
 * using translations of the table any more.
 */
void flush_queue_close(struct flush_queue *queue);

/*
 * The observer must observe nothing yet, and may look things up from now on. It is not waited for
 * by what was removed before.
 */
void observer_join(struct observer *observer, struct flush_queue *queue);

/* The observer has forgotten its translations and looks nothing up any more. */
void observer_leave(struct observer *observer);

/* The epoch to pass, read before translations are forgotten. */
static inline uint32_t observer_epoch(const struct observer *observer)
{
	/* Acquire: stores to entries that came before the epoch are seen from now on. */
	return atomic_load_explicit(&observer->queue->epoch, memory_order_acquire);
}

/*
 * The observer has no translation any more that it had when it read `epoch`, and has ended all
 * accesses by them. The observer's own thread only: epochs must not go back.
 */
static inline void observer_pass(struct observer *observer, uint32_t epoch)
{
	/* Release: the accesses come before whatever is done with the frames next. */
	atomic_store_explicit(&observer->passed, epoch, memory_order_release);
}

/*
 * Begins an epoch, with which *retired waits; that may be empty when nothing was removed that owns
 * anything. After the stores to the entries, and before the cursor that made them is closed.
 */
void flush_queue_add(struct flush_queue *queue, const struct retired *retired);

/* The same when rights were taken away and nothing waits. */
static inline void flush_queue_begin_epoch(struct flush_queue *queue)
{
	flush_queue_add(queue, &(struct retired){ SLOT_NONE, SLOT_NONE, 0 });
}

/*
 * Gives up what every observer has passed: its nodes go to node_defer(), for threads may be walking
 * them still. Returns how many nodes wait on. Frees deferred nodes when too many wait, unless the
 * caller is in a read section.
 */
uint32_t flush_queue_collect(struct flush_queue *queue);

/* Has every observer passed all that has happened so far? */
bool flush_queue_is_quiet(struct flush_queue *queue);

/* Is an observer so far behind that no epoch may begin, or do `max` nodes wait, after a collect? */
bool flush_queue_is_full(struct flush_queue *queue, uint32_t max);

#endif
