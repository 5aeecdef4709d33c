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
 * Names the calling thread in lock words: never 0, unique among the threads that are alive. Small,
 * too: a thread that has ended leaves its number to another, for what a thread has at hand is found
 * by its number (mm/frame_cache.h). What the former wrote, the latter sees.
 */
uint32_t port_thread(void);

/*
 * One round of waiting for a word that another thread will change; `round` counts from 0 for one
 * wait. Early rounds spin, later ones give the processor away, for in user space the holder may be
 * descheduled.
 */
void port_wait(unsigned round);

#endif
