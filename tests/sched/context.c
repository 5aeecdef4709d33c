/* SPDX-License-Identifier: MIT */
/* The System V ABI of x86-64: these registers survive a call, all others need not. */
#include <stdint.h>
#include <string.h>

#include "tests/sched/context.h"

__asm__(".text\n"
	".globl context_switch\n"
	".type context_switch, @function\n"
	"context_switch:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size context_switch, . - context_switch\n");

#define SAVED_REGISTERS 6

context_t context_make(void *stack, size_t size, void (*entry)(void))
{
	uint64_t *top = (uint64_t *)((unsigned char *)stack + size);

	/* As if called: the stack pointer is 8 below a multiple of 16 when entry() begins. */
	*--top = 0;
	*--top = (uint64_t)(uintptr_t)entry;
	top -= SAVED_REGISTERS;
	memset(top, 0, SAVED_REGISTERS * sizeof(*top));
	return top;
}
