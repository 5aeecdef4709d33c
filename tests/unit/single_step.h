/* SPDX-License-Identifier: MIT */
/*
 * An event between any two instructions of an operation: what a second processor may do to the
 * first, put where the test wants it. The trap flag stops the thread behind each instruction (SDM 3
 * 17.3.1.1), and the event runs in the signal handler of the one whose turn it is.
 */
#ifndef TESTS_SINGLE_STEP_H
#define TESTS_SINGLE_STEP_H

/* Each function gets the context. event() must be async-signal-safe and assert nothing. */
struct single_step {
	void (*prepare)(void *context);
	void (*operation)(void *context);
	void (*event)(void *context); /* once, before, in or after the operation */
	void (*check)(void *context);
};

/*
 * Prepares, operates, and checks, again and again, with the event one instruction later each time;
 * several instructions later where the operation is long, as it is under sanitizers.
 */
void single_step_each_moment(const struct single_step *step, void *context);

#endif
