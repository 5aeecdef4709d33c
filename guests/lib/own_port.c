/* SPDX-License-Identifier: MIT */
/*
 * mm/port.h on bare metal, with one processor and interrupts off: nobody else is there to look at
 * what is unlinked, or to hold a lock.
 */
#include "mm/port.h"
#include "mm/thread_cursors.h"

static unsigned read_depth;

void port_read_lock(void)
{
	read_depth++;
}

void port_read_unlock(void)
{
	read_depth--;
}

bool port_read_ongoing(void)
{
	return read_depth > 0;
}

/* The caller is in no read section, and so nobody is. */
void port_synchronize(void)
{
}

uint32_t port_thread(void)
{
	return 1;
}

struct thread_cursors *port_cursors(void)
{
	static struct thread_cursors cursors = { .thread = 1 };

	return &cursors;
}

/* Nobody waits here: a lock that is held is the caller's own, which is refused (BUG-10). */
bool port_spin(unsigned round)
{
	(void)round;
	__asm__ volatile("pause");
	return true;
}

void port_wait(const _Atomic uint32_t *word, uint32_t value, uint32_t who)
{
	(void)word, (void)value, (void)who;
}

void port_wake(const _Atomic uint32_t *word, uint32_t who)
{
	(void)word, (void)who;
}
