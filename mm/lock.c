/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a lock: the queue. What orders the accesses that a lock protects is its first word;
 * the queue only decides whose turn it is, and so needs no order.
 */
#include "mm/lock.h"

#define TICKET_BITS 12
#define TICKET_MASK ((UINT32_C(1) << TICKET_BITS) - 1)
#define NEXT_SHIFT TICKET_BITS
#define PASSED_SHIFT (2 * TICKET_BITS)
#define PASSED_MASK UINT32_C(0x7f)
#define SLEEPERS (UINT32_C(1) << 31)

_Static_assert(LOCK_PASSES <= PASSED_MASK, "they are counted in the queue's word");

static uint32_t queue_read(const lock_t *lock)
{
	return atomic_load_explicit(&lock->queue, memory_order_relaxed);
}

/* *queue is then what is there. */
static bool queue_change(lock_t *lock, uint32_t *queue, uint32_t new)
{
	return atomic_compare_exchange_weak_explicit(&lock->queue, queue, new, memory_order_relaxed,
						     memory_order_relaxed);
}

static uint32_t queue_served(uint32_t queue)
{
	return queue & TICKET_MASK;
}

static uint32_t queue_next(uint32_t queue)
{
	return queue >> NEXT_SHIFT & TICKET_MASK;
}

static uint32_t queue_passed(uint32_t queue)
{
	return queue >> PASSED_SHIFT & PASSED_MASK;
}

static bool queue_has(uint32_t queue, uint32_t ticket)
{
	return queue_served(queue) == ticket;
}

static uint32_t holders_read(const lock_t *lock)
{
	return atomic_load_explicit(&lock->holders, memory_order_relaxed);
}

/* Can the lock be had beside those who have it now? */
static bool holders_admit(uint32_t holders, enum lock_mode mode)
{
	return holders == LOCK_FREE || (mode == LOCK_SHARED && holders > LOCK_OWNER_MAX);
}

/* Takes the lock, whoever waits. -EAGAIN not now, -EOVERFLOW. */
static int take(lock_t *lock, uint32_t thread, enum lock_mode mode)
{
	uint32_t holders = holders_read(lock);

	do {
		if (!holders_admit(holders, mode))
			return -EAGAIN;
		if (mode == LOCK_SHARED && -holders == LOCK_READERS_MAX)
			return -EOVERFLOW;
	} while (!atomic_compare_exchange_weak_explicit(
		&lock->holders, &holders, mode == LOCK_SHARED ? holders - 1 : thread,
		memory_order_acquire, memory_order_relaxed));
	return 0;
}

/* May the caller try to take the lock before those who wait? It has been counted then. */
static bool queue_pass(lock_t *lock)
{
	uint32_t queue = queue_read(lock);

	do {
		if (queue == LOCK_QUEUE_EMPTY)
			return true;
		if (queue_passed(queue) >= LOCK_PASSES)
			return false;
	} while (!queue_change(lock, &queue, queue + (UINT32_C(1) << PASSED_SHIFT)));
	return true;
}

/*
 * One round of waiting for a change of *word, which is `value`: spins at first, and then sleeps
 * until it is woken as the holder of `ticket`.
 */
static void wait_round(lock_t *lock, const _Atomic uint32_t *word, uint32_t value, uint32_t ticket,
		       unsigned round)
{
	uint32_t queue = queue_read(lock);

	if (port_spin(round))
		return;
	if (queue & SLEEPERS)
		port_wait(word, value, ticket);
	else
		/* Said first, and then looked again, or who changes the word would not know. */
		(void)queue_change(lock, &queue, queue | SLEEPERS);
}

/*
 * Takes a ticket. There are TICKET_MASK of them, for one more would look like an empty queue; who
 * comes when all are given out looks for a free one from time to time.
 */
static uint32_t queue_enter(lock_t *lock)
{
	uint32_t queue = queue_read(lock);
	unsigned round = 0;

	for (;;) {
		uint32_t ticket = queue_next(queue);
		uint32_t next = (ticket + 1) & TICKET_MASK;

		if (next == queue_served(queue)) {
			if (!port_spin(round++))
				port_wait(&lock->queue, queue, ticket);
			queue = queue_read(lock);
		} else if (queue_change(lock, &queue,
					(queue & ~(TICKET_MASK << NEXT_SHIFT)) |
						next << NEXT_SHIFT)) {
			return ticket;
		}
	}
}

/* Until the ticket is served. */
static void queue_wait(lock_t *lock, uint32_t ticket)
{
	uint32_t queue = queue_read(lock);

	for (unsigned round = 0; !queue_has(queue, ticket); round++) {
		wait_round(lock, &lock->queue, queue, ticket, round);
		queue = queue_read(lock);
	}
}

/* The first of the queue leaves it, and the next is first; it has not been passed yet. */
static void queue_leave(lock_t *lock)
{
	uint32_t queue = queue_read(lock);
	uint32_t served, new;

	do {
		served = (queue_served(queue) + 1) & TICKET_MASK;
		new = (queue & (SLEEPERS | TICKET_MASK << NEXT_SHIFT)) | served;
		if (served == queue_next(queue))
			new = LOCK_QUEUE_EMPTY;
	} while (!queue_change(lock, &queue, new));
	if (new &SLEEPERS)
		port_wake(&lock->queue, served);
}

/* Takes the lock as the first of the queue. */
static int take_first(lock_t *lock, uint32_t thread, enum lock_mode mode, uint32_t ticket)
{
	int error;

	for (unsigned round = 0;; round++) {
		uint32_t holders = holders_read(lock);

		error = take(lock, thread, mode);
		if (error != -EAGAIN)
			return error;
		wait_round(lock, &lock->holders, holders, ticket, round);
	}
}

int lock_wait(lock_t *lock, uint32_t thread, enum lock_mode mode)
{
	uint32_t ticket;
	int error = -EAGAIN;

	if (lock_owner(lock) == thread)
		return -EDEADLK;
	if (holders_admit(holders_read(lock), mode) && queue_pass(lock))
		error = take(lock, thread, mode);
	if (error != -EAGAIN)
		return error;
	ticket = queue_enter(lock);
	queue_wait(lock, ticket);
	error = take_first(lock, thread, mode, ticket);
	queue_leave(lock);
	return error;
}

int lock_share_again(lock_t *lock)
{
	return take(lock, 0, LOCK_SHARED);
}

void lock_wake(lock_t *lock)
{
	uint32_t queue = queue_read(lock);

	if (queue & SLEEPERS)
		port_wake(&lock->holders, queue_served(queue));
}
