/* SPDX-License-Identifier: MIT */
/*
 * mm/port.h for proofs of one thread: read sections are counted, a grace period needs nobody to
 * wait for, and a word that another thread would have to change is an error of the engine, for no
 * lock is held at rest.
 */
#include <stdatomic.h>

#include "mm/port.h"
#include "mm/thread_cursors.h"
#include "tests/proof/proof.h"

unsigned proof_grace_periods; /* that have passed */
static unsigned read_sections;

void port_read_lock(void)
{
	read_sections++;
}

void port_read_unlock(void)
{
	__CPROVER_assert(read_sections > 0, "a read section is left that was entered");
	read_sections--;
}

bool port_read_ongoing(void)
{
	return read_sections > 0;
}

void port_synchronize(void)
{
	__CPROVER_assert(read_sections == 0, "nobody waits for a read section of its own");
	proof_grace_periods++;
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

static void waited(void)
{
	__CPROVER_assert(false, "nobody waits for a lock that no one holds");
	__CPROVER_assume(false);
}

bool port_spin(unsigned round)
{
	(void)round;
	waited();
	return false;
}

void port_wait(const _Atomic uint32_t *word, uint32_t value, uint32_t who)
{
	(void)word;
	(void)value;
	(void)who;
	waited();
}

void port_wake(const _Atomic uint32_t *word, uint32_t who)
{
	(void)word;
	(void)who;
}
