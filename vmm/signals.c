/* SPDX-License-Identifier: MIT */
/*
 * Signals that are looked for instead of handled: see signals.h.
 */
#include "vmm/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KERNEL_SIGSET_LEN 8 /* of 64 signals; the libc's has room for more */

static const int taken[SIGNALS_TAKEN] = { SIGINT, SIGTERM, SIGNAL_DEADLINE, SIGNAL_TICK,
					  SIGNAL_ATTENTION };

static sigset_t set_of(const int *signals, unsigned count)
{
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < count; i++)
		sigaddset(&set, signals[i]);
	return set;
}

/* The mask that holds during KVM_RUN: the thread's own, less those that are taken. */
static int run_mask_set(const sigset_t *mask, int vcpu_fd)
{
	union {
		struct kvm_signal_mask header;
		unsigned char bytes[sizeof(struct kvm_signal_mask) + KERNEL_SIGSET_LEN];
	} argument = { .header.len = KERNEL_SIGSET_LEN };
	sigset_t open = *mask;

	for (unsigned i = 0; i < SIGNALS_TAKEN; i++)
		sigdelset(&open, taken[i]);
	memcpy(argument.bytes + sizeof(argument.header), &open, KERNEL_SIGSET_LEN);
	return ioctl(vcpu_fd, KVM_SET_SIGNAL_MASK, &argument) ? -errno : 0;
}

/* One that is ignored would be thrown away in KVM_RUN: shells start background jobs like that. */
static void actions_default(struct signals *signals)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };

	for (unsigned i = 0; i < SIGNALS_TAKEN; i++)
		sigaction(taken[i], &action, &signals->actions[i]);
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
				  .tv_nsec = (long)(ns % 1000000000) };
}

/* `signal` at first_ns, which is absolute or from now as `flags` say, then every interval_ns. */
static int timer_start(struct signals *signals, int signal, int flags, uint64_t first_ns,
		       uint64_t interval_ns)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal };
	const struct itimerspec times = {
		.it_value = timespec_of(first_ns),
		.it_interval = timespec_of(interval_ns),
	};
	timer_t *timer = &signals->timers[signals->nr_timers];

	if (first_ns == 0)
		return 0;
	if (timer_create(CLOCK_MONOTONIC, &event, timer))
		return -errno;
	signals->nr_timers++;
	return timer_settime(*timer, flags, &times, NULL) ? -errno : 0;
}

static int timers_start(struct signals *signals, uint64_t deadline_ns, uint64_t tick_ns)
{
	int result = timer_start(signals, SIGNAL_DEADLINE, TIMER_ABSTIME, deadline_ns, 0);

	return result ? result : timer_start(signals, SIGNAL_TICK, 0, tick_ns, tick_ns);
}

int signals_open(struct signals *signals, int vcpu_fd, uint64_t deadline_ns, uint64_t tick_ns)
{
	const sigset_t set = set_of(taken, SIGNALS_TAKEN);
	int result;

	signals->nr_timers = 0;
	pthread_sigmask(SIG_BLOCK, &set, &signals->mask);
	actions_default(signals);
	result = run_mask_set(&signals->mask, vcpu_fd);
	if (!result)
		result = timers_start(signals, deadline_ns, tick_ns);
	if (result)
		signals_close(signals);
	return result;
}

/* The next pending one of `set`, or 0. */
static int take(sigset_t set)
{
	const struct timespec at_once = { 0 };
	int signal = sigtimedwait(&set, NULL, &at_once);

	return signal > 0 ? signal : 0;
}

/*
 * What timers and descriptors sent and nobody took must not end the process when it is let through.
 */
static void sources_stop(struct signals *signals)
{
	static const int sent[] = { SIGNAL_DEADLINE, SIGNAL_TICK, SIGNAL_ATTENTION };

	while (signals->nr_timers)
		timer_delete(signals->timers[--signals->nr_timers]);
	while (take(set_of(sent, sizeof(sent) / sizeof(sent[0]))))
		;
}

void signals_close(struct signals *signals)
{
	sources_stop(signals);
	for (unsigned i = 0; i < SIGNALS_TAKEN; i++)
		sigaction(taken[i], &signals->actions[i], NULL);
	pthread_sigmask(SIG_SETMASK, &signals->mask, NULL);
}

int signals_take(void)
{
	return take(set_of(taken, SIGNALS_TAKEN));
}

int signals_wait(void)
{
	const sigset_t set = set_of(taken, SIGNALS_TAKEN);
	int signal;

	do
		signal = sigwaitinfo(&set, NULL);
	while (signal < 0);
	return signal;
}

bool signals_interrupted(void)
{
	sigset_t pending;

	sigpending(&pending);
	for (unsigned i = 0; i < SIGNALS_TAKEN; i++)
		if (taken[i] != SIGNAL_TICK && taken[i] != SIGNAL_ATTENTION &&
		    sigismember(&pending, taken[i]))
			return true;
	return false;
}

/* To this thread, not to any of the process: the others do not hold the signal back. */
int signals_attend(int fd)
{
	const struct f_owner_ex owner = { .type = F_OWNER_TID, .pid = gettid() };
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETOWN_EX, &owner) ||
	    fcntl(fd, F_SETFL, flags | O_ASYNC | O_NONBLOCK))
		return -errno;
	return 0;
}
