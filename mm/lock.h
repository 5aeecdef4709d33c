/* SPDX-License-Identifier: MIT */
/*
 * A lock for one owner or many readers, which is fair (P-6).
 *
 * Two words. The first says who has it:
 *
 *   0                   nobody
 *   1 .. 2^31 - 1       the port_thread() of its one owner
 *   2^32 - n            n readers
 *
 * The second is the queue, 0 as long as nobody waits: the ticket that is served, the next ticket to
 * be given out, how many have gone before the first of the queue since that one became first, and
 * who may be asleep.
 *
 *   bits 0-10 served   11-21 next   22-29 passed   30 the first sleeps   31 others sleep
 *
 * Taking a lock that is free and that nobody waits for is one compare-and-swap; giving it back is
 * one store (one atomic addition for a reader) and a look at the queue. Who cannot have it takes a
 * ticket. Only the first of the queue tries to take the lock; readers who are first let the next
 * one be first as soon as they have it, so that neighbours in the queue share the lock.
 *
 * Fairness   Between the moment at which a thread takes its ticket and that at which it has the
 *            lock, only these get it: the holders of earlier tickets, once each; LOCK_PASSES others
 *            for each of those and for the thread itself; and who looked at the queue before
 *            anybody was in it, once each. So nobody starves, whatever others do. Letting a few
 *            pass keeps the lock in use while the first of the queue, who may be asleep, comes.
 *
 * Who gives a lock back looks at its second word after that. So what a lock lies in must not be
 * freed, nor used for something else, by somebody who knows from the lock alone that all others are
 * done. A node's comes back after a grace period, and is given back in a read section.
 */
#ifndef MM_LOCK_H
#define MM_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "mm/errno.h"
#include "mm/port.h"

/* All zero is a lock that is free. */
typedef struct {
	_Atomic uint32_t holders;
	_Atomic uint32_t queue;
} lock_t;

#define LOCK_FREE UINT32_C(0)
#define LOCK_OWNER_MAX UINT32_C(0x7fffffff) /* what is above is readers */
#define LOCK_READERS_MAX UINT32_C(0x7fffffff)
#define LOCK_QUEUE_EMPTY UINT32_C(0)
#define LOCK_PASSES 100u /* who may go before the first of the queue; below 2^8 */

enum lock_mode { LOCK_EXCLUSIVE, LOCK_SHARED };

/* Its one owner; 0 if it is free, or shared. */
static inline uint32_t lock_owner(const lock_t *lock)
{
	uint32_t holders = atomic_load_explicit(&lock->holders, memory_order_relaxed);

	return holders <= LOCK_OWNER_MAX ? holders : 0;
}

/* How many readers have it. */
static inline uint32_t lock_readers(const lock_t *lock)
{
	uint32_t holders = atomic_load_explicit(&lock->holders, memory_order_relaxed);

	return holders <= LOCK_OWNER_MAX ? 0 : -holders;
}

/* Has nobody got it? A snapshot, as the two above. */
static inline bool lock_is_free(const lock_t *lock)
{
	return atomic_load_explicit(&lock->holders, memory_order_relaxed) == LOCK_FREE;
}

/* Does anybody wait for it? */
static inline bool lock_has_queue(const lock_t *lock)
{
	return atomic_load_explicit(&lock->queue, memory_order_relaxed) != LOCK_QUEUE_EMPTY;
}

/* Makes it free: nobody else can reach it yet. */
static inline void lock_init(lock_t *lock)
{
	atomic_store_explicit(&lock->holders, LOCK_FREE, memory_order_relaxed);
	atomic_store_explicit(&lock->queue, LOCK_QUEUE_EMPTY, memory_order_relaxed);
}

/* Takes the lock if it is free and nobody waits for it. */
static inline bool lock_try(lock_t *lock, uint32_t thread)
{
	uint32_t free = LOCK_FREE;

	return !lock_has_queue(lock) &&
	       atomic_compare_exchange_strong_explicit(&lock->holders, &free, thread,
						       memory_order_acquire, memory_order_relaxed);
}

/* Becomes one of the readers if nobody owns it or waits for it, and there is room for one more. */
static inline bool lock_try_shared(lock_t *lock)
{
	uint32_t holders = atomic_load_explicit(&lock->holders, memory_order_relaxed);

	do
		if (lock_has_queue(lock) || holders - 1 < -LOCK_READERS_MAX)
			return false;
	while (!atomic_compare_exchange_weak_explicit(&lock->holders, &holders, holders - 1,
						      memory_order_acquire, memory_order_relaxed));
	return true;
}

/*
 * Waits for the lock and takes it: 0; -EDEADLK if `thread` owns it already, for waiting would never
 * end (BUG-10); -EOVERFLOW if there are LOCK_READERS_MAX readers. Nothing has changed on error.
 * Readers are not known by name: who is one already must not come here.
 */
int lock_wait(lock_t *lock, uint32_t thread, enum lock_mode mode);

static inline int lock_acquire(lock_t *lock, uint32_t thread)
{
	return lock_try(lock, thread) ? 0 : lock_wait(lock, thread, LOCK_EXCLUSIVE);
}

static inline int lock_acquire_shared(lock_t *lock, uint32_t thread)
{
	return lock_try_shared(lock) ? 0 : lock_wait(lock, thread, LOCK_SHARED);
}

/*
 * Once more for a reader who knows to be one: before everybody who waits, for those wait for this
 * reader. -EOVERFLOW.
 */
int lock_share_again(lock_t *lock);

/* Wakes the first of the queue, if it is asleep. */
void lock_wake(lock_t *lock);

/* Gives the lock back. Only its owner may. */
static inline void lock_release(lock_t *lock)
{
	atomic_store_explicit(&lock->holders, LOCK_FREE, memory_order_release);
	/* There is no fence before this look: see port_wait(). */
	if (lock_has_queue(lock))
		lock_wake(lock);
}

/* One reader less. */
static inline void lock_release_shared(lock_t *lock)
{
	uint32_t before = atomic_fetch_add_explicit(&lock->holders, 1, memory_order_release);

	if (before == UINT32_MAX && lock_has_queue(lock))
		lock_wake(lock);
}

#endif
