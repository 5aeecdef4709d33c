/* SPDX-License-Identifier: MIT */
/*
 * Shows: what has left a table is given up once, when each observer has passed the epoch that its
 *   leaving began, and not before; the rest waits on in its order; also where epochs wrap
 * Rules: T-3 T-5 T-6 GAP-10
 * Layer: laws
 * Assumes: no observer is EPOCH_LAG_MAX epochs or more behind, nor is what waits: what
 *   flush_queue_is_full() is asked for before an epoch begins
 * Assumes: one thread: who joins and who removes hold the queue's lock, see test_flush_queue
 * Sources: mm/flush_queue.c tests/proof/port.c
 * Hooks: nodes
 * Geometry: any epochs; up to 3 nodes that wait, 2 that are added, 2 observers
 * Cases: STEP collect add full join pass leave close
 * Unwind: 9
 * Covers: take defer_all flush_queue_open flush_queue_close observer_join observer_leave
 *   flush_queue_add greatest_lag flush_queue_collect lag_now flush_queue_is_quiet
 *   flush_queue_is_full
 * Except: take wraps epochs do
 * Except: greatest_lag wraps epochs do
 * Except: flush_queue_add wraps epochs do
 * Except: begin wraps epochs do
 * Except: add wraps epochs do
 * Except: full wraps epochs do
 * Limit: 120
 */
#include "mm/flush_queue.h"
#include "tests/proof/proof.h"

#define FRAMES 8u
#define WAITING_MAX 3u
#define ADDED 4u /* frames 4 and 5 */

static struct phys_domain domain;
static struct slot slots[FRAMES];
static struct flush_queue queue, another;
static struct observer observers[2];

/* Frames 0, 1 and 2 wait, as many as there are, each for so many epochs. */
static uint32_t waiting, age[WAITING_MAX], lag[2];
static unsigned nr_observers;
static uint32_t deferred[FRAMES], nr_deferred;

void *proof_frame(paddr_t paddr)
{
	static uint64_t memory[FRAMES];

	return &memory[paddr.value >> PAGE_SHIFT];
}

void hardware_step(const volatile void *object)
{
	(void)object;
}

void entry_stored(const volatile void *object, uint64_t old, uint64_t new, int order)
{
	(void)object;
	(void)old;
	(void)new;
	(void)order;
}

void node_defer(struct phys_domain *of, struct pt_node node)
{
	prove(of == &domain && nr_deferred < FRAMES);
	deferred[nr_deferred++] = domain_slot_number(of, node.slot);
}

void domain_reclaim(struct phys_domain *of)
{
	prove(of == &domain);
}

static void begin(void)
{
	uint32_t epoch = nondet_u32();

	any_of(slots);
	domain.slots = slots;
	domain.nr_frames = FRAMES;
	domain.queues = any_bool() ? &another : NULL;
	flush_queue_open(&queue, &domain);
	prove(domain.queues == &queue);
	queue.epoch = epoch;
	waiting = nondet_u32();
	nr_observers = nondet_unsigned();
	assume(waiting <= WAITING_MAX && nr_observers <= 2);
	queue.nr_waiting = waiting;
	queue.first = waiting ? 0 : SLOT_NONE;
	queue.last = waiting ? waiting - 1 : SLOT_NONE;
	for (uint32_t i = 0; i < WAITING_MAX; i++) {
		age[i] = nondet_u32();
		assume(age[i] < EPOCH_LAG_MAX && (i == 0 || age[i] <= age[i - 1]));
		slots[i].epoch = epoch - age[i];
		slots[i].next = i + 1 < waiting ? i + 1 : SLOT_NONE;
	}
	for (unsigned i = 0; i < 2; i++) {
		lag[i] = nondet_u32();
		assume(lag[i] < EPOCH_LAG_MAX);
		observers[i] = (struct observer){ .queue = i < nr_observers ? &queue : NULL };
		observers[i].passed = epoch - lag[i];
	}
	observers[0].next = nr_observers > 1 ? &observers[1] : NULL;
	queue.observers = nr_observers ? &observers[0] : NULL;
}

static bool all_passed(uint32_t epochs_ago)
{
	return (nr_observers < 1 || lag[0] <= epochs_ago) &&
	       (nr_observers < 2 || lag[1] <= epochs_ago);
}

