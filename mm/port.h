/* SPDX-License-Identifier: MIT */
/*
 * What the engine needs from its surroundings, and nothing else. Two implementations:
 * mm/host/port.c (pthreads and liburcu) and guests/lib (bare metal, one processor).
 */
#ifndef MM_PORT_H
#define MM_PORT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read section: what is unlinked meanwhile stays in memory until the section is left (3.4).
 * Sections nest. A thread may sleep in one, at the price of keeping everybody's deferred frames
 * alive.
 */
void port_read_lock(void);
void port_read_unlock(void);

/* Is the calling thread in a read section? */
bool port_read_ongoing(void);

/*
 * Returns when every read section that was open at the call has been left. Must not be called
 * inside one: it would wait for itself.
 */
void port_synchronize(void);

/*
 * Names the calling thread in lock words: never 0, below 2^31, unique among the threads that are
 * alive. Small, too: a thread that has ended leaves its number to another, for what a thread has at
 * hand is found by its number (mm/frame_cache.h). What the former wrote, the latter sees.
 */
uint32_t port_thread(void);

/*
 * What the engine keeps for the calling thread (mm/thread_cursors.h): `thread` is port_thread(),
 * and the rest was all zero when the thread began.
 */
struct thread_cursors *port_cursors(void);

/*
 * A moment of waiting for a word that another thread will change, without giving the processor away
 * for long: in early rounds of one wait, which `round` counts from 0. False, and nothing is waited
 * for, when that has been tried for long enough: the holder may be descheduled.
 */
bool port_spin(unsigned round);

/*
 * Waits while *word is `value`, until port_wake() is called for this word and `who`, or some time
 * has passed, 1 ms say. May return at any time, for no reason.
 *
 * That it comes back by itself is not for speed, but lets a lock be given back without a fence
 * between the store that frees it and the look for sleepers: that look can miss who goes to sleep
 * at this moment.
 */
void port_wait(const _Atomic uint32_t *word, uint32_t value, uint32_t who);

/* Ends the waits of `who`; others' may end, too. *word may be gone already. */
void port_wake(const _Atomic uint32_t *word, uint32_t who);

#endif
