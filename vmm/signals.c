/* SPDX-License-Identifier: MIT */
/*
 * Signals that are looked for instead of handled: see signals.h.
 */
#include "vmm/signals.h"

#include <errno.h>
#include <linux/kvm.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define KERNEL_SIGSET_LEN 8 /* of 64 signals; the libc's has room for more */

static const int taken[SIGNALS_TAKEN] = { SIGINT, SIGTERM, SIGALRM };

static void taken_set(sigset_t *set)
{
	sigemptyset(set);
	for (unsigned i = 0; i < SIGNALS_TAKEN; i++)
		sigaddset(set, taken[i]);
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

/* A signal that is ignored would be thrown away in KVM_RUN: shells start background jobs like that. */
static void actions_default(struct signals *signals)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };

	for (unsigned i = 0; i < SIGNALS_TAKEN; i++)
		sigaction(taken[i], &action, &signals->actions[i]);
}

int signals_open(struct signals *signals, int vcpu_fd)
{
	sigset_t set;
	int result;

	taken_set(&set);
	signals->has_timer = false;
	signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals->fd < 0)
		return -errno;
	pthread_sigmask(SIG_BLOCK, &set, &signals->mask);
	result = run_mask_set(&signals->mask, vcpu_fd);
	if (result) {
		pthread_sigmask(SIG_SETMASK, &signals->mask, NULL);
		close(signals->fd);
		signals->fd = -1;
		return result;
	}
	actions_default(signals);
	return 0;
}

/* What the timer sent and nobody took must not end the process when it is let through. */
static void alarm_stop(struct signals *signals)
{
	const struct timespec at_once = { 0 };
	sigset_t set;

	if (!signals->has_timer)
		return;
	timer_delete(signals->timer);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	while (sigtimedwait(&set, NULL, &at_once) > 0)
		;
}

void signals_close(struct signals *signals)
{
	alarm_stop(signals);
	for (unsigned i = 0; i < SIGNALS_TAKEN; i++)
		sigaction(taken[i], &signals->actions[i], NULL);
	close(signals->fd);
	signals->fd = -1;
	pthread_sigmask(SIG_SETMASK, &signals->mask, NULL);
}

int signals_alarm(struct signals *signals, uint64_t at_ns)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	const struct itimerspec at = {
		.it_value = { .tv_sec = (time_t)(at_ns / 1000000000),
			      .tv_nsec = (long)(at_ns % 1000000000) },
	};

	if (!signals->has_timer && timer_create(CLOCK_MONOTONIC, &event, &signals->timer))
		return -errno;
	signals->has_timer = true;
	return timer_settime(signals->timer, TIMER_ABSTIME, &at, NULL) ? -errno : 0;
}

int signals_take(struct signals *signals)
{
	struct signalfd_siginfo info;

	if (read(signals->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

int signals_wait(const struct signals *signals, int fd, short events)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = events },
		{ .fd = signals->fd, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return fds[1].revents ? -EINTR : 0;
}
