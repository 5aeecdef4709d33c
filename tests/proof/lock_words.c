/* SPDX-License-Identifier: MIT */
/*
 * Shows: a lock has one owner or counted readers, whatever other threads do between any two
 *   accesses; who takes it saw that nobody waits, was counted as one who passes, or is first in
 *   the queue; who gives it back, or leaves the queue, wakes who may be asleep; nobody goes to
 *   sleep who has not said so, and looked once more, before
 * Rules: P-6 L-0 L-4 BUG-10
 * Layer: slots
 * Assumes: a weak exchange fails at most twice in a row, and a wait has two rounds: what one more
 *   leaves, those can leave, too
 * Assumes: port_thread() is what mm/port.h says: never 0, below 2^31, nobody else's
 * Sources: mm/lock.c
 * Hooks: interference
 * Geometry: one lock, any words, any number of threads
 * Cases: OPERATION try try_shared acquire acquire_shared own_again share_again release
 *   release_shared wake
 * Unwind: 6
 * Covers: take queue_pass wait_round queue_enter queue_wait queue_without_first queue_leave
 *   take_first lock_wait lock_share_again lock_wake lock_try lock_try_shared lock_acquire
 *   lock_acquire_shared lock_release lock_release_shared lock_owner
 * Except: after_holders wraps readers are counted down from 2^32
 * Except: take wraps readers are counted down from 2^32
 * Except: lock_try_shared wraps readers are counted down from 2^32
 * Except: lock_release_shared wraps readers are counted down from 2^32
 * Unreached: queue_enter }
 * Unreached: take_first }
 * Limit: 300
 */
#include "mm/lock.h"
#include "tests/proof/proof.h"

#define TICKETS 2048u
#define SERVED(queue) ((queue) % TICKETS)
#define NEXT(queue) ((queue) >> 11 & 2047)
#define PASSED(queue) ((queue) >> 22 & 255)
#define FIRST_SLEEPS (UINT32_C(1) << 30)
#define OTHERS_SLEEP (UINT32_C(1) << 31)
#define WAITING(queue) ((NEXT(queue) + TICKETS - SERVED(queue)) % TICKETS)

#define FAILURES_MAX 2
#define ROUNDS_MAX 2

/* What a party has of the lock: the thread under proof, or all others together. */
struct hold {
	uint32_t owner; /* 0: not as owner */
	uint32_t readers;
};

static lock_t lock;
static struct hold mine, others;
static uint32_t thread;
static bool has_ticket;
static uint32_t ticket;
static unsigned failures, rounds, steps;

static uint32_t seen;		     /* the queue, by our last access to it */
static bool saw_nobody, was_counted; /* why we may take the lock */
static bool looked;		     /* at the holders, since we saw the queue */
static bool must_look, must_wake;    /* what we owe who waits */
static uint32_t whom;

static bool holds_are_valid(struct hold one, struct hold other)
{
	if (one.owner || other.owner)
		return (!one.owner || !other.owner) && one.readers == 0 && other.readers == 0;
	return one.readers <= LOCK_READERS_MAX && other.readers <= LOCK_READERS_MAX - one.readers;
}

static uint32_t holders_word(void)
{
	uint32_t readers = mine.readers + others.readers;

	return mine.owner | others.owner | (readers ? UINT32_MAX - readers + 1 : 0);
}

static void others_hold(void)
{
	struct hold next;

	assume(next.owner != thread && next.owner <= LOCK_OWNER_MAX);
	assume(holds_are_valid(mine, next));
	others = next;
	lock.holders = holders_word();
}

/* Is `number` among the tickets that wait? */
static bool queue_has(uint32_t queue, uint32_t number)
{
	return (number + TICKETS - SERVED(queue)) % TICKETS < WAITING(queue);
}

static bool queue_is_valid(uint32_t queue)
{
	if (queue == LOCK_QUEUE_EMPTY)
		return true;
	return WAITING(queue) > 0 && PASSED(queue) <= LOCK_PASSES &&
	       implies(queue & OTHERS_SLEEP, WAITING(queue) > 1);
}

