/* SPDX-License-Identifier: MIT */
/* A flat binary in real mode: prints a line. It runs wherever it is loaded, whatever CS is. */
#include "vmm/guest_abi.h"

#define STACK_TOP 0x7000

	.section .text.start, "ax"
	.code16
	.globl	_start
_start:
	xor	%ax, %ax
	mov	%ax, %ss
	mov	$STACK_TOP, %sp
	call	1f
1:	pop	%si
	add	$hello - 1b, %si
	mov	$hello_end - hello, %cx
	mov	$ABI_PORT_DEBUG_CONSOLE, %dx
	cld
2:	cs lodsb
	out	%al, %dx
	loop	2b
	xor	%ax, %ax
	mov	$ABI_PORT_EXIT, %dx
	out	%al, %dx
3:	hlt
	jmp	3b

hello:	.ascii	"Hello from a flat binary in real mode.\nSUCCESS\n"
hello_end:

	.section .note.GNU-stack, "", @progbits
