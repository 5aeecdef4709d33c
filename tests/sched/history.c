/* SPDX-License-Identifier: MIT */
/*
 * What weak loads can read: the values that were stored to a word, from the latest back to the
 * first that the load may not pass.
 *
 * It may not pass a value that has been read or written by anything that happens before the load,
 * its own thread's earlier accesses among them: that is coherence. The orders of stores and of
 * changes are the orders in which they are made; a change reads the latest value.
 */
#include <string.h>

#include "tests/sched/cell.h"

#define HISTORIES_MAX 4096

static struct history histories[HISTORIES_MAX];
static unsigned nr_histories;

static struct thread *me(void)
{
	return &sched.threads[sched.current];
}

void history_begin(void)
{
	nr_histories = 0;
}

/* Before the first store the word has the value that it began with, which everybody knows. */
static struct history *history_of(struct cell *cell, const struct access *access)
{
	struct history *history = cell->history;

	if (history)
		return history;
	if (nr_histories == HISTORIES_MAX)
		sched_fail("more than %u words of a weak scenario", HISTORIES_MAX);
	history = cell->history = &histories[nr_histories++];
	history->nr = 1;
	memset(history->messages, 0, sizeof(history->messages[0]));
	memcpy(&history->messages[0].value, (const void *)access->address, access->size);
	return history;
}

/* May the present of this thread not pass the message? */
static bool is_known(const struct message *message)
{
	for (unsigned i = 0; i < THREADS_MAX; i++)
		if (message->seen[i] != 0 && message->seen[i] <= me()->clock[i])
			return true;
	return false;
}

/* How many values can be read. */
static unsigned readable(const struct history *history)
{
	unsigned nr = 1;

	while (nr < history->nr && !is_known(&history->messages[history->nr - nr]))
		nr++;
	return nr;
}

/* From now on this thread reads nothing older; who comes after it, neither. */
static void note_seen(struct history *history, unsigned index)
{
	for (unsigned i = 0; i <= index; i++)
		if (history->messages[i].seen[sched.current] == 0)
			history->messages[i].seen[sched.current] = me()->clock[sched.current];
}

/* Stores become visible in finite time: now all there are have, to this thread. */
void history_propagate(unsigned thread)
{
	for (unsigned i = 0; i < nr_histories; i++)
		for (unsigned j = 0; j < histories[i].nr; j++)
			if (histories[i].messages[j].seen[thread] == 0)
				histories[i].messages[j].seen[thread] =
					sched.threads[thread].clock[thread];
}

static bool acquires(int order)
{
	return order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE;
}

uint64_t history_load(struct cell *cell, const struct access *access, bool latest)
{
	struct history *history = history_of(cell, access);
	unsigned nr = latest ? 1 : readable(history);
	unsigned back = nr > 1 ? sched.policy->value(nr) : 0;
	unsigned index = history->nr - 1 - back;
	const struct message *message = &history->messages[index];

	if (nr > 1 && sched.nr_values < VALUES_MAX)
		sched.values[sched.nr_values++] = (uint8_t)back;
	note_seen(history, index);
	if (acquires(access->order))
		clock_join(me()->clock, message->release);
	if (!latest && cell->shared) {
		me()->hash = run_mix(me()->hash, run_mix(message->hash, back));
		cell->loads += run_mix(me()->hash, 1);
	}
	return message->value;
}

void history_store(struct cell *cell, const struct access *access, uint64_t value)
{
	struct history *history = history_of(cell, access);
	struct message *message;
	uint16_t release[THREADS_MAX];

	memcpy(release, cell->release, sizeof(release));
	if (history->nr == MESSAGES_MAX) {
		memmove(&history->messages[0], &history->messages[1],
			sizeof(history->messages) - sizeof(history->messages[0]));
		history->nr--;
	}
	message = &history->messages[history->nr++];
	*message = (struct message){ .value = value, .hash = cell->hash };
	/* As order_release() will say, but the clock has not ticked yet. */
	if (access->kind == ACCESS_CHANGE)
		memcpy(message->release, release, sizeof(release));
	if (access->order == __ATOMIC_RELEASE || access->order == __ATOMIC_ACQ_REL ||
	    access->order == __ATOMIC_SEQ_CST)
		clock_join(message->release, me()->clock);
	note_seen(history, history->nr - 1);
}