/*
 * What a thread with the ticket `number` relies on, when others make `new` of `old`. That it may
 * is proved of each of our own steps, for every ticket that another may have.
 */
static bool queue_may_become(uint32_t old, uint32_t new, uint32_t number)
{
	bool first = SERVED(old) == number, is_first = SERVED(new) == number;

	if (!queue_is_valid(new) || !queue_has(new, number) || (first && !is_first))
		return false;
	/* Who is first stays first, alone says that he sleeps, and only so many pass him. */
	if (first)
		return implies(new &FIRST_SLEEPS, old & FIRST_SLEEPS) &&
		       implies(old & OTHERS_SLEEP, new &OTHERS_SLEEP) && PASSED(new) >= PASSED(old);
	if (is_first)
		return !(new &FIRST_SLEEPS);
	return (number + TICKETS - SERVED(new)) % TICKETS <=
		       (number + TICKETS - SERVED(old)) % TICKETS &&
	       implies(old & OTHERS_SLEEP, new &OTHERS_SLEEP);
}

static void others_queue(void)
{
	uint32_t next = nondet_u32();

	assume(has_ticket ? queue_may_become(lock.queue, next, ticket) : queue_is_valid(next));
	lock.queue = next;
}

void proof_before(const volatile void *object)
{
	if (object == &lock.holders)
		others_hold();
	if (object == &lock.queue)
		others_queue();
}

static void queue_seen(uint32_t queue)
{
	seen = queue;
	looked = must_look = false;
	saw_nobody = queue == LOCK_QUEUE_EMPTY;
}

void proof_loaded(const volatile void *object, uint64_t value, int order)
{
	(void)order;
	if (object == &lock.holders)
		looked = true;
	if (object == &lock.queue)
		queue_seen((uint32_t)value);
}

bool proof_weak_fails(void)
{
	return any_bool();
}

bool proof_weak_failed(void)
{
	assume(failures < FAILURES_MAX);
	failures++;
	return false;
}

static bool at_least(int order, int wanted)
{
	return order == wanted || order == memory_order_acq_rel || order == memory_order_seq_cst;
}

static bool is_entitled(void)
{
	return saw_nobody || was_counted || mine.readers > 0 ||
	       (has_ticket && SERVED(lock.queue) == ticket);
}

/* What we have of the lock after our step from `old` to `new`. */
static struct hold after_holders(uint32_t old, uint32_t new, int order)
{
	if (mine.owner || (mine.readers && new == old + 1)) {
		prove(new == (mine.owner ? LOCK_FREE : old + 1));
		prove(at_least(order, memory_order_release));
		must_look = new == LOCK_FREE;
		return (struct hold){ 0, mine.readers ? mine.readers - 1 : 0 };
	}
	prove(is_entitled() && at_least(order, memory_order_acquire));
	if (old == LOCK_FREE && new == thread)
		return (struct hold){ thread, 0 };
	prove(new == old - 1);
	return (struct hold){ 0, mine.readers + 1 };
}

/* Our step of the queue is one of five. */
static void queue_stepped(uint32_t old, uint32_t new)
{
	bool is_first = has_ticket && SERVED(old) == ticket;

	if (new == (old | FIRST_SLEEPS) && old != new) {
		prove(is_first);
	} else if (new == (old | OTHERS_SLEEP) && old != new) {
		prove(has_ticket && !is_first);
	} else if (new == (old & ~FIRST_SLEEPS) && old != new) {
		must_wake = true;
		whom = SERVED(old);
	} else if (new == old + (UINT32_C(1) << 22)) {
		prove(old != LOCK_QUEUE_EMPTY && PASSED(old) < LOCK_PASSES && !has_ticket);
		was_counted = true;
	} else if (!has_ticket) {
		prove(WAITING(new) == WAITING(old) + 1 && SERVED(new) == SERVED(old));
		prove((new ^ old) >> 22 == 0);
		has_ticket = true;
		ticket = NEXT(old);
	} else {
		prove(is_first && WAITING(new) == WAITING(old) - 1);
		prove(new == LOCK_QUEUE_EMPTY || NEXT(new) == NEXT(old));
		must_wake = (old & OTHERS_SLEEP) != 0;
		whom = SERVED(new);
		has_ticket = false;
	}
}

