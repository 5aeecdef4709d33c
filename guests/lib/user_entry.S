/* SPDX-License-Identifier: MIT */
/* To ring 3 and back (user.c). */
#include "guests/lib/selectors.h"

#define RFLAGS_FIXED 2

	.text
/* user_enter(the user's RDI, RSI and RIP): returns when user_leave runs. */
	.globl	user_enter
user_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, user_kernel_rsp
	push	$SELECTOR_USER_DATA
	push	$0 /* user code has no stack */
	push	$RFLAGS_FIXED
	push	$SELECTOR_USER_CODE
	push	%rdx
	iretq

/* Where exception_handle() goes on after an exception of ring 3, on user_enter's stack. */
	.globl	user_leave
user_leave:
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/* User code: copied to a page of its own. */
	.section .rodata
	.globl	user_code_read, user_code_write, user_code_execute, user_code_end
user_code_read:
	mov	(%rdi), %al
	ud2
user_code_write:
	mov	%sil, (%rdi)
	ud2
user_code_execute:
	jmp	*%rdi
user_code_end:

	.section .note.GNU-stack, "", @progbits
