/* SPDX-License-Identifier: MIT */
/*
 * A lock in one word, which names its owner: 0 is free, anything else is the port_thread() that
 * holds it.
 */
#ifndef MM_LOCK_H
#define MM_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "mm/errno.h"
#include "mm/port.h"

typedef struct {
	_Atomic uint32_t owner;
} lock_t;

static inline uint32_t lock_owner(const lock_t *lock)
{
	return atomic_load_explicit(&lock->owner, memory_order_relaxed);
}

static inline bool lock_try(lock_t *lock, uint32_t thread)
{
	uint32_t free = 0;

	return atomic_compare_exchange_strong_explicit(&lock->owner, &free, thread,
						       memory_order_acquire, memory_order_relaxed);
}

/*
 * Waits for the lock and takes it (P-6). 0, or -EDEADLK if `thread` holds it already: then waiting
 * would never end, and nothing was changed (BUG-10).
 */
static inline int lock_acquire(lock_t *lock, uint32_t thread)
{
	for (unsigned round = 0; !lock_try(lock, thread); round++) {
		if (lock_owner(lock) == thread)
			return -EDEADLK;
		port_wait(round);
	}
	return 0;
}

/* Gives the lock back. Only its owner may. */
static inline void lock_release(lock_t *lock)
{
	atomic_store_explicit(&lock->owner, 0, memory_order_release);
}

#endif
