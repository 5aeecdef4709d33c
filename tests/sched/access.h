/* SPDX-License-Identifier: MIT */
/*
 * Accesses to the memory that threads share: what is known of each word, and the rules that every
 * access is checked against.
 */
#ifndef TESTS_SCHED_ACCESS_H
#define TESTS_SCHED_ACCESS_H

#include "tests/sched/run.h"

/*
 * A cell is what accesses are told apart by: a byte of struct world, 8 bytes of a frame. Those that
 * are not memory come behind.
 */
#define NO_CELL UINT32_MAX

/* Cells know nothing of earlier runs. */
void access_begin(void);

/* Forgets which cells are shared. Once for each scenario. */
void access_forget(void);

/*
 * Cells turned out to be shared that were taken for one thread's own: points were passed over, and
 * what was explored must be explored again. Asking resets it.
 */
bool access_found_shared(void);

/* "lock of slot 3", "entry 2 of frame 7", ... */
void access_cell_name(uint32_t cell, char *text, size_t size);

/* Prints what was traced, with the places in the sources. */
void access_trace_print(void);

/* Of mm/port.h, see port.c. */
void access_section(enum access_kind kind);

/* Is the word `value`? Nobody comes between the answer and the caller's going to sleep. */
bool access_sleep(const volatile void *word, uint32_t value, const void *place);
void access_wake(const volatile void *word, uint32_t who, const void *place);

/* Old values are not read any more by this thread, of what has been stored up to now. */
void history_propagate(unsigned thread);

/* What mm/port.h keeps for threads is as it is when they begin. */
void port_begin(void);

#endif
