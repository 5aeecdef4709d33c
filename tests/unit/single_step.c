/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include <cmocka.h>

#include "tests/unit/sanitizer.h"
#include "tests/unit/single_step.h"

#define TRAP_FLAG 0x100
#define SHORT_OPERATION 800 /* instructions, behind each of which there is a moment to try */
#define MOMENTS_OF_LONG 64  /* tried in a longer one */

static struct {
	void (*event)(void *context);
	void *context;
	uint64_t moment; /* instructions before the event */
	uint64_t done;
	volatile sig_atomic_t stepping;
} now;

/* The first signal is raised, and the processor sends the others. */
static void on_trap(int number, siginfo_t *info, void *context)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];

	(void)number;
	(void)info;
	if (!now.stepping) {
		*flags &= ~TRAP_FLAG;
		return;
	}
	*flags |= TRAP_FLAG;
	if (now.done++ == now.moment)
		now.event(now.context);
}

/* Gives the number of instructions that there were. */
static uint64_t run(const struct single_step *step, void *context, uint64_t moment)
{
	now.event = step->event;
	now.context = context;
	now.moment = moment;
	now.done = 0;
	now.stepping = 1;
	assert_int_equal(raise(SIGTRAP), 0);
	step->operation(context);
	now.stepping = 0;
	assert_int_equal(raise(SIGTRAP), 0);
	if (now.done <= moment)
		step->event(context);
	return now.done;
}

void single_step_each_moment(const struct single_step *step, void *context)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	struct sigaction before;
	uint64_t stride = 1, last = 0;

	SKIP_UNDER_THREAD_SANITIZER("each instruction would be a hundred");
	assert_int_equal(sigaction(SIGTRAP, &action, &before), 0);
	for (uint64_t moment = 0; moment <= last; moment += stride) {
		step->prepare(context);
		last = run(step, context, moment);
		stride = last > SHORT_OPERATION ? last / MOMENTS_OF_LONG : 1;
		step->check(context);
	}
	assert_int_equal(sigaction(SIGTRAP, &before, NULL), 0);
}
