/* SPDX-License-Identifier: MIT */
/* mm/lock.h for proofs of steps: a harness that opens is told which locks are had, and when. */
#ifndef PROOF_LOCK_H
#define PROOF_LOCK_H

#include_next <mm/lock.h>

#ifdef OPENS

/* The thread has the lock now. */
void lock_is_taken(const lock_t *lock);

/* It is about to give the lock back. */
void lock_is_given(const lock_t *lock);

static inline bool noted_try(lock_t *lock, uint32_t thread)
{
	bool taken = lock_try(lock, thread);

	if (taken)
		lock_is_taken(lock);
	return taken;
}

static inline bool noted_try_shared(lock_t *lock)
{
	bool taken = lock_try_shared(lock);

	if (taken)
		lock_is_taken(lock);
	return taken;
}

static inline void noted_release(lock_t *lock)
{
	lock_is_given(lock);
	lock_release(lock);
}

static inline void noted_release_shared(lock_t *lock)
{
	lock_is_given(lock);
	lock_release_shared(lock);
}

#define lock_try(lock, thread) noted_try(lock, thread)
#define lock_try_shared(lock) noted_try_shared(lock)
#define lock_release(lock) noted_release(lock)
#define lock_release_shared(lock) noted_release_shared(lock)

#endif
#endif
