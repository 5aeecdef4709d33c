/* SPDX-License-Identifier: MIT */
/*
 * What interrupts a running guest: SIGINT, SIGTERM, and a timer that sends SIGALRM.
 *
 * The three are blocked while they are open, and KVM_RUN alone lets them through
 * (KVM_SET_SIGNAL_MASK): one that came before KVM_RUN makes it return at once with -EINTR, one that
 * comes during it kicks the vCPU, and each stays pending until it is taken. No handler ever runs,
 * so nothing is lost between a look and a wait, and no state is global.
 */
#ifndef VMM_SIGNALS_H
#define VMM_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define SIGNALS_TAKEN 3

struct signals {
	int fd;	       /* readable while a signal is pending; -1: not open */
	sigset_t mask; /* the thread's own, from before */
	struct sigaction actions[SIGNALS_TAKEN]; /* likewise */
	timer_t timer;
	bool has_timer;
};

/*
 * Begins to hold the signals back, and has KVM_RUN of this vCPU let them through, also where the
 * parent process had them ignored. For the calling thread, which is the one that runs the vCPU.
 * Returns 0 or -E*; nothing has changed then.
 */
int signals_open(struct signals *signals, int vcpu_fd);

/* Everything as it was before; a SIGINT or SIGTERM that was not taken now does what it does. */
void signals_close(struct signals *signals);

/*
 * SIGALRM comes at `at_ns` of CLOCK_MONOTONIC (> 0), at once if that is over; the last call counts.
 */
int signals_alarm(struct signals *signals, uint64_t at_ns);

/* The next pending signal, SIGINT, SIGTERM or SIGALRM; 0 if there is none. Never waits. */
int signals_take(struct signals *signals);

/*
 * For devices that must wait while a guest runs: until `fd` is ready for `events` (POLLIN,
 * POLLOUT), or in error. -EINTR if a signal is pending, which stays so.
 */
int signals_wait(const struct signals *signals, int fd, short events);

#endif