void proof_step(const volatile void *object, uint64_t old, uint64_t new, int order)
{
	uint32_t another = nondet_u32() % TICKETS;

	steps++;
	failures = 0;
	if (object == &lock.holders) {
		mine = after_holders((uint32_t)old, (uint32_t) new, order);
		prove(holds_are_valid(mine, others));
		prove(new == holders_word());
		return;
	}
	bool waits = queue_has((uint32_t)old, another) && !(has_ticket && another == ticket);

	queue_stepped((uint32_t)old, (uint32_t) new);
	prove(queue_is_valid((uint32_t) new));
	prove(implies(waits, queue_may_become((uint32_t)old, (uint32_t) new, another)));
	queue_seen((uint32_t) new);
}

bool port_spin(unsigned round)
{
	(void)round;
	assume(rounds < ROUNDS_MAX);
	rounds++;
	return any_bool();
}

void port_wait(const _Atomic uint32_t *word, uint32_t value, uint32_t who)
{
	prove(word == &lock.queue && value == seen);
	if (!has_ticket) {
		prove(WAITING(value) == TICKETS - 1 && who == NEXT(value));
		return;
	}
	prove(who == ticket);
	if (SERVED(value) == ticket)
		prove((value & FIRST_SLEEPS) && looked);
	else
		prove(value & OTHERS_SLEEP);
}

void port_wake(const _Atomic uint32_t *word, uint32_t who)
{
	prove(word == &lock.queue && must_wake && who == whom);
	must_wake = false;
}

static void begin(struct hold hold)
{
	thread = nondet_u32();
	assume(thread != 0 && thread <= LOCK_OWNER_MAX);
	mine = hold;
	if (hold.owner)
		mine.owner = thread;
	others_hold();
	others_queue();
}

static const struct hold none = { 0, 0 }, owner = { 1, 0 };

static struct hold some_readers(void)
{
	struct hold hold = { 0, nondet_u32() };

	assume(hold.readers > 0 && hold.readers <= LOCK_READERS_MAX);
	return hold;
}

/* We have what we should, owe nobody a look or a wake, and wait no more. */
static void end(uint32_t owner_now, uint32_t readers)
{
	prove(mine.owner == owner_now && mine.readers == readers);
	prove(holds_are_valid(mine, others));
	prove(!must_look && !must_wake && !has_ticket);
}

static void try(void)
{
	begin(none);
	end(lock_try(&lock, thread) ? thread : 0, 0);
}

static void try_shared(void)
{
	begin(none);
	end(0, lock_try_shared(&lock));
}

static void acquire(void)
{
	begin(none);
	int error = lock_acquire(&lock, thread);

	prove(error == 0);
	end(thread, 0);
}

static void acquire_shared(void)
{
	begin(none);
	int error = lock_acquire_shared(&lock, thread);

	prove(error == 0 || error == -EOVERFLOW);
	end(0, error == 0);
}

/* By who owns it already. */
static void own_again(void)
{
	begin(owner);
	int error = any_bool() ? lock_acquire(&lock, thread) : lock_acquire_shared(&lock, thread);

	prove(error == -EDEADLK && steps == 0);
	end(thread, 0);
}

static void share_again(void)
{
	begin(some_readers());
	uint32_t readers = mine.readers;
	int error = lock_share_again(&lock);

	prove(error == 0 || error == -EOVERFLOW);
	end(0, readers + (error == 0));
}

static void release(void)
{
	begin(owner);
	lock_release(&lock);
	prove(!(seen & FIRST_SLEEPS));
	end(0, 0);
}

static void release_shared(void)
{
	begin(some_readers());
	uint32_t readers = mine.readers;

	lock_release_shared(&lock);
	end(0, readers - 1);
}

static void wake(void)
{
	begin(none);
	lock_wake(&lock);
	prove(!(seen & FIRST_SLEEPS));
	end(0, 0);
}

int main(void)
{
	OPERATION();
	return 0;
}
