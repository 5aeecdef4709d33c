/* SPDX-License-Identifier: MIT */
/*
 * own_paging_switch(cr3, cr4): CR4.LA57 changes only while paging is off, and paging only while
 * the CPU is in 32-bit code (SDM 3 4.1.2, 9.8.5). The GVAs of the image are its GPAs, so that it
 * runs on; CR3 lies below 4 GiB.
 */
#include "guests/lib/selectors.h"

#define CR0_PAGING 31 /* bit number */

	.text
	.code64
	.globl	own_paging_switch
own_paging_switch:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, stack_pointer
	push	$SELECTOR_CODE_32
	push	$paging_off
	lretq

	.code32
paging_off:
	mov	%cr0, %eax
	btr	$CR0_PAGING, %eax
	mov	%eax, %cr0
	mov	%esi, %cr4
	mov	%edi, %cr3
	bts	$CR0_PAGING, %eax
	mov	%eax, %cr0
	ljmp	$SELECTOR_CODE, $paging_on

	.code64
paging_on:
	mov	stack_pointer, %rsp /* 32-bit code leaves the upper halves of registers undefined */
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.bss
	.balign	8
stack_pointer:
	.skip	8

	.section .note.GNU-stack, "", @progbits