/* Of what waited the first `gone` were given up, in order, and the rest waits. */
static uint32_t prove_given_up(void)
{
	uint32_t gone = 0, number;

	while (gone < waiting && all_passed(age[gone]))
		gone++;
	prove(nr_deferred == gone);
	for (uint32_t i = 0; i < gone; i++)
		prove(deferred[i] == i);
	prove(queue.nr_waiting == waiting - gone && lock_is_free(&queue.lock));
	number = queue.first;
	for (uint32_t i = gone; i < waiting; i++, number = slots[number].next)
		prove(number == i);
	prove(number == SLOT_NONE);
	return waiting - gone;
}

static void collect(void)
{
	begin();
	uint32_t left = flush_queue_collect(&queue);

	prove(left == prove_given_up());
	prove(flush_queue_is_quiet(&queue) == all_passed(0));
}

static void add(void)
{
	struct retired retired = { SLOT_NONE, SLOT_NONE, nondet_u32() };
	uint32_t epoch, number;

	begin();
	assume(retired.nr_nodes <= 2);
	if (retired.nr_nodes) {
		retired.first = ADDED;
		retired.last = ADDED + retired.nr_nodes - 1;
		slots[ADDED].next = retired.nr_nodes > 1 ? ADDED + 1 : SLOT_NONE;
		slots[ADDED + 1].next = SLOT_NONE;
	}
	epoch = queue.epoch;
	if (any_bool() && retired.nr_nodes == 0)
		flush_queue_begin_epoch(&queue);
	else
		flush_queue_add(&queue, &retired);
	prove(queue.epoch - epoch == 1 && lock_is_free(&queue.lock));
	prove(queue.nr_waiting == waiting + retired.nr_nodes && nr_deferred == 0);
	number = queue.first;
	for (uint32_t i = 0; i < waiting; i++, number = slots[number].next)
		prove(number == i && queue.epoch - slots[i].epoch == age[i] + 1);
	for (uint32_t i = 0; i < retired.nr_nodes; i++, number = slots[number].next)
		prove(number == ADDED + i && slots[number].epoch == queue.epoch);
	prove(number == SLOT_NONE);
	/* None but who has nothing to forget has passed it. */
	prove(flush_queue_is_quiet(&queue) == (nr_observers == 0));
}

static void full(void)
{
	uint32_t max = nondet_u32();

	begin();
	/* Further behind than any may be, is what this is to find. */
	if (nr_observers) {
		lag[0] = nondet_u32();
		observers[0].passed = queue.epoch - lag[0];
	}
	bool is_full = flush_queue_is_full(&queue, max);
	bool behind = (nr_observers > 0 && lag[0] >= EPOCH_LAG_MAX) ||
		      (nr_observers > 1 && lag[1] >= EPOCH_LAG_MAX);

	prove(is_full == (behind || queue.nr_waiting >= max));
	if (waiting >= max)
		prove_given_up();
	else
		prove(nr_deferred == 0);
}

static void join(void)
{
	struct observer new = { NULL, NULL, nondet_u32() };

	begin();
	observer_join(&new, &queue);
	prove(new.queue == &queue &&observer_epoch(&new) == queue.epoch);
	prove(queue.observers == &new &&lock_is_free(&queue.lock));
	prove(new.next == (nr_observers ? &observers[0] : NULL));
	/* Not waited for by what was removed before. */
	flush_queue_collect(&queue);
	prove_given_up();
}

/* It is not waited for any more, and what only it was waited for by, may go. */
static void prove_let_go(unsigned who)
{
	lag[who] = 0;
	flush_queue_collect(&queue);
	prove_given_up();
	assume(false);
}

static void pass(void)
{
	begin();
	for (unsigned i = 0; i < 2; i++)
		if (i < nr_observers && any_bool()) {
			observer_pass(&observers[i], observer_epoch(&observers[i]));
			prove_let_go(i);
		}
}

static void leave(void)
{
	begin();
	for (unsigned i = 0; i < 2; i++)
		if (i < nr_observers && any_bool()) {
			observer_leave(&observers[i]);
			prove(!observers[i].queue && lock_is_free(&queue.lock));
			prove_let_go(i);
		}
}

static void close(void)
{
	begin();
	another.next = NULL;
	if (any_bool()) {
		/* Not the latest that the domain knows. */
		another.next = domain.queues;
		domain.queues = &another;
		queue.next = NULL;
	}
	flush_queue_close(&queue);
	nr_observers = 0;
	prove(prove_given_up() == 0 && !queue.observers);
	prove(!observers[0].queue && !observers[1].queue);
	prove(domain.queues != &queue && (!domain.queues || !domain.queues->next));
}

int main(void)
{
	STEP();
	return 0;
}
