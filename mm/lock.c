/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a lock: the queue. What orders the accesses that a lock protects is its first word;
 * the queue only decides whose turn it is, and so needs no order.
 */
#include "mm/lock.h"

#define TICKET_BITS 11
#define TICKET_MASK ((UINT32_C(1) << TICKET_BITS) - 1)
#define NEXT_SHIFT TICKET_BITS
#define PASSED_SHIFT (2 * TICKET_BITS)
#define PASSED_MASK UINT32_C(0xff)
#define FIRST_SLEEPS (UINT32_C(1) << 30)
#define OTHERS_SLEEP (UINT32_C(1) << 31)

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
 * One round of waiting for a change of the queue, which was `queue`, by the holder of `ticket`:
 * spins at first, and then sleeps until it is woken. That is said in the queue by `sleeps`, and
 * what is waited for is looked at once more, before it does so.
 */
static void wait_round(lock_t *lock, uint32_t queue, uint32_t sleeps, uint32_t ticket,
		       unsigned round)
{
	if (port_spin(round))
		return;
	if (queue & sleeps)
		port_wait(&lock->queue, queue, ticket);
	else
		(void)queue_change(lock, &queue, queue | sleeps);
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

	for (unsigned round = 0; queue_served(queue) != ticket; round++) {
		wait_round(lock, queue, OTHERS_SLEEP, ticket, round);
		queue = queue_read(lock);
	}
}

/* What the queue is when the first has left it: the next is first, and nobody has passed it. */
static uint32_t queue_without_first(uint32_t queue)
{
	uint32_t served = (queue_served(queue) + 1) & TICKET_MASK;
	uint32_t next = queue_next(queue);

	if (served == next)
		return LOCK_QUEUE_EMPTY;
	/* The only one left is woken now, if it sleeps. */
	if (((served + 1) & TICKET_MASK) == next)
		queue &= ~OTHERS_SLEEP;
	return served | next << NEXT_SHIFT | (queue & OTHERS_SLEEP);
}

static void queue_leave(lock_t *lock)
{
	uint32_t queue = queue_read(lock);
	uint32_t new;

	do
		new = queue_without_first(queue);
	while (!queue_change(lock, &queue, new));
	if (queue & OTHERS_SLEEP)
		port_wake(&lock->queue, queue_served(new));
}

/* Takes the lock as the first of the queue. */
static int take_first(lock_t *lock, uint32_t thread, enum lock_mode mode, uint32_t ticket)
{
	unsigned round = 0;

	for (;;) {
		uint32_t queue = queue_read(lock);
		int error = take(lock, thread, mode);

		if (error != -EAGAIN)
			return error;
		wait_round(lock, queue, FIRST_SLEEPS, ticket, round++);
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

	do
		if (!(queue & FIRST_SLEEPS))
			return;
	while (!queue_change(lock, &queue, queue & ~FIRST_SLEEPS));
	port_wake(&lock->queue, queue_served(queue));
}
