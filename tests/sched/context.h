/* SPDX-License-Identifier: MIT */
/*
 * Switching stacks by hand: a few instructions, where swapcontext() makes two system calls.
 */
#ifndef TESTS_SCHED_CONTEXT_H
#define TESTS_SCHED_CONTEXT_H

#include <stddef.h>

/* A thread of control that does not run: its stack pointer, with what must be kept below it. */
typedef void *context_t;

/*
 * A context that begins in entry() on the stack [stack, stack + size), `stack` aligned to 16 bytes.
 * entry() must not return.
 */
context_t context_make(void *stack, size_t size, void (*entry)(void));

/* Saves the running context in *save and goes on in `load`. */
void context_switch(context_t *save, context_t load);

#endif
