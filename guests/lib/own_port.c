/* SPDX-License-Identifier: MIT */
/*
 * mm/port.h on bare metal, with one processor and interrupts off: nobody else is there to look at
 * what is unlinked, or to hold a lock.
 */
#include "mm/port.h"

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

/* Not reached: a lock that is held is the caller's own, which lock_acquire() refuses. */
void port_wait(unsigned round)
{
	(void)round;
	__asm__ volatile("pause");
}
