/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 1 header and entry. At entry: 32-bit protected mode, paging off, flat segments, EAX and
 * EBX as Multiboot says, no stack.
 */
#include "vmm/guest_abi.h"

#define HEADER_MAGIC 0x1badb002
#define HEADER_FLAGS 0x3 /* modules aligned to pages, memory information wanted */
#define STACK_LEN 4096

	.section .multiboot, "a"
	.balign	4
	.long	HEADER_MAGIC
	.long	HEADER_FLAGS
	.long	-(HEADER_MAGIC + HEADER_FLAGS)

	.text
	.globl	_start
_start:
	mov	$stack_top, %esp
	push	$0 /* for the alignment of 16 bytes that a call has by the ABI */
	push	$0
	push	%ebx
	push	%eax
	call	guest_main
	mov	$ABI_PORT_EXIT, %edx
	out	%eax, %dx
1:	hlt
	jmp	1b

	.bss
	.balign	16
	.skip	STACK_LEN
stack_top:

	.section .note.GNU-stack, "", @progbits
