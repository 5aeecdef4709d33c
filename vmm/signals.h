/* SPDX-License-Identifier: MIT */
/*
 * What interrupts a running guest: SIGINT, SIGTERM, two timers, and peers who have something to
 * say.
 *
 * The signals are blocked while they are open, and KVM_RUN alone lets them through
 * (KVM_SET_SIGNAL_MASK): one that came before KVM_RUN makes it return at once with -EINTR, one that
 * comes during it kicks the vCPU, and each stays pending until it is taken. No handler ever runs:
 * nothing is lost between a look and a wait, and no state is global.
 */
#ifndef VMM_SIGNALS_H
#define VMM_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define SIGNAL_DEADLINE SIGALRM
#define SIGNAL_TICK SIGVTALRM
#define SIGNAL_ATTENTION SIGIO /* a descriptor wants it: see signals_attend() */

#define SIGNALS_TAKEN 5
#define SIGNALS_TIMERS 2

struct signals {
	sigset_t mask;				 /* the thread's own, from before */
	struct sigaction actions[SIGNALS_TAKEN]; /* likewise */
	timer_t timers[SIGNALS_TIMERS];
	unsigned nr_timers;
};

/*
 * Begins to hold SIGINT, SIGTERM and the timers' signals back, and has KVM_RUN of this vCPU let
 * them through, also where the parent process had them ignored. SIGNAL_DEADLINE comes at
 * `deadline_ns` of CLOCK_MONOTONIC (0: never), SIGNAL_TICK every `tick_ns` (0: never). For the
 * calling thread, which is the one that runs the vCPU. 0, or -E* with nothing changed.
 */
int signals_open(struct signals *signals, int vcpu_fd, uint64_t deadline_ns, uint64_t tick_ns);

/* Everything as it was before; a SIGINT or SIGTERM that was not taken now does what it does. */
void signals_close(struct signals *signals);

/* The next pending one of these signals; 0 if there is none. Never waits. */
int signals_take(void);

/* Waits for the next of them. */
int signals_wait(void);

/*
 * Is one pending that asks for the end of the run, any but the tick and attention? It stays so. For
 * devices that must wait for something else.
 */
bool signals_interrupted(void);

/*
 * From now on the calling thread gets SIGNAL_ATTENTION whenever there is something new at `fd`, a
 * socket, which does not block any more either: a peer, bytes, room for bytes, the end. What was
 * there before makes no signal: look once afterwards. While the signals are open. -E*.
 */
int signals_attend(int fd);

#endif
