/* SPDX-License-Identifier: MIT */
/*
 * A flat binary in protected mode: writes and reads a GPA where nothing is. That is the end when
 * strict; on an open bus the write vanishes and the read gives all ones.
 */
#include "vmm/guest_abi.h"

#define GPA 0xe0000000

	.macro	print text
	mov	$\text, %esi
	mov	$\text\()_end - \text, %ecx
	mov	$ABI_PORT_DEBUG_CONSOLE, %edx
	rep	outsb
	.endm

	.section .text.start, "ax"
	.code32
	.globl	_start
_start:
	print	writing
	movl	$0, GPA
	print	reading
	mov	GPA, %ebx
	not	%ebx /* 0, the code of success, if all were ones */
	test	%ebx, %ebx
	jnz	1f
	print	success
1:	mov	%ebx, %eax
	mov	$ABI_PORT_EXIT, %edx
	out	%eax, %dx
2:	hlt
	jmp	2b

writing: .ascii	"writing 0xe0000000\n"
writing_end:
reading: .ascii	"reading 0xe0000000\n"
reading_end:
success: .ascii	"SUCCESS\n"
success_end:

	.section .note.GNU-stack, "", @progbits
